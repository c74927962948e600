//! Recordings of eye trackers, known by what is in their folder and in the first row of their tables.

mod device;
mod dtype;
mod files;
mod mobile_mapping;
mod neon;
mod order;
mod pupil_cloud;
mod pupil_core;
mod replay;
mod table;

use std::path::Path;
use std::time::Duration;

use crate::error::{ConfigError, Result};
use crate::geometry::{Intrinsics, Point, Size};
use crate::select::GazeSample;
use crate::time::Timestamp;

use order::{Timed, in_order};
use table::{Column, Table};

pub use replay::{GazeReplay, address};

/// Longest recording that is read: more is a broken time.
const MAX_LENGTH: Duration = Duration::from_secs(7 * 24 * 3600);

/// Stands in for the frame of a recording that does not give its size.
const UNKNOWN_FRAME: Size = Size::new(1280, 720);

/// Who wrote a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingFormat {
    /// Pupil Labs Neon's own folder: `gaze ps1.raw` and `gaze ps1.time`, and so on.
    NeonNative,
    /// Pupil Invisible's own folder, with the same files of gaze and a smaller scene camera.
    InvisibleNative,
    /// An export of Pupil Cloud or Neon Player: `gaze.csv`, in pixels.
    PupilCloud,
    /// An export of Pupil Player: `gaze_positions.csv`.
    PupilCore,
    /// The output of mobile gaze mapping's preprocessing: `gazeData_world.tsv`.
    MobileGazeMapping,
}

/// A stretch of time in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedSpan {
    /// Its first moment.
    pub start: Timestamp,
    /// Its last moment.
    pub end: Timestamp,
}

impl RecordedSpan {
    /// Whether it was under way at that moment, both ends included.
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.start..=self.end).contains(&at)
    }
}

/// A fixation that the recording's own software found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordedFixation {
    /// When it was.
    pub span: RecordedSpan,
    /// Mean gaze, in pixels of the recording's frame.
    pub point: Point,
}

/// A whole recording in memory.
///
/// Times count from the recording's first sample or scene frame, whichever is earlier. Points are pixels of a frame of
/// [`size`](Self::size), top-left origin, with the lens distortion of the scene camera.
#[derive(Clone, Debug, PartialEq)]
pub struct GazeRecording {
    /// Who wrote it.
    pub format: RecordingFormat,
    /// The scene camera's frame. A format that gives gaze as fractions of a frame whose size it does not give has a frame of
    /// 1280x720 here.
    pub size: Size,
    /// The scene camera without its lens distortion, if the recording has its calibration.
    pub intrinsics: Option<Intrinsics>,
    /// In the order of time. Confidence is the format's own where it has one; on Neon it is 1 while the glasses are worn and
    /// 0 otherwise and during blinks. What is not a number is given as the last known point, with confidence 0.
    pub samples: Vec<GazeSample>,
    /// Empty if the recording has none.
    pub fixations: Vec<RecordedFixation>,
    /// Empty if the recording has none.
    pub blinks: Vec<RecordedSpan>,
    /// When the scene camera's frames were taken; empty if the recording does not say.
    pub frames: Vec<Timestamp>,
    /// What was damaged and left out, and what had to be assumed, a sentence each.
    pub notes: Vec<String>,
}

impl GazeRecording {
    /// Reads a recording: its folder, or the file with gaze in it.
    ///
    /// # Errors
    /// If nothing known is there, a file cannot be read, is truncated, or holds what is no gaze.
    pub fn read(path: &Path) -> Result<Self> {
        let recording = Self::read_silently(path)?;
        for note in &recording.notes {
            tracing::warn!("{}: {note}", path.display());
        }
        Ok(recording)
    }

    fn read_silently(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            let raw = path.extension().is_some_and(|ending| ending == "raw");
            return if raw { neon::read(path.parent().unwrap_or(Path::new("."))) } else { read_table(path) };
        }
        if neon::is_one(path) {
            return neon::read(path);
        }
        let named = [mobile_mapping::GAZE, pupil_cloud::GAZE].map(|name| path.join(name));
        let found = named.into_iter().find(|table| table.is_file()).or_else(|| pupil_core::find(path));
        match found {
            Some(table) => read_table(&table),
            None => Err(unknown(path, "no gaze recording").into()),
        }
    }

    /// The same for a frame of `size`: points and intrinsics scaled, each axis by itself.
    pub fn scaled_to(mut self, size: Size) -> Self {
        let (sx, sy) = self.size.ratio_to(size);
        let moved = |p: Point| Point::new(p.x * sx, p.y * sy);
        self.samples.iter_mut().for_each(|s| s.point = moved(s.point));
        self.fixations.iter_mut().for_each(|f| f.point = moved(f.point));
        self.intrinsics =
            self.intrinsics.map(|k| Intrinsics { fx: k.fx * sx, fy: k.fy * sy, cx: k.cx * sx, cy: k.cy * sy });
        self.size = size;
        self
    }

    /// Its first scene frame; the recording's start if it has none.
    pub fn first_frame(&self) -> Timestamp {
        self.frames.first().copied().unwrap_or(Timestamp::ZERO)
    }
}

/// Reads a table of gaze, whose first row says whose it is.
fn read_table(path: &Path) -> Result<GazeRecording> {
    let (_, columns) = table::columns(path)?;
    let named = |known: &[&str]| known.iter().filter(|name| columns.iter().any(|column| column == *name)).count();
    let (cloud, core) = (named(&pupil_cloud::KNOWN_BY), named(&pupil_core::KNOWN_BY));
    let mapping = named(&mobile_mapping::KNOWN_BY);
    // The nearest format says which column is lacking.
    match cloud.max(core).max(mapping) {
        0 => Err(unknown(path, "no known columns of gaze in its first line").into()),
        most if most == cloud => pupil_cloud::read(path),
        most if most == core && columns.iter().any(|column| column == pupil_core::KNOWN_BY[0]) => {
            pupil_core::read(path)
        }
        _ => mobile_mapping::read(path),
    }
}

fn unknown(path: &Path, what: &str) -> ConfigError {
    let reason = format!(
        "{what}: give a folder with `gaze ps1.raw` (the native data of Neon or Invisible), `gaze.csv` (an export of Pupil Cloud), \
         `gaze_positions.csv` (an export of Pupil Player) or `gazeData_world.tsv` (mobile gaze mapping), or such a table"
    );
    ConfigError::Invalid { origin: path.display().to_string(), reason }
}

/// What `read` gives; a recording does without what is damaged beside its gaze, and says so.
fn side<T>(notes: &mut Vec<String>, path: &Path, read: impl FnOnce(&Path) -> Result<T>) -> Option<T> {
    read(path).map_err(|error| notes.push(format!("left out: {error}"))).ok()
}

/// The rows of a table beside that of gaze; none if it is not there or damaged.
fn side_table<T, const N: usize>(
    notes: &mut Vec<String>,
    folder: &Path,
    name: &str,
    columns: [Column; N],
    row: impl Fn([&str; N]) -> Result<T, String>,
) -> Vec<T> {
    let path = folder.join(name);
    if !path.is_file() {
        return Vec::new();
    }
    let table: Option<Table<T>> = side(notes, &path, |path| table::read(path, columns, row));
    notes.extend(table.as_ref().and_then(|table| table.note(&path)));
    table.map(|table| table.rows.into_iter().map(|(_, row)| row).collect()).unwrap_or_default()
}

/// The times of frames in a table.
fn frames(
    notes: &mut Vec<String>,
    folder: &Path,
    name: &str,
    column: Column,
    time: impl Fn(&str) -> Result<i64, String>,
) -> Vec<i64> {
    let times = side_table(notes, folder, name, [column], |[text]| time(text));
    in_one_order(notes, name, times)
}

/// The times of frames without those that do not fit; none of a clock that was set back.
fn in_one_order(notes: &mut Vec<String>, name: &str, times: Vec<i64>) -> Vec<i64> {
    let rows: Vec<Timed<()>> =
        times.into_iter().enumerate().map(|(i, at)| Timed { place: i as u64 + 1, at, what: () }).collect();
    match in_order(&rows, "frame") {
        Ok((kept, found)) => {
            notes.extend(found.into_iter().map(|note| format!("`{name}`: {note}")));
            kept.into_iter().map(|row| row.at).collect()
        }
        Err(reason) => {
            notes.push(format!("`{name}` left out: {reason}"));
            Vec::new()
        }
    }
}

/// Where gaze was, and how surely.
#[derive(Clone, Copy, Debug)]
struct Measured {
    point: Point,
    confidence: f32,
}

/// What a format's reader found, with the format's own times in nanoseconds.
struct Parts {
    format: RecordingFormat,
    size: Size,
    intrinsics: Option<Intrinsics>,
    /// As they stand in the recording.
    samples: Vec<Timed<Measured>>,
    /// What their places count.
    unit: &'static str,
    fixations: Vec<(i64, i64, Point)>,
    blinks: Vec<(i64, i64)>,
    frames: Vec<i64>,
    notes: Vec<String>,
}

impl Parts {
    /// Puts all in the order of time and on one time line.
    ///
    /// # Errors
    /// No sample, or times that no recording spans; they name `origin`.
    fn assemble(mut self, origin: &Path) -> Result<GazeRecording, ConfigError> {
        let invalid =
            |reason: &str| ConfigError::Invalid { origin: origin.display().to_string(), reason: reason.into() };
        let (samples, notes) = in_order(&self.samples, self.unit).map_err(|reason| invalid(&reason))?;
        self.notes.extend(notes);
        self.fixations.sort_by_key(|(start, ..)| *start);
        self.blinks.sort_unstable();
        self.frames.sort_unstable();
        let Some(first) = samples.first().map(|row| row.at) else { return Err(invalid("no gaze sample in it")) };
        let start = self.frames.first().map_or(first, |frame| first.min(*frame));
        let all = samples.iter().map(|row| row.at).chain(self.frames.iter().copied());
        let length = all.max().unwrap_or(start).checked_sub(start);
        if length.is_none_or(|length| length as u128 > MAX_LENGTH.as_nanos()) {
            return Err(invalid("its times lie more than a week apart: the file is damaged"));
        }
        // Fixations and blinks may begin before the first sample; those times cannot be distinguished from the start.
        let at = |nanos: i64| Timestamp::from_nanos(nanos.saturating_sub(start).max(0) as u64);
        let span = |(start, end): (i64, i64)| RecordedSpan { start: at(start), end: at(end.max(start)) };
        let mut last = Point::new(self.size.width as f32 / 2.0, self.size.height as f32 / 2.0);
        let sample = |Timed { at: nanos, what: Measured { point, confidence }, .. }: Timed<Measured>| {
            let seen = point.is_finite();
            last = if seen { point } else { last };
            let confidence = if seen && confidence.is_finite() { confidence.clamp(0.0, 1.0) } else { 0.0 };
            GazeSample { at: at(nanos), point: last, confidence }
        };
        Ok(GazeRecording {
            format: self.format,
            size: self.size,
            intrinsics: self.intrinsics,
            samples: samples.into_iter().map(sample).collect(),
            fixations: self
                .fixations
                .into_iter()
                .filter(|(.., point)| point.is_finite())
                .map(|(start, end, point)| RecordedFixation { span: span((start, end)), point })
                .collect(),
            blinks: self.blinks.into_iter().map(span).collect(),
            frames: self.frames.into_iter().map(at).collect(),
            notes: self.notes,
        })
    }
}
