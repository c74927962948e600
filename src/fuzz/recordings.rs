//! Recordings: of eye trackers, and of runs.

use super::Folder;
use crate::geometry::Size;
use crate::input::GazeRecording;

/// Neon's own recording.
pub fn recording_neon(data: &[u8]) {
    const FILES: [&str; 9] = [
        "gaze ps1.raw",
        "gaze ps1.time",
        "worn ps1.raw",
        "blinks ps1.raw",
        "fixations ps1.raw",
        "Neon Scene Camera v1 ps1.time",
        "gaze.dtype",
        "fixations.dtype",
        "calibration.bin",
    ];
    recording(data, &FILES, "");
}

/// Invisible's own recording.
pub fn recording_invisible(data: &[u8]) {
    const FILES: [&str; 5] = ["gaze ps1.raw", "gaze ps1.time", "worn ps1.raw", "PI world v1 ps1.time", "info.json"];
    recording(data, &FILES, "");
}

/// An export of Pupil Cloud.
pub fn recording_pupil_cloud(data: &[u8]) {
    const FILES: [&str; 6] =
        ["gaze.csv", "world_timestamps.csv", "fixations.csv", "blinks.csv", "scene_camera.json", "info.json"];
    recording(data, &FILES, FILES[0]);
}

/// An export of Pupil Player.
pub fn recording_pupil_core(data: &[u8]) {
    const FILES: [&str; 5] =
        ["gaze_positions.csv", "fixations.csv", "blinks.csv", "world_timestamps.csv", "world.intrinsics"];
    recording(data, &FILES, FILES[0]);
}

/// The output of mobile gaze mapping.
pub fn recording_mobile_mapping(data: &[u8]) {
    recording(data, &["gazeData_world.tsv", "frame_pts.csv"], "");
}

fn recording(data: &[u8], files: &[&str], opened: &str) {
    let folder = Folder::of(data, files);
    if let Ok(recording) = GazeRecording::read(&folder.join(opened)) {
        assert!(recording.samples.is_sorted_by_key(|sample| sample.at));
        assert!(recording.samples.iter().all(|sample| sample.point.is_finite()));
        let _ = recording.scaled_to(Size::new(640, 480)).first_frame();
    }
}

/// A run's own recording.
pub fn run_recording(data: &[u8]) {
    let _ = crate::recording::read_all(data);
}
