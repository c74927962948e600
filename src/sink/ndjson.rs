use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::address::{self, AddressError};
use crate::error::{IoError, Result};
use crate::geometry::{BoundingBox, Point};
use crate::mask::Rle;
use crate::output::open_alone;
use crate::track::{ObjectId, ObjectState};

use super::{Place, Sink, SinkAddress, StreamInfo};
use crate::record::{Event, FrameRecord, ObjectRecord};

/// Version of the wire format that is written, see `docs/wire-format.md`.
pub const WIRE_VERSION: u32 = 1;

/// How an [`NdjsonSink`] writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NdjsonOptions {
    /// Writes where the user looks with each frame. Off by default: raw gaze is private.
    pub share_gaze: bool,
}

/// Reads the place of `ndjson:PATH` or `ndjson:-`, option `share_gaze=true`.
pub(super) fn address(place: Option<&str>) -> Result<SinkAddress, AddressError> {
    let (path, query) = address::path_and_query(place)?;
    let (path, options) = (PathBuf::from(path), NdjsonOptions::parse(query)?);
    let text = format!("ndjson:{}", place.unwrap_or_default());
    Ok(match path.as_os_str() == "-" {
        true => SinkAddress::to_stdout(text, move || Ok(NdjsonSink::stdout(options))),
        false => SinkAddress::new(text, Place::File(path.clone()), move || NdjsonSink::create(&path, options)),
    }
    .shared())
}

impl NdjsonOptions {
    fn parse(query: &str) -> Result<Self, AddressError> {
        let mut options = NdjsonOptions::default();
        address::options(query, &["share_gaze"], |key, value| {
            options.share_gaze = address::yes_or_no(key, value)?;
            Ok(())
        })?;
        Ok(options)
    }
}

/// Writes one JSON object a line: a header, frames and events, a summary. `docs/wire-format.md` describes each field.
///
/// A line leaves in one write, and its buffers are reused. After a failed write the next line begins with a line feed, so that
/// a torn line spoils no other. Several cameras may write to one place; each line then names its camera.
pub struct NdjsonSink {
    name: String,
    path: PathBuf,
    out: SharedLines,
    options: NdjsonOptions,
    camera: Option<String>,
    line: Vec<u8>,
    frames: FrameLines,
}

/// Where lines go; clones write to one place, line by line.
#[derive(Clone)]
struct SharedLines(Arc<Mutex<Lines>>);

struct Lines {
    out: Box<dyn Write + Send>,
    /// Headers that wait for those of other cameras: a pipe without a reader keeps what is written first.
    headers: Vec<u8>,
    /// Cameras whose headers are not there yet.
    awaited: usize,
    /// The last line was not written to its end.
    torn: bool,
}

impl NdjsonSink {
    /// Writes to a new file, or to a named pipe once somebody reads it; an old file of that name is replaced.
    ///
    /// # Errors
    /// If the file cannot be created, or another run is writing it.
    pub fn create(path: &Path, options: NdjsonOptions) -> Result<Self> {
        let file = open_alone(path).map_err(IoError::when("create", path))?;
        Ok(NdjsonSink::new(format!("ndjson:{}", path.display()), path, file, options))
    }

    /// Writes to standard output.
    pub fn stdout(options: NdjsonOptions) -> Self {
        NdjsonSink::new("ndjson:-".into(), Path::new("standard output"), std::io::stdout(), options)
    }

    /// Writes to `out`; `path` is what errors call it.
    pub fn new(name: String, path: &Path, out: impl Write + Send + 'static, options: NdjsonOptions) -> Self {
        NdjsonSink {
            name,
            path: path.to_path_buf(),
            out: SharedLines(Arc::new(Mutex::new(Lines {
                out: Box::new(out),
                headers: Vec::new(),
                awaited: 1,
                torn: false,
            }))),
            options,
            camera: None,
            line: Vec::new(),
            frames: FrameLines::default(),
        }
    }

    fn write(&mut self, kind: &'static str, value: &impl Serialize) -> Result<()> {
        let line = Line { kind, camera: self.camera.as_deref(), value };
        let written = self.out.lock().write(&mut self.line, &line);
        written.map_err(|e| IoError::when("write", &self.path)(e).into())
    }
}

impl SharedLines {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        // A panic in a write leaves at worst a torn line, which the next one knows.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Lines {
    /// Writes a header, together with those of the other cameras.
    fn write_header(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.headers, value)?;
        self.headers.push(b'\n');
        self.awaited = self.awaited.saturating_sub(1);
        if self.awaited == 0 { self.write_headers() } else { Ok(()) }
    }

    fn write_headers(&mut self) -> io::Result<()> {
        self.torn = !self.headers.is_empty();
        self.out.write_all(&std::mem::take(&mut self.headers))?;
        self.torn = false;
        Ok(())
    }

    fn write(&mut self, line: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
        if !self.headers.is_empty() {
            self.write_headers()?;
        }
        line.clear();
        if self.torn {
            line.push(b'\n');
        }
        serde_json::to_writer(&mut *line, value)?;
        line.push(b'\n');
        self.torn = true;
        self.out.write_all(line)?;
        self.torn = false;
        Ok(())
    }
}

impl Sink for NdjsonSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn shares_gaze(&self) -> bool {
        self.options.share_gaze
    }

    fn beside(&self) -> Option<Box<dyn Sink>> {
        let (name, path) = (self.name.clone(), self.path.clone());
        let (out, options) = (self.out.clone(), self.options);
        out.lock().awaited += 1;
        Some(Box::new(NdjsonSink {
            name,
            path,
            out,
            options,
            camera: None,
            line: Vec::new(),
            frames: FrameLines::default(),
        }))
    }

    fn begin(&mut self, stream: &StreamInfo) -> Result<()> {
        self.camera = stream.camera.clone();
        let header = HeaderLine {
            version: WIRE_VERSION,
            source: &stream.source,
            size: [stream.size.width, stream.size.height],
            model: &stream.model,
        };
        let line = Line { kind: "header", camera: self.camera.as_deref(), value: &header };
        let written = self.out.lock().write_header(&line);
        written.map_err(|e| IoError::when("write", &self.path)(e).into())
    }

    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        // Taken out while a line that borrows from them is written.
        let mut frames = std::mem::take(&mut self.frames);
        let written = frames.with(record, self.options.share_gaze, |line| self.write("frame", line));
        self.frames = frames;
        written
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        self.write("event", event)
    }

    fn finish(&mut self, summary: &Value) -> Result<()> {
        let written = self.write("summary", &SummaryLine { summary });
        // Also after a summary that failed: earlier lines may be buffered.
        let flushed = self.out.lock().out.flush().map_err(|e| IoError::when("write", &self.path)(e).into());
        written.and(flushed)
    }
}

/// Makes the lines of frames; its buffers are reused.
#[derive(Default)]
pub(super) struct FrameLines {
    masks: Vec<Rle>,
}

impl FrameLines {
    /// Hands the line of `record` to `write`, without its type.
    pub fn with<T>(&mut self, record: &FrameRecord, share_gaze: bool, write: impl FnOnce(&FrameLine) -> T) -> T {
        let objects = record.objects();
        if self.masks.len() < objects.len() {
            self.masks.resize_with(objects.len(), Rle::default);
        }
        for (rle, object) in self.masks.iter_mut().zip(objects) {
            rle.encode(&object.mask);
        }
        write(&FrameLine {
            frame: record.sequence,
            time_s: round(record.time_s, 1e6),
            age_ms: round(record.age.as_secs_f64() * 1e3, 1e3),
            gaze: record.gaze.filter(|_| share_gaze).map(|Point { x, y }| [x, y]),
            objects: ObjectList { objects, masks: &self.masks },
        })
    }
}

/// What was found on a frame as its line says it, without type, camera, age and gaze; two of equal text are the same to the last bit.
pub fn selections(record: &FrameRecord) -> Value {
    let text = FrameLines::default().with(record, false, |line| serde_json::to_string(&line.objects));
    // By way of the text: a 32-bit float has other digits than the same number in 64 bits.
    text.and_then(|text| serde_json::from_str(&text)).unwrap_or_default()
}

/// Drops the digits that a float cannot vouch for.
fn round(value: f64, steps_per_unit: f64) -> f64 {
    (value * steps_per_unit).round() / steps_per_unit
}

/// What every line begins with.
#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    camera: Option<&'a str>,
    #[serde(flatten)]
    value: &'a T,
}

#[derive(Serialize)]
struct HeaderLine<'a> {
    version: u32,
    source: &'a str,
    size: [u32; 2],
    model: &'a str,
}

#[derive(Serialize)]
pub(super) struct FrameLine<'a> {
    frame: u64,
    time_s: f64,
    age_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    gaze: Option<[f32; 2]>,
    objects: ObjectList<'a>,
}

struct ObjectList<'a> {
    objects: &'a [ObjectRecord],
    masks: &'a [Rle],
}

impl Serialize for ObjectList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.objects.len()))?;
        for (object, rle) in self.objects.iter().zip(self.masks) {
            let masked = object.state != ObjectState::Lost && rle.size().area() > 0;
            list.serialize_element(&ObjectEntry {
                object: object.object,
                state: object.state,
                score: object.score,
                bbox: object.bbox,
                area: object.area,
                rle: masked.then_some(rle),
            })?;
        }
        list.end()
    }
}

#[derive(Serialize)]
struct ObjectEntry<'a> {
    object: ObjectId,
    state: ObjectState,
    score: f32,
    #[serde(rename = "box")]
    bbox: Option<BoundingBox>,
    area: usize,
    rle: Option<&'a Rle>,
}

#[derive(Serialize)]
pub(super) struct SummaryLine<'a> {
    pub summary: &'a Value,
}

#[cfg(test)]
mod tests;
