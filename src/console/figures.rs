use serde::Serialize;

use super::message::Wish;
use crate::board::{Machine, Reading};
use crate::pipeline::{DegradeSummary, Running, StageReport};
use crate::sync::LatencySummary;

/// What the panels show: the stream, the machine, and what can be changed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Where frames come from now.
    pub source: String,
    pub board: BoardFigures,
    pub model: ModelFigures,
    pub choices: Choices,
    /// From capture to mask.
    pub age: LatencySummary,
    pub stages: Vec<StageReport>,
    pub degrade: Option<DegradeSummary>,
    pub celsius: Option<f64>,
    pub throttled: Option<String>,
    /// What keeps the stream from getting on.
    pub stuck: Option<String>,
}

/// The machine.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BoardFigures {
    pub name: String,
    pub arch: String,
    pub cpu: Option<String>,
    pub cores: usize,
    pub memory_mib: Option<u64>,
    pub instruction_sets: Vec<&'static str>,
}

impl BoardFigures {
    pub fn new(name: &str, machine: Machine) -> Self {
        BoardFigures {
            name: name.to_owned(),
            arch: machine.arch.to_owned(),
            cpu: machine.cpu,
            cores: machine.cores,
            memory_mib: machine.memory_total_mib,
            instruction_sets: machine.instruction_sets,
        }
    }
}

/// The model that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModelFigures {
    pub name: String,
    pub precision: String,
    /// Width and height of its input.
    pub input: [u32; 2],
}

/// What can be chosen while the stream runs; an empty list leaves no choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Choices {
    pub models: Vec<String>,
    /// Of the present model.
    pub precisions: Vec<String>,
    pub sources: Vec<String>,
}

impl Choices {
    /// Refuses a wish for what is not on offer.
    pub fn check(&self, wish: &Wish) -> Result<(), String> {
        let rows = [
            ("model", &wish.model, &self.models),
            ("precision", &wish.precision, &self.precisions),
            ("source", &wish.source, &self.sources),
        ];
        for (what, wanted, offered) in rows {
            if wanted.as_ref().is_some_and(|wanted| !offered.contains(wanted)) {
                return Err(format!("this {what} is not on offer: {}", offered.join(", ")));
            }
        }
        if rows.iter().all(|(_, wanted, _)| wanted.is_none()) {
            return Err("nothing is to be changed: give model, precision or source".into());
        }
        Ok(())
    }
}

impl Figures {
    /// Takes the figures of a running stream.
    pub fn take(&mut self, running: &Running, reading: &Reading) {
        self.age = running.age();
        self.stages = running.reports().into();
        self.degrade = running.degrade();
        self.celsius = reading.celsius;
        self.throttled.clone_from(&reading.throttled);
        self.stuck = running.stuck().map(|what| what.into_owned());
    }
}
