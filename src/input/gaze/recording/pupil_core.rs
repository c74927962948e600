use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::files::{damaged, read_if_there};
use super::{GazeRecording, Parts, RecordingFormat, UNKNOWN_FRAME, table};
use crate::error::Result;
use crate::geometry::{Intrinsics, Point, Size};
use crate::input::gaze::neon::checked;

/// Longest `world.intrinsics`: some distortion maps are large.
const MAX_INTRINSICS_BYTES: u64 = 64 << 20;
/// Largest side of a scene camera's frame that is believed.
const MAX_SIDE: u32 = 16384;

const GAZE_COLUMNS: [&str; 4] = ["gaze_timestamp", "confidence", "norm_pos_x", "norm_pos_y"];

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
/// If a file cannot be read or a row is wrong.
pub fn read(gaze: &Path) -> Result<GazeRecording> {
    let folder = gaze.parent().unwrap_or(Path::new("."));
    let (size, intrinsics) = match camera(folder)? {
        Some((size, camera)) => (size, Some(camera)),
        None => (UNKNOWN_FRAME, None),
    };
    // Normalised coordinates have their origin at the bottom left.
    let point =
        |x: f64, y: f64| Point::new((x * f64::from(size.width)) as f32, ((1.0 - y) * f64::from(size.height)) as f32);
    let mut samples = Vec::new();
    for [time, confidence, x, y] in table::read(gaze, b',', GAZE_COLUMNS)? {
        let at = nanos(time).ok_or_else(|| damaged(gaze, format!("{time} is no time in seconds")))?;
        samples.push((at, point(x, y), confidence as f32));
    }
    let fixations = beside(folder, "fixations.csv", ["start_timestamp", "duration", "norm_pos_x", "norm_pos_y"])?;
    let fixations = fixations
        .into_iter()
        .filter_map(|[start, millis, x, y]| Some((nanos(start)?, nanos(start + millis / 1e3)?, point(x, y))));
    let blinks = beside(folder, "blinks.csv", ["start_timestamp", "end_timestamp"])?;
    let blinks = blinks.into_iter().filter_map(|[start, end]| Some((nanos(start)?, nanos(end)?)));
    let frames = beside(folder, "world_timestamps.csv", ["# timestamps [seconds]"])?;
    let frames = frames.into_iter().filter_map(|[time]| nanos(time));
    let parts = Parts {
        format: RecordingFormat::PupilCore,
        size,
        intrinsics,
        samples,
        fixations: fixations.collect(),
        blinks: blinks.collect(),
        frames: frames.collect(),
    };
    Ok(parts.assemble(gaze)?)
}

fn beside<const N: usize>(folder: &Path, name: &str, columns: [&str; N]) -> Result<Vec<[f64; N]>> {
    let path = folder.join(name);
    if path.is_file() { table::read(&path, b',', columns) } else { Ok(Vec::new()) }
}

/// Whole nanoseconds; `None` for what is no time.
fn nanos(seconds: f64) -> Option<i64> {
    (seconds.abs() < 9e9).then_some((seconds * 1e9).round() as i64)
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
fn camera(folder: &Path) -> Result<Option<(Size, Intrinsics)>> {
    for folder in [folder.to_path_buf(), folder.join("../..")] {
        let path = folder.join("world.intrinsics");
        let Some(bytes) = read_if_there(&path, MAX_INTRINSICS_BYTES)? else { continue };
        let entries: BTreeMap<String, Entry> =
            rmp_serde::from_slice(&bytes).map_err(|e| damaged(&path, format!("no MessagePack of cameras ({e})")))?;
        let camera = entries.into_values().find_map(|entry| match entry {
            Entry::Camera(camera) => Some(camera),
            Entry::Other(_) => None,
        });
        let Camera { camera_matrix: [[fx, _, cx], [_, fy, cy], _], resolution: (width, height) } =
            camera.ok_or_else(|| damaged(&path, "no camera in it"))?;
        if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
            return Err(damaged(&path, format!("frames of {width}x{height} pixels")).into());
        }
        let size = Size::new(width, height);
        let [fx, fy, cx, cy] = [fx, fy, cx, cy].map(|value| value as f32);
        let camera = checked(Intrinsics { fx, fy, cx, cy }, size).map_err(|reason| damaged(&path, reason))?;
        return Ok(Some((size, camera)));
    }
    Ok(None)
}
