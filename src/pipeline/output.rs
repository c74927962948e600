use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::config::PipelineConfig;
use super::losses::Losses;
use super::meter::{AgeMeter, StageMeter};
use super::shared::{NumberedEvent, Shared};
use super::summary::Summary;
use super::threads::Threads;
use crate::error::Result;
use crate::record::{Event, EventKind, FrameRecord};
use crate::session::Trace;
use crate::sink::{Sink, StreamInfo};
use crate::sync::{DropOldest, LatencySummary, Received};
use crate::time::Timestamp;

/// Name of the sinks' threads.
pub(super) const SINK: &str = "sink";

/// Longest time that a sink may hold one record once the stream has ended, before it is given up: a pipe whose reader takes
/// nothing, a network disk that is gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest wait before events are passed on when no frame comes.
const EVENT_WAIT: Duration = Duration::from_millis(50);

/// Time between two looks at sinks that finish.
const LOOK: Duration = Duration::from_millis(5);

/// The way to one sink.
pub(super) struct SinkQueue {
    pub queue: DropOldest<Outgoing>,
    /// Whether its records may say where the user looks.
    pub shares_gaze: bool,
    /// Whether it wants to know what the session was given.
    pub traces: bool,
    /// Records that the queue had no room for.
    pub losses: Losses,
}

impl SinkQueue {
    /// Sends a record; true if one was dropped for it. With `wait` none is, unless the stream is to stop.
    pub fn send(&self, outgoing: Outgoing, wait: bool, shared: &Shared) -> bool {
        while wait && self.queue.len() >= self.queue.capacity() {
            if shared.stop.wait(Duration::from_millis(1)) {
                break;
            }
        }
        self.queue.send(outgoing).is_some()
    }
}

/// A record on its way to a sink.
pub(super) struct Outgoing {
    pub record: Arc<FrameRecord>,
    /// What the session was given for it, for sinks that want to know.
    pub trace: Option<Arc<Trace>>,
    pub since: Timestamp,
    /// How many records were sent before it.
    pub number: u64,
}

/// Every sink of a stream, each on its own thread. When dropped, the queues close: the sinks drain and end.
pub(super) struct Outputs {
    ends: Vec<SinkEnd>,
    meters: Vec<StageMeter>,
    ages: Vec<AgeMeter>,
    failures: Arc<AtomicU64>,
    summary: Arc<OnceLock<Summary>>,
}

/// What is known of one sink outside its thread.
struct SinkEnd {
    queue: DropOldest<Outgoing>,
    shares_gaze: bool,
    traces: bool,
    /// Calls that have returned.
    calls: Arc<AtomicU64>,
    finished: Arc<AtomicBool>,
}

impl Outputs {
    /// Starts each of `sinks` with its own of `events`.
    pub fn start(
        sinks: Vec<Box<dyn Sink>>,
        events: Vec<Receiver<NumberedEvent>>,
        config: &PipelineConfig,
        stream: &StreamInfo,
        shared: &Shared,
        threads: &mut Threads,
    ) -> Result<Self> {
        let mut outputs = Outputs {
            ends: Vec::new(),
            meters: Vec::new(),
            ages: Vec::new(),
            failures: Arc::default(),
            summary: Arc::default(),
        };
        let readers = Arc::new(AtomicUsize::new(sinks.len()));
        for (sink, events) in sinks.into_iter().zip(events) {
            let meter = StageMeter::new(format!("sink {}", sink.name()));
            let (queue, age) = (DropOldest::new(config.sink_queue), AgeMeter::default());
            let (calls, finished): (Arc<AtomicU64>, Arc<AtomicBool>) = Default::default();
            outputs.ends.push(SinkEnd {
                queue: queue.clone(),
                shares_gaze: sink.shares_gaze(),
                traces: sink.traces(),
                calls: Arc::clone(&calls),
                finished: Arc::clone(&finished),
            });
            outputs.meters.push(meter.clone());
            outputs.ages.push(age.clone());
            let (stream, summary, shared) = (stream.clone(), Arc::clone(&outputs.summary), shared.clone());
            let stage = SinkStage {
                sink,
                queue,
                events,
                later: None,
                stream,
                summary,
                meter,
                age,
                shared,
                failures: 0,
                calls,
                readers: Arc::clone(&readers),
                is_unread: false,
            };
            let failures = Arc::clone(&outputs.failures);
            let placement = config.placed(&config.affinity.sink, config.scheduling.sink);
            threads.spawn(SINK, &placement, move || {
                let _finished = SetOnDrop(finished);
                failures.fetch_add(stage.run(), Ordering::Relaxed);
            })?;
        }
        Ok(outputs)
    }

    /// For the stage that feeds the sinks.
    pub fn queues(&self) -> Vec<SinkQueue> {
        let ends = self.ends.iter().zip(&self.meters);
        let queue_of = |(end, meter): (&SinkEnd, &StageMeter)| SinkQueue {
            queue: end.queue.clone(),
            shares_gaze: end.shares_gaze,
            traces: end.traces,
            losses: Losses::new(meter.clone()),
        };
        ends.map(queue_of).collect()
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

    /// Waits until every sink has finished, after [`Self::finish`]. One that gets no further for [`PATIENCE`] is given up, with a
    /// word, and what it held counts as a failed write; false if there is such a one.
    pub fn wait(&self) -> bool {
        let mut patient = vec![(u64::MAX, Instant::now()); self.ends.len()];
        loop {
            let now = Instant::now();
            let (mut busy, mut given_up) = (false, Vec::new());
            for ((end, meter), (calls, since)) in self.ends.iter().zip(&self.meters).zip(&mut patient) {
                if end.finished.load(Ordering::Acquire) {
                    continue;
                }
                let present = end.calls.load(Ordering::Relaxed);
                if *calls != present {
                    (*calls, *since) = (present, now);
                }
                match now.duration_since(*since) < PATIENCE {
                    true => busy = true,
                    false => given_up.push(meter.name()),
                }
            }
            if !busy {
                for name in &given_up {
                    let seconds = PATIENCE.as_secs();
                    tracing::error!(
                        "{name} took nothing for {seconds} s: it is given up, and what it still held is lost"
                    );
                }
                self.failures.fetch_add(given_up.len() as u64, Ordering::Relaxed);
                return given_up.is_empty();
            }
            std::thread::sleep(LOOK);
        }
    }

    fn close(&self) {
        self.ends.iter().for_each(|end| end.queue.close());
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        self.close();
    }
}

/// Sets its flag when its thread ends, by a panic too.
struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// One sink on its own thread: a slow sink loses its oldest records and stalls nobody.
struct SinkStage {
    sink: Box<dyn Sink>,
    queue: DropOldest<Outgoing>,
    events: Receiver<NumberedEvent>,
    /// An event that comes after the next record.
    later: Option<NumberedEvent>,
    stream: StreamInfo,
    /// Set before the queue is closed.
    summary: Arc<OnceLock<Summary>>,
    meter: StageMeter,
    age: AgeMeter,
    shared: Shared,
    /// Writes that failed.
    failures: u64,
    /// Calls that have returned.
    calls: Arc<AtomicU64>,
    /// Sinks of the stream whose readers have not gone away.
    readers: Arc<AtomicUsize>,
    /// Its own reader went away: nothing more is written.
    is_unread: bool,
}

impl SinkStage {
    /// Runs until the queue is closed and empty, then lets the sink finish; gives back how many writes failed.
    pub fn run(mut self) -> u64 {
        let begun = self.sink.begin(&self.stream);
        self.count(begun);
        // Records sent up to the one that was taken last.
        let mut sent = 0;
        loop {
            let taken = self.queue.receive(EVENT_WAIT);
            // Events of a frame are sent before its record, and written before it; those of the next frame after it.
            let until = match &taken {
                Received::Value(outgoing) => outgoing.number,
                Received::TimedOut => sent,
                Received::Closed => u64::MAX,
            };
            while let Some(event) = self.next_event(until) {
                if self.is_unread {
                    continue;
                }
                let written = self.sink.event(&event);
                self.count(written);
            }
            match taken {
                Received::Value(outgoing) if self.is_unread => sent = outgoing.number + 1,
                Received::Value(Outgoing { record, trace, since, number }) => {
                    sent = number + 1;
                    let began = self.shared.clock.now();
                    self.meter.begin(began, began.since(since));
                    if let Some(trace) = trace {
                        let written = self.sink.trace(&trace);
                        self.count(written);
                    }
                    let written = self.sink.frame(&record);
                    self.count(written);
                    let now = self.shared.clock.now();
                    self.meter.end(now.since(began));
                    self.age.record(now.since(record.captured_at), now);
                }
                Received::TimedOut if self.is_unread => {}
                Received::TimedOut => {
                    let written = self.sink.idle();
                    self.count(written);
                }
                Received::Closed => break,
            }
        }
        if let Some(summary) = self.summary.get().filter(|_| !self.is_unread) {
            let finished = self.sink.finish(&serde_json::to_value(summary).unwrap_or_default());
            self.count(finished);
        }
        self.failures
    }

    /// The next event before which at most `until` records were sent.
    fn next_event(&mut self, until: u64) -> Option<Event> {
        let (after, event) = self.later.take().or_else(|| self.events.try_recv().ok())?;
        if after > until {
            self.later = Some((after, event));
            return None;
        }
        Some(event)
    }

    /// Counts a write that failed, and reports the first: the sink tries again with the next record, because a disk that is
    /// full for a while must not end the stream. A reader who went away ends the sink, and the stream once nobody is left who
    /// reads.
    fn count(&mut self, written: Result<()>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let Err(error) = written else { return };
        self.failures += 1;
        let name = self.sink.name();
        if error.is_closed_pipe() {
            self.is_unread = true;
            if self.readers.fetch_sub(1, Ordering::AcqRel) == 1 {
                tracing::warn!("{name}: the reader went away, and there is no other: the stream ends");
                return self.shared.fail(error);
            }
            tracing::error!("{name}: the reader went away: this sink ends, the others go on");
        } else if self.failures > 1 {
            return;
        } else {
            tracing::error!("{error}");
        }
        let kind = EventKind::SinkFailed { sink: name.to_owned(), reason: error.to_string() };
        self.shared.emit_from_sink(Event::new(self.shared.stream_time(self.shared.stream_clock.now()), kind));
    }
}
