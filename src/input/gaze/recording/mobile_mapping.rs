use std::path::{Path, PathBuf};

use super::order::Timed;
use super::table::{self, Column, number, time};
use super::{GazeRecording, Measured, Parts, RecordingFormat, UNKNOWN_FRAME, side};
use crate::error::{ImageError, Result};
use crate::geometry::{Point, Size};

/// The table of gaze in the preprocessing's output.
pub const GAZE: &str = "gazeData_world.tsv";
/// Columns by which its content is known.
pub const KNOWN_BY: [&str; 5] = ["timestamp", "frame_idx", "confidence", "norm_pos_x", "norm_pos_y"];
/// Times of frames, if there: `frame_idx,pts_s`.
const FRAMES: &str = "frame_pts.csv";

/// Nanoseconds in a millisecond and in a second.
const MS: f64 = 1e6;
const S: f64 = 1e9;
/// No clock shows a larger time: 125 years, whose differences are numbers still.
const MAX_NS: u64 = 4_000_000_000_000_000_000;

/// Reads a table of gaze, which is normalised with a top-left origin. The size of the frame is that of the first image in
/// `frames/` beside it.
///
/// # Errors
/// If the table cannot be read.
pub fn read(gaze: &Path) -> Result<GazeRecording> {
    let folder = gaze.parent().unwrap_or(Path::new("."));
    let mut notes = Vec::new();
    let size = side(&mut notes, &folder.join("frames"), frame_size).flatten().unwrap_or(UNKNOWN_FRAME);
    let table = table::read(gaze, KNOWN_BY.map(Column::Needed), |[at, index, confidence, x, y]| {
        let place = [number("norm_pos_x", x)?, number("norm_pos_y", y)?];
        let point = Point::new((place[0] * f64::from(size.width)) as f32, (place[1] * f64::from(size.height)) as f32);
        let confidence = number("confidence", confidence)? as f32;
        Ok((near(at, "timestamp", MS)?, number("frame_idx", index)?, Measured { point, confidence }))
    })?;
    notes.extend(table.note(gaze));
    let frames = frames(folder, table.rows.iter().map(|(_, (at, index, _))| (*at, *index)), &mut notes);
    let samples = table.rows.into_iter().map(|(place, (at, _, what))| Timed { place, at, what }).collect();
    let parts = Parts {
        format: RecordingFormat::MobileGazeMapping,
        size,
        intrinsics: None,
        samples,
        unit: "line",
        fixations: Vec::new(),
        blinks: Vec::new(),
        frames,
        notes,
    };
    Ok(parts.assemble(gaze)?)
}

/// Frames count their time from their first one, gaze from elsewhere. A sample belongs to the frame that was taken last
/// before it, so the frames begin at the earliest moment that puts no sample before its frame.
fn frames(folder: &Path, rows: impl Iterator<Item = (i64, f64)>, notes: &mut Vec<String>) -> Vec<i64> {
    let columns = [Column::Needed("frame_idx"), Column::Needed("pts_s")];
    let times = super::side_table(notes, folder, FRAMES, columns, |[index, seconds]| {
        Ok((number("frame_idx", index)? as usize, near(seconds, "pts_s", S)?))
    });
    if times.is_empty() {
        return Vec::new();
    }
    let start = rows.filter_map(|(at, index)| {
        let (_, frame) = times.get(index as usize).filter(|(listed, _)| *listed == index as usize)?;
        Some(at - frame)
    });
    let Some(start) = start.min() else {
        notes.push(format!("`{FRAMES}` left out: no frame in it that a sample belongs to"));
        return Vec::new();
    };
    // Times that lie too far apart are refused with the others.
    times.into_iter().map(|(_, at)| start.saturating_add(at)).collect()
}

fn near(text: &str, name: &str, unit_ns: f64) -> Result<i64, String> {
    time(name, text, unit_ns).ok().filter(|at| at.unsigned_abs() < MAX_NS).ok_or_else(|| format!("`{name}` is no time"))
}

/// The size of the first image of the frames, by name.
fn frame_size(frames: &Path) -> Result<Option<Size>> {
    let Ok(entries) = std::fs::read_dir(frames) else { return Ok(None) };
    let images: Option<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("png")))
        .min();
    let Some(path) = images else { return Ok(None) };
    let (width, height) = image::image_dimensions(&path)
        .map_err(|e| ImageError::Undecodable { what: path.display().to_string(), reason: e.to_string() })?;
    Ok(Some(Size::new(width, height)))
}
