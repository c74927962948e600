//! Frames from a program's standard output, or from this program's standard input, as those of a camera: the newest wins, a program
//! that dies is started again.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Choice;
use super::feed::{Feed, Keep, Taken};
use super::reopen::{Arrival, CameraSource, Driver, Stream};
use crate::error::DeviceError;
use crate::frame::Frame;
use crate::process::Program;
use crate::time::{Clock, Timestamp};
use crate::video::{FrameReader, StreamFormat};

/// How long the first frame may take: a program starts, a camera warms up.
const FIRST_FRAME: Duration = Duration::from_secs(15);
/// How long a program may take to end once its output has.
const END_PATIENCE: Duration = Duration::from_secs(2);
/// How long a frame waits for its capture time, which is said right after it.
const TIME_PATIENCE: Duration = Duration::from_millis(10);
/// Bytes that the system keeps between a program and its reader: a frame, rather than the 64 KiB that Linux begins with.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 1 << 20;

/// What gives the frames.
pub(super) struct Recipe {
    /// The source's address.
    pub device: String,
    /// Makes the command; `None` reads standard input.
    pub command: Option<Box<dyn Fn() -> Result<Command, DeviceError> + Send>>,
    /// What to do when no frame comes.
    pub remedy: &'static str,
    /// What the stream holds.
    pub format: StreamFormat,
    /// Whether a Y4M stream's colours are those that players take frames of its size for, not those of webcams.
    pub colors_by_size: bool,
    /// Frames a second, where the stream does not say it.
    pub rate: Option<f64>,
    /// How long no frame may come before the program is started again; `None` waits for ever.
    pub patience: Option<Duration>,
    /// Whether a program that ends well has come to the end of its frames; a camera never does.
    pub ends: bool,
    /// What its standard error says beside complaints, if it says the times of frames there.
    pub hear: Option<fn(&str) -> Heard>,
}

/// What a line of a program's standard error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The capture time of the frame that was just written, in nanoseconds of the system's clock since it started.
    Time(u64),
    /// Nothing that matters.
    Nothing,
    /// What the user may have to read.
    Words,
}

/// Opens what a [`Recipe`] says, again and again.
pub(super) struct ChildDriver {
    recipe: Recipe,
    clock: Arc<dyn Clock>,
    /// Of the frames that came last.
    known: Option<Choice>,
}

/// Opens the camera that `recipe` makes of a program.
///
/// # Errors
/// [`DeviceError::Program`]: it does not start, or gives no frame.
pub(super) fn open(recipe: Recipe, clock: Arc<dyn Clock>) -> Result<CameraSource<ChildDriver>, DeviceError> {
    let device = recipe.device.clone();
    CameraSource::open(device, ChildDriver { recipe, clock: Arc::clone(&clock), known: None }, clock)
}

/// Where frames are read from.
type Input = Box<dyn Read + Send>;

/// Capture times that were said, by the number of the frame.
type Times = Arc<Mutex<VecDeque<(u64, Timestamp)>>>;
/// So many frames at most wait for their times to be asked for.
const MOST_TIMES: usize = 16;

/// A program that gives frames, or standard input.
pub(super) struct ChildStream {
    device: String,
    feed: Feed<String>,
    times: Times,
    choice: Choice,
    patience: Option<Duration>,
    /// Whether a frame was read.
    has_begun: bool,
    ends: bool,
    /// `None` for standard input. Ended before the feed, whose thread waits for its output.
    program: Option<Program>,
}

impl Driver for ChildDriver {
    type Stream = ChildStream;

    fn open(&mut self, _: &mut Vec<String>) -> Result<ChildStream, DeviceError> {
        let recipe = &self.recipe;
        let (program, input, said) = match &recipe.command {
            None => (None, Box::new(std::io::stdin()) as Input, None),
            Some(command) => {
                let (program, input, said) = start(recipe, command()?)?;
                (Some(program), input, said)
            }
        };
        let times = Times::default();
        let feed = feed(input, recipe, said, Arc::clone(&times), Arc::clone(&self.clock));
        let mut stream = ChildStream {
            device: recipe.device.clone(),
            feed: feed.map_err(|e| failed(recipe, e.to_string()))?,
            times,
            choice: Choice { format: Default::default(), size: Default::default(), rate: recipe.rate, cost_ms: 0.0 },
            patience: recipe.patience,
            has_begun: false,
            ends: recipe.ends,
            program,
        };
        if let Some(known) = self.known {
            // The stream runs: its first frame is waited for as every other.
            stream.choice = known;
            return Ok(stream);
        }
        let first = stream.feed.peek(FIRST_FRAME, |frame| (frame.size, frame.format));
        let Some((size, format)) = first else { return Err(failed(recipe, stream.without_frame(recipe.remedy))) };
        (stream.choice.size, stream.choice.format) = (size, format);
        self.known = Some(stream.choice);
        Ok(stream)
    }
}

/// Starts the program of a recipe.
fn start(recipe: &Recipe, mut command: Command) -> Result<(Program, Input, Option<Receiver<u64>>), DeviceError> {
    let (send, said) = channel();
    let (hears, classify) = (recipe.hear.is_some(), recipe.hear.unwrap_or(|_| Heard::Words));
    let hear = move |line: &str| match classify(line) {
        Heard::Time(nanos) => send.send(nanos).is_ok(),
        Heard::Nothing => true,
        Heard::Words => false,
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let name = command.get_program().to_string_lossy().into_owned();
    let mut program = Program::start(command, hear).map_err(|error| {
        let not_a_program = error.raw_os_error() == Some(libc::ENOEXEC) || error.kind() == ErrorKind::PermissionDenied;
        let reason = match error.kind() {
            _ if not_a_program => format!("`{name}` cannot be run: is it a program, and may you run it?"),
            ErrorKind::NotFound => format!("there is no program `{name}`: install it, or give its path"),
            _ => format!("`{name}` cannot be started: {error}"),
        };
        failed(recipe, reason)
    })?;
    let stdout = program.take_stdout().ok_or_else(|| failed(recipe, "it has no output".into()))?;
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::pipe::fcntl_setpipe_size(&stdout, PIPE_BYTES) {
        // Frames then come in smaller pieces.
        tracing::debug!("{}: the pipe stays small: {error}", recipe.device);
    }
    Ok((program, Box::new(stdout), hears.then_some(said)))
}

fn failed(recipe: &Recipe, reason: String) -> DeviceError {
    DeviceError::Program { device: recipe.device.clone(), reason }
}

/// Reads frames on a thread of its own, stamped when their last byte is there.
fn feed(
    input: Input,
    recipe: &Recipe,
    said: Option<Receiver<u64>>,
    times: Times,
    clock: Arc<dyn Clock>,
) -> std::io::Result<Feed<String>> {
    let (mut input, mut reader, mut next, mut heard) = (Some(input), None, 0, 0);
    let (format, colors_by_size) = (recipe.format, recipe.colors_by_size);
    Feed::start(Keep::Newest, move |frame: &mut Frame| {
        if let Some(input) = input.take() {
            let mut opened = FrameReader::new(input, format)?;
            if colors_by_size {
                opened.set_encoding(None);
            }
            reader = Some(opened);
        }
        let Some(reader) = &mut reader else { return Ok(false) };
        if !reader.read(frame)? {
            return Ok(false);
        }
        frame.captured_at = clock.now();
        frame.sequence = next;
        // Times come in the order of the frames; one that is late belongs to its own frame.
        while heard <= next
            && let Some(Ok(nanos)) = said.as_ref().map(|said| said.recv_timeout(TIME_PATIENCE))
        {
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            if times.len() == MOST_TIMES {
                times.pop_front();
            }
            times.push_back((heard, on_capture_clock(nanos, frame.captured_at)));
            heard += 1;
        }
        next += 1;
        Ok(true)
    })
}

/// A moment of the system's clock, which may or may not count the time that the system slept, on the capture clock, which does not.
fn on_capture_clock(nanos: u64, arrived: Timestamp) -> Timestamp {
    let same = Timestamp::from_nanos(nanos);
    #[cfg(target_os = "linux")]
    {
        use rustix::time::{ClockId, clock_gettime};
        let seconds = |id| {
            let now = clock_gettime(id);
            now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
        };
        let slept = seconds(ClockId::Boottime) - seconds(ClockId::Monotonic);
        let awake = same - Duration::try_from_secs_f64(slept).unwrap_or_default();
        if awake.abs_diff(arrived) < same.abs_diff(arrived) {
            return awake;
        }
    }
    same
}

impl ChildStream {
    /// Why no first frame came, and what to do.
    fn without_frame(&mut self, remedy: &str) -> String {
        let reason = match self.feed.take(&mut Frame::default(), Duration::ZERO) {
            Taken::Ended(Ok(())) => "it sends nothing".to_owned(),
            Taken::Ended(Err(reason)) => reason,
            Taken::Frame { .. } | Taken::Nothing => {
                format!("no frame came within {} s", FIRST_FRAME.as_secs())
            }
        };
        let reason = self.with_obituary(reason, Duration::from_millis(500));
        format!("{reason}. {remedy}")
    }

    /// A reason with how the program ended and what it said last.
    fn with_obituary(&mut self, reason: String, patience: Duration) -> String {
        match &mut self.program {
            Some(program) => format!("{reason}; {}", program.obituary(patience)),
            None => reason,
        }
    }

    /// The stream's own end, or why it is none.
    fn end(&mut self, outcome: Result<(), String>) -> Result<Arrival, String> {
        let ended = Arrival { ended: true, ..Arrival::default() };
        let Some(program) = &mut self.program else {
            // Nothing can be opened again.
            if let Err(reason) = outcome {
                tracing::warn!("{}: {reason}", self.device);
            }
            return Ok(ended);
        };
        let well = program.wait(END_PATIENCE).is_some_and(|status| status.success());
        match outcome {
            Ok(()) if well && self.ends => Ok(ended),
            Ok(()) => Err(program.obituary(Duration::ZERO)),
            Err(reason) => Err(self.with_obituary(reason, Duration::ZERO)),
        }
    }
}

impl Stream for ChildStream {
    fn choice(&self) -> Choice {
        self.choice
    }

    fn read(&mut self, frame: &mut Frame, timeout: Duration, _: &dyn Clock) -> Result<Arrival, String> {
        match self.feed.take(frame, timeout) {
            Taken::Nothing => Ok(Arrival::default()),
            Taken::Ended(outcome) => self.end(outcome),
            Taken::Frame { passed_over } => {
                self.has_begun = true;
                let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
                while times.front().is_some_and(|(number, _)| *number < frame.sequence) {
                    times.pop_front();
                }
                let reported = times.front().filter(|(number, _)| *number == frame.sequence).map(|(_, time)| *time);
                // Counters of drivers have 32 bits and wrap around.
                let sequence = Some(frame.sequence as u32);
                Ok(Arrival { sequence, reported, passed_over, ..Arrival::default() })
            }
        }
    }

    fn patience(&self) -> Duration {
        let patience = self.patience.unwrap_or(Duration::MAX);
        if self.has_begun { patience } else { patience.max(FIRST_FRAME) }
    }

    fn silence(&self) -> Option<String> {
        Some(self.program.as_ref()?.last_words()).filter(|words| !words.is_empty())
    }
}

impl Drop for ChildStream {
    fn drop(&mut self) {
        // The feed's thread waits for what this program writes.
        self.program = None;
    }
}
