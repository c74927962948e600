//! The age of frames from a camera and from a program that writes to a pipe, side by side.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foveate::capture::{Source, SourceAddress, Step};
use foveate::frame::{Frame, PixelFormat};
use foveate::geometry::Size;
use foveate::time::{Clock, MonotonicClock, Timestamp};
use serde_json::{Value, json};

use super::report::Report;
use super::watch::{FPS, check, greatest, median, open_soon, options, tenth};

const CAMERA: &str = "/dev/video0";
const SIZE: Size = Size::new(640, 480);
const FRAMES: usize = 150;
const PATIENCE: Duration = Duration::from_secs(60);
/// Milliseconds that a frame by a pipe is to be older at most than one of a camera, on a real machine; here it is reported.
const WANTED: f64 = 5.0;
/// The same that is asserted of an emulated processor, which copies a frame in many times that.
const ASSERTED: f64 = 50.0;

pub fn cases(report: &mut Report) -> io::Result<()> {
    report.case("age at 640x480 and 30 frames a second: v4l: and pipe:", ages())
}

/// What was seen of one source; ages in milliseconds, from the frame's making to its delivery.
struct Ages {
    made: Vec<f64>,
    stamped: Vec<f64>,
    rate: f64,
}

/// Frames as this program's other half writes them, or a camera's.
fn watch(mut source: Box<dyn Source>, made: impl Fn(&Frame) -> Timestamp) -> Result<Ages, String> {
    let (clock, mut frame, began) = (MonotonicClock, Frame::default(), Instant::now());
    let (mut ages, mut first) = (Ages { made: Vec::new(), stamped: Vec::new(), rate: 0.0 }, None);
    // The first frames come while everything is set up.
    for n in 0.. {
        while source.next_frame(&mut frame, Duration::from_millis(100)).map_err(|e| e.to_string())? != Step::Frame {
            check(began.elapsed() < PATIENCE, || format!("{n} frames only"))?;
        }
        let now = clock.now();
        check(frame.size == SIZE, || format!("{:?}", frame.size))?;
        if n < 15 {
            continue;
        }
        let first = *first.get_or_insert(now);
        ages.made.push(now.signed_secs_since(made(&frame)) * 1e3);
        ages.stamped.push(now.signed_secs_since(frame.captured_at) * 1e3);
        if ages.made.len() == FRAMES {
            ages.rate = (FRAMES - 1) as f64 / now.signed_secs_since(first);
            break;
        }
    }
    Ok(ages)
}

fn ages() -> Result<Value, String> {
    let mut options = options(PixelFormat::Yuyv);
    options.size = Some(SIZE);
    let camera = watch(open_soon(CAMERA, &options)?, |frame| frame.captured_at)?;
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let (program, Size { width, height }) = (program.display(), SIZE);
    let address = format!("pipe:{program} frames?format=yuyv&size={width}x{height}&fps={FPS}");
    let address: SourceAddress = address.parse().map_err(|e| format!("{e}"))?;
    let source = address.open(&options, Arc::new(MonotonicClock)).map_err(|e| e.to_string())?;
    let pipe = watch(source, |frame| {
        let bytes = frame.data.first_chunk().copied().unwrap_or_default();
        Timestamp::from_nanos(u64::from_le_bytes(bytes))
    })?;
    let row = |ages: &Ages| {
        json!({ "age_median_ms": tenth(median(&ages.made)), "age_most_ms": tenth(greatest(&ages.made)),
            "age_by_its_stamp_median_ms": tenth(median(&ages.stamped)), "fps": tenth(ages.rate) })
    };
    let older = median(&pipe.made) - median(&camera.made);
    check(older < ASSERTED, || format!("{older:.1} ms older: {} and {}", row(&camera), row(&pipe)))?;
    Ok(json!({
        "pipe_older_ms": tenth(older), "wanted_ms": WANTED, "within": older <= WANTED, "v4l": row(&camera), "pipe": row(&pipe),
    }))
}

/// The program that writes frames: YUYV, paced, each beginning with the time at which it was made.
pub fn write_frames() -> io::Result<ExitCode> {
    let (clock, began) = (MonotonicClock, Instant::now());
    let mut out = io::stdout().lock();
    let mut frame = vec![128; 2 * SIZE.area()];
    for n in 0.. {
        let due = Duration::from_secs_f64(f64::from(n) / FPS);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        frame[..8].copy_from_slice(&clock.now().as_nanos().to_le_bytes());
        if out.write_all(&frame).and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}
