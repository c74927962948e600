//! A stream with a sink of one's own: the rendered scene, one object prompted by a script, and its center on every frame.
//!
//!     cargo run --release --example own_sink -- [X,Y]
//!
//! The pipeline runs each sink on its own thread, behind a queue that drops its oldest record when it is full: a sink may take
//! its time.

use std::sync::Arc;
use std::time::Duration;

use foveate::Result;
use foveate::capture::{SourceAddress, SourceOptions};
use foveate::input::Script;
use foveate::model::{ModelOptions, Registry};
use foveate::pipeline::Pipeline;
use foveate::record::{Event, FrameRecord};
use foveate::sink::{Sink, StreamInfo};
use foveate::time::MonotonicClock;

/// Prints the center of every object.
struct Centers;

impl Sink for Centers {
    fn name(&self) -> &str {
        "centers"
    }

    fn begin(&mut self, stream: &StreamInfo) -> Result<()> {
        println!("{} at {}x{}", stream.source, stream.size.width, stream.size.height);
        Ok(())
    }

    // The record is lent: it and its buffers go back to a pool afterwards.
    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        for object in record.objects() {
            match object.mask.centroid() {
                Some(center) => println!(
                    "frame {} object {} {:?} at {:.0},{:.0}, {} ms after capture",
                    record.sequence,
                    object.object,
                    object.state,
                    center.x,
                    center.y,
                    record.age.as_millis()
                ),
                None => println!("frame {} object {} {:?}", record.sequence, object.object, object.state),
            }
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        println!("{:.2} s: {:?}", event.time_s, event.kind);
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let place = std::env::args().nth(1).unwrap_or_else(|| "320,240".into());
    let script = format!(r#"{{"time_s":0.5,"object":1,"points":[[{place}]]}}"#);

    let source = "scene:1".parse::<SourceAddress>()?.open(&SourceOptions::default(), Arc::new(MonotonicClock))?;
    let model = Registry::discover(None)?.load("foveate", &ModelOptions::default())?;
    let running = Pipeline::new(source, model.encoder()?, model.decoder()?, "foveate")
        .prompts(Box::new(Script::parse("script", &script)?))
        .sink(Box::new(Centers))
        .start()?;

    // Five seconds of it. `wait` calls the closure about ten times a second until the stream has ended.
    let started = std::time::Instant::now();
    let summary = running.wait(|running| {
        if started.elapsed() > Duration::from_secs(5) {
            running.stop();
        }
    })?;
    println!("{} frames in {:.1} s, {} dropped", summary.frames_out, summary.seconds, summary.frames_dropped);
    Ok(())
}
