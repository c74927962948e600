//! The whole program in the virtual machine: a camera that shows a square, a tap on it, and `foveate run` until enough
//! frames have left it. What the frames hold is checked outside, where it does not cost emulated time.
//!
//! `hardware-system FOVEATE FRAMES [ARGUMENTS OF foveate run]`, in a folder that receives `doctor.json`, `scene.png`,
//! `frames.ndjson`, `overlay/` and `summary.json`.

#[path = "report.rs"]
mod report;
#[path = "system/scene.rs"]
mod scene;
// The suite of touch screens uses what is not used here.
#[allow(dead_code)]
#[path = "touch/screen.rs"]
mod screen;
#[path = "system/stream.rs"]
mod stream;

use std::fs::File;
use std::io;
use std::process::{Command, ExitCode};

use report::Report;
use serde_json::{Value, json};
use stream::Stream;

const CAMERA: &str = "/dev/video0";

fn main() -> io::Result<ExitCode> {
    let mut args = std::env::args().skip(1);
    let (Some(foveate), Some(Ok(frames))) = (args.next(), args.next().map(|n| n.parse())) else {
        eprintln!("usage: hardware-system FOVEATE FRAMES [ARGUMENTS OF foveate run]");
        return Ok(ExitCode::from(2));
    };
    let mut report = Report::create("system")?;
    report.case("doctor's report", doctor(&foveate, "doctor.json"))?;
    report.case("scene", scene::show(CAMERA, "scene.png"))?;
    let mut stream = match Stream::start(&foveate, CAMERA, args) {
        Ok(stream) => stream,
        Err(reason) => {
            report.case("start", Err(reason))?;
            return report.finish();
        }
    };
    report.case("first frame", stream.first_frame())?;
    report.case("tap", stream.tap())?;
    report.case("frames with the object", stream.frames_with_object(frames))?;
    report.case("end on interrupt", stream.interrupt())?;
    report.finish()
}

/// Writes what `foveate doctor` says to `copy`.
fn doctor(foveate: &str, copy: &str) -> Result<Value, String> {
    let out = File::create(copy).map_err(|e| format!("{copy}: {e}"))?;
    let status = Command::new(foveate).args(["doctor", "--json"]).stdout(out).status();
    match status.map_err(|e| format!("{foveate}: {e}"))? {
        status if status.success() => Ok(json!({})),
        status => Err(format!("foveate doctor ended with {status}")),
    }
}
