use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::config::PipelineConfig;
use super::losses::Losses;
use super::meter::{AgeMeter, StageMeter};
use super::shared::{Shared, Stamped};
use super::summary::Summary;
use super::threads::Threads;
use crate::error::Result;
use crate::record::{Event, EventKind, FrameRecord};
use crate::sink::{Sink, StreamInfo};
use crate::sync::{DropOldest, LatencySummary, Received};

/// Name of the sinks' threads.
pub(super) const SINK: &str = "sink";

/// Longest wait before events are passed on when no frame comes.
const EVENT_WAIT: Duration = Duration::from_millis(50);

/// The way to one sink.
pub(super) struct SinkQueue {
    pub queue: DropOldest<Stamped<Arc<FrameRecord>>>,
    /// Records that the queue had no room for.
    pub losses: Losses,
}

/// Every sink of a stream, each on its own thread. When dropped, the queues close: the sinks drain and end.
pub(super) struct Outputs {
    queues: Vec<DropOldest<Stamped<Arc<FrameRecord>>>>,
    meters: Vec<StageMeter>,
    ages: Vec<AgeMeter>,
    failures: Arc<AtomicU64>,
    summary: Arc<OnceLock<Summary>>,
}

impl Outputs {
    /// Starts each of `sinks` with its own of `events`.
    pub fn start(
        sinks: Vec<Box<dyn Sink>>,
        events: Vec<Receiver<Event>>,
        config: &PipelineConfig,
        stream: &StreamInfo,
        shared: &Shared,
        threads: &mut Threads,
    ) -> Result<Self> {
        let mut outputs = Outputs {
            queues: Vec::new(),
            meters: Vec::new(),
            ages: Vec::new(),
            failures: Arc::default(),
            summary: Arc::default(),
        };
        for (sink, events) in sinks.into_iter().zip(events) {
            let meter = StageMeter::new(format!("sink {}", sink.name()));
            let (queue, age) = (DropOldest::new(config.sink_queue), AgeMeter::default());
            outputs.queues.push(queue.clone());
            outputs.meters.push(meter.clone());
            outputs.ages.push(age.clone());
            let (stream, summary, shared) = (stream.clone(), Arc::clone(&outputs.summary), shared.clone());
            let stage = SinkStage { sink, queue, events, stream, summary, meter, age, shared, failures: 0 };
            let failures = Arc::clone(&outputs.failures);
            let placement = config.placed(&config.affinity.sink, config.scheduling.sink);
            threads.spawn(SINK, &placement, move || {
                failures.fetch_add(stage.run(), Ordering::Relaxed);
            })?;
        }
        Ok(outputs)
    }

    /// For the stage that feeds the sinks.
    pub fn queues(&self) -> Vec<SinkQueue> {
        let ends = self.queues.iter().zip(&self.meters);
        ends.map(|(queue, meter)| SinkQueue { queue: queue.clone(), losses: Losses::new(meter.clone()) }).collect()
    }

    pub fn meters(&self) -> impl Iterator<Item = &StageMeter> {
        self.meters.iter()
    }

    /// From capture to the end of the slowest sink.
    pub fn slowest_age(&self) -> LatencySummary {
        let ages = self.ages.iter().map(AgeMeter::summary);
        ages.max_by(|a, b| a.p50_ms.total_cmp(&b.p50_ms)).unwrap_or_default()
    }

    /// Writes that failed, of the sinks that have ended.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Lets every sink drain its queue and finish with `summary`.
    pub fn finish(&self, summary: Summary) {
        let _ = self.summary.set(summary);
        self.close();
    }

    fn close(&self) {
        self.queues.iter().for_each(DropOldest::close);
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        self.close();
    }
}

/// One sink on its own thread: a slow sink loses its oldest records and stalls nobody.
struct SinkStage {
    sink: Box<dyn Sink>,
    queue: DropOldest<Stamped<Arc<FrameRecord>>>,
    events: Receiver<Event>,
    stream: StreamInfo,
    /// Set before the queue is closed.
    summary: Arc<OnceLock<Summary>>,
    meter: StageMeter,
    age: AgeMeter,
    shared: Shared,
    /// Writes that failed.
    failures: u64,
}

impl SinkStage {
    /// Runs until the queue is closed and empty, then lets the sink finish; gives back how many writes failed.
    pub fn run(mut self) -> u64 {
        let begun = self.sink.begin(&self.stream);
        self.count(begun);
        loop {
            let taken = self.queue.receive(EVENT_WAIT);
            // Events of a frame are sent before its record, so they are written before it.
            while let Ok(event) = self.events.try_recv() {
                let written = self.sink.event(&event);
                self.count(written);
            }
            match taken {
                Received::Value(Stamped { value: record, since }) => {
                    let began = self.shared.clock.now();
                    self.meter.begin(began, began.since(since));
                    let written = self.sink.frame(&record);
                    self.count(written);
                    let now = self.shared.clock.now();
                    self.meter.end(now.since(began));
                    self.age.record(now.since(record.captured_at), now);
                }
                Received::TimedOut => {}
                Received::Closed => break,
            }
        }
        if let Some(summary) = self.summary.get() {
            let finished = self.sink.finish(&serde_json::to_value(summary).unwrap_or_default());
            self.count(finished);
        }
        self.failures
    }

    /// Counts a write that failed, and reports the first: the sink tries again with the next record, because a disk that is
    /// full for a while must not end the stream. Only a reader who went away does.
    fn count(&mut self, written: Result<()>) {
        let Err(error) = written else { return };
        self.failures += 1;
        if error.is_closed_pipe() {
            return self.shared.fail(error);
        }
        if self.failures > 1 {
            return;
        }
        tracing::error!("{error}");
        let kind = EventKind::SinkFailed { sink: self.sink.name().to_owned(), reason: error.to_string() };
        self.shared.emit(Event::new(self.shared.stream_time(self.shared.clock.now()), kind));
    }
}
