use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;

use crate::sync::{Histogram, LatencySummary};
use crate::time::Timestamp;

/// What one stage counts and times. Clones share the counters; recording neither allocates nor waits on other stages.
#[derive(Clone, Debug)]
pub struct StageMeter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: Cow<'static, str>,
    frames_in: AtomicU64,
    frames_out: AtomicU64,
    dropped: AtomicU64,
    /// Nanoseconds on the capture clock of the moment the stage took its present work; 0 while it waits for some.
    busy_since: AtomicU64,
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    queue: Histogram,
    service: Histogram,
}

impl StageMeter {
    /// A meter at zero.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        StageMeter(Arc::new(Inner {
            name: name.into(),
            frames_in: AtomicU64::new(0),
            frames_out: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            busy_since: AtomicU64::new(0),
            times: Mutex::new(Times { queue: Histogram::new(), service: Histogram::new() }),
        }))
    }

    /// The stage's name.
    pub fn name(&self) -> &Cow<'static, str> {
        &self.0.name
    }

    /// The stage took a frame that had waited `queue_wait` for it.
    pub fn begin(&self, now: Timestamp, queue_wait: Duration) {
        self.0.frames_in.fetch_add(1, Ordering::Relaxed);
        self.0.busy_since.store(now.as_nanos().max(1), Ordering::Relaxed);
        self.times().queue.record(queue_wait);
    }

    /// The stage is at something that is no frame yet; [`Self::abandon`] ends it.
    pub fn occupy(&self, now: Timestamp) {
        self.0.busy_since.store(now.as_nanos().max(1), Ordering::Relaxed);
    }

    /// The stage handed its frame on, `service` after it had begun.
    pub fn end(&self, service: Duration) {
        self.0.frames_out.fetch_add(1, Ordering::Relaxed);
        self.0.busy_since.store(0, Ordering::Relaxed);
        self.times().service.record(service);
    }

    /// The stage gave up its frame without a result.
    pub fn abandon(&self) {
        self.0.busy_since.store(0, Ordering::Relaxed);
    }

    /// `count` frames were lost before the stage took them.
    pub fn drop_frames(&self, count: u64) {
        self.0.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Frames that the stage handed on.
    pub fn frames_out(&self) -> u64 {
        self.0.frames_out.load(Ordering::Relaxed)
    }

    /// Frames lost before the stage took them.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// How long the stage has been at its present frame.
    pub fn busy_for(&self, now: Timestamp) -> Option<Duration> {
        match self.0.busy_since.load(Ordering::Relaxed) {
            0 => None,
            since => Some(now.since(Timestamp::from_nanos(since))),
        }
    }

    /// The figures so far.
    pub fn report(&self) -> StageReport {
        let times = self.times();
        StageReport {
            stage: self.0.name.clone(),
            frames_in: self.0.frames_in.load(Ordering::Relaxed),
            frames_out: self.frames_out(),
            dropped: self.dropped(),
            queue: times.queue.summary(),
            service: times.service.summary(),
        }
    }

    fn times(&self) -> std::sync::MutexGuard<'_, Times> {
        // A panic while recording leaves at worst one sample missing.
        self.0.times.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Figures of one stage over its life so far.
#[derive(Clone, Debug, Serialize)]
pub struct StageReport {
    /// The stage's name.
    pub stage: Cow<'static, str>,
    /// Frames that the stage took.
    pub frames_in: u64,
    /// Frames that it handed on.
    pub frames_out: u64,
    /// Frames that a newer one replaced before the stage took them.
    pub dropped: u64,
    /// Waiting for the stage.
    pub queue: LatencySummary,
    /// In the stage.
    pub service: LatencySummary,
}

impl StageReport {
    /// Frames per second that the stage does when it never waits.
    pub fn alone_fps(&self) -> Option<f64> {
        (self.service.count > 0 && self.service.mean_ms > 0.0).then(|| 1e3 / self.service.mean_ms)
    }
}

/// The meters of the stages that every frame passes, by name.
#[derive(Clone, Debug)]
pub struct StageMeters {
    /// Takes frames from the source.
    pub capture: StageMeter,
    /// Makes embeddings of frames.
    pub encode: StageMeter,
    /// Makes masks of embeddings and prompts.
    pub decode: StageMeter,
}

impl StageMeters {
    /// Three meters at zero.
    pub fn new() -> Self {
        let [capture, encode, decode] = ["capture", "encode", "decode"].map(StageMeter::new);
        StageMeters { capture, encode, decode }
    }

    /// The meters in the order in which a frame passes their stages; they share their counters with these.
    pub fn chain(&self) -> [StageMeter; 3] {
        [self.capture.clone(), self.encode.clone(), self.decode.clone()]
    }

    /// Figures of the three stages and of `sinks` so far.
    pub fn reports<'a>(&self, sinks: impl Iterator<Item = &'a StageMeter>) -> StageReports {
        StageReports {
            capture: self.capture.report(),
            encode: self.encode.report(),
            decode: self.decode.report(),
            sinks: sinks.map(StageMeter::report).collect(),
        }
    }
}

impl Default for StageMeters {
    fn default() -> Self {
        StageMeters::new()
    }
}

/// Figures of every stage of a stream, by name; as JSON a list in the order in which a frame passes the stages.
#[derive(Clone, Debug)]
pub struct StageReports {
    /// Taking frames from the source.
    pub capture: StageReport,
    /// Making embeddings of frames.
    pub encode: StageReport,
    /// Making masks of embeddings and prompts.
    pub decode: StageReport,
    /// One for each sink, in the order in which they were added.
    pub sinks: Vec<StageReport>,
}

impl StageReports {
    /// The stages that every frame passes: all but the sinks.
    pub fn chain(&self) -> [&StageReport; 3] {
        [&self.capture, &self.encode, &self.decode]
    }

    /// All of them, in the order in which a frame passes the stages.
    pub fn iter(&self) -> impl Iterator<Item = &StageReport> {
        self.chain().into_iter().chain(&self.sinks)
    }

    /// Frames lost on the way to a record: before capture, before encoding and before decoding.
    pub fn frames_dropped(&self) -> u64 {
        self.chain().iter().map(|stage| stage.dropped).sum()
    }
}

impl Serialize for StageReports {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl From<StageReports> for Vec<StageReport> {
    fn from(reports: StageReports) -> Self {
        let StageReports { capture, encode, decode, sinks } = reports;
        [capture, encode, decode].into_iter().chain(sinks).collect()
    }
}

/// Age of the data where a record leaves the pipeline, and the rate at which records leave.
#[derive(Clone, Debug, Default)]
pub struct AgeMeter(Arc<Mutex<Ages>>);

#[derive(Debug)]
struct Ages {
    histogram: Histogram,
    first: Option<Timestamp>,
    last: Timestamp,
    /// The last records: when they left, and their ages.
    recent: VecDeque<(Timestamp, Duration)>,
}

impl Ages {
    const RECENT: usize = 256;
    /// Fewer records say nothing of the latency.
    const MIN_RECORDS: usize = 4;
}

impl Default for Ages {
    fn default() -> Self {
        let (histogram, recent) = (Histogram::new(), VecDeque::with_capacity(Self::RECENT));
        Ages { histogram, first: None, last: Timestamp::ZERO, recent }
    }
}

impl AgeMeter {
    /// A record left at `now`, `age` after its frame was captured.
    pub fn record(&self, age: Duration, now: Timestamp) {
        let mut ages = self.ages();
        ages.histogram.record(age);
        ages.first.get_or_insert(now);
        ages.last = now;
        if ages.recent.len() == Ages::RECENT {
            ages.recent.pop_front();
        }
        ages.recent.push_back((now, age));
    }

    /// The age that 95 of 100 records of the last `window` did not exceed. Records before `since` do not count. A stream of
    /// few frames is judged by its last four; one that has stopped is not judged.
    pub fn recent_p95(&self, now: Timestamp, window: Duration, since: Timestamp) -> Option<Duration> {
        let ages = self.ages();
        ages.recent.back().filter(|(at, _)| now.since(*at) <= window * 2)?;
        let counted = ages.recent.iter().rev().take_while(|(at, _)| *at >= since).enumerate();
        let within = counted.take_while(|(n, (at, _))| *n < Ages::MIN_RECORDS || now.since(*at) <= window);
        let mut ages: Vec<Duration> = within.map(|(_, (_, age))| *age).collect();
        if ages.len() < Ages::MIN_RECORDS {
            return None;
        }
        ages.sort_unstable();
        Some(ages[(ages.len() * 95).div_ceil(100) - 1])
    }

    /// Over the whole stream so far.
    pub fn summary(&self) -> LatencySummary {
        self.ages().histogram.summary()
    }

    /// Records per second between the first and the last; 0 for fewer than two.
    pub fn fps(&self) -> f64 {
        let ages = self.ages();
        let Some(first) = ages.first else { return 0.0 };
        let seconds = ages.last.since(first).as_secs_f64();
        if seconds > 0.0 { (ages.histogram.count() - 1) as f64 / seconds } else { 0.0 }
    }

    fn ages(&self) -> std::sync::MutexGuard<'_, Ages> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Timestamp {
        Timestamp::from_nanos(n * 1_000_000)
    }

    #[test]
    fn reports_are_a_list_in_the_order_of_the_stages() {
        let (meters, sink) = (StageMeters::new(), StageMeter::new("sink memory"));
        meters.capture.drop_frames(3);
        meters.decode.drop_frames(2);
        sink.drop_frames(7);
        let reports = meters.reports([&sink].into_iter());
        assert_eq!(reports.frames_dropped(), 5);
        let json = serde_json::to_value(&reports).unwrap();
        let names: Vec<_> = json.as_array().unwrap().iter().map(|s| s["stage"].as_str().unwrap()).collect();
        assert_eq!(names, ["capture", "encode", "decode", "sink memory"]);
        assert_eq!(json[3]["dropped"], 7);
    }

    #[test]
    fn the_recent_latency_is_of_its_window_alone() {
        let (meter, window) = (AgeMeter::default(), Duration::from_secs(1));
        let p95 = |now: u64, since: u64| meter.recent_p95(ms(now), window, ms(since)).map(|d| d.as_millis());
        assert_eq!(p95(0, 0), None);
        // 100 records, 10 ms apart: the first half took 80 ms, the second 1 to 50 ms.
        (0..100).for_each(|n| meter.record(Duration::from_millis(if n < 50 { 80 } else { n - 49 }), ms(n * 10)));
        assert_eq!(p95(990, 0), Some(80));
        assert_eq!(p95(1_499, 0), Some(48), "the 48th of the last 50");
        assert_eq!(p95(990, 500), Some(48), "what was before does not count");
        assert_eq!(p95(990, 970), None, "three records are too few");
        assert_eq!(p95(2_500, 0), Some(50), "the last four, of a stream that has nearly stopped");
        assert_eq!(p95(3_100, 0), None, "a stream that has stopped is not judged");
    }

    #[test]
    fn memory_of_recent_records_is_bounded() {
        let meter = AgeMeter::default();
        (0..10_000).for_each(|n| meter.record(Duration::from_millis(n), ms(n)));
        assert_eq!(meter.ages().recent.len(), Ages::RECENT);
        assert_eq!(meter.ages().recent.capacity(), Ages::RECENT);
    }
}
