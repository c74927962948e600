//! The stages on their threads: capture, encode, decode and track, and each sink, with input beside them.
//!
//! ```text
//! capture ──► [latest frame] ──► encode ──► [latest embedding] ──► decode + track ──► [drop-oldest] ──► each sink
//!                                                                        ▲
//!                         input ──► select ──► [bounded requests, each with its own time]
//! ```
//!
//! Between stages lies one place, and the newest value wins it: a slow stage never builds a queue, drops are counted,
//! and the age of what comes out is bounded by the sum of the service times. Frames, embeddings and records live in
//! fixed pools, so that after warm-up our own stages allocate nothing.

mod affinity;
mod capture;
mod config;
mod decode;
mod degrade;
mod encode;
mod input;
mod losses;
mod memory;
mod meter;
mod output;
mod pace;
mod pairing;
mod prompt_budget;
mod refusals;
mod requests;
mod rerun;
mod running;
mod shared;
mod summary;
mod threads;
mod trace;
mod watchdog;

use std::sync::{Arc, OnceLock};

use crossbeam_channel::bounded;

pub use affinity::Placement;
pub use config::{PipelineConfig, StageCores};
pub use degrade::{Degrade, DegradeSummary, Ladder, ModelVariants, Setting, Step, Variant, Variants};
pub use meter::{AgeMeter, StageMeter, StageMeters, StageReport, StageReports};
pub use pace::EncodeEvery;
pub use pairing::PairedCamera;
pub use requests::PromptReport;
pub use rerun::{LoadModel, LoadedParts, Rerun};
pub use running::Running;
pub use shared::StreamOrigin;
pub use summary::{Summary, Throughput};

use crate::capture::{Source, SourceOptions};
use crate::error::Result;
use crate::frame::Frame;
use crate::input::{CommandSource, GazeSource, PromptSource, TouchSource};
use crate::model::{Decoder, Encoder};
use crate::record::FrameRecord;
use crate::select::gaze::DwellSelector;
use crate::select::touch::TouchSelector;
use crate::session::{Encoded, Session, SessionConfig, Setup};
use crate::sink::{Sink, StreamInfo};
use crate::sync::{Pool, StopToken};
use crate::time::{Clock, ManualClock, MonotonicClock};

use capture::CaptureStage;
use decode::DecodeStage;
use degrade::{Stream, Supervisor, Switch};
use encode::EncodeStage;
use input::{Destination, GazeCell, GazeInput, InputStage, TouchInput};
use losses::Losses;
use memory::{KeptBy, Plan};
use output::Outputs;
use pace::Pace;
use prompt_budget::PromptBudget;
use requests::Requests;
use shared::{Shared, SlotSender, Turnstile};
use threads::Threads;
use trace::Tracer;
use watchdog::Watchdog;

/// Refused selections by gaze that the selector has not heard of yet.
const REFUSALS: usize = 256;
/// Events that wait for one sink.
const EVENTS: usize = 1024;

/// A stream to be started: what it reads, what finds the objects, where it goes.
pub struct Pipeline {
    source: Box<dyn Source>,
    encoder: Box<dyn Encoder>,
    decoder: Box<dyn Decoder>,
    model: String,
    prompts: Vec<Box<dyn PromptSource>>,
    touch: Vec<TouchInput>,
    commands: Vec<Box<dyn CommandSource>>,
    gaze: Option<(Box<dyn GazeSource>, DwellSelector)>,
    sinks: Vec<Box<dyn Sink>>,
    config: PipelineConfig,
    degrade: Option<Degrade>,
    exchangeable: bool,
    replay: bool,
    camera: Option<String>,
    origin: StreamOrigin,
    paired: Option<PairedCamera>,
    clock: Arc<dyn Clock>,
    stop: StopToken,
}

impl Pipeline {
    /// A stream from `source` through `encoder` and `decoder`, with neither prompts nor sinks yet. `model` is the name
    /// that records carry.
    pub fn new(
        source: Box<dyn Source>,
        encoder: Box<dyn Encoder>,
        decoder: Box<dyn Decoder>,
        model: impl Into<String>,
    ) -> Self {
        Pipeline {
            source,
            encoder,
            decoder,
            model: model.into(),
            prompts: Vec::new(),
            touch: Vec::new(),
            commands: Vec::new(),
            gaze: None,
            sinks: Vec::new(),
            config: PipelineConfig::default(),
            degrade: None,
            exchangeable: false,
            replay: false,
            camera: None,
            origin: StreamOrigin::default(),
            paired: None,
            clock: Arc::new(MonotonicClock),
            stop: StopToken::new(),
        }
    }

    /// Adds a source of prompts.
    pub fn prompts(mut self, source: Box<dyn PromptSource>) -> Self {
        self.prompts.push(source);
        self
    }

    /// Selects what the user touches; may be called for several screens.
    pub fn touch(mut self, source: Box<dyn TouchSource>, selector: TouchSelector) -> Self {
        self.touch.push(TouchInput::new(source, selector));
        self
    }

    /// Takes the intents of a user who sees the stream on a display of their own.
    pub fn commands(mut self, source: Box<dyn CommandSource>) -> Self {
        self.commands.push(source);
        self
    }

    /// Selects what the user looks at.
    pub fn gaze(mut self, source: Box<dyn GazeSource>, selector: DwellSelector) -> Self {
        self.gaze = Some((source, selector));
        self
    }

    /// Adds an output.
    pub fn sink(mut self, sink: Box<dyn Sink>) -> Self {
        self.add_sink(sink);
        self
    }

    /// The same of a pipeline in its place.
    pub fn add_sink(&mut self, sink: Box<dyn Sink>) {
        self.sinks.push(sink);
    }

    /// Sets how the stages are laid out; [`PipelineConfig::default`] holds without it.
    pub fn config(mut self, config: PipelineConfig) -> Self {
        self.config = config;
        self
    }

    /// Gives up quality by a ladder when budgets are exceeded; the encoder and decoder are those of its first setting.
    pub fn degrade(mut self, degrade: Degrade) -> Self {
        self.degrade = Some(degrade);
        self
    }

    /// Lets [`Running::exchange`] put another model in while the stream runs.
    pub fn exchangeable(mut self) -> Self {
        self.exchangeable = true;
        self
    }

    /// Lets each frame through every stage before the next is read, with every prompt of its time, and loses none on the way,
    /// not at the sinks either: over the same frames and prompts the records and events are the same in every run, but for
    /// latencies. The source must give every frame however late it is asked for ([`Source::gives_every_frame`]), and what is
    /// touched, looked at or said live is taken as it comes.
    pub fn replay(mut self) -> Self {
        self.replay = true;
        self
    }

    /// Names the camera, where several streams write to one place.
    pub fn camera(mut self, name: impl Into<String>) -> Self {
        self.camera = Some(name.into());
        self
    }

    /// Counts the stream's time from `origin`, which several streams may share: the first frame of any of them sets it.
    pub fn origin(mut self, origin: StreamOrigin) -> Self {
        self.origin = origin;
        self
    }

    /// Tells by [`EventKind::FramesPaired`](crate::record::EventKind::FramesPaired) which frames other cameras took at the same time. The
    /// streams should share an [`origin`](Self::origin).
    pub fn paired(mut self, camera: PairedCamera) -> Self {
        self.paired = Some(camera);
        self
    }

    /// Replaces the system's clock; the source must stamp its frames with the same one.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Ends the stream from outside: Ctrl-C, a time limit.
    pub fn stop_token(mut self, stop: StopToken) -> Self {
        self.stop = stop;
        self
    }

    /// Starts every stage on its own named thread.
    ///
    /// # Errors
    /// [`PipelineError::Spawn`](crate::error::PipelineError::Spawn) when the system refuses a thread,
    /// [`PipelineError::Placement`](crate::error::PipelineError::Placement) when it refuses the affinity or policy that the
    /// configuration insists on, [`PipelineError::Memory`](crate::error::PipelineError::Memory) for frames that are too large for
    /// the limit of memory; threads already started end at once.
    pub fn start(self) -> Result<Running> {
        let Pipeline {
            source,
            encoder,
            decoder,
            model,
            prompts,
            touch,
            commands,
            gaze,
            sinks,
            config,
            degrade,
            exchangeable,
            replay,
            camera,
            origin,
            paired,
            clock,
            stop,
        } = self;
        let started = clock.now();
        let info = source.info().clone();
        let (event_senders, event_receivers): (Vec<_>, Vec<_>) = sinks.iter().map(|_| bounded(EVENTS)).unzip();
        let mut shared = Shared::new(clock, stop.clone(), event_senders).counted_from(origin);
        // In a replay the frames tell the time.
        let replay = replay.then(ManualClock::default);
        if let Some(clock) = &replay {
            shared = shared.replayed(Arc::new(clock.clone()));
        }
        let mut threads = Threads::new(stop);

        let held = if commands.is_empty() { 0 } else { Session::HELD_FRAMES };
        let share_gaze = sinks.iter().filter(|sink| sink.shares_gaze()).count();
        let kept_by = KeptBy { sinks: sinks.len(), share_gaze, held };
        let Plan { config, pools, frame_bytes } = memory::plan(&config, kept_by, info.size, info.format)?;
        let frames = Pool::new(pools.frames, Frame::default);

        let meters = StageMeters::new();
        let [capture_meter, encode_meter, decode_meter] = meters.chain();
        let (frame_sender, frame_slot) = SlotSender::new();
        let (encoded_sender, encoded_slot) = SlotSender::new();
        let requests = if replay.is_some() { Requests::unbounded() } else { Requests::default() };
        let gaze_cell = GazeCell::default();
        let (gaze_refusals, refusals) = bounded(REFUSALS);
        let age = AgeMeter::default();

        let every = EncodeEvery::new(config.encode_every);
        let place = |cores: &[usize], policy| config.placed(cores, policy);
        let (cores, policies) = (&config.affinity, &config.scheduling);
        let mut closer = encoder.another()?;
        let (mut encoder, mut decoder, mut switch) = (encoder, decoder, None);
        if degrade.is_some() || exchangeable {
            let made;
            (made, encoder, closer, decoder) = Switch::new(&model, encoder, closer, decoder);
            switch = Some(made);
        }

        let stream = StreamInfo { source: info.address.clone(), camera, size: info.size, model };
        let outputs = Outputs::start(sinks, event_receivers, &config, &stream, &shared, &mut threads)?;

        let session_config = SessionConfig {
            max_objects: config.max_objects,
            decodes_per_frame: config.decodes_per_frame,
            prompt_history: config.prompt_history,
            follower: config.follower,
        };
        // The input stage ends with the stream: it has its own token, which the end of the stages sets. In a replay the decode
        // stage reads the inputs, frame by frame.
        let input_stop = StopToken::new();
        let mut input_threads = Threads::new(input_stop.clone());
        let gaze_report = Arc::new(OnceLock::new());
        let report = Arc::clone(&gaze_report);
        let gaze = gaze.map(|(source, selector)| {
            let cell = gaze_cell.clone();
            GazeInput { source, selector, cell, refusals, report }
        });
        let input_shared = shared.with_stop(input_stop);
        let inputs_lost = Arc::default();
        let to = Destination {
            output: requests.clone(),
            shared: if replay.is_some() { shared.clone() } else { input_shared.clone() },
            losses: Arc::clone(&inputs_lost),
        };
        let mut stage = InputStage::new(prompts, touch, commands, gaze, to);
        let inputs = if replay.is_some() {
            Some(stage)
        } else {
            stage.prime();
            input_threads.spawn("input", &Placement::default(), move || stage.run())?;
            None
        };

        let queues = outputs.queues();
        let tracer = Tracer::new(
            &queues,
            Setup {
                config: session_config,
                model: encoder.identity(),
                looks_closer: closer.is_some(),
                intrinsics: info.intrinsics,
            },
        );
        let stage = DecodeStage {
            session: Session::new(closer, decoder, session_config, Arc::clone(&shared.stream_clock)),
            paired,
            requests: requests.clone(),
            budget: match replay {
                Some(_) => PromptBudget::unlimited(),
                None => PromptBudget::for_rate(info.rate.unwrap_or(SourceOptions::DEFAULT_FPS)),
            },
            inputs,
            pool: Pool::new(pools.records, FrameRecord::default),
            with_gaze: Pool::new(pools.with_gaze, FrameRecord::default),
            input: encoded_slot,
            outputs: queues,
            tracer,
            losses: Losses::new(decode_meter.clone()),
            meter: decode_meter.clone(),
            age: age.clone(),
            shared: shared.clone(),
            gaze: gaze_cell,
            gaze_refusals,
        };
        threads.spawn("decode", &place(&cores.decode, policies.decode), move || stage.run())?;

        let stage = EncodeStage {
            encoder,
            pace: Pace::new(every.clone()),
            pool: Pool::new(pools.encoded, Encoded::empty),
            input: frame_slot,
            output: encoded_sender,
            meter: encode_meter.clone(),
            losses: Losses::new(encode_meter.clone()),
            replaced: Losses::new(decode_meter.clone()),
            unreadable: 0,
            shared: shared.clone(),
        };
        threads.spawn("encode", &config.encoder_placement(), move || stage.run())?;

        let supervisor = degrade.zip(switch.clone()).map(|(degrade, switch)| {
            let model = stream.model.clone();
            Supervisor::new(degrade, Stream { switch, model, every, age: age.clone(), shared: input_shared })
        });
        let degrade = supervisor.as_ref().map(Supervisor::log);
        if let Some(supervisor) = supervisor {
            input_threads.spawn("degrade", &Placement::default(), move || supervisor.run())?;
        }

        let stage = CaptureStage {
            source,
            pool: frames,
            frame_bytes,
            output: frame_sender,
            losses: Losses::new(capture_meter.clone()),
            meter: capture_meter,
            replaced: Losses::new(encode_meter),
            turnstile: Turnstile::new(),
            replay: replay.clone(),
            shared: shared.clone(),
        };
        threads.spawn("capture", &place(&cores.capture, policies.capture), move || stage.run())?;

        let watchdog = Watchdog::new(meters.chain(), outputs.meters().cloned(), config.stall_after);
        Ok(Running {
            shared,
            started,
            info,
            threads,
            input_threads,
            meters,
            outputs,
            age,
            requests,
            replay: replay.is_some(),
            inputs_lost,
            gaze_report,
            watchdog,
            degrade,
            switch,
        })
    }
}
