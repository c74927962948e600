//! A source of one's own: whatever can fill a frame. This one draws a ball that swings to and fro; the object is prompted once
//! and followed.
//!
//!     cargo run --release --example own_source
//!
//! Records go to standard output as NDJSON, see `docs/wire-format.md`.

use std::time::Duration;

use foveate::Result;
use foveate::capture::{Source, SourceInfo, Step};
use foveate::frame::{Frame, PixelFormat};
use foveate::geometry::Size;
use foveate::input::Script;
use foveate::model::{ModelOptions, Registry};
use foveate::pipeline::Pipeline;
use foveate::sink::{NdjsonOptions, NdjsonSink};
use foveate::time::{Clock, MonotonicClock, Timestamp};

const SIZE: Size = Size::new(480, 360);
const RATE: f64 = 20.0;
const FRAMES: u64 = 80;
const RADIUS: f64 = 45.0;

struct SwingingBall {
    info: SourceInfo,
    next: u64,
    due: Option<Timestamp>,
}

impl SwingingBall {
    fn new() -> Self {
        let info = SourceInfo {
            address: "ball".into(),
            size: SIZE,
            format: PixelFormat::Rgb24,
            rate: Some(RATE),
            intrinsics: None,
        };
        SwingingBall { info, next: 0, due: None }
    }

    /// Where the ball is on a frame, in pixels.
    fn center(frame: u64) -> [f64; 2] {
        [240.0 + 120.0 * (frame as f64 / RATE).sin(), 180.0]
    }

    fn draw(frame: u64, pixels: &mut Vec<u8>) {
        let [cx, cy] = Self::center(frame);
        pixels.clear();
        for y in 0..SIZE.height {
            for x in 0..SIZE.width {
                let (dx, dy) = ((f64::from(x) - cx) / RADIUS, (f64::from(y) - cy) / RADIUS);
                let pixel = if dx.hypot(dy) < 1.0 {
                    // Lit from the upper left.
                    let light = (0.75 - 0.35 * (dx + dy)).clamp(0.2, 1.0);
                    [(230.0 * light) as u8, (70.0 * light) as u8, (40.0 * light) as u8]
                } else {
                    let level = 90 + (y * 60 / SIZE.height) as u8;
                    [level, level + 10, level + 20]
                };
                pixels.extend_from_slice(&pixel);
            }
        }
    }
}

impl Source for SwingingBall {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    // A source paces itself, waits for `timeout` at most, and writes into a frame that is used over and over.
    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step> {
        if self.next == FRAMES {
            return Ok(Step::End);
        }
        let now = MonotonicClock.now();
        let due = *self.due.get_or_insert(now);
        let wait = due.since(now);
        std::thread::sleep(wait.min(timeout));
        if wait > timeout {
            return Ok(Step::Idle);
        }
        Self::draw(self.next, frame.data.own_mut());
        frame.size = SIZE;
        frame.format = PixelFormat::Rgb24;
        frame.stride = SIZE.width as usize * 3;
        // When the image was taken: prompts are matched with frames by these times.
        frame.captured_at = due;
        frame.sequence = self.next;
        self.next += 1;
        self.due = Some(due + Duration::from_secs_f64(1.0 / RATE));
        Ok(Step::Frame)
    }
}

fn main() -> anyhow::Result<()> {
    let model = Registry::discover(None)?.load("foveate", &ModelOptions::default())?;
    let [x, y] = SwingingBall::center((0.5 * RATE) as u64);
    let script = format!(r#"{{"time_s":0.5,"object":1,"points":[[{x},{y}]]}}"#);
    let running = Pipeline::new(Box::new(SwingingBall::new()), model.encoder()?, model.decoder()?, "foveate")
        .prompts(Box::new(Script::parse("script", &script)?))
        .sink(Box::new(NdjsonSink::stdout(NdjsonOptions::default())))
        .start()?;
    let summary = running.wait(|_| {})?;
    eprintln!("{} frames, {} dropped", summary.frames_out, summary.frames_dropped);
    Ok(())
}
