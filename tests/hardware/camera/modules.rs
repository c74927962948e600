//! Loading and unloading of the kernel's virtual cameras.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Two cameras, each with a webcam's input (0) and an S-Video input (1), which is interlaced.
pub const SINGLE: &[&str] = &["multiplanar=1,1"];
/// The same with the multi-planar interface.
pub const MULTI: &[&str] = &["multiplanar=2,2"];
const INPUTS: &[&str] = &["n_devs=2", "node_types=0x1,0x1", "num_inputs=2,2", "input_types=0x8,0x8", "vid_cap_nr=0,1"];

/// Loads vivid afresh with the usual two cameras, `/dev/video0` and `/dev/video1`.
pub fn load_vivid(options: &[&str]) -> Result<(), String> {
    unload("vivid")?;
    load("vivid", &[INPUTS, options].concat())?;
    wait_for("/dev/video1")
}

pub fn load(name: &str, options: &[&str]) -> Result<(), String> {
    run(Command::new("insmod").arg(format!("/modules/{name}.ko")).args(options))
}

/// Unloads a module, as soon as nobody uses it any more.
pub fn unload(name: &str) -> Result<(), String> {
    let began = Instant::now();
    while Path::new("/sys/module").join(name).exists() {
        if let Err(reason) = run(Command::new("rmmod").arg(name)) {
            if began.elapsed() > Duration::from_secs(20) {
                return Err(reason);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// Takes every vivid camera from its driver while programs have it open, as pulling a plug does.
pub fn unplug_vivid() -> Result<(), String> {
    let driver = Path::new("/sys/bus/platform/drivers/vivid");
    let entries = fs::read_dir(driver).map_err(|e| format!("{}: {e}", driver.display()))?;
    for name in entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).filter(|name| name.starts_with("vivid."))
    {
        fs::write(driver.join("unbind"), &name).map_err(|e| format!("unbind {name}: {e}"))?;
    }
    Ok(())
}

pub fn wait_for(path: &str) -> Result<(), String> {
    let began = Instant::now();
    while !Path::new(path).exists() {
        if began.elapsed() > Duration::from_secs(10) {
            return Err(format!("{path} does not appear"));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
