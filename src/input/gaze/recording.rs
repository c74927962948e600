//! Recordings of eye trackers, distinguished by the files in their folder.

mod dtype;
mod files;
mod mobile_mapping;
mod neon;
mod pupil_core;
mod replay;
mod table;

use std::path::Path;
use std::time::Duration;

use crate::error::{ConfigError, Result};
use crate::geometry::{Intrinsics, Point, Size};
use crate::select::GazeSample;
use crate::time::Timestamp;

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
}

impl GazeRecording {
    /// Reads a recording: its folder, or the file with gaze in it.
    ///
    /// # Errors
    /// If nothing known is there, a file cannot be read, is truncated, or holds what is no gaze.
    pub fn read(path: &Path) -> Result<Self> {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new(".")) };
        let named = |ending: &str| path.is_file() && path.to_string_lossy().ends_with(ending);
        if path.is_dir() && neon::is_one(folder) || named(".raw") {
            neon::read(folder)
        } else if named(".tsv") {
            mobile_mapping::read(path)
        } else if path.is_dir() && folder.join(mobile_mapping::GAZE).is_file() {
            mobile_mapping::read(&folder.join(mobile_mapping::GAZE))
        } else if named(".csv") {
            pupil_core::read(path)
        } else if let Some(gaze) = path.is_dir().then(|| pupil_core::find(folder)).flatten() {
            pupil_core::read(&gaze)
        } else {
            let reason = "no gaze recording: give a folder with `gaze ps1.raw` (Neon), `gaze_positions.csv` (an export of \
                          Pupil Player) or `gazeData_world.tsv` (mobile gaze mapping)";
            // A path that is not there, or may not be read, says so itself.
            path.metadata().map_err(crate::error::IoError::when("read", path))?;
            Err(ConfigError::Invalid { origin: path.display().to_string(), reason: reason.into() }.into())
        }
    }

    /// The same for a frame of `size`: points and intrinsics scaled, each axis by itself.
    pub fn scaled_to(mut self, size: Size) -> Self {
        let scale = |to: u32, from: u32| to as f32 / from.max(1) as f32;
        let (sx, sy) = (scale(size.width, self.size.width), scale(size.height, self.size.height));
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

/// What a format's reader found, with the format's own times in nanoseconds.
struct Parts {
    format: RecordingFormat,
    size: Size,
    intrinsics: Option<Intrinsics>,
    samples: Vec<(i64, Point, f32)>,
    fixations: Vec<(i64, i64, Point)>,
    blinks: Vec<(i64, i64)>,
    frames: Vec<i64>,
}

impl Parts {
    /// Puts all in the order of time and on one time line.
    ///
    /// # Errors
    /// No sample, or times that no recording spans; they name `origin`.
    fn assemble(mut self, origin: &Path) -> Result<GazeRecording, ConfigError> {
        let invalid =
            |reason: &str| ConfigError::Invalid { origin: origin.display().to_string(), reason: reason.into() };
        self.samples.sort_by_key(|(at, ..)| *at);
        self.fixations.sort_by_key(|(start, ..)| *start);
        self.blinks.sort_unstable();
        self.frames.sort_unstable();
        let Some((first, ..)) = self.samples.first() else { return Err(invalid("no gaze sample in it")) };
        let start = self.frames.first().map_or(*first, |frame| *first.min(frame));
        let all = self.samples.iter().map(|(at, ..)| *at).chain(self.frames.iter().copied());
        let length = all.max().unwrap_or(start).checked_sub(start);
        if length.is_none_or(|length| length as u128 > MAX_LENGTH.as_nanos()) {
            return Err(invalid("its times lie more than a week apart: the file is damaged"));
        }
        // Fixations and blinks may begin before the first sample; those times cannot be distinguished from the start.
        let at = |nanos: i64| Timestamp::from_nanos(nanos.saturating_sub(start).max(0) as u64);
        let span = |(start, end): (i64, i64)| RecordedSpan { start: at(start), end: at(end.max(start)) };
        let mut last = Point::new(self.size.width as f32 / 2.0, self.size.height as f32 / 2.0);
        let sample = |(nanos, point, confidence): (i64, Point, f32)| {
            let seen = point.is_finite();
            last = if seen { point } else { last };
            let confidence = if seen && confidence.is_finite() { confidence.clamp(0.0, 1.0) } else { 0.0 };
            GazeSample { at: at(nanos), point: last, confidence }
        };
        Ok(GazeRecording {
            format: self.format,
            size: self.size,
            intrinsics: self.intrinsics,
            samples: self.samples.into_iter().map(sample).collect(),
            fixations: self
                .fixations
                .into_iter()
                .filter(|(.., point)| point.is_finite())
                .map(|(start, end, point)| RecordedFixation { span: span((start, end)), point })
                .collect(),
            blinks: self.blinks.into_iter().map(span).collect(),
            frames: self.frames.into_iter().map(at).collect(),
        })
    }
}
