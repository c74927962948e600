use std::sync::Arc;

use super::flow::{Flow, ImagePyramid, PyramidBuilder, Similarity};
use crate::frame::Frame;
use crate::geometry::Letterbox;
use crate::mask::LowResLogits;
use crate::time::Timestamp;

/// Measures how objects moved from the frame before to the present one. Pyramids are built only when somebody asks, and
/// each frame's once.
#[derive(Default)]
pub struct MotionPropagator {
    builder: PyramidBuilder,
    flow: Flow,
    before: FramePyramid,
    present: FramePyramid,
}

/// A frame and, once it was asked for, its pyramid.
#[derive(Default)]
struct FramePyramid {
    frame: Option<Arc<Frame>>,
    pyramid: ImagePyramid,
    built: bool,
}

impl FramePyramid {
    fn at(&self) -> Option<Timestamp> {
        self.frame.as_ref().map(|frame| frame.captured_at)
    }

    /// False if there is no frame, or none that can be read.
    fn build(&mut self, builder: &mut PyramidBuilder) -> bool {
        if let (false, Some(frame)) = (self.built, &self.frame) {
            self.built = builder.fill(frame, &mut self.pyramid).is_ok();
        }
        self.built
    }
}

impl MotionPropagator {
    /// Frames that it holds on to.
    pub const FRAMES: usize = 2;

    /// Goes on to the next frame.
    pub fn set_frame(&mut self, frame: &Arc<Frame>) {
        std::mem::swap(&mut self.before, &mut self.present);
        self.present.frame = Some(Arc::clone(frame));
        self.present.built = false;
    }

    /// When the frame before was taken, and the present one; `None` before the second frame.
    pub fn times(&self) -> Option<(Timestamp, Timestamp)> {
        self.before.at().zip(self.present.at())
    }

    /// How what `logits` cover in the frame before moved until the present one; see [`Flow::of_mask`].
    pub fn of_mask(&mut self, logits: &LowResLogits, letterbox: &Letterbox) -> Option<Similarity> {
        let MotionPropagator { builder, flow, before, present } = self;
        if !before.build(builder) || !present.build(builder) {
            return None;
        }
        flow.of_mask(&before.pyramid, &present.pyramid, logits, letterbox)
    }
}
