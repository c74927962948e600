use std::path::Path;

use serde::Deserialize;

use super::files::{damaged, read_if_there};
use super::order::Timed;
use super::side;
use super::table::{self, Column, number, time};
use super::{GazeRecording, Measured, Parts, RecordingFormat, device};
use crate::error::Result;
use crate::geometry::{Intrinsics, Point, Size};
use crate::input::gaze::glasses::Glasses;
use crate::input::gaze::neon::checked;
use crate::text;

/// The table of gaze in an export.
pub const GAZE: &str = "gaze.csv";
/// Columns by which its content is known.
pub const KNOWN_BY: [&str; 3] = ["timestamp [ns]", "gaze x [px]", "gaze y [px]"];

const MAX_CAMERA_BYTES: u64 = 1 << 20;
/// Of the samples of Invisible at most this share lies beyond its frame to the right and below.
const BEYOND: f64 = 0.05;

/// Reads an export of Pupil Cloud or Neon Player: `gaze` is its table of gaze, in pixels of the scene camera. Fixations, blinks and
/// the times of frames lie beside it, and `scene_camera.json` and `info.json`.
///
/// # Errors
/// If the table cannot be read, or holds more than one recording.
pub fn read(gaze: &Path) -> Result<GazeRecording> {
    let folder = gaze.parent().unwrap_or(Path::new("."));
    let mut notes = Vec::new();
    let [at, x, y] = KNOWN_BY;
    let columns = [
        Column::Needed(at),
        Column::Needed(x),
        Column::Needed(y),
        Column::Optional("worn"),
        Column::Optional("blink id"),
        Column::Optional("recording id"),
    ];
    let table = table::read(gaze, columns, |[at, x, y, worn, blink, recording]| {
        let point = Point::new(number("gaze x [px]", x)? as f32, number("gaze y [px]", y)? as f32);
        // Worn is a share of the sensors that touch; an older export has no such column.
        let worn = worn.is_empty() || worn.eq_ignore_ascii_case("true") || number("worn", worn)? > 0.5;
        let confidence = if worn && blink.is_empty() { 1.0 } else { 0.0 };
        Ok((nanos("timestamp [ns]", at)?, Measured { point, confidence }, recording.to_owned()))
    })?;
    notes.extend(table.note(gaze));
    let change = table.rows.windows(2).find(|pair| matches!(pair, [(_, a), (_, b)] if a.2 != b.2));
    if let Some([_, (line, _)]) = change {
        let reason = format!("another recording begins at line {line}: give each a file of its own");
        return Err(damaged(gaze, reason).into());
    }
    let samples: Vec<Timed<Measured>> =
        table.rows.into_iter().map(|(place, (at, what, _))| Timed { place, at, what }).collect();
    let camera = side(&mut notes, &folder.join("scene_camera.json"), camera).flatten();
    let glasses = match device::glasses(folder, &mut notes)? {
        Some(glasses) => glasses,
        None => by_places(&samples, camera, &mut notes),
    };
    let size = glasses.scene();
    let intrinsics = camera.and_then(|camera| match checked(camera, size) {
        Ok(camera) => Some(camera),
        Err(reason) => {
            notes.push(format!("`scene_camera.json` left out: {reason}"));
            None
        }
    });
    let span = [Column::Needed("start timestamp [ns]"), Column::Needed("end timestamp [ns]")];
    let fixations = super::side_table(
        &mut notes,
        folder,
        "fixations.csv",
        [span[0], span[1], Column::Needed("fixation x [px]"), Column::Needed("fixation y [px]")],
        |[start, end, x, y]| {
            let point = Point::new(number("fixation x [px]", x)? as f32, number("fixation y [px]", y)? as f32);
            Ok((nanos("start timestamp [ns]", start)?, nanos("end timestamp [ns]", end)?, point))
        },
    );
    let blinks = super::side_table(&mut notes, folder, "blinks.csv", span, |[start, end]| {
        Ok((nanos("start timestamp [ns]", start)?, nanos("end timestamp [ns]", end)?))
    });
    let frames = super::frames(&mut notes, folder, "world_timestamps.csv", Column::Needed(at), |text| nanos(at, text));
    let parts = Parts {
        format: RecordingFormat::PupilCloud,
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

/// Whole nanoseconds as they are, which a floating point number of this size would round; others as numbers.
fn nanos(name: &str, text: &str) -> Result<i64, String> {
    text.parse().map_or_else(|_| time(name, text, 1.0), Ok)
}

/// Without a word of the glasses, by the camera's middle, or by gaze that lies where one of them has no frame.
fn by_places(samples: &[Timed<Measured>], camera: Option<Intrinsics>, notes: &mut Vec<String>) -> Glasses {
    let [neon, invisible] = [Glasses::Neon, Glasses::Invisible].map(Glasses::scene);
    if let Some(camera) = camera {
        let middle = |size: Size| (camera.cx - size.width as f32 / 2.0).abs();
        return if middle(neon) <= middle(invisible) { Glasses::Neon } else { Glasses::Invisible };
    }
    let on = |size: Size, p: Point| p.x >= 0.0 && p.y >= 0.0 && p.x < size.width as f32 && p.y < size.height as f32;
    let on_neon = samples.iter().filter(|row| on(neon, row.what.point)).count();
    let beyond = samples.iter().filter(|row| on(neon, row.what.point) && !on(invisible, row.what.point)).count();
    if beyond as f64 > BEYOND * on_neon as f64 { Glasses::Neon } else { device::assumed(notes) }
}

#[derive(Deserialize)]
struct Camera {
    camera_matrix: [[f64; 3]; 3],
}

/// The scene camera of `scene_camera.json`.
fn camera(path: &Path) -> Result<Option<Intrinsics>> {
    let Some(bytes) = read_if_there(path, MAX_CAMERA_BYTES)? else { return Ok(None) };
    let text = text::decode(&bytes).map_err(|reason| damaged(path, reason.to_string()))?;
    let camera: Camera = serde_json::from_str(text).map_err(|e| damaged(path, format!("no camera ({e})")))?;
    let [[fx, _, cx], [_, fy, cy], _] = camera.camera_matrix;
    let [fx, fy, cx, cy] = [fx, fy, cx, cy].map(|value| value as f32);
    Ok(Some(Intrinsics { fx, fy, cx, cy }))
}
