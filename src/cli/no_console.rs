//! Stands in for the console where the build leaves it out: nothing names it, and nothing is served.

use crate::board::Board;
use crate::capture::{Source, SourceOptions};
use crate::model::LoadedModel;
use crate::pipeline::{Pipeline, Running};

use super::board_args::BoardArgs;

/// No arguments.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConsoleArgs {}

/// Whether a user at the page has taken over: never.
pub type Used = std::sync::Arc<dyn Fn() -> bool + Send + Sync>;

/// No console.
pub struct Screen;

impl Screen {
    pub fn start_cameras(_: &ConsoleArgs, _: bool, _: bool, cameras: &[String]) -> anyhow::Result<Vec<Self>> {
        Ok((0..cameras.len().max(1)).map(|_| Screen).collect())
    }

    pub fn start_anywhere(_: &ConsoleArgs, _: bool) -> anyhow::Result<Self> {
        Ok(Screen)
    }

    pub fn used(&self) -> Used {
        std::sync::Arc::new(|| false)
    }

    pub fn invite(&self) {}

    pub fn join(&self, pipeline: Pipeline, _: bool) -> Pipeline {
        pipeline
    }

    pub fn describe(
        &mut self,
        _: &Board,
        _: &BoardArgs,
        (source, _): (Box<dyn Source>, &SourceOptions),
        _: &LoadedModel,
        _: bool,
    ) -> Box<dyn Source> {
        source
    }

    pub fn observe(&mut self, _: &Running) {}
}
