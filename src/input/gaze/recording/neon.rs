use std::path::{Path, PathBuf};

use super::dtype::Layout;
use super::files::{MAX_BINARY_BYTES, damaged, read_if_there, times};
use super::{GazeRecording, Parts, RecordingFormat};
use crate::error::{ConfigError, Result};
use crate::geometry::Point;
use crate::input::gaze::neon::{SCENE, scene_camera};

/// Most parts that a recording is split into.
const MAX_PARTS: usize = 1000;
/// Longest `.dtype` file.
const MAX_DTYPE_BYTES: u64 = 64 << 10;

const FIXATION: i64 = 1;

/// Layouts of a recording without `.dtype` files, as data format 2.5 has them.
const GAZE: &str = r#"("x", "float32"), ("y", "float32")"#;
const WORN: &str = r#"("worn", "uint8")"#;
const BLINKS: &str = r#"("event_type", "int32"), ("start_timestamp_ns", "int64"), ("end_timestamp_ns", "int64")"#;
const FIXATIONS: &str = r#"("event_type", "int32"), ("start_timestamp_ns", "int64"), ("end_timestamp_ns", "int64"),
    ("start_gaze_x", "float32"), ("start_gaze_y", "float32"), ("end_gaze_x", "float32"), ("end_gaze_y", "float32"),
    ("mean_gaze_x", "float32"), ("mean_gaze_y", "float32"), ("amplitude_pixels", "float32"),
    ("amplitude_angle_deg", "float32"), ("mean_velocity", "float32"), ("max_velocity", "float32")"#;

/// Whether a folder is a native recording.
pub fn is_one(folder: &Path) -> bool {
    folder.join("gaze ps1.raw").is_file()
}

/// Reads a native recording, all its parts.
///
/// # Errors
/// If a file cannot be read, is truncated, or its layout lacks a field.
pub fn read(folder: &Path) -> Result<GazeRecording> {
    let mut samples = gaze(folder)?;
    let blinks = blinks(folder)?;
    let hidden = |at: i64| blinks.iter().any(|(start, end)| (*start..=*end).contains(&at));
    samples.iter_mut().filter(|(at, ..)| hidden(*at)).for_each(|(.., confidence)| *confidence = 0.0);
    let mut frames = Vec::new();
    for (path, bytes) in parts(folder, "Neon Scene Camera v1", "time")? {
        frames.extend(times(&path, &bytes)?);
    }
    let calibration = folder.join("calibration.bin");
    let intrinsics = match read_if_there(&calibration, MAX_BINARY_BYTES)? {
        Some(bytes) => Some(scene_camera(&bytes).map_err(|reason| damaged(&calibration, reason))?),
        None => None,
    };
    let fixations = fixations(folder)?;
    let parts =
        Parts { format: RecordingFormat::NeonNative, size: SCENE, intrinsics, samples, fixations, blinks, frames };
    Ok(parts.assemble(folder)?)
}

/// The parts of one stream, in order.
fn parts(folder: &Path, stream: &str, ending: &str) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut parts = Vec::new();
    for part in 1..=MAX_PARTS {
        let path = folder.join(format!("{stream} ps{part}.{ending}"));
        match read_if_there(&path, MAX_BINARY_BYTES)? {
            Some(bytes) => parts.push((path, bytes)),
            None => break,
        }
    }
    Ok(parts)
}

fn layout(folder: &Path, stream: &str, fallback: &str) -> Result<(PathBuf, Layout)> {
    let path = folder.join(format!("{stream}.dtype"));
    let text = match read_if_there(&path, MAX_DTYPE_BYTES)? {
        Some(bytes) => String::from_utf8(bytes).map_err(|_| damaged(&path, "not UTF-8 text"))?,
        None => fallback.to_owned(),
    };
    let layout = Layout::parse(&path, &text)?;
    Ok((path, layout))
}

/// Time, point and whether the glasses were worn, of every part.
fn gaze(folder: &Path) -> Result<Vec<(i64, Point, f32)>> {
    let (path, layout) = layout(folder, "gaze", GAZE)?;
    let (x, y) = (layout.field(&path, "x")?, layout.field(&path, "y")?);
    let (worn_path, worn_layout) = self::layout(folder, "worn", WORN)?;
    let worn_field = worn_layout.field(&worn_path, "worn")?;
    let mut samples = Vec::new();
    for (raw, bytes) in parts(folder, "gaze", "raw")? {
        let records = layout.records(&raw, &bytes)?;
        let time = raw.with_extension("time");
        let times = times(&time, &super::files::read(&time, MAX_BINARY_BYTES)?)?;
        same_count(&time, times.len(), &raw, records.len())?;
        let worn = raw.with_file_name(file_name(&raw).replacen("gaze", "worn", 1));
        let worn_bytes = read_if_there(&worn, MAX_BINARY_BYTES)?;
        if let Some(bytes) = &worn_bytes {
            same_count(&worn, worn_layout.records(&worn, bytes)?.len(), &raw, times.len())?;
        }
        let mut worn = worn_bytes.as_deref().unwrap_or_default().chunks_exact(worn_layout.size());
        for (record, at) in records.zip(times) {
            let worn = worn.next().is_none_or(|record| worn_field.int(record) != 0);
            let point = Point::new(x.float(record) as f32, y.float(record) as f32);
            samples.push((at, point, if worn { 1.0 } else { 0.0 }));
        }
    }
    Ok(samples)
}

fn fixations(folder: &Path) -> Result<Vec<(i64, i64, Point)>> {
    let (path, layout) = layout(folder, "fixations", FIXATIONS)?;
    let field = |name| layout.field(&path, name);
    let (kind, start, end) = (field("event_type")?, field("start_timestamp_ns")?, field("end_timestamp_ns")?);
    let (x, y) = (field("mean_gaze_x")?, field("mean_gaze_y")?);
    let mut fixations = Vec::new();
    for (raw, bytes) in parts(folder, "fixations", "raw")? {
        // The rest are saccades.
        let records = layout.records(&raw, &bytes)?.filter(|record| kind.int(record) == FIXATION);
        fixations.extend(records.map(|record| {
            let mean = Point::new(x.float(record) as f32, y.float(record) as f32);
            (start.int(record), end.int(record), mean)
        }));
    }
    Ok(fixations)
}

fn blinks(folder: &Path) -> Result<Vec<(i64, i64)>> {
    let (path, layout) = layout(folder, "blinks", BLINKS)?;
    let (start, end) = (layout.field(&path, "start_timestamp_ns")?, layout.field(&path, "end_timestamp_ns")?);
    let mut blinks = Vec::new();
    for (raw, bytes) in parts(folder, "blinks", "raw")? {
        blinks.extend(layout.records(&raw, &bytes)?.map(|record| (start.int(record), end.int(record))));
    }
    Ok(blinks)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn same_count(path: &Path, found: usize, other: &Path, expected: usize) -> Result<(), ConfigError> {
    if found == expected {
        return Ok(());
    }
    Err(damaged(path, format!("{found} records, but `{}` has {expected}: the copy is incomplete", file_name(other))))
}
