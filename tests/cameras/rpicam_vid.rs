//! A stand-in for `rpicam-vid`: takes the arguments that the real one does, refuses others, and writes what it writes, frames in
//! 4:2:0 to standard output and the metadata of each behind it. `FAULT` says what goes wrong after `AFTER` frames (30).

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::process::exit;
use std::time::{Duration, Instant};

/// The real program's options that have a value, and those that need none.
const VALUES: &[&str] = &[
    "camera",
    "timeout",
    "codec",
    "width",
    "height",
    "framerate",
    "output",
    "metadata",
    "metadata-format",
    "hdr",
    "shutter",
    "gain",
    "awb",
    "autofocus-mode",
    "lens-position",
    "flicker-period",
    "verbose",
    "denoise",
];
const FLAGS: &[&str] = &["nopreview", "flush", "hflip", "vflip", "list-cameras"];

fn main() {
    let mut given = HashMap::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let name = argument.trim_start_matches("--").to_owned();
        if FLAGS.contains(&name.as_str()) {
            given.insert(name, String::new());
        } else if VALUES.contains(&name.as_str()) {
            given.insert(name, arguments.next().unwrap_or_default());
        } else {
            eprintln!("ERROR: *** unrecognised option '{argument}' ***");
            exit(255);
        }
    }
    if given.contains_key("list-cameras") {
        println!("Available cameras\n-----------------");
        println!("0 : imx708 [4608x2592 10-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a)");
        println!("    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]");
        return;
    }
    if let Err(error) = stream(&given) {
        eprintln!("ERROR: *** {error} ***");
        exit(255);
    }
}

fn stream(given: &HashMap<String, String>) -> io::Result<()> {
    let fault = std::env::var("FAULT").unwrap_or_default();
    let after: u64 = std::env::var("AFTER").ok().and_then(|n| n.parse().ok()).unwrap_or(30);
    let number = |name: &str| given.get(name).and_then(|value| value.parse::<f64>().ok());
    let (Some(width), Some(height), Some(rate)) = (number("width"), number("height"), number("framerate")) else {
        return Err(io::Error::other("width, height and framerate are needed"));
    };
    let (width, height) = (width as usize, height as usize);
    let is = |name: &str, value: &str| given.get(name).is_some_and(|v| v == value);
    assert!(
        is("codec", "yuv420") && is("output", "-") && is("timeout", "0") && is("metadata-format", "txt"),
        "{given:?}"
    );
    assert!(width.is_multiple_of(64) && given.contains_key("flush") && given.contains_key("nopreview"), "{given:?}");
    if number("camera") != Some(0.0) {
        return Err(io::Error::other("no cameras available"));
    }
    let mut metadata = File::create(given.get("metadata").map(String::as_str).unwrap_or("/dev/null"))?;
    eprintln!("[0:00:01.000000000] [123]  INFO Camera camera_manager.cpp:327 libcamera v0.5.0");
    // A fault happens once: its mark is the file that `ONCE` names.
    let once = std::env::var_os("ONCE").map(std::path::PathBuf::from);
    let is_first = once.as_ref().is_none_or(|mark| !mark.exists());
    once.map(File::create).transpose()?;
    let fault = if is_first { fault.as_str() } else { "" };
    std::thread::sleep(Duration::from_millis(if fault == "late" { 6000 } else { 300 }));
    let (began, interval) = (Instant::now(), Duration::from_secs_f64(1.0 / rate));
    let mut out = io::stdout().lock();
    let mut frame = vec![128; width * height * 3 / 2];
    for n in 0u32.. {
        let due = interval * n;
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        let exposed = boot_nanos();
        // Readout and processing take a while.
        std::thread::sleep(Duration::from_millis(12));
        picture(&mut frame[..width * height], width, n as usize);
        let faulty = u64::from(n) == after;
        match fault {
            "die" if faulty => return Err(io::Error::other("camera frontend has timed out")),
            "short" if faulty => {
                out.write_all(&frame[..1000])?;
                return Ok(());
            }
            "silent" if faulty => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            "kill" if faulty => std::process::abort(),
            "clock" if faulty => write!(metadata, "SensorTimestamp=12\n\n")?,
            _ => {}
        }
        out.write_all(&frame)?;
        out.flush()?;
        writeln!(metadata, "ExposureTime=9993\nSensorTimestamp={exposed}\nLux=400.5\n")?;
    }
    Ok(())
}

/// A bright square on grey that moves to the right.
fn picture(luma: &mut [u8], width: usize, n: usize) {
    let height = luma.len() / width;
    let (side, x0, y0) = (height / 4, width / 4 + n % (width / 4), height / 3);
    for (i, value) in luma.iter_mut().enumerate() {
        let (x, y) = (i % width, i / width);
        *value = if (x0..x0 + side).contains(&x) && (y0..y0 + side).contains(&y) { 220 } else { 60 };
    }
}

/// Time since the system started.
fn boot_nanos() -> u128 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec as u128 * 1_000_000_000 + now.tv_nsec as u128
}
