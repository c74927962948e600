use std::sync::Arc;
use std::time::Duration;

use super::events::Events;
use super::stamps::Stamps;
use super::{Choice, Source, SourceEvent, SourceInfo, Step};
use crate::error::{DeviceError, Result};
use crate::frame::{Frame, PixelFormat};
use crate::time::{Clock, Timestamp};

/// A camera that can be opened, again and again.
pub(super) trait Driver: Send {
    type Stream: Stream;

    /// Opens the camera, negotiates a format and starts streaming. What the user should know although it streams goes
    /// into `warnings`.
    fn open(&mut self, warnings: &mut Vec<String>) -> Result<Self::Stream, DeviceError>;
}

/// A camera that streams. Dropping it closes the device.
pub(super) trait Stream: Send {
    /// The format that streams; its cost does not matter any more.
    fn choice(&self) -> Choice;

    /// Waits at most `timeout` and writes the newest image, with the time of its arrival as its capture time and without its
    /// sequence number.
    ///
    /// # Errors
    /// Why the device has to be opened again.
    fn read(&mut self, frame: &mut Frame, timeout: Duration, clock: &dyn Clock) -> Result<Arrival, String>;

    /// How long no good image may come before the camera is taken for lost.
    fn patience(&self) -> Duration {
        STALLED_AFTER
    }

    /// Why no image comes, where that is known.
    fn silence(&self) -> Option<String> {
        None
    }

    /// As [`Source::dma_buffers`].
    #[cfg(target_os = "linux")]
    fn dma_buffers(&self) -> std::io::Result<Vec<std::os::fd::OwnedFd>> {
        Ok(Vec::new())
    }
}

/// What came out of one [`Stream::read`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrival {
    /// The driver's counter of the image that was written; `None` if none was.
    pub sequence: Option<u32>,
    /// When the camera says that it was captured, if it does.
    pub reported: Option<Timestamp>,
    /// Good images that were passed over because a newer one was there.
    pub passed_over: u64,
    /// Images that the driver marked as damaged.
    pub damaged: u64,
    /// Images of which bytes are missing.
    pub short: u64,
    /// How often the driver refused to take a buffer back; it is offered again.
    pub refused: u64,
    /// No image will come any more, and none is missing: the stream came to its own end.
    pub ended: bool,
}

const SHORT: &str = "bytes are missing: lost by the camera or on its cable";
const SHORT_JPEG: &str = "bytes are missing: lost by the camera or on its cable; for a camera whose JPEG images never have \
    an end marker, set `mjpeg_without_end_marker` in the board's [capture]";

/// The first wait before a lost camera is opened again; it doubles with each failure.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// A camera that has more to say than this repeats itself in other words.
const MAX_WARNINGS: usize = 100;
/// A camera that delivers no good image for so long is taken for lost.
const STALLED_AFTER: Duration = Duration::from_secs(2);

/// Counts up by what the driver's own counter counted up by, over any number of reopenings.
#[derive(Debug, Default)]
struct Counter {
    /// Of the last image handed on, and what the driver called it (`None` after a reopening).
    last: Option<(u64, Option<u32>)>,
    /// Images passed over or spoilt since then; they are part of the next gap.
    explained: u64,
}

impl Counter {
    /// The sequence number of the next image, and how many the driver lost before it. The driver's counter wraps
    /// around, and some drivers repeat a number or step back by one at the start: that is no gap.
    fn next(&mut self, driver: u32) -> (u64, u64) {
        let explained = std::mem::take(&mut self.explained);
        let (sequence, lost) = match self.last {
            None => (0, 0),
            Some((last, None)) => (last + 1, 0),
            Some((last, Some(before))) => {
                let step = u64::try_from(driver.wrapping_sub(before) as i32).unwrap_or(0).max(1 + explained);
                (last + step, step - 1 - explained)
            }
        };
        self.last = Some((sequence, Some(driver)));
        (sequence, lost)
    }

    fn reopened(&mut self) {
        self.explained = 0;
        self.last = self.last.map(|(last, _)| (last, None));
    }
}

enum State<S> {
    Streaming {
        stream: S,
        /// When the last good image came, or the stream was opened.
        alive: Timestamp,
    },
    Closed {
        retry_at: Timestamp,
    },
    Ended,
}

/// A [`Source`] over a camera that may go away and come back.
///
/// A failed read or two seconds without a good image close the device. It is opened again after 0.1 s, then after waits
/// that double up to 2 s, until an image arrives. The loss is reported once, the return when the first image is there.
pub(super) struct CameraSource<D: Driver> {
    driver: D,
    clock: Arc<dyn Clock>,
    info: SourceInfo,
    state: State<D::Stream>,
    counter: Counter,
    stamps: Stamps,
    /// Since when images are missing, if they are.
    lost_at: Option<Timestamp>,
    losses: u64,
    /// Warnings that were reported once, which is enough.
    reported: Vec<String>,
    delay: Duration,
    events: Events,
}

impl<D: Driver> CameraSource<D> {
    /// Opens the camera for the first time.
    ///
    /// # Errors
    /// What [`Driver::open`] says: a camera that was never there is not waited for.
    pub(super) fn open(address: String, mut driver: D, clock: Arc<dyn Clock>) -> Result<Self, DeviceError> {
        let mut warnings = Vec::new();
        let stream = driver.open(&mut warnings)?;
        let info = SourceInfo {
            address,
            size: stream.choice().size,
            format: stream.choice().format,
            rate: stream.choice().rate,
            intrinsics: None,
        };
        let alive = clock.now();
        let mut source = CameraSource {
            driver,
            clock,
            info,
            state: State::Streaming { stream, alive },
            counter: Counter::default(),
            stamps: Stamps::default(),
            lost_at: None,
            losses: 0,
            reported: Vec::new(),
            delay: FIRST_DELAY,
            events: Events::default(),
        };
        source.warn_once(warnings);
        Ok(source)
    }

    fn warn_once(&mut self, warnings: Vec<String>) {
        for warning in warnings {
            if !self.reported.contains(&warning) && self.reported.len() < MAX_WARNINGS {
                self.reported.push(warning.clone());
                self.events.warned(1, warning);
            }
        }
    }

    fn lose(&mut self, reason: String) {
        let now = self.clock.now();
        if self.lost_at.is_none() {
            self.lost_at = Some(now);
            self.losses += 1;
            self.events.push(SourceEvent::Lost { reason, count: self.losses });
        }
        self.state = State::Closed { retry_at: now + self.delay };
        self.delay = (self.delay * 2).min(LONGEST_DELAY);
    }

    fn reopen(&mut self) {
        let mut warnings = Vec::new();
        match self.driver.open(&mut warnings) {
            Ok(stream) => {
                self.info.rate = stream.choice().rate;
                self.counter.reopened();
                self.stamps.reopened();
                self.state = State::Streaming { stream, alive: self.clock.now() };
            }
            Err(error) => {
                warnings.push(format!("cannot be opened again yet: {error}"));
                self.lose(error.to_string());
            }
        }
        self.warn_once(warnings);
    }

    fn received(&mut self, frame: &mut Frame, driver_sequence: u32, reported: Option<Timestamp>) {
        let (captured_at, fault) = self.stamps.check(reported, frame.captured_at);
        frame.captured_at = captured_at;
        self.warn_once(fault.map(|fault| fault.message().to_owned()).into_iter().collect());
        let (sequence, lost) = self.counter.next(driver_sequence);
        frame.sequence = sequence;
        self.events.dropped(lost, "the driver had no free buffer for them, or the camera lost them");
        let (size, format) = (self.info.size, self.info.format);
        if (size, format) != (frame.size, frame.format) {
            let message = format!(
                "it now sends {}x{} {}, before {}x{} {format}",
                frame.size.width, frame.size.height, frame.format, size.width, size.height
            );
            (self.info.size, self.info.format) = (frame.size, frame.format);
            self.events.warned(1, message);
        }
        if let Some(since) = self.lost_at.take() {
            self.delay = FIRST_DELAY;
            self.events.push(SourceEvent::Reopened { after: self.clock.now().since(since) });
        }
    }
}

impl<D: Driver> Source for CameraSource<D> {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step> {
        let now = self.clock.now();
        if let State::Closed { retry_at } = self.state {
            if now < retry_at {
                std::thread::sleep(retry_at.since(now).min(timeout));
                return Ok(Step::Idle);
            }
            self.reopen();
        }
        let (stream, alive) = match &mut self.state {
            State::Streaming { stream, alive } => (stream, alive),
            State::Closed { .. } => return Ok(Step::Idle),
            State::Ended => return Ok(Step::End),
        };
        match stream.read(frame, timeout, self.clock.as_ref()) {
            Err(reason) => {
                if self.lost_at.is_some() {
                    self.warn_once(vec![format!("cannot be opened again yet: {reason}")]);
                }
                self.lose(reason);
                Ok(Step::Idle)
            }
            Ok(arrival) => {
                self.counter.explained += arrival.passed_over + arrival.damaged + arrival.short;
                self.events.dropped(arrival.passed_over, "a newer image was there already");
                self.events.dropped(arrival.damaged, "damaged by the camera or on its cable");
                let short = if self.info.format == PixelFormat::Mjpeg { SHORT_JPEG } else { SHORT };
                self.events.dropped(arrival.short, short);
                self.events.warned(arrival.refused, "the driver refused a buffer (VIDIOC_QBUF), it is offered again");
                let now = self.clock.now();
                if let Some(sequence) = arrival.sequence {
                    *alive = now;
                    self.received(frame, sequence, arrival.reported);
                    return Ok(Step::Frame);
                }
                if arrival.ended {
                    self.state = State::Ended;
                    return Ok(Step::End);
                }
                let patience = stream.patience();
                if now.since(*alive) >= patience {
                    let why = stream.silence().map(|why| format!(": {why}")).unwrap_or_default();
                    self.lose(format!("no image for {} s{why}", patience.as_secs()));
                }
                Ok(Step::Idle)
            }
        }
    }

    fn take_event(&mut self) -> Option<SourceEvent> {
        self.events.take()
    }

    #[cfg(target_os = "linux")]
    fn dma_buffers(&self) -> std::io::Result<Vec<std::os::fd::OwnedFd>> {
        match &self.state {
            State::Streaming { stream, .. } => stream.dma_buffers(),
            State::Closed { .. } | State::Ended => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests;
