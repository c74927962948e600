//! Prints what an eye tracker sends, each sample a line of JSON, until the given number of samples has come:
//!
//! ```sh
//! cargo run --release --example gaze -- gaze:udp://127.0.0.1:5005 [SAMPLES]
//! ```
//!
//! Points are pixels of a frame of 1600x1200. What happens on the way goes to standard error.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use foveate::geometry::Size;
use foveate::input::{OpenedPrompts, PromptAddress, TouchOptions};
use foveate::time::{Clock, MonotonicClock};

const FRAME: Size = Size::new(1600, 1200);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address: PromptAddress =
        arguments.next().context("give an address such as gaze:udp://127.0.0.1:5005")?.parse()?;
    let count: usize = arguments.next().map_or(Ok(usize::MAX), |n| n.parse())?;
    let clock = Arc::new(MonotonicClock);
    let OpenedPrompts::Gaze(mut source) = address.open(&TouchOptions::default(), FRAME, clock.clone())? else {
        anyhow::bail!("`{address}` is no eye tracker");
    };
    eprintln!("{}, camera {:?}", source.name(), source.intrinsics());
    let (origin, mut samples, mut printed) = (clock.now(), Vec::new(), 0);
    while printed < count {
        source.poll(origin, clock.now(), &mut samples);
        for sample in samples.drain(..).take(count - printed) {
            let [x, y] = [sample.point.x, sample.point.y];
            println!(
                "{}",
                serde_json::json!({"time_ns": sample.at.as_nanos(), "x": x, "y": y, "confidence": sample.confidence})
            );
            printed += 1;
        }
        while let Some(event) = source.take_event() {
            eprintln!("{event:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
