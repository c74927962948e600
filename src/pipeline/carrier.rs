use std::sync::Arc;

use crate::frame::Frame;
use crate::geometry::Letterbox;
use crate::mask::LowResLogits;
use crate::time::Timestamp;
use crate::track::flow::{Flow, Picture, PictureMaker, Similarity};

/// Measures how things moved from the frame before to the present one. Pictures are made only when somebody asks, and each
/// frame's once.
#[derive(Default)]
pub(super) struct Carrier {
    maker: PictureMaker,
    flow: Flow,
    before: Shown,
    present: Shown,
}

/// A frame and, once it was asked for, its picture.
#[derive(Default)]
struct Shown {
    frame: Option<Arc<Frame>>,
    picture: Picture,
    made: bool,
}

impl Shown {
    fn at(&self) -> Option<Timestamp> {
        self.frame.as_ref().map(|frame| frame.captured_at)
    }

    /// False if there is no frame, or none that can be read.
    fn make(&mut self, maker: &mut PictureMaker) -> bool {
        if let (false, Some(frame)) = (self.made, &self.frame) {
            self.made = maker.fill(frame, &mut self.picture).is_ok();
        }
        self.made
    }
}

impl Carrier {
    /// Frames that it holds on to.
    pub const FRAMES: usize = 2;

    /// Goes on to the next frame.
    pub fn begin(&mut self, frame: &Arc<Frame>) {
        std::mem::swap(&mut self.before, &mut self.present);
        self.present.frame = Some(Arc::clone(frame));
        self.present.made = false;
    }

    /// When the frame before was taken, and the present one; `None` before the second frame.
    pub fn times(&self) -> Option<(Timestamp, Timestamp)> {
        self.before.at().zip(self.present.at())
    }

    /// How what `logits` cover in the frame before moved until the present one; see [`Flow::of_mask`].
    pub fn motion(&mut self, logits: &LowResLogits, letterbox: &Letterbox) -> Option<Similarity> {
        let Carrier { maker, flow, before, present } = self;
        if !before.make(maker) || !present.make(maker) {
            return None;
        }
        flow.of_mask(&before.picture, &present.picture, logits, letterbox)
    }
}
