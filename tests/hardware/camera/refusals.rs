//! Cameras that cannot be opened, and why.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use foveate::frame::PixelFormat;
use serde_json::{Value, json};

use super::hand::Hand;
use super::report::Report;
use super::watch::{Seen, check, open, open_soon, options};

const CAMERA: &str = "/dev/video0";
/// The user and group that own nothing.
const NOBODY: u32 = 65534;

pub fn cases(report: &mut Report) -> io::Result<()> {
    report.case("busy", busy())?;
    report.case("no permission", no_permission())?;
    report.case("interlaced video is refused", interlaced())?;
    report.case("no such device", missing())
}

fn refused(reason: Result<(), String>, part: &str) -> Result<Value, String> {
    match reason {
        Ok(()) => Err("it opens".into()),
        Err(reason) if reason.contains(part) => Ok(json!({ "reported": reason })),
        Err(reason) => Err(format!("not \"{part}\" but: {reason}")),
    }
}

fn busy() -> Result<Value, String> {
    let options = options(PixelFormat::Yuyv);
    let mut source = open_soon(CAMERA, &options)?;
    let refused = refused(open(CAMERA, &options).map(drop), "busy")?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 5, Duration::from_secs(10))?;
    let undisturbed = seen.losses().is_empty() && seen.warned("") == 0;
    check(undisturbed, || format!("the one that streams is disturbed: {:?}", seen.events))?;
    Ok(refused)
}

fn no_permission() -> Result<Value, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut child = Command::new(program);
    let output = child.args(["open", CAMERA]).uid(NOBODY).gid(NOBODY).output().map_err(|e| e.to_string())?;
    refused(Err(String::from_utf8_lossy(&output.stdout).into_owned()), "no permission: add your user to")
}

/// What the child does that [`no_permission`] starts.
pub fn say_what_opening_says(path: &str) -> ExitCode {
    match open(path, &options(PixelFormat::Yuyv)) {
        Ok(_) => print!("it opens"),
        Err(reason) => print!("{reason}"),
    }
    ExitCode::SUCCESS
}

fn interlaced() -> Result<Value, String> {
    let hand = Hand::open(CAMERA)?;
    hand.input(1)?;
    let refused = refused(open_soon(CAMERA, &options(PixelFormat::Yuyv)).map(drop), "interlaced");
    hand.input(0)?;
    refused
}

fn missing() -> Result<Value, String> {
    refused(open("/dev/video63", &options(PixelFormat::Yuyv)).map(drop), "no such device")
}
