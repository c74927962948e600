//! An encoder that only takes its time, and a sink that remembers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use foveate::Result;
use foveate::frame::Frame;
use foveate::geometry::{BoundingBox, Letterbox, Region, Size};
use foveate::model::{Embedding, Encoder};
use foveate::record::{Event, FrameRecord};
use foveate::sink::Sink;

use crate::common::INPUT;

/// Takes `cost` for a frame and encodes nothing.
pub struct GeometryEncoder {
    pub cost: Duration,
}

impl Encoder for GeometryEncoder {
    fn input_size(&self) -> Size {
        INPUT
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        std::thread::sleep(self.cost);
        out.letterbox = Letterbox::of_region(frame.size, region, INPUT);
        Ok(())
    }
}

/// What a [`MemorySink`] saw.
#[derive(Default)]
pub struct Seen {
    pub frames: Vec<SeenFrame>,
    pub events: Vec<Event>,
    pub summary: Option<serde_json::Value>,
}

pub struct SeenFrame {
    pub sequence: u64,
    pub time_s: f64,
    pub age: Duration,
    /// Id and box of each object.
    pub objects: Vec<(u32, Option<BoundingBox>)>,
}

/// Remembers every frame and event; takes `cost` for a frame.
pub struct MemorySink {
    pub seen: Arc<Mutex<Seen>>,
    pub cost: Duration,
}

impl MemorySink {
    pub fn boxed(cost: Duration) -> (Box<dyn Sink>, Arc<Mutex<Seen>>) {
        let seen = Arc::new(Mutex::new(Seen::default()));
        (Box::new(MemorySink { seen: Arc::clone(&seen), cost }), seen)
    }
}

impl Sink for MemorySink {
    fn name(&self) -> &str {
        "memory"
    }

    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        std::thread::sleep(self.cost);
        self.seen.lock().unwrap().frames.push(SeenFrame {
            sequence: record.sequence,
            time_s: record.time_s,
            age: record.age,
            objects: record.objects().iter().map(|o| (o.object, o.bbox)).collect(),
        });
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        self.seen.lock().unwrap().events.push(event.clone());
        Ok(())
    }

    fn finish(&mut self, summary: &serde_json::Value) -> Result<()> {
        self.seen.lock().unwrap().summary = Some(summary.clone());
        Ok(())
    }
}
