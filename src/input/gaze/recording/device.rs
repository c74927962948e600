use std::path::Path;

use serde_json::{Map, Value};

use super::files::{damaged, read_if_there};
use super::side;
use crate::error::Result;
use crate::input::gaze::glasses::Glasses;
use crate::text;

/// Longest `info.json`.
const MAX_INFO_BYTES: u64 = 1 << 20;

/// Which glasses made the recording in a folder: by the names of its scene camera's files, and by what `info.json` says. `None` if
/// nothing tells.
///
/// # Errors
/// If one says Neon and another Invisible: their frames have different sizes.
pub fn glasses(folder: &Path, notes: &mut Vec<String>) -> Result<Option<Glasses>> {
    let mut signs: Vec<(Glasses, String)> = Vec::new();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for name in entries.map(|entry| entry.file_name().to_string_lossy().into_owned()) {
        if name.starts_with("Neon Scene Camera") {
            signs.push((Glasses::Neon, name));
        } else if name.starts_with("PI world") {
            signs.push((Glasses::Invisible, name));
        }
    }
    let told = side(notes, &folder.join("info.json"), info).flatten().and_then(|info| by_info(&info));
    signs.extend(told.map(|glasses| (glasses, "info.json".to_owned())));
    let Some((glasses, name)) = signs.first() else { return Ok(None) };
    match signs.iter().find(|(other, _)| other != glasses) {
        None => Ok(Some(*glasses)),
        Some((other, why)) => {
            let reason =
                format!("`{name}` is of {glasses:?}, `{why}` of {other:?}: give each recording a folder of its own");
            Err(damaged(folder, reason).into())
        }
    }
}

/// What `info.json` says, if it is there.
fn info(path: &Path) -> Result<Option<Map<String, Value>>> {
    let Some(bytes) = read_if_there(path, MAX_INFO_BYTES)? else { return Ok(None) };
    let text = text::decode(&bytes).map_err(|reason| damaged(path, reason.to_string()))?;
    Ok(Some(serde_json::from_str(text).map_err(|e| damaged(path, format!("no object of JSON ({e})")))?))
}

/// What is assumed of a recording that says nothing of its glasses.
pub fn assumed(notes: &mut Vec<String>) -> Glasses {
    notes.push(
        "nothing says which glasses it is of: it is taken for Neon's, with frames of 1600x1200; put its `info.json` beside it".into(),
    );
    Glasses::Neon
}

/// Neon is one module with a serial number, and its recordings have data format 2; Invisible has glasses and a scene camera with
/// serial numbers of their own, and data format 1.
fn by_info(info: &Map<String, Value>) -> Option<Glasses> {
    let given = |key: &str| match info.get(key) {
        Some(Value::String(text)) => !matches!(text.trim(), "" | "unknown" | "-1"),
        Some(Value::Number(_)) => true,
        _ => false,
    };
    let names = |glasses: &str| {
        let mut texts =
            info.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?.to_ascii_lowercase())));
        texts.any(|(key, text)| {
            matches!(key, "device" | "device_name" | "glasses" | "product") && text.contains(glasses)
        })
    };
    let version = match info.get("data_format_version") {
        Some(Value::String(version)) => version.clone(),
        Some(Value::Number(version)) => version.to_string(),
        _ => String::new(),
    };
    if given("module_serial_number") || names("neon") {
        Some(Glasses::Neon)
    } else if given("glasses_serial_number") || given("scene_camera_serial_number") || names("invisible") {
        Some(Glasses::Invisible)
    } else if version.starts_with("2.") {
        Some(Glasses::Neon)
    } else if version.starts_with("1.") {
        Some(Glasses::Invisible)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn info_tells_the_glasses_by_their_serial_numbers_and_format() {
        let rows = [
            (json!({"module_serial_number": "578846", "data_format_version": "2.5"}), Some(Glasses::Neon)),
            (json!({"data_format_version": "2.3"}), Some(Glasses::Neon)),
            (json!({"data_format_version": "1.4", "glasses_serial_number": "h8s8g"}), Some(Glasses::Invisible)),
            (json!({"scene_camera_serial_number": "abcde", "gaze_frequency": 200}), Some(Glasses::Invisible)),
            (json!({"data_format_version": 1.4}), Some(Glasses::Invisible)),
            (json!({"device": "Pupil Invisible"}), Some(Glasses::Invisible)),
            (json!({"module_serial_number": "", "glasses_serial_number": "-1"}), None),
            (json!({}), None),
        ];
        for (info, expected) in rows {
            assert_eq!(by_info(info.as_object().unwrap()), expected, "{info}");
        }
    }
}
