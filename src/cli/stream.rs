//! What `run` and `demo` have in common: a source, the board's model and the console around one pipeline.

use std::sync::Arc;
use std::time::Duration;

use crate::board::Board;
use crate::capture::{Source, SourceInfo, SourceOptions};
use crate::geometry::{Intrinsics, Size};
use crate::input::OpenedPrompts;
use crate::model::LoadedModel;
use crate::pipeline::{Pipeline, PipelineConfig, Running, Summary};
use crate::select::gaze::{DwellConfig, DwellSelector};
use crate::select::touch::TouchSelector;
use crate::sync::StopToken;

use super::board_args::{BoardArgs, pipeline_config};
use super::console::{Screen, Used};
use super::interrupt;
use super::machine::Machine;
use super::model_args::precision_text;

/// A stream that is set up and does not run yet.
pub struct Stream<'a> {
    args: &'a BoardArgs,
    pub board: Board,
    /// What the source says of itself.
    pub info: SourceInfo,
    model: Arc<LoadedModel>,
    screen: Screen,
    takes_prompts: bool,
    stop: StopToken,
    replay: bool,
    /// Sinks and inputs are added to it.
    pub pipeline: Pipeline,
}

impl<'a> Stream<'a> {
    /// Sets up the stream numbered `at` of those that `machine` runs: loads its model, says on standard error what runs, and connects
    /// the console, which `takes_prompts` or only shows.
    pub fn open(
        machine: &mut Machine<'a>,
        at: usize,
        (source, options): (Box<dyn Source>, &SourceOptions),
        (mut screen, takes_prompts): (Screen, bool),
        max_objects: usize,
    ) -> anyhow::Result<Self> {
        let info = source.info().clone();
        let model = machine.load(info.size)?;
        let (args, board, stop) = (machine.args, machine.board.clone(), machine.stop_token(at));
        let (name, precision) = (model.spec().name.clone(), precision_text(&model));
        let Size { width, height } = model.input_size();
        let (address, board_name) = (&info.address, &board.name);
        let camera = machine.camera(at).map(|camera| format!("{camera}: ")).unwrap_or_default();
        eprintln!("{camera}source {address}, board {board_name}, model {name} at {width}x{height} in {precision}");
        let source = screen.describe(&board, args, (source, options), &model, takes_prompts);
        let fps = info.rate.unwrap_or(SourceOptions::DEFAULT_FPS);
        let config = PipelineConfig { max_objects, ..pipeline_config(&board, fps) };
        let pipeline =
            Pipeline::new(source, model.encoder()?, model.decoder()?, name).config(config).stop_token(stop.clone());
        Ok(Stream { args, board, info, model, screen, takes_prompts, stop, replay: false, pipeline })
    }

    /// Makes the stream a replay: every frame is decoded in order at full quality, with its prompts.
    pub fn replay(self) -> Self {
        Stream { replay: true, pipeline: self.pipeline.replay(), ..self }
    }

    /// The name of the model that the stream begins with.
    pub fn model_name(&self) -> &str {
        &self.model.spec().name
    }

    /// Tells whether a user at the page has taken over.
    pub fn used(&self) -> Used {
        self.screen.used()
    }

    /// Adds a source of prompts.
    pub fn add_prompts(self, opened: OpenedPrompts) -> Self {
        let Stream { board, info, pipeline, .. } = self;
        let pipeline = match opened {
            OpenedPrompts::Prompts(source) => pipeline.prompts(source),
            // The page is joined when the stream starts.
            OpenedPrompts::Page => pipeline,
            OpenedPrompts::Touch(source) => {
                let view = board.viewport(info.size, source.size_mm());
                pipeline.touch(source, TouchSelector::new(board.touch_config(), view))
            }
            OpenedPrompts::Gaze(source) => {
                let tracker = source.intrinsics();
                pipeline.gaze(source, dwell_selector(&info, tracker))
            }
        };
        Stream { board, info, pipeline, ..self }
    }

    /// Prints where the console is.
    pub fn invite(&self) {
        self.screen.invite();
    }

    /// Runs the stream until its source ends, Ctrl-C is pressed or `seconds` are over, and sums it up; `each` is called
    /// about ten times a second.
    pub fn run(self, seconds: Option<Duration>, mut each: impl FnMut(&Running)) -> anyhow::Result<Summary> {
        let Stream { args, board, info, model, mut screen, takes_prompts, stop, replay, pipeline, .. } = self;
        let mut pipeline = screen.join(pipeline, takes_prompts);
        if let Some(seconds) = seconds {
            interrupt::after(&stop, seconds);
        }
        // What is given up depends on how fast this run is.
        if !replay && let Some(degrade) = args.degrade(&board, info.size, model)? {
            pipeline = pipeline.degrade(degrade);
        }
        Ok(pipeline.start()?.wait(|running: &Running| {
            screen.observe(running);
            each(running);
        })?)
    }
}

/// Selection by dwelling on frames of the source `info`: with the source's intrinsics, else those of the eye `tracker`,
/// else assumed ones.
pub fn dwell_selector(info: &SourceInfo, tracker: Option<Intrinsics>) -> DwellSelector {
    let camera = info.intrinsics.or(tracker).unwrap_or_else(|| Intrinsics::assumed(info.size));
    DwellSelector::new(DwellConfig::default(), camera)
}
