//! The whole program in the virtual machine: a camera that shows a square, a tap on it, and `foveate run` until enough
//! frames have left it. What the frames hold is checked outside, where it does not cost emulated time.
//!
//! `hardware-system FOVEATE FRAMES [ARGUMENTS OF foveate run]`, in a folder that receives `doctor.json`, `scene.png`,
//! `frames.ndjson`, `overlay/` and `summary.json`.

#[cfg(target_os = "linux")]
#[path = "system/cases.rs"]
mod cases;
#[cfg(target_os = "linux")]
#[path = "report.rs"]
mod report;
#[cfg(target_os = "linux")]
#[path = "system/scene.rs"]
mod scene;
// The suite of touch screens uses what is not used here.
#[allow(dead_code)]
#[cfg(target_os = "linux")]
#[path = "touch/screen.rs"]
mod screen;
#[cfg(target_os = "linux")]
#[path = "system/stream.rs"]
mod stream;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<std::process::ExitCode> {
    cases::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {}
