//! Stand-ins for the ends of the pipeline: a source that makes frames, and a decoder that answers by geometry alone.

use std::time::Duration;

use foveate::Result;
use foveate::capture::{Source, SourceInfo, Step};
use foveate::frame::{Frame, PixelFormat};
use foveate::geometry::{BoundingBox, Point, Size};
use foveate::model::{Candidate, Decoder, Embedding, Prompt};
use foveate::time::{Clock, MonotonicClock, Timestamp};

pub const FRAME: Size = Size::new(128, 96);
pub const INPUT: Size = Size::new(64, 64);
pub const GRID: Size = Size::new(32, 32);

/// Grey frames of 128x96 at `rate`, `count` of them, stamped with their due times.
pub struct SteadySource {
    info: SourceInfo,
    start: Option<Timestamp>,
    next: u64,
    count: u64,
    interval: Duration,
}

impl SteadySource {
    pub fn new(rate: f64, count: u64) -> Self {
        let info = SourceInfo {
            address: "test:steady".into(),
            size: FRAME,
            format: PixelFormat::Grey,
            rate: Some(rate),
            intrinsics: None,
        };
        SteadySource { info, start: None, next: 0, count, interval: Duration::from_secs_f64(1.0 / rate) }
    }
}

impl Source for SteadySource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self, frame: &mut Frame, _timeout: Duration) -> Result<Step> {
        if self.next == self.count {
            return Ok(Step::End);
        }
        let now = MonotonicClock.now();
        let start = *self.start.get_or_insert(now);
        let due = start + self.interval * self.next as u32;
        std::thread::sleep(due.since(now));
        frame.sequence = self.next;
        frame.captured_at = due;
        frame.size = FRAME;
        frame.format = PixelFormat::Grey;
        frame.stride = FRAME.width as usize;
        frame.data.own_mut().resize(FRAME.area(), 128);
        self.next += 1;
        Ok(Step::Frame)
    }
}

/// Answers a point with a disc around it, a box with itself, and a mask alone with that mask. It allocates nothing once
/// its output has grown.
pub struct GeometryDecoder;

impl Decoder for GeometryDecoder {
    fn max_points(&self) -> usize {
        16
    }

    fn mask_size(&self) -> Size {
        GRID
    }

    fn candidates(&self) -> usize {
        1
    }

    fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        out.resize_with(prompts.len(), Candidate::default);
        let cell = INPUT.width as f32 / GRID.width as f32;
        for (prompt, candidate) in prompts.iter().zip(out) {
            candidate.predicted_iou = 0.9;
            let logits = &mut candidate.logits;
            logits.size = GRID;
            logits.data.resize(GRID.area(), 0.0);
            for (i, v) in logits.data.iter_mut().enumerate() {
                let (x, y) = (i as u32 % GRID.width, i as u32 / GRID.width);
                let p = Point::new((x as f32 + 0.5) * cell, (y as f32 + 0.5) * cell);
                let near = |q: Point| embedding.letterbox.to_input(q).distance(p) < 8.0;
                let boxed = |b: BoundingBox| embedding.letterbox.box_to_input(b).contains(p);
                let inside = match (prompt.points.first(), prompt.bbox) {
                    (Some(point), _) => near(point.point),
                    (None, Some(bbox)) => boxed(bbox),
                    (None, None) => prompt.mask.as_ref().is_some_and(|m| m.data[i] > 0.0),
                };
                *v = if inside { 4.0 } else { -4.0 };
            }
        }
        Ok(())
    }
}
