//! Watching a source for a while: what came, what was reported, how long it took.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use foveate::capture::{Source, SourceAddress, SourceEvent, SourceOptions, Step};
use foveate::frame::{Frame, PixelFormat};
use foveate::geometry::Size;
use foveate::time::{Clock, MonotonicClock};

/// Small, so that an emulated processor keeps up.
pub const SIZE: Size = Size::new(320, 180);
pub const FPS: f64 = 30.0;

pub fn options(format: PixelFormat) -> SourceOptions {
    let mut options = SourceOptions::default();
    (options.fps, options.size, options.format) = (Some(FPS), Some(SIZE), Some(format));
    options
}

pub fn open(path: &str, options: &SourceOptions) -> Result<Box<dyn Source>, String> {
    let address: SourceAddress = format!("v4l:{path}").parse().map_err(|e| format!("{e}"))?;
    address.open(options, Arc::new(MonotonicClock)).map_err(|e| e.to_string())
}

/// Opens the camera again until nobody else holds it: the kernel lets go a moment after a handle is closed.
pub fn open_soon(path: &str, options: &SourceOptions) -> Result<Box<dyn Source>, String> {
    let began = Instant::now();
    loop {
        match open(path, options) {
            Err(reason) if reason.contains("busy") && began.elapsed() < Duration::from_secs(5) => {
                thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

/// What was seen of a stream.
#[derive(Default)]
pub struct Seen {
    pub frames: u64,
    pub first: Option<u64>,
    pub last: Option<u64>,
    pub events: Vec<SourceEvent>,
    /// Ages of the frames when they came, in milliseconds.
    pub ages_ms: Vec<f64>,
    /// Times between one frame's capture and the next one's, in milliseconds.
    pub intervals_ms: Vec<f64>,
    /// Sequence numbers or capture times that did not go up.
    pub disorder: u64,
    pub frame: Frame,
    captured_at: Option<foveate::time::Timestamp>,
}

impl Seen {
    /// Takes frames until `done` says so or the time is up; says whether it was done.
    pub fn watch(
        &mut self,
        source: &mut dyn Source,
        limit: Duration,
        mut done: impl FnMut(&Seen) -> bool,
    ) -> Result<bool, String> {
        let clock = MonotonicClock;
        let began = Instant::now();
        while began.elapsed() < limit {
            let step = source.next_frame(&mut self.frame, Duration::from_millis(100)).map_err(|e| e.to_string())?;
            self.events.extend(std::iter::from_fn(|| source.take_event()));
            if step == Step::Frame {
                let now = clock.now();
                let Frame { sequence, captured_at, .. } = self.frame;
                self.disorder += u64::from(self.last.is_some_and(|last| sequence <= last));
                if let Some(before) = self.captured_at.replace(captured_at) {
                    self.disorder += u64::from(captured_at <= before);
                    self.intervals_ms.push(captured_at.signed_secs_since(before) * 1e3);
                }
                self.ages_ms.push(now.signed_secs_since(captured_at) * 1e3);
                self.frames += 1;
                self.first.get_or_insert(sequence);
                self.last = Some(sequence);
            }
            if done(self) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Begins to count anew, with the last frame as the first.
    pub fn forget(&mut self) {
        self.events.clear();
        self.first = self.last;
        self.frames = u64::from(self.last.is_some());
    }

    /// Takes `count` further frames.
    pub fn frames(&mut self, source: &mut dyn Source, count: u64, limit: Duration) -> Result<(), String> {
        let target = self.frames + count;
        match self.watch(source, limit, |seen| seen.frames >= target)? {
            true => Ok(()),
            false => Err(format!("{} of {target} frames after {limit:?}; events: {:?}", self.frames, self.events)),
        }
    }

    /// Frames that the sequence numbers leave out.
    pub fn missing(&self) -> u64 {
        match (self.first, self.last) {
            (Some(first), Some(last)) => last - first + 1 - self.frames,
            _ => 0,
        }
    }

    /// How many drops were reported whose reason has `part`.
    pub fn dropped(&self, part: &str) -> u64 {
        let count = |event: &SourceEvent| match event {
            SourceEvent::Dropped { count, reason } if reason.contains(part) => *count,
            _ => 0,
        };
        self.events.iter().map(count).sum()
    }

    /// How often something was reported whose message has `part`.
    pub fn warned(&self, part: &str) -> u64 {
        let count = |event: &SourceEvent| match event {
            SourceEvent::Warned { count, message } if message.contains(part) => *count,
            _ => 0,
        };
        self.events.iter().map(count).sum()
    }

    /// The reasons of all losses.
    pub fn losses(&self) -> Vec<String> {
        let reason = |event: &SourceEvent| match event {
            SourceEvent::Lost { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        self.events.iter().filter_map(reason).collect()
    }

    /// How long it took to return from each loss, in milliseconds.
    pub fn recoveries_ms(&self) -> Vec<f64> {
        let after = |event: &SourceEvent| match event {
            SourceEvent::Reopened { after } => Some(after.as_secs_f64() * 1e3),
            _ => None,
        };
        self.events.iter().filter_map(after).collect()
    }
}

/// The value in the middle; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

pub fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// To a tenth.
pub fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// An error unless `holds`.
pub fn check(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}
