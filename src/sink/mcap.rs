//! The sink `mcap:FILE`: a recording of the run, which can be replayed.

mod annotations;
mod file;
mod parts;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Value, json};

use super::ndjson::{FrameLines, SummaryLine};
use super::{Place, Sink, SinkAddress, StreamInfo};
use crate::address::{self, AddressError};
use crate::error::{Error, RecordingError, Result};
use crate::geometry::Intrinsics;
use crate::mask::Contours;
use crate::record::{Event, FrameRecord};
use crate::recording::{ImageForm, RECORDING_VERSION, SessionMessage, StepMessage, Topic, encode_image};
use crate::session::{Setup, Step, Trace};
use crate::time::{Clock, MonotonicClock, Timestamp};

use annotations::annotations;
use file::{Broken, McapFile, Message};
use parts::Parts;

pub use parts::part_path;

/// Smallest part of a recording.
const LEAST_SIZE: u64 = 1 << 20;
/// Most bytes of one frame that is recorded.
const MAX_FRAME: usize = 256 << 20;

/// How a [`McapSink`] records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct McapOptions {
    /// Begins another file before one is larger than so many bytes.
    pub max_size: Option<u64>,
    /// Begins another file after so long.
    pub segment: Option<Duration>,
    /// Keeps so many files and deletes the oldest of its own.
    pub max_files: Option<u32>,
    /// How frames without a compression of their own are stored.
    pub frames: ImageForm,
    /// Records where the user looks. Off by default: raw gaze is private.
    pub share_gaze: bool,
}

/// Reads the place of `mcap:FILE`, options as [`McapOptions`].
pub(super) fn address(place: Option<&str>) -> Result<SinkAddress, AddressError> {
    let (path, query) = address::path_and_query(place)?;
    let (path, options) = (PathBuf::from(path), McapOptions::parse(query)?);
    let writes = Place::File(path.clone());
    let text = format!("mcap:{}", place.unwrap_or_default());
    Ok(SinkAddress::new(text, writes, move || McapSink::create(&path, options)).recording())
}

impl McapOptions {
    fn parse(query: &str) -> Result<Self, AddressError> {
        let mut options = McapOptions::default();
        let known = ["max_size", "max_files", "segment_seconds", "frames", "share_gaze"];
        address::options(query, &known, |key, value| {
            match key {
                "max_size" => options.max_size = Some(at_least_one_part(address::bytes(value)?)?),
                "max_files" => options.max_files = Some(address::count(key, value)?),
                "segment_seconds" => {
                    options.segment = Some(Duration::from_secs(address::count(key, value)?.into()));
                }
                "frames" => {
                    options.frames = match value {
                        "png" => ImageForm::Png,
                        "raw" => ImageForm::Raw,
                        _ => return Err(format!("`frames` is `{value}`: give png or raw")),
                    }
                }
                _ => options.share_gaze = address::yes_or_no(key, value)?,
            }
            Ok(())
        })?;
        if options.max_files.is_some() && options.max_size.is_none() && options.segment.is_none() {
            return Err(
                "`max_files` says how many files are kept: say with `max_size` or `segment_seconds` when one is full"
                    .to_owned()
                    .into(),
            );
        }
        Ok(options)
    }
}

fn at_least_one_part(bytes: u64) -> Result<u64, String> {
    match bytes {
        LEAST_SIZE.. => Ok(bytes),
        _ => Err(format!("`max_size` is {bytes} bytes: give 1M or more")),
    }
}

/// Records a run into MCAP files: what the session is given and what comes out, frame by frame. `docs/recording.md` describes every
/// topic.
///
/// What came is in the file after at most half a second, whatever becomes of this program. When writing fails, the recording ends
/// behind what is whole, and everything that follows is refused and so counted.
pub struct McapSink {
    name: String,
    options: McapOptions,
    parts: Parts,
    /// Common to the parts of the run.
    run: String,
    stream: StreamInfo,
    state: State,
    /// The time of day at zero of the capture clock, in nanoseconds.
    clock_ahead_ns: u64,
    /// When the present part was begun, in nanoseconds since 1970.
    part_from: u64,
    session: Option<SessionMessage>,
    /// Bytes of the present frame beside its image, and the most of any frame.
    beside: usize,
    most_beside: usize,
    lines: FrameLines,
    contours: Contours,
    image: String,
}

enum State {
    Open(Box<McapFile<File>>),
    /// Writing failed, or it is finished.
    Stopped,
}

impl McapSink {
    /// Records into the new file `path`.
    ///
    /// # Errors
    /// [`RecordingError::Exists`], or if it cannot be created.
    pub fn create(path: &Path, options: McapOptions) -> Result<Self> {
        let parts = Parts::new(path, options.max_files);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let run = format!("{:016x}", now ^ u64::from(std::process::id()).rotate_left(48));
        let mut sink = McapSink {
            name: format!("mcap:{}", path.display()),
            options,
            parts,
            run,
            stream: StreamInfo::default(),
            state: State::Stopped,
            clock_ahead_ns: now.saturating_sub(MonotonicClock.now().as_nanos()),
            part_from: 0,
            session: None,
            beside: 0,
            most_beside: 0,
            lines: FrameLines::default(),
            contours: Contours::default(),
            image: String::new(),
        };
        // It can be opened from now on.
        sink.begin_part(now)?;
        Ok(sink)
    }

    /// Nanoseconds since 1970 at a moment of the capture clock.
    fn unix(&self, at: Timestamp) -> u64 {
        self.clock_ahead_ns.saturating_add(at.as_nanos())
    }

    /// Adds a message, in a new part if the present one has no room for it.
    fn add(&mut self, topic: Topic, sequence: u64, at: u64, data: &[u8]) -> Result<()> {
        let file = match &mut self.state {
            State::Open(file) => file,
            State::Stopped => return Err(self.stopped()),
        };
        let added = file.write(&Message { topic, sequence, at, data });
        added.map_err(|broken| self.stop(broken))
    }

    fn add_json(&mut self, topic: Topic, sequence: u64, at: u64, value: &impl Serialize) -> Result<()> {
        let data = serde_json::to_vec(value).map_err(|error| self.stop(Broken { source: error.into(), lost: 0 }))?;
        self.beside += data.len();
        self.add(topic, sequence, at, &data)
    }

    /// Writes the present chunk if it is time for it.
    fn tick(&mut self) -> Result<()> {
        let State::Open(file) = &mut self.state else { return Ok(()) };
        file.tick().map_err(|broken| self.stop(broken))
    }

    /// Ends the recording behind what is whole.
    fn stop(&mut self, Broken { source, lost }: Broken) -> Error {
        if let State::Open(file) = std::mem::replace(&mut self.state, State::Stopped) {
            file.give_up();
        }
        RecordingError::Stopped { path: self.parts.present().to_owned(), lost, source }.into()
    }

    fn stopped(&self) -> Error {
        RecordingError::After { path: self.parts.present().to_owned() }.into()
    }

    /// Begins the next part, at `at`.
    fn begin_part(&mut self, at: u64) -> Result<()> {
        let file = self.parts.create_next()?;
        let begun = McapFile::begin(file).map_err(|source| Broken { source, lost: 0 });
        self.state = State::Open(Box::new(begun.map_err(|broken| self.stop(broken))?));
        self.part_from = at;
        self.write_session(at)
    }

    /// Writes what holds for the whole run, if it is known yet.
    fn write_session(&mut self, at: u64) -> Result<()> {
        if let Some(mut session) = self.session.take() {
            session.part = self.parts.number();
            let (intrinsics, size) = (session.intrinsics, session.size);
            let written = self.add_json(Topic::Session, 0, at, &session);
            self.session = Some(session);
            written?;
            if let Some(intrinsics) = intrinsics {
                let calibration = calibration(intrinsics, size, &time(at), self.frame_id());
                self.add_json(Topic::Calibration, 0, at, &calibration)?;
            }
        }
        let State::Open(file) = &mut self.state else { return Ok(()) };
        file.write_chunk().map_err(|broken| self.stop(broken))
    }

    /// Makes room for a frame at `at` whose image takes `bytes`.
    fn make_room(&mut self, at: u64, bytes: usize) -> Result<()> {
        self.most_beside = self.most_beside.max(std::mem::take(&mut self.beside));
        let State::Open(file) = &self.state else { return Ok(()) };
        // What comes beside the image is not known yet.
        let expected = bytes + 2 * self.most_beside;
        let is_full = self.options.max_size.is_some_and(|most| file.size_with(expected) > most);
        let is_over =
            self.options.segment.is_some_and(|most| u128::from(at.saturating_sub(self.part_from)) >= most.as_nanos());
        if !is_full && !is_over {
            return Ok(());
        }
        if let State::Open(file) = std::mem::replace(&mut self.state, State::Stopped) {
            file.end().map_err(|broken| self.stop(broken))?;
        }
        self.begin_part(at)
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        let frame = &*step.frame;
        let at = self.unix(frame.captured_at);
        if frame.data.len() > MAX_FRAME {
            let (path, size) = (self.parts.present().to_owned(), frame.size);
            return Err(RecordingError::TooLarge { path, size }.into());
        }
        let mut image = std::mem::take(&mut self.image);
        let encoded = encode_image(frame, self.options.frames, at, self.frame_id(), &mut image);
        let written = encoded.and_then(|(topic, stored)| {
            self.make_room(at, image.len())?;
            self.add(topic, frame.sequence, at, image.as_bytes())?;
            self.add_json(Topic::Step, frame.sequence, at, &StepMessage::new(step, stored))
        });
        self.image = image;
        written
    }

    fn session_of(&self, setup: &Setup) -> SessionMessage {
        SessionMessage {
            version: RECORDING_VERSION,
            program: concat!("foveate ", env!("CARGO_PKG_VERSION")).into(),
            run: self.run.clone(),
            part: self.parts.number(),
            source: self.stream.source.clone(),
            camera: self.stream.camera.clone(),
            size: [self.stream.size.width, self.stream.size.height],
            model: self.stream.model.clone(),
            kernels: crate::engine::kernels_name().into(),
            share_gaze: self.options.share_gaze,
            clock_ahead_ns: self.clock_ahead_ns,
            config: setup.config,
            identity: setup.model.as_deref().cloned(),
            looks_closer: setup.looks_closer,
            intrinsics: setup.intrinsics,
        }
    }

    /// What images and annotations are of.
    fn frame_id(&self) -> &str {
        self.stream.camera.as_deref().unwrap_or("camera")
    }
}

impl Sink for McapSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn shares_gaze(&self) -> bool {
        self.options.share_gaze
    }

    fn traces(&self) -> bool {
        true
    }

    fn begin(&mut self, stream: &StreamInfo) -> Result<()> {
        self.stream = stream.clone();
        Ok(())
    }

    fn trace(&mut self, trace: &Trace) -> Result<()> {
        if matches!(self.state, State::Stopped) {
            // The record that follows is counted.
            return Ok(());
        }
        if self.session.is_none() {
            self.session = Some(self.session_of(&trace.setup));
            let at = trace.steps.first().map_or(0, |step| self.unix(step.frame.captured_at));
            self.part_from = at;
            self.write_session(at)?;
        }
        trace.steps.iter().try_for_each(|step| self.step(step))
    }

    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        let at = self.unix(record.captured_at);
        let annotated = annotations(record, &time(at), &mut self.contours);
        self.add_json(Topic::Annotations, record.sequence, at, &annotated)?;
        let mut lines = std::mem::take(&mut self.lines);
        let share_gaze = self.options.share_gaze;
        let written =
            lines.with(record, share_gaze, |line| self.add_json(Topic::Selections, record.sequence, at, line));
        self.lines = lines;
        written?;
        self.tick()
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        if matches!(self.state, State::Stopped) {
            // What is told of its own end is not to be told again.
            return Ok(());
        }
        let at = self.unix(MonotonicClock.now());
        self.add_json(Topic::Event, 0, at, event)?;
        self.tick()
    }

    fn idle(&mut self) -> Result<()> {
        self.tick()
    }

    fn finish(&mut self, summary: &Value) -> Result<()> {
        let at = self.unix(MonotonicClock.now());
        if matches!(self.state, State::Stopped) {
            return Ok(());
        }
        self.add_json(Topic::Summary, 0, at, &SummaryLine { summary })?;
        match std::mem::replace(&mut self.state, State::Stopped) {
            State::Open(file) => file.end().map_err(|broken| self.stop(broken)),
            _ => Ok(()),
        }
    }
}

impl Drop for McapSink {
    fn drop(&mut self) {
        if let State::Open(file) = std::mem::replace(&mut self.state, State::Stopped) {
            // Nobody is left to be told.
            let _ = file.end();
        }
    }
}

/// Nanoseconds since 1970 as Foxglove writes times.
fn time(unix_ns: u64) -> Value {
    json!({ "sec": unix_ns / 1_000_000_000, "nsec": unix_ns % 1_000_000_000 })
}

fn calibration(
    Intrinsics { fx, fy, cx, cy }: Intrinsics,
    [width, height]: [u32; 2],
    time: &Value,
    frame_id: &str,
) -> Value {
    json!({
        "timestamp": time,
        "frame_id": frame_id,
        "width": width,
        "height": height,
        "distortion_model": "",
        "D": [],
        "K": [fx, 0, cx, 0, fy, cy, 0, 0, 1],
        "R": [1, 0, 0, 0, 1, 0, 0, 0, 1],
        "P": [fx, 0, cx, 0, 0, fy, cy, 0, 0, 0, 1, 0],
    })
}

#[cfg(test)]
mod tests;
