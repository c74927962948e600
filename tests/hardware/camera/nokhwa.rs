//! nokhwa's Linux build on the same virtual camera.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use foveate::capture::{SourceAddress, list_cameras};
use foveate::frame::PixelFormat;
use foveate::time::MonotonicClock;
use serde_json::{Value, json};

use super::bars::{BARS, difference};
use super::report::Report;
use super::watch::{SIZE, Seen, check, median, options, tenth};

/// Levels: the camera's codes are cut off, which is a level or two by itself, and nokhwa says nothing of the encoding.
const TOLERANCE: f64 = 5.0;

pub fn cases(report: &mut Report) -> io::Result<()> {
    report.case("nokhwa: listed", listed())?;
    for format in [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Rgb24, PixelFormat::Bgr24] {
        report.case(&format!("nokhwa: streams {format}"), streams(format))?;
    }
    Ok(())
}

fn listed() -> Result<Value, String> {
    let cameras = list_cameras(&options(PixelFormat::Yuyv)).map_err(|e| e.to_string())?;
    let found: Vec<_> = cameras.into_iter().filter(|c| c.address.starts_with("nokhwa:")).collect();
    check(found.len() == 2, || format!("{found:?}"))?;
    check(found.iter().all(|c| c.problem.is_none() && c.choice.is_some()), || format!("{found:?}"))?;
    Ok(json!(
        found
            .iter()
            .map(|c| json!({ "address": c.address, "name": c.name, "offers": c.formats.len() }))
            .collect::<Vec<_>>()
    ))
}

fn streams(format: PixelFormat) -> Result<Value, String> {
    let address: SourceAddress = "nokhwa:0".parse().map_err(|e| format!("{e}"))?;
    let began = Instant::now();
    let mut source = loop {
        // The camera's own thread lets go of it with the next image.
        match address.open(&options(format), Arc::new(MonotonicClock)) {
            Ok(source) => break source,
            Err(e) if e.to_string().contains("busy") && began.elapsed() < Duration::from_secs(5) => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(e) => return Err(e.to_string()),
        }
    };
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 20, Duration::from_secs(30))?;
    check((seen.frame.size, seen.frame.format) == (SIZE, format), || {
        format!("{:?} {}", seen.frame.size, seen.frame.format)
    })?;
    let levels = difference(&seen.frame, |bar| BARS[bar])?;
    check(levels <= TOLERANCE, || format!("{levels} levels off"))?;
    check(seen.disorder == 0, || format!("{} steps back", seen.disorder))?;
    Ok(json!({
        "frames": seen.frames, "worst_levels": levels, "tolerance_levels": TOLERANCE,
        "age_median_ms": tenth(median(&seen.ages_ms)), "interval_median_ms": tenth(median(&seen.intervals_ms)),
    }))
}
