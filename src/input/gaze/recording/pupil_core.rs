use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::files::{damaged, read_if_there};
use super::order::Timed;
use super::table::{self, Column, number, time};
use super::{GazeRecording, Measured, Parts, RecordingFormat, UNKNOWN_FRAME, frames, side, side_table};
use crate::error::Result;
use crate::geometry::{Intrinsics, Point, Size};
use crate::input::gaze::neon::checked;

/// Longest `world.intrinsics`: some distortion maps are large.
const MAX_INTRINSICS_BYTES: u64 = 64 << 20;
/// Largest side of a scene camera's frame that is believed.
const MAX_SIDE: u32 = 16384;

/// Columns by which its content is known.
pub const KNOWN_BY: [&str; 4] = ["gaze_timestamp", "confidence", "norm_pos_x", "norm_pos_y"];

/// `gaze_positions.csv` in a folder, or else the first file whose name begins so.
pub fn find(folder: &Path) -> Option<PathBuf> {
    let is_gaze = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("gaze_positions") && name.ends_with(".csv")
    };
    let entries = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    // The plain name sorts first: `.` comes before `_`.
    entries.filter(is_gaze).min()
}

/// Reads an export of Pupil Player: `gaze` is its table of gaze. Fixations, blinks and the times of frames lie beside it,
/// the scene camera's intrinsics too, or in the recording's own folder two levels up.
///
/// # Errors
/// If the table of gaze cannot be read.
pub fn read(gaze: &Path) -> Result<GazeRecording> {
    let folder = gaze.parent().unwrap_or(Path::new("."));
    let mut notes = Vec::new();
    let camera = [folder.to_path_buf(), folder.join("../..")]
        .iter()
        .find_map(|folder| side(&mut notes, &folder.join("world.intrinsics"), camera).flatten());
    let (size, intrinsics) = camera.map_or((UNKNOWN_FRAME, None), |(size, camera)| (size, Some(camera)));
    // Normalised coordinates have their origin at the bottom left.
    let point = |x: &str, y: &str| -> Result<Point, String> {
        let (x, y) = (number("norm_pos_x", x)?, number("norm_pos_y", y)?);
        Ok(Point::new((x * f64::from(size.width)) as f32, ((1.0 - y) * f64::from(size.height)) as f32))
    };
    let seconds = |name: &str, text: &str| time(name, text, 1e9);
    let table = table::read(gaze, KNOWN_BY.map(Column::Needed), |[at, confidence, x, y]| {
        let confidence = number("confidence", confidence)? as f32;
        Ok((seconds("gaze_timestamp", at)?, Measured { point: point(x, y)?, confidence }))
    })?;
    notes.extend(table.note(gaze));
    let samples = table.rows.into_iter().map(|(place, (at, what))| Timed { place, at, what }).collect();
    let columns = ["start_timestamp", "duration", "norm_pos_x", "norm_pos_y"].map(Column::Needed);
    let fixations = side_table(&mut notes, folder, "fixations.csv", columns, |[start, millis, x, y]| {
        let lasts = time("duration", millis, 1e6)?;
        let start = seconds("start_timestamp", start)?;
        Ok((start, start.saturating_add(lasts), point(x, y)?))
    });
    let columns = ["start_timestamp", "end_timestamp"].map(Column::Needed);
    let blinks = side_table(&mut notes, folder, "blinks.csv", columns, |[start, end]| {
        Ok((seconds("start_timestamp", start)?, seconds("end_timestamp", end)?))
    });
    let stamp = "# timestamps [seconds]";
    let frames = frames(&mut notes, folder, "world_timestamps.csv", Column::Needed(stamp), |text| seconds(stamp, text));
    let parts = Parts {
        format: RecordingFormat::PupilCore,
        size,
        intrinsics,
        samples,
        unit: "line",
        fixations,
        blinks,
        frames,
        notes,
    };
    Ok(parts.assemble(gaze)?)
}

/// One camera of `world.intrinsics`; more keys than these say how the lens distorts.
#[derive(Deserialize)]
struct Camera {
    camera_matrix: [[f64; 3]; 3],
    resolution: (u32, u32),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Camera(Camera),
    Other(IgnoredAny),
}

/// The scene camera: the first one of the file that says its resolution.
fn camera(path: &Path) -> Result<Option<(Size, Intrinsics)>> {
    let Some(bytes) = read_if_there(path, MAX_INTRINSICS_BYTES)? else { return Ok(None) };
    let entries: BTreeMap<String, Entry> =
        rmp_serde::from_slice(&bytes).map_err(|e| damaged(path, format!("no MessagePack of cameras ({e})")))?;
    let camera = entries.into_values().find_map(|entry| match entry {
        Entry::Camera(camera) => Some(camera),
        Entry::Other(_) => None,
    });
    let Camera { camera_matrix: [[fx, _, cx], [_, fy, cy], _], resolution: (width, height) } =
        camera.ok_or_else(|| damaged(path, "no camera in it"))?;
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(damaged(path, format!("frames of {width}x{height} pixels")).into());
    }
    let size = Size::new(width, height);
    let [fx, fy, cx, cy] = [fx, fy, cx, cy].map(|value| value as f32);
    let camera = checked(Intrinsics { fx, fy, cx, cy }, size).map_err(|reason| damaged(path, reason))?;
    Ok(Some((size, camera)))
}
