use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::clock::{ClockOffset, OffsetEstimate};
use super::{GazeReport, GazeSource};
use crate::error::{Error, PipelineError};
use crate::geometry::{Intrinsics, Point, Size};
use crate::input::InputEvent;
use crate::select::GazeSample;
use crate::select::gaze::{Channel, Confirm, GazeSignal};
use crate::sync::{DropOldest, StopToken};
use crate::time::{Clock, Timestamp};

/// Samples that wait to be taken: ten seconds at 200 Hz.
const SAMPLES: usize = 2048;
/// Events, and signals, that wait to be taken.
const EVENTS: usize = 64;
/// What cannot be used is reported so often at most.
const REJECTED_EVERY: Duration = Duration::from_secs(1);

/// Longest reason that is reported.
const REASON_CHARS: usize = 200;
/// How long the thread is waited for when its source ends, and how often it is looked at meanwhile.
const PARTING: Duration = Duration::from_millis(300);
const PARTING_LOOKS: u32 = 30;

/// What one measurement says, before its time is that of the capture clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub time: MeasuredAt,
    /// In pixels of our frame.
    pub point: Point,
    pub confidence: f32,
}

/// What one line says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said {
    /// Where gaze was.
    Measured(Measured),
    /// That it meant something, shown by a hand or a voice; it began to move so long before, if that is known.
    Confirmed { time: MeasuredAt, channel: Channel, lead: Option<Duration> },
    /// That the last selection is taken back.
    Undone { time: MeasuredAt },
}

/// When something was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MeasuredAt {
    /// By the sender's clock, in nanoseconds.
    Sender(i64),
    /// By the capture clock.
    Capture(Timestamp),
    /// Not said: it is taken to be when it arrived.
    Arrival,
}

/// What a thread that receives gaze writes to.
pub struct Feed {
    pub stop: StopToken,
    pub clock: Arc<dyn Clock>,
    samples: DropOldest<GazeSample>,
    signals: DropOldest<GazeSignal>,
    events: DropOldest<InputEvent>,
    offset: SharedOffset,
    report: Arc<Mutex<GazeReport>>,
    rejected: Rejected,
    /// Since when the sender is away.
    lost: Option<Timestamp>,
}

/// The sender's clock, for whoever measures it.
pub type SharedOffset = Arc<Mutex<ClockOffset>>;

#[derive(Default)]
struct Rejected {
    count: u64,
    reason: String,
    reported: Option<Timestamp>,
}

impl Feed {
    /// The sender's clock.
    pub fn offset(&self) -> SharedOffset {
        Arc::clone(&self.offset)
    }

    /// Forgets the sender's clock: another sender, or the same one started anew.
    pub fn forget_clock(&self) {
        *lock(&self.offset) = ClockOffset::default();
    }

    /// Gives out what was said in what arrived at `arrived`.
    pub fn say(&mut self, said: Said, arrived: Timestamp) {
        let signal = match said {
            Said::Measured(measured) => return self.push(measured, arrived),
            Said::Confirmed { time, channel, lead } => self.time(time, arrived).map(|at| {
                let began_at = lead.map(|lead| at - lead);
                GazeSignal::Confirm(Confirm { channel, at, began_at })
            }),
            Said::Undone { time } => self.time(time, arrived).map(|at| GazeSignal::Undo { at }),
        };
        if let Some(signal) = signal {
            self.signals.send(signal);
        }
    }

    /// Gives out what was measured and arrived at `arrived`.
    pub fn push(&mut self, measured: Measured, arrived: Timestamp) {
        let Some(at) = self.time(measured.time, arrived) else { return };
        let sample = GazeSample { at, point: measured.point, confidence: measured.confidence };
        let dropped = self.samples.send(sample).is_some();
        let mut report = lock(&self.report);
        report.samples += 1;
        report.dropped += u64::from(dropped);
    }

    /// The capture time of what arrived at `arrived`; what has none is rejected.
    fn time(&mut self, time: MeasuredAt, arrived: Timestamp) -> Option<Timestamp> {
        let at = match time {
            MeasuredAt::Capture(at) => Some(at),
            MeasuredAt::Arrival => Some(arrived),
            MeasuredAt::Sender(sent_ns) => {
                let mut offset = lock(&self.offset);
                let believed = offset.arrival(sent_ns, arrived);
                if believed { offset.to_capture(sent_ns) } else { None }
            }
        };
        if at.is_none() {
            self.reject("its time is out of all relation to the others", arrived);
        }
        // Nothing is measured after it has arrived.
        at.map(|at| at.min(arrived))
    }

    /// Counts what cannot be used.
    pub fn reject(&mut self, reason: impl Into<String>, now: Timestamp) {
        lock(&self.report).rejected += 1;
        self.rejected.count += 1;
        // It may quote what came.
        self.rejected.reason = reason.into().chars().take(REASON_CHARS).collect();
        self.report_rejected(now);
    }

    /// Reports what is due: what could not be used, news of the clock. Called now and then.
    pub fn tend(&mut self, now: Timestamp) {
        self.report_rejected(now);
        let news = lock(&self.offset).news(now);
        if let Some(OffsetEstimate { offset_s, uncertainty_s }) = news {
            self.events.send(InputEvent::Clock { offset_s, uncertainty_s });
        }
        lock(&self.report).clock = lock(&self.offset).estimate();
    }

    /// The sender went away.
    pub fn lost(&mut self, reason: impl Into<String>, now: Timestamp) {
        if self.lost.is_none() {
            self.lost = Some(now);
            self.events.send(InputEvent::Lost { reason: reason.into() });
        }
    }

    /// The sender is there.
    pub fn present(&mut self, now: Timestamp) {
        if let Some(since) = self.lost.take() {
            self.events.send(InputEvent::Returned { after: now.since(since) });
        }
    }

    fn report_rejected(&mut self, now: Timestamp) {
        let due = self.rejected.reported.is_none_or(|at| now.since(at) >= REJECTED_EVERY);
        if self.rejected.count > 0 && due {
            let (count, reason) = (std::mem::take(&mut self.rejected.count), self.rejected.reason.clone());
            self.events.send(InputEvent::Rejected { count, reason });
            self.rejected.reported = Some(now);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gaze that a thread of its own receives. The thread ends with it.
pub struct ReceivedGaze {
    name: String,
    intrinsics: Option<Intrinsics>,
    samples: DropOldest<GazeSample>,
    signals: DropOldest<GazeSignal>,
    events: DropOldest<InputEvent>,
    report: Arc<Mutex<GazeReport>>,
    /// Received from the queue and not yet given out.
    waiting: Vec<GazeSample>,
    given: Timestamp,
    stop: StopToken,
    thread: JoinHandle<()>,
}

impl ReceivedGaze {
    /// Starts `receive` on a thread; it returns soon after the feed's token stops.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(
        name: String,
        intrinsics: Option<Intrinsics>,
        clock: Arc<dyn Clock>,
        receive: impl FnOnce(Feed) + Send + 'static,
    ) -> Result<Self, Error> {
        let stop = StopToken::new();
        let (samples, signals, events) = (DropOldest::new(SAMPLES), DropOldest::new(EVENTS), DropOldest::new(EVENTS));
        let report = Arc::new(Mutex::new(GazeReport { source: name.clone(), ..GazeReport::default() }));
        let feed = Feed {
            stop: stop.clone(),
            clock,
            samples: samples.clone(),
            signals: signals.clone(),
            events: events.clone(),
            offset: SharedOffset::default(),
            report: Arc::clone(&report),
            rejected: Rejected::default(),
            lost: None,
        };
        let thread = std::thread::Builder::new()
            .name("gaze".into())
            .spawn(move || receive(feed))
            .map_err(|source| PipelineError::Spawn { stage: "gaze".into(), source })?;
        Ok(ReceivedGaze {
            name,
            intrinsics,
            samples,
            signals,
            events,
            report,
            waiting: Vec::with_capacity(SAMPLES),
            given: Timestamp::ZERO,
            stop,
            thread,
        })
    }
}

impl GazeSource for ReceivedGaze {
    fn name(&self) -> &str {
        &self.name
    }

    fn intrinsics(&self) -> Option<Intrinsics> {
        self.intrinsics
    }

    fn poll(&mut self, _origin: Timestamp, until: Timestamp, out: &mut Vec<GazeSample>) {
        while self.waiting.len() < SAMPLES
            && let Some(sample) = self.samples.receive(Duration::ZERO).value()
        {
            self.waiting.push(sample);
        }
        self.waiting.sort_by_key(|sample| sample.at);
        let due = self.waiting.partition_point(|sample| sample.at <= until);
        for sample in self.waiting.drain(..due) {
            // What comes too late for the order is old news.
            if sample.at >= self.given {
                self.given = sample.at;
                out.push(sample);
            }
        }
    }

    fn take_signal(&mut self) -> Option<GazeSignal> {
        self.signals.receive(Duration::ZERO).value()
    }

    fn take_event(&mut self) -> Option<InputEvent> {
        self.events.receive(Duration::ZERO).value()
    }

    fn report(&self) -> Option<GazeReport> {
        Some(lock(&self.report).clone())
    }
}

impl Drop for ReceivedGaze {
    fn drop(&mut self) {
        self.stop.stop();
        // A thread that waits for the network, for seconds at most, ends by itself.
        for _ in 0..PARTING_LOOKS {
            if self.thread.is_finished() {
                return;
            }
            std::thread::sleep(PARTING / PARTING_LOOKS);
        }
    }
}

/// Pixels of a sender's frame to pixels of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToFrame {
    frame: Size,
}

impl ToFrame {
    pub fn new(frame: Size) -> Self {
        ToFrame { frame }
    }

    /// Pixels of our frame for a point of a frame of `width` x `height`.
    pub fn map(self, x: f64, y: f64, [width, height]: [f64; 2]) -> Point {
        Point::new((x / width * f64::from(self.frame.width)) as f32, (y / height * f64::from(self.frame.height)) as f32)
    }

    /// A camera of frames of `size` as one of our frames.
    pub fn camera(self, camera: Intrinsics, size: Size) -> Intrinsics {
        let (sx, sy) = (self.frame.width as f32 / size.width as f32, self.frame.height as f32 / size.height as f32);
        Intrinsics { fx: camera.fx * sx, fy: camera.fy * sy, cx: camera.cx * sx, cy: camera.cy * sy }
    }

    /// Our frame.
    pub fn frame(self) -> Size {
        self.frame
    }
}
