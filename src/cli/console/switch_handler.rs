//! Switches model, precision or source while the stream goes on, as a page requests it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use crate::board::Board;
use crate::capture::scene::SceneSource;
use crate::capture::{self, Exchange, Source, SourceAddress, SourceOptions};
use crate::cli::board_args::BoardArgs;
use crate::console::{Choices, ModelFigures, SwitchRequest};
use crate::engine::Precision;
use crate::geometry::Size;
use crate::model::LoadedModel;
use crate::pipeline::Running;
use crate::time::MonotonicClock;

/// What a stream was started with, and the switch that is under way.
pub struct SwitchHandler {
    /// The board that the stream was started for.
    pub board: Board,
    args: BoardArgs,
    options: SourceOptions,
    exchange: Exchange,
    sources: Vec<String>,
    /// The address of the source that runs.
    pub source: String,
    /// Size of its frames.
    frame: Size,
    /// The model that runs.
    pub model: ModelFigures,
    loading: Option<Receiver<anyhow::Result<Loaded>>>,
    /// The models that ran last, the newest last: who goes back and forth between two compiles neither again.
    recent: Vec<LoadedModel>,
}

/// Models that are kept.
const RECENT: usize = 2;

/// What is ready to take the place of what runs.
enum Loaded {
    Model(Box<LoadedModel>),
    Source(Box<dyn Source>),
}

/// What was switched.
pub enum Switched {
    /// The model or its precision.
    Model,
    /// The source: what was followed is not in its frames.
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

impl SwitchHandler {
    /// `source` is what runs; beside it the cameras that can be used, and the scene, are on offer.
    pub fn new(
        board: Board,
        args: BoardArgs,
        options: SourceOptions,
        exchange: Exchange,
        (source, frame): (&str, Size),
        model: ModelFigures,
    ) -> Self {
        let mut sources = vec![source.to_owned()];
        let cameras = capture::list_cameras(&options).unwrap_or_default();
        let usable = cameras.into_iter().filter(|c| c.problem.is_none() && c.choice.is_some()).map(|c| c.address);
        let scene = SceneSource::address(SceneSource::DEFAULT_SEED).to_string();
        sources.extend(usable.chain([scene]).filter(|address| address != source));
        let (source, loading, recent) = (source.to_owned(), None, Vec::new());
        SwitchHandler { board, args, options, exchange, sources, source, frame, model, loading, recent }
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

    /// Begins to load what is requested, on a thread of its own: it takes seconds.
    ///
    /// # Errors
    /// If the switch before it is not done, the precision is none, or the system refuses the thread.
    pub fn begin(&mut self, request: SwitchRequest) -> anyhow::Result<()> {
        anyhow::ensure!(self.loading.is_none(), "the last change is not done yet: try again");
        if let Some(source) = &request.source {
            // An address can start a program.
            anyhow::ensure!(self.sources.contains(source), "{source} is not on offer");
            anyhow::ensure!(
                !source.contains(":***@"),
                "{source} is not kept with its password: start the stream again"
            );
        }
        let (sender, receiver) = channel();
        let (board, args, options, frame) = (self.board.clone(), self.args.clone(), self.options.clone(), self.frame);
        let precision: Precision = request.precision.as_ref().unwrap_or(&self.model.precision).parse()?;
        let model = request.model.unwrap_or_else(|| self.model.name.clone());
        let is_wanted = |kept: &LoadedModel| kept.spec().name == model && kept.precision() == precision;
        if request.source.is_none()
            && let Some(at) = self.recent.iter().position(is_wanted)
        {
            // The receiver is at hand.
            let _ = sender.send(Ok(Loaded::Model(Box::new(self.recent.remove(at)))));
            self.loading = Some(receiver);
            return Ok(());
        }
        let load = move || match request.source {
            Some(address) => {
                let address: SourceAddress = address.parse()?;
                let source = address.open(&options, Arc::new(MonotonicClock))?;
                Ok(Loaded::Source(source))
            }
            None => Ok(Loaded::Model(Box::new(args.load_instead(&board, frame, &model, precision)?))),
        };
        std::thread::Builder::new().name("foveate-change".into()).spawn(move || drop(sender.send(load())))?;
        self.loading = Some(receiver);
        Ok(())
    }

    /// Puts in place what has been loaded; `None` while nothing is ready.
    ///
    /// # Errors
    /// If it could not be loaded, or does not fit into the stream.
    pub fn carry_out(&mut self, running: &Running) -> Option<anyhow::Result<Switched>> {
        let loaded = match self.loading.as_ref()?.try_recv() {
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err(anyhow::anyhow!("the change broke off")),
            Ok(loaded) => loaded,
        };
        self.loading = None;
        Some(loaded.and_then(|loaded| self.put(loaded, running)))
    }

    fn put(&mut self, loaded: Loaded, running: &Running) -> anyhow::Result<Switched> {
        match loaded {
            Loaded::Source(source) => {
                self.source = source.info().address.clone();
                let before = std::mem::replace(&mut self.frame, source.info().size);
                if before != self.frame {
                    // What was kept has inputs of the other frames' form.
                    self.recent.clear();
                }
                self.exchange.put(source);
                Ok(Switched::Source)
            }
            Loaded::Model(model) => {
                let figures = figures(&model);
                let setting = format!("{} in {}", figures.name, figures.precision);
                running.exchange(&figures.name, model.encoder()?, model.decoder()?, &setting)?;
                self.model = figures;
                if self.recent.len() == RECENT {
                    self.recent.remove(0);
                }
                self.recent.push(*model);
                Ok(Switched::Model)
            }
        }
    }
}
