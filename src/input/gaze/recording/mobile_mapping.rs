use std::path::{Path, PathBuf};

use super::files::damaged;
use super::{GazeRecording, Parts, RecordingFormat, UNKNOWN_FRAME, table};
use crate::error::{ImageError, Result};
use crate::geometry::{Point, Size};

/// The table of gaze in the preprocessing's output.
pub const GAZE: &str = "gazeData_world.tsv";
/// Times of frames, if there: `frame_idx,pts_s`.
const FRAMES: &str = "frame_pts.csv";

const GAZE_COLUMNS: [&str; 5] = ["timestamp", "frame_idx", "confidence", "norm_pos_x", "norm_pos_y"];

/// Reads a table of gaze, which is normalised with a top-left origin. The size of the frame is that of the first image in
/// `frames/` beside it.
///
/// # Errors
/// If a file cannot be read or a row is wrong.
pub fn read(gaze: &Path) -> Result<GazeRecording> {
    let folder = gaze.parent().unwrap_or(Path::new("."));
    let size = frame_size(folder)?.unwrap_or(UNKNOWN_FRAME);
    let rows = table::read(gaze, b'\t', GAZE_COLUMNS)?;
    let mut samples = Vec::with_capacity(rows.len());
    for [time, _, confidence, x, y] in &rows {
        let at = nanos(*time).ok_or_else(|| damaged(gaze, format!("{time} is no time in milliseconds")))?;
        let point = Point::new((x * f64::from(size.width)) as f32, (y * f64::from(size.height)) as f32);
        samples.push((at, point, *confidence as f32));
    }
    let frames = frames(folder, &rows)?;
    let parts = Parts {
        format: RecordingFormat::MobileGazeMapping,
        size,
        intrinsics: None,
        samples,
        fixations: Vec::new(),
        blinks: Vec::new(),
        frames,
    };
    Ok(parts.assemble(gaze)?)
}

/// Frames count their time from their first one, gaze from elsewhere. A sample belongs to the frame that was taken last
/// before it, so the frames begin at the earliest moment that puts no sample before its frame.
fn frames(folder: &Path, rows: &[[f64; 5]]) -> Result<Vec<i64>> {
    let path = folder.join(FRAMES);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let times: Vec<(usize, i64)> = table::read(&path, b',', ["frame_idx", "pts_s"])?
        .into_iter()
        .filter_map(|[index, seconds]| Some((index as usize, nanos(seconds * 1e3)?)))
        .collect();
    let start = rows.iter().filter_map(|[time, index, ..]| {
        let (_, frame) = times.get(*index as usize).filter(|(listed, _)| *listed == *index as usize)?;
        Some(nanos(*time)? - frame)
    });
    let start = start.min().ok_or_else(|| damaged(&path, "no frame in it that a sample belongs to"))?;
    // Times that lie too far apart are refused with the others.
    Ok(times.into_iter().map(|(_, at)| start.saturating_add(at)).collect())
}

/// Whole nanoseconds; `None` for what is no time.
fn nanos(millis: f64) -> Option<i64> {
    (millis.abs() < 4e12).then_some((millis * 1e6).round() as i64)
}

/// The size of the first image of the frames, by name.
fn frame_size(folder: &Path) -> Result<Option<Size>> {
    let Ok(entries) = std::fs::read_dir(folder.join("frames")) else { return Ok(None) };
    let images: Option<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("png")))
        .min();
    let Some(path) = images else { return Ok(None) };
    let (width, height) = image::image_dimensions(&path)
        .map_err(|e| ImageError::Undecodable { what: path.display().to_string(), reason: e.to_string() })?;
    Ok(Some(Size::new(width, height)))
}
