use serde::Serialize;

use super::message::SwitchRequest;
use super::request_error::RequestError;
use crate::board::{Machine, Reading};
use crate::pipeline::{DegradeSummary, PromptReport, Running, StageReport};
use crate::sync::LatencySummary;

/// What the panels show: the stream, the machine, and what can be changed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Where frames come from now.
    pub source: String,
    /// The machine.
    pub board: BoardFigures,
    /// The model that runs.
    pub model: ModelFigures,
    /// What can be chosen instead.
    pub choices: Choices,
    /// From capture to mask, over the stream so far.
    pub age: LatencySummary,
    /// The pipeline's stages, in the order in which frames pass them.
    pub stages: Vec<StageReport>,
    /// What became of the prompts, and whether they come faster than there is time for.
    pub prompts: PromptReport,
    /// The rung of the board's ladder, if it has one.
    pub degrade: Option<DegradeSummary>,
    /// The processor's temperature.
    pub celsius: Option<f64>,
    /// Why the processor runs slower than it could.
    pub throttled: Option<String>,
    /// What keeps the stream from getting on.
    pub stuck: Option<String>,
}

/// The machine, for the panels.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BoardFigures {
    /// The board's name in its settings.
    pub name: String,
    /// The processor's architecture, such as `aarch64`.
    pub arch: String,
    /// The processor's name, if the system knows it.
    pub cpu: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in MiB, if the system knows it.
    pub memory_mib: Option<u64>,
    /// Instruction sets that matter to the kernels and that this processor has.
    pub instruction_sets: Vec<&'static str>,
}

impl BoardFigures {
    /// The figures of `machine` under the settings of board `name`.
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
    /// The model's name.
    pub name: String,
    /// The precision in which it runs, such as `int8`.
    pub precision: String,
    /// Width and height of its input in pixels.
    pub input: [u32; 2],
}

/// What can be chosen while the stream runs; an empty list leaves no choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Choices {
    /// Names of models.
    pub models: Vec<String>,
    /// Precisions of the present model.
    pub precisions: Vec<String>,
    /// Addresses of sources.
    pub sources: Vec<String>,
}

impl Choices {
    /// Checks a request for another model, precision or source.
    ///
    /// # Errors
    /// If it names what is not on offer, or nothing.
    pub(super) fn check(&self, request: &SwitchRequest) -> Result<(), RequestError> {
        let rows = [
            ("model", &request.model, &self.models),
            ("precision", &request.precision, &self.precisions),
            ("source", &request.source, &self.sources),
        ];
        for (what, wanted, offered) in rows {
            if wanted.as_ref().is_some_and(|wanted| !offered.contains(wanted)) {
                return Err(RequestError::NotOffered { what, offered: offered.clone() });
            }
        }
        if rows.iter().all(|(_, wanted, _)| wanted.is_none()) {
            return Err(RequestError::NothingToSwitch);
        }
        Ok(())
    }
}

impl Figures {
    /// Takes the figures of a running stream.
    pub fn take(&mut self, running: &Running, reading: &Reading) {
        self.age = running.age();
        self.stages = running.reports().into();
        self.prompts = running.prompts();
        self.degrade = running.degrade();
        self.celsius = reading.celsius;
        self.throttled.clone_from(&reading.throttled);
        self.stuck = running.stuck().map(|what| what.into_owned());
    }
}
