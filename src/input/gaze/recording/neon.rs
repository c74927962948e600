use std::path::{Path, PathBuf};

use super::dtype::Layout;
use super::files::{MAX_BINARY_BYTES, damaged, read_if_there, times};
use super::order::Timed;
use super::{GazeRecording, Measured, Parts, RecordingFormat, device, in_one_order, side};
use crate::error::{ConfigError, Result};
use crate::geometry::{Intrinsics, Point};
use crate::input::gaze::glasses::Glasses;
use crate::input::gaze::neon::scene_camera;
use crate::text;

/// Gaze that Pupil Cloud has computed anew.
const GAZE_200HZ: &str = "gaze_200hz.raw";
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
    folder.join("gaze ps1.raw").is_file() || folder.join(GAZE_200HZ).is_file()
}

/// Reads a native recording of Neon or Invisible, all its parts.
///
/// # Errors
/// If the files of gaze cannot be read, are truncated, or their layout lacks a field, or the glasses are told in two ways.
pub fn read(folder: &Path) -> Result<GazeRecording> {
    let mut notes = Vec::new();
    let glasses = match device::glasses(folder, &mut notes)? {
        Some(glasses) => glasses,
        None => device::assumed(&mut notes),
    };
    let mut samples = gaze(folder, &mut notes)?;
    let blinks = side(&mut notes, folder, blinks).unwrap_or_default();
    let hidden = |at: i64| blinks.iter().any(|(start, end)| (*start..=*end).contains(&at));
    samples.iter_mut().filter(|row| hidden(row.at)).for_each(|row| row.what.confidence = 0.0);
    let scene = match glasses {
        Glasses::Neon => "Neon Scene Camera v1",
        Glasses::Invisible => "PI world v1",
    };
    let frames = side(&mut notes, folder, |folder| frame_times(folder, scene)).unwrap_or_default();
    let frames = in_one_order(&mut notes, scene, frames);
    let calibration = folder.join("calibration.bin");
    let intrinsics = match glasses {
        Glasses::Neon => side(&mut notes, &calibration, camera).flatten(),
        Glasses::Invisible => None,
    };
    let fixations = side(&mut notes, folder, fixations).unwrap_or_default();
    let format = match glasses {
        Glasses::Neon => RecordingFormat::NeonNative,
        Glasses::Invisible => RecordingFormat::InvisibleNative,
    };
    let size = glasses.scene();
    let parts = Parts { format, size, intrinsics, samples, unit: "sample", fixations, blinks, frames, notes };
    Ok(parts.assemble(folder)?)
}

fn camera(calibration: &Path) -> Result<Option<Intrinsics>> {
    let Some(bytes) = read_if_there(calibration, MAX_BINARY_BYTES)? else { return Ok(None) };
    Ok(Some(scene_camera(&bytes).map_err(|reason| damaged(calibration, reason))?))
}

fn frame_times(folder: &Path, scene: &str) -> Result<Vec<i64>> {
    let mut frames = Vec::new();
    for (path, bytes) in parts(folder, scene, "time")? {
        frames.extend(times(&path, &bytes)?);
    }
    Ok(frames)
}

/// The files of gaze: those that Pupil Cloud has computed anew at 200 Hz, else the parts that the phone made.
fn gaze_parts(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let anew = folder.join(GAZE_200HZ);
    match read_if_there(&anew, MAX_BINARY_BYTES)? {
        Some(bytes) => Ok(vec![(anew, bytes)]),
        None => parts(folder, "gaze", "raw"),
    }
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
        Some(bytes) => text::decode(&bytes).map_err(|reason| damaged(&path, reason.to_string()))?.to_owned(),
        None => fallback.to_owned(),
    };
    let layout = Layout::parse(&path, &text)?;
    Ok((path, layout))
}

/// Time, point and whether the glasses were worn, of every part.
fn gaze(folder: &Path, notes: &mut Vec<String>) -> Result<Vec<Timed<Measured>>> {
    let (path, layout) = layout(folder, "gaze", GAZE)?;
    let (x, y) = (layout.field(&path, "x")?, layout.field(&path, "y")?);
    let mut samples = Vec::new();
    for (raw, bytes) in gaze_parts(folder)? {
        let records = layout.records(&raw, &bytes)?;
        let time = raw.with_extension("time");
        let times = times(&time, &super::files::read(&time, MAX_BINARY_BYTES)?)?;
        same_count(&time, times.len(), &raw, records.len())?;
        let worn = side(notes, &raw.with_file_name(file_name(&raw).replacen("gaze", "worn", 1)), |path| {
            worn(folder, path, &raw, times.len())
        });
        let mut worn = worn.unwrap_or_default().into_iter();
        for (record, at) in records.zip(times) {
            let point = Point::new(x.float(record) as f32, y.float(record) as f32);
            let confidence = if worn.next().unwrap_or(true) { 1.0 } else { 0.0 };
            samples.push(Timed { place: samples.len() as u64 + 1, at, what: Measured { point, confidence } });
        }
    }
    Ok(samples)
}

/// Whether the glasses were worn, for each of `count` samples of `raw`; nothing if there is no such file.
fn worn(folder: &Path, path: &Path, raw: &Path, count: usize) -> Result<Vec<bool>> {
    let Some(bytes) = read_if_there(path, MAX_BINARY_BYTES)? else { return Ok(Vec::new()) };
    let (layout_path, layout) = layout(folder, "worn", WORN)?;
    let field = layout.field(&layout_path, "worn")?;
    let worn: Vec<bool> = layout.records(path, &bytes)?.map(|record| field.int(record) != 0).collect();
    same_count(path, worn.len(), raw, count)?;
    Ok(worn)
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
