//! Carries out what a page wants to be run otherwise: another model, precision or source, while the stream goes on.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use crate::board::Board;
use crate::capture::scene::SceneSource;
use crate::capture::{self, Exchange, Source, SourceAddress, SourceOptions};
use crate::cli::board_args::BoardArgs;
use crate::console::{Choices, ModelFigures, Wish};
use crate::engine::Precision;
use crate::model::LoadedModel;
use crate::pipeline::Running;
use crate::time::MonotonicClock;

/// What a stream was started with, and how to start it otherwise.
pub struct Desk {
    pub board: Board,
    args: BoardArgs,
    options: SourceOptions,
    exchange: Exchange,
    sources: Vec<String>,
    /// What runs now.
    pub source: String,
    pub model: ModelFigures,
    making: Option<Receiver<anyhow::Result<Made>>>,
}

/// What is ready to take the place of what runs.
enum Made {
    Model(Box<LoadedModel>),
    Source(Box<dyn Source>),
}

/// What was done about a wish.
pub enum Done {
    Model,
    /// Frames come from elsewhere: what was followed is not there.
    Source,
}

/// The model's figures for the panels.
pub fn figures(model: &LoadedModel) -> ModelFigures {
    let input = model.input_size();
    ModelFigures {
        name: model.spec().name.clone(),
        precision: model.precision().name().to_owned(),
        input: [input.width, input.height],
    }
}

impl Desk {
    /// `source` is what runs; beside it the cameras that can be used, and the scene, are on offer.
    pub fn new(
        board: Board,
        args: BoardArgs,
        options: SourceOptions,
        exchange: Exchange,
        source: &str,
        model: ModelFigures,
    ) -> Self {
        let mut sources = vec![source.to_owned()];
        let cameras = capture::list_cameras(&options).unwrap_or_default();
        let usable = cameras.into_iter().filter(|c| c.problem.is_none() && c.choice.is_some()).map(|c| c.address);
        let scene = SceneSource::address(SceneSource::DEFAULT_SEED).to_string();
        sources.extend(usable.chain([scene]).filter(|address| address != source));
        Desk { board, args, options, exchange, sources, source: source.to_owned(), model, making: None }
    }

    /// What a page may choose from.
    pub fn choices(&self) -> Choices {
        let registry = self.args.registry().ok();
        let models = registry.iter().flat_map(|r| r.list()).map(|installed| installed.spec.name.clone());
        let spec = registry.as_ref().and_then(|r| r.get(&self.model.name).ok()).map(|installed| &installed.spec);
        let precisions = [Precision::F32, Precision::F16, Precision::Int8].into_iter().filter(|precision| {
            // Half floats are quick only where the processor computes with them.
            let quick = *precision != Precision::F16 || cfg!(target_arch = "aarch64");
            let runs = precision.name() == self.model.precision;
            runs || quick && spec.is_some_and(|spec| spec.files_for(*precision).is_some())
        });
        let precisions = precisions.map(|p| p.name().to_owned()).collect();
        Choices { models: models.collect(), precisions, sources: self.sources.clone() }
    }

    /// Begins to make what is wished for, on a thread of its own: loading takes seconds.
    pub fn begin(&mut self, wish: Wish) -> anyhow::Result<()> {
        anyhow::ensure!(self.making.is_none(), "the last change is not done yet: try again");
        let (sender, receiver) = channel();
        let (board, args, options) = (self.board.clone(), self.args.clone(), self.options.clone());
        let precision: Precision = wish.precision.as_ref().unwrap_or(&self.model.precision).parse()?;
        let model = wish.model.unwrap_or_else(|| self.model.name.clone());
        let make = move || match wish.source {
            Some(address) => {
                let address: SourceAddress = address.parse()?;
                let source = address.open(&options, Arc::new(MonotonicClock))?;
                Ok(Made::Source(source))
            }
            None => Ok(Made::Model(Box::new(args.load_instead(&board, &model, precision)?))),
        };
        std::thread::Builder::new().name("foveate-change".into()).spawn(move || drop(sender.send(make())))?;
        self.making = Some(receiver);
        Ok(())
    }

    /// Puts in place what has become ready.
    pub fn carry_out(&mut self, running: &Running) -> Option<anyhow::Result<Done>> {
        let made = match self.making.as_ref()?.try_recv() {
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err(anyhow::anyhow!("the change broke off")),
            Ok(made) => made,
        };
        self.making = None;
        Some(made.and_then(|made| self.put(made, running)))
    }

    fn put(&mut self, made: Made, running: &Running) -> anyhow::Result<Done> {
        match made {
            Made::Source(source) => {
                self.source = source.info().address.clone();
                self.exchange.put(source);
                Ok(Done::Source)
            }
            Made::Model(model) => {
                let figures = figures(&model);
                let setting = format!("{} in {}", figures.name, figures.precision);
                running.exchange(&figures.name, model.encoder()?, model.decoder()?, &setting)?;
                self.model = figures;
                Ok(Done::Model)
            }
        }
    }
}
