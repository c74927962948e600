//! The cases in their order.

use std::fs::File;
use std::io;
use std::process::{Command, ExitCode};

use serde_json::{Value, json};

use crate::report::Report;
use crate::scene;
use crate::stream::Stream;

const CAMERA: &str = "/dev/video0";

/// Runs every case with the arguments of the process.
pub fn run() -> io::Result<ExitCode> {
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
