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
mod encode;
mod history;
mod input;
mod meter;
mod objects;
mod output;
mod pending;
mod request;
mod shared;
mod summary;
mod watchdog;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::bounded;

pub use config::{PipelineConfig, StageCores};
pub use meter::{AgeMeter, StageMeter, StageReport};
pub use summary::{Summary, Throughput};

use crate::capture::{Source, SourceInfo};
use crate::error::{PipelineError, Result};
use crate::frame::Frame;
use crate::input::{GazeSource, PromptSource};
use crate::model::{Decoder, Encoder};
use crate::select::gaze::DwellSelector;
use crate::sink::{FrameRecord, Sink, StreamInfo};
use crate::sync::{DropOldest, Pool, StopToken};
use crate::time::{Clock, MonotonicClock, Timestamp};

use capture::CaptureStage;
use decode::{DecodeStage, SinkQueue};
use encode::{EncodeStage, Encoded};
use history::History;
use input::{GazeCell, GazeRoad, InputStage};
use objects::ObjectSet;
use output::SinkStage;
use pending::Pending;
use shared::{Feed, Shared};
use watchdog::Watchdog;

/// Requests that wait for their frame; a source of more waits.
const REQUESTS: usize = 256;
/// Events that wait for one sink.
const EVENTS: usize = 1024;

/// A stream to be started: what it reads, what finds the objects, where it goes.
pub struct Pipeline {
    source: Box<dyn Source>,
    encoder: Box<dyn Encoder>,
    decoder: Box<dyn Decoder>,
    model: String,
    prompts: Vec<Box<dyn PromptSource>>,
    gaze: Option<(Box<dyn GazeSource>, DwellSelector)>,
    sinks: Vec<Box<dyn Sink>>,
    config: PipelineConfig,
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
            gaze: None,
            sinks: Vec::new(),
            config: PipelineConfig::default(),
            clock: Arc::new(MonotonicClock),
            stop: StopToken::new(),
        }
    }

    /// Adds a source of prompts.
    pub fn prompts(mut self, source: Box<dyn PromptSource>) -> Self {
        self.prompts.push(source);
        self
    }

    /// Selects what the person looks at.
    pub fn gaze(mut self, source: Box<dyn GazeSource>, selector: DwellSelector) -> Self {
        self.gaze = Some((source, selector));
        self
    }

    /// Adds an output.
    pub fn sink(mut self, sink: Box<dyn Sink>) -> Self {
        self.sinks.push(sink);
        self
    }

    pub fn config(mut self, config: PipelineConfig) -> Self {
        self.config = config;
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
    /// [`PipelineError::Spawn`] when the system refuses a thread; those already started end at once.
    pub fn start(self) -> Result<Running> {
        let Pipeline { source, encoder, decoder, model, prompts, gaze, sinks, config, clock, stop } = self;
        let started = clock.now();
        let info = source.info().clone();
        let (event_senders, event_receivers): (Vec<_>, Vec<_>) = sinks.iter().map(|_| bounded(EVENTS)).unzip();
        let shared = Shared::new(clock, stop.clone(), event_senders);
        let mut threads = Threads { stop, handles: Vec::new() };

        // Every pooled embedding and record may hold a frame, also while it is free; see `Pool`.
        let encoded_pool = config.prompt_history.max(1) + 4;
        let record_pool = sinks.len() * (config.sink_queue + 1) + 2;
        let frames = Pool::new(encoded_pool + record_pool + 3, Frame::default);

        let meters = ["capture", "encode", "decode"].map(StageMeter::new);
        let [capture_meter, encode_meter, decode_meter] = meters.clone();
        let (frame_feed, frame_slot) = Feed::new();
        let (encoded_feed, encoded_slot) = Feed::new();
        let (requests, incoming) = bounded(REQUESTS);
        let gaze_cell = GazeCell::default();
        let age = AgeMeter::default();
        let summary = Arc::new(OnceLock::new());

        let sink_failures = Arc::new(AtomicU64::new(0));
        let mut outputs = Vec::with_capacity(sinks.len());
        let mut sink_meters = Vec::with_capacity(sinks.len());
        let mut sink_ages = Vec::with_capacity(sinks.len());
        let stream = stream_info(&info, &model);
        for (sink, events) in sinks.into_iter().zip(event_receivers) {
            let meter = StageMeter::new(format!("sink {}", sink.name()));
            let queue = DropOldest::new(config.sink_queue);
            outputs.push(SinkQueue { queue: queue.clone(), meter: meter.clone() });
            sink_meters.push(meter.clone());
            let age = AgeMeter::default();
            sink_ages.push(age.clone());
            let (stream, summary, shared) = (stream.clone(), Arc::clone(&summary), shared.clone());
            let stage = SinkStage { sink, queue, events, stream, summary, meter, age, shared };
            let failures = Arc::clone(&sink_failures);
            threads.spawn("sink", &config.affinity.sink, move || {
                failures.fetch_add(stage.run(), Ordering::Relaxed);
            })?;
        }
        let sink_queues: Vec<_> = outputs.iter().map(|o| o.queue.clone()).collect();
        // Sinks that already wait must end too when a later thread is refused.
        let closer = CloseQueues(sink_queues);

        let stage = DecodeStage {
            objects: ObjectSet::new(decoder, config.follower),
            object_limit: config.max_objects,
            history: History::new(config.prompt_history),
            pending: Pending::new(incoming, REQUESTS),
            pool: Pool::new(record_pool, FrameRecord::default),
            input: encoded_slot,
            outputs,
            meter: decode_meter.clone(),
            age: age.clone(),
            shared: shared.clone(),
            gaze: gaze_cell.clone(),
            last_id: 0,
            changes: Vec::with_capacity(2 * config.max_objects + 2),
        };
        let unanswered = Arc::new(OnceLock::new());
        let tell_unanswered = Arc::clone(&unanswered);
        threads.spawn("decode", &config.affinity.decode, move || {
            let _ = tell_unanswered.set(stage.run());
        })?;

        let stage = EncodeStage {
            encoder,
            pool: Pool::new(encoded_pool, Encoded::empty),
            input: frame_slot,
            output: encoded_feed,
            meter: encode_meter.clone(),
            next: decode_meter,
            shared: shared.clone(),
        };
        threads.spawn("encode", &config.affinity.encode, move || stage.run())?;

        // The input stage ends with the stream: it has its own token, which the end of the stages sets.
        let input_stop = StopToken::new();
        let mut input_threads = Threads { stop: input_stop.clone(), handles: Vec::new() };
        let gaze = gaze.map(|(source, selector)| GazeRoad { source, selector, cell: gaze_cell });
        let input_shared = shared.with_stop(input_stop);
        let stage = InputStage { sources: prompts, gaze, output: requests, shared: input_shared };
        input_threads.spawn("input", &[], move || stage.run())?;

        let stage = CaptureStage {
            source,
            pool: frames,
            output: frame_feed,
            meter: capture_meter,
            next: encode_meter,
            shared: shared.clone(),
        };
        threads.spawn("capture", &config.affinity.capture, move || stage.run())?;

        let watchdog = Watchdog::new(meters.iter().chain(&sink_meters).cloned().collect(), config.stall_after);
        Ok(Running {
            shared,
            started,
            info,
            threads,
            input_threads,
            meters,
            sink_meters,
            sink_ages,
            sink_failures,
            age,
            unanswered,
            summary,
            closer,
            watchdog,
        })
    }
}

fn stream_info(source: &SourceInfo, model: &str) -> StreamInfo {
    StreamInfo { source: source.address.clone(), size: source.size, model: model.to_owned() }
}

/// Closes the sinks' queues when dropped: the sinks' threads then drain and end.
struct CloseQueues(Vec<DropOldest<shared::Stamped<Arc<FrameRecord>>>>);

impl Drop for CloseQueues {
    fn drop(&mut self) {
        for queue in &self.0 {
            queue.close();
        }
    }
}

/// Threads that stop together.
struct Threads {
    stop: StopToken,
    handles: Vec<(&'static str, JoinHandle<()>)>,
}

impl Threads {
    fn spawn(&mut self, stage: &'static str, cores: &[usize], work: impl FnOnce() + Send + 'static) -> Result<()> {
        let cores = cores.to_vec();
        let stop = self.stop.clone();
        let spawned = Builder::new().name(format!("foveate-{stage}")).spawn(move || {
            // A panic in one stage must not leave the others waiting for it.
            let _stop = StopOnPanic(stop);
            affinity::pin(stage, &cores);
            work();
        });
        match spawned {
            Ok(handle) => {
                self.handles.push((stage, handle));
                Ok(())
            }
            Err(source) => {
                self.stop.stop();
                Err(PipelineError::Spawn { stage: stage.to_owned(), source }.into())
            }
        }
    }

    /// Waits for every thread of `stage`.
    fn join(&mut self, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let mut panicked = None;
        for at in (0..self.handles.len()).rev() {
            if wanted(self.handles[at].0) {
                let (stage, handle) = self.handles.remove(at);
                if handle.join().is_err() {
                    panicked = Some(PipelineError::Panicked { stage: stage.to_owned() });
                }
            }
        }
        panicked.map_or(Ok(()), |error| Err(error.into()))
    }
}

struct StopOnPanic(StopToken);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

/// A stream that runs.
pub struct Running {
    shared: Shared,
    started: Timestamp,
    info: SourceInfo,
    threads: Threads,
    input_threads: Threads,
    meters: [StageMeter; 3],
    sink_meters: Vec<StageMeter>,
    sink_ages: Vec<AgeMeter>,
    sink_failures: Arc<AtomicU64>,
    age: AgeMeter,
    unanswered: Arc<OnceLock<usize>>,
    summary: Arc<OnceLock<Summary>>,
    closer: CloseQueues,
    watchdog: Watchdog,
}

impl Running {
    /// What the stream reads.
    pub fn source(&self) -> &SourceInfo {
        &self.info
    }

    /// Asks every stage to end after what it holds now.
    pub fn stop(&self) {
        self.shared.stop.stop();
    }

    /// True when the source has ended and every frame is decoded.
    pub fn is_finished(&self) -> bool {
        self.threads.handles.iter().all(|(stage, handle)| *stage == "sink" || handle.is_finished())
    }

    /// Figures of every stage so far.
    pub fn reports(&self) -> Vec<StageReport> {
        self.meters.iter().chain(&self.sink_meters).map(StageMeter::report).collect()
    }

    /// Watches the stages until the stream ends, calling `each` about every 100 ms, and sums it up.
    ///
    /// # Errors
    /// The first error of any stage. The sinks have finished what reached them by then.
    pub fn wait(mut self, mut each: impl FnMut(&Running)) -> Result<Summary> {
        while !self.is_finished() {
            std::thread::sleep(shared::WAIT);
            for event in self.watchdog.check(self.shared.clock.now(), &self.shared) {
                self.shared.tell(event);
            }
            each(&self);
        }
        self.input_threads.stop.stop();
        let stages = self.threads.join(|stage| stage != "sink");
        let input = self.input_threads.join(|_| true);
        let _ = self.summary.set(self.sum_up());
        drop(std::mem::replace(&mut self.closer, CloseQueues(Vec::new())));
        let sinks = self.threads.join(|_| true);
        stages.and(input).and(sinks)?;
        match self.shared.take_failure() {
            Some(error) => Err(error),
            None => Ok(self.sum_up()),
        }
    }

    fn sum_up(&self) -> Summary {
        let chain: Vec<_> = self.meters.iter().map(StageMeter::report).collect();
        let throughput = Throughput::new(self.age.fps(), &chain);
        let slowest_sink = self.sink_ages.iter().map(AgeMeter::summary).max_by(|a, b| a.p50_ms.total_cmp(&b.p50_ms));
        Summary {
            seconds: self.shared.clock.now().since(self.started).as_secs_f64(),
            frames_captured: self.meters[0].frames_out(),
            frames_out: self.meters[2].frames_out(),
            frames_dropped: self.meters.iter().map(StageMeter::dropped).sum(),
            age: self.age.summary(),
            age_at_sink: slowest_sink.unwrap_or_default(),
            sink_failures: self.sink_failures.load(Ordering::Relaxed),
            prompts_unanswered: self.unanswered.get().copied().unwrap_or(0),
            throughput,
            stages: self.reports(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.stop.stop();
        self.input_threads.stop.stop();
    }
}
