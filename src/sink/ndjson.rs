use std::io::Write;
use std::path::{Path, PathBuf};

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
    let place = address::path(place)?;
    let (path, query) = place.split_once('?').unwrap_or((place, ""));
    let (path, options) = (PathBuf::from(address::path(Some(path))?), NdjsonOptions::parse(query)?);
    let text = format!("ndjson:{place}");
    Ok(match path.as_os_str() == "-" {
        true => SinkAddress::to_stdout(text, move || Ok(NdjsonSink::stdout(options))),
        false => SinkAddress::new(text, Place::File(path.clone()), move || NdjsonSink::create(&path, options)),
    })
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
/// a torn line spoils no other.
pub struct NdjsonSink {
    name: String,
    path: PathBuf,
    out: Box<dyn Write + Send>,
    options: NdjsonOptions,
    line: Vec<u8>,
    masks: Vec<Rle>,
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
            out: Box::new(out),
            options,
            line: Vec::new(),
            masks: Vec::new(),
            torn: false,
        }
    }

    fn write(&mut self, value: &impl Serialize) -> Result<()> {
        let written = write_line(&mut self.line, &mut self.out, value, self.torn);
        self.torn = written.is_err();
        written.map_err(|e| IoError::when("write", &self.path)(e).into())
    }
}

impl Sink for NdjsonSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn shares_gaze(&self) -> bool {
        self.options.share_gaze
    }

    fn begin(&mut self, stream: &StreamInfo) -> Result<()> {
        self.write(&HeaderLine {
            kind: "header",
            version: WIRE_VERSION,
            source: &stream.source,
            size: [stream.size.width, stream.size.height],
            model: &stream.model,
        })
    }

    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        let objects = record.objects();
        if self.masks.len() < objects.len() {
            self.masks.resize_with(objects.len(), Rle::default);
        }
        for (rle, object) in self.masks.iter_mut().zip(objects) {
            rle.encode(&object.mask);
        }
        // Taken out while the line that borrows them is written.
        let masks = std::mem::take(&mut self.masks);
        let written = self.write(&FrameLine {
            kind: "frame",
            frame: record.sequence,
            time_s: round(record.time_s, 1e6),
            age_ms: round(record.age.as_secs_f64() * 1e3, 1e3),
            gaze: record.gaze.filter(|_| self.options.share_gaze).map(|Point { x, y }| [x, y]),
            objects: ObjectList { objects, masks: &masks },
        });
        self.masks = masks;
        written
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        self.write(&EventLine { kind: "event", event })
    }

    fn finish(&mut self, summary: &Value) -> Result<()> {
        let written = self.write(&SummaryLine { kind: "summary", summary });
        // Also after a summary that failed: earlier lines may be buffered.
        let flushed = self.out.flush().map_err(|e| IoError::when("write", &self.path)(e).into());
        written.and(flushed)
    }
}

fn write_line(line: &mut Vec<u8>, out: &mut impl Write, value: &impl Serialize, torn: bool) -> std::io::Result<()> {
    line.clear();
    if torn {
        line.push(b'\n');
    }
    serde_json::to_writer(&mut *line, value)?;
    line.push(b'\n');
    out.write_all(line)
}

/// Drops the digits that a float cannot vouch for.
fn round(value: f64, steps_per_unit: f64) -> f64 {
    (value * steps_per_unit).round() / steps_per_unit
}

#[derive(Serialize)]
struct HeaderLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    version: u32,
    source: &'a str,
    size: [u32; 2],
    model: &'a str,
}

#[derive(Serialize)]
struct FrameLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
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
struct EventLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    event: &'a Event,
}

#[derive(Serialize)]
struct SummaryLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    summary: &'a Value,
}

#[cfg(test)]
mod tests;
