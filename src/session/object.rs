use std::sync::Arc;

use super::change::Change;
use super::encoded::Encoded;
use crate::geometry::{LabeledPoint, Letterbox, Point, Size};
use crate::mask::{LowResLogits, Mask, UpsampleScratch, upsample_mask};
use crate::model::{Candidate, Prompt};
use crate::record::ObjectRecord;
use crate::track::flow::Similarity;
use crate::track::memory::FeatureMap;
use crate::track::{Follower, Measured, MotionPropagator, ObjectState, Outcome};

/// An object that is followed, and what the present frame has of it.
pub(super) struct Object {
    pub follower: Follower,
    /// How the frames that the follower knows lie in the model's input.
    pub letterbox: Letterbox,
    /// The prompt that was answered last, to be drawn and to be added to on its frame.
    pub prompt: Prompt,
    /// Sequence number of the frame on which that was, if it is the present one.
    pub answered_on: Option<u64>,
    /// Encoded frames since it was last decoded.
    pub waited: u32,
    /// Whether the decoder searches for it on the present frame.
    pub searching: bool,
    /// Its candidate among all of the present frame, if so.
    pub chosen: usize,
}

impl Object {
    /// An object with no memory yet, in frames that lie in the model's input as `letterbox` says.
    pub fn new(follower: Follower, letterbox: Letterbox) -> Self {
        let prompt = Prompt::default();
        Object { follower, letterbox, prompt, answered_on: None, waited: 0, searching: false, chosen: 0 }
    }

    /// True if a user's prompt was answered on this very frame.
    pub fn is_answered_on(&self, frame: u64) -> bool {
        self.answered_on == Some(frame)
    }

    /// Goes on to frames that lie in the model's input as `letterbox` says.
    pub fn enter(&mut self, letterbox: &Letterbox) {
        let before = std::mem::replace(&mut self.letterbox, *letterbox);
        if before != *letterbox {
            self.follower.rescale(&before, letterbox);
        }
    }

    /// Logits of its last mask, on frames that lie in the model's input as `letterbox` says.
    pub fn memory_on(&self, letterbox: &Letterbox) -> LowResLogits {
        self.follower.memory().moved(&self.letterbox, letterbox)
    }

    /// Index of the candidate that is the object on the present frame.
    pub fn choose(&mut self, candidates: &mut [Candidate], present: &Encoded) -> usize {
        let (follower, letterbox) = (&mut self.follower, &present.embedding.letterbox);
        candidates.iter_mut().for_each(|c| follower.confine(present.at(), letterbox, &mut c.logits));
        follower.choose(candidates)
    }

    /// Takes `candidate`, which a user asked for on the frame `on` whose features are `map`; it replaces all memory.
    pub fn select(&mut self, candidate: &Candidate, on: &Encoded, measured: Measured, map: Option<&Arc<FeatureMap>>) {
        self.follower.select(on.at(), candidate, measured, map);
        self.letterbox = on.embedding.letterbox;
        self.answered_on = None;
    }

    /// Takes the candidate chosen on the present frame and writes it into `out`.
    pub fn observe(
        &mut self,
        chosen: &Candidate,
        present: &Encoded,
        scratch: &mut UpsampleScratch,
        out: &mut ObjectRecord,
        changes: &mut Vec<Change>,
    ) {
        let follower = &mut self.follower;
        let letterbox = &present.embedding.letterbox;
        let mut measured = measure(&chosen.logits, letterbox, scratch, &mut out.mask);
        let object = follower.id();
        match follower.observe(present.at(), chosen, measured) {
            Outcome::Lost => changes.push(Change::Lost { object }),
            Outcome::Returned => changes.push(Change::Returned { object }),
            Outcome::Held => {}
            Outcome::Missed => {
                if let Some(expected) = follower.expected() {
                    measured = measure(expected, letterbox, scratch, &mut out.mask);
                }
            }
        }
        self.write(&[], chosen.predicted_iou, measured, letterbox.frame, out);
    }

    /// Writes what a user's prompt was answered on this frame into `out`.
    pub fn write_answer(&self, letterbox: &Letterbox, scratch: &mut UpsampleScratch, out: &mut ObjectRecord) {
        let measured = measure(self.follower.memory(), letterbox, scratch, &mut out.mask);
        self.write(&self.prompt.points, self.follower.score(), measured, letterbox.frame, out);
    }

    /// Moves to the present frame of `motion` without the decoder and writes that into `out`.
    pub fn propagate(
        &mut self,
        motion: &mut MotionPropagator,
        letterbox: &Letterbox,
        scratch: &mut UpsampleScratch,
        out: &mut ObjectRecord,
    ) {
        let follower = &mut self.follower;
        let mut measured = Measured { bbox: None, area: 0 };
        if follower.state() != ObjectState::Lost {
            let moved = motion.of_mask(follower.memory(), letterbox).or_else(|| {
                let (before, present) = motion.times()?;
                Some(follower.predicted_motion(before, present, letterbox))
            });
            follower.propagate(&moved.unwrap_or(Similarity::NONE));
            measured = measure(follower.memory(), letterbox, scratch, &mut out.mask);
        }
        self.write(&[], self.follower.score(), measured, letterbox.frame, out);
    }

    /// Writes what is known of the object beside its mask; a lost one has none.
    fn write(&self, points: &[LabeledPoint], score: f32, measured: Measured, frame: Size, out: &mut ObjectRecord) {
        out.object = self.follower.id();
        out.state = self.follower.state();
        out.score = score;
        (out.bbox, out.area) = (measured.bbox, measured.area);
        out.points.clear();
        out.points.extend_from_slice(points);
        if out.state == ObjectState::Lost {
            out.mask.reset(frame);
            (out.bbox, out.area) = (None, 0);
        }
    }

    /// True if it is not lost and its last believed mask covers `point` of the frame `seen`.
    pub fn covers(&self, point: Point, seen: &Encoded) -> bool {
        let (x, y) = seen.frame.size.ratio_to(self.letterbox.frame);
        let point = Point::new(point.x * x, point.y * y);
        self.follower.state() != ObjectState::Lost && self.follower.memory().covers(point, &self.letterbox)
    }
}

/// Brings logits to the frame's resolution.
pub(super) fn measure(
    logits: &LowResLogits,
    letterbox: &Letterbox,
    scratch: &mut UpsampleScratch,
    out: &mut Mask,
) -> Measured {
    let extent = upsample_mask(logits, letterbox, 0.0, scratch, out);
    Measured { bbox: extent.bbox, area: extent.area }
}
