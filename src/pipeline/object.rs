use std::sync::Arc;

use super::carrier::Carrier;
use super::choice::{logit_at, most_obedient};
use super::encode::Encoded;
use super::objects::Change;
use crate::geometry::{LabeledPoint, Letterbox, Point, Size};
use crate::mask::{LowResLogits, Mask, UpsampleScratch, upsample_mask};
use crate::model::Candidate;
use crate::record::ObjectRecord;
use crate::track::flow::Similarity;
use crate::track::memory::FeatureMap;
use crate::track::{Follower, Measured, ObjectState, Outcome};

/// An object that is followed, and what the present frame has of it.
pub(super) struct Object {
    pub follower: Follower,
    /// Size of the frames that the follower counts its pixels in.
    pub frame: Size,
    /// The present frame's own prompt, if it has one: its slot in `prompts` is already written.
    pub prompted: bool,
    /// When that prompt was made, in seconds from the first frame.
    pub prompted_at_s: f64,
    /// The points of that prompt, to be drawn.
    pub points: Vec<LabeledPoint>,
    /// Encoded frames since it was last decoded.
    pub waited: u32,
    /// Whether it is decoded on the present frame.
    pub turn: bool,
    /// Its candidate among all of the present frame, if it is.
    pub chosen: usize,
}

impl Object {
    /// An object with no memory yet, in frames of the size `frame`.
    pub fn new(follower: Follower, frame: Size) -> Self {
        Object {
            follower,
            frame,
            prompted: false,
            prompted_at_s: 0.0,
            points: Vec::new(),
            waited: 0,
            turn: false,
            chosen: 0,
        }
    }

    /// True if the decoder is asked on the present frame where it is now, and no person says it.
    pub fn is_sought(&self) -> bool {
        self.turn && !self.prompted
    }

    /// Goes on to frames of `size`.
    pub fn now_of(&mut self, size: Size) {
        let before = std::mem::replace(&mut self.frame, size);
        if before != size {
            self.follower.rescale(before, size);
        }
    }

    /// Index of the candidate that is the object on the present frame.
    pub fn choose(&mut self, candidates: &mut [Candidate], points: &[LabeledPoint], present: &Encoded) -> usize {
        let (follower, letterbox) = (&mut self.follower, &present.embedding.letterbox);
        if self.prompted {
            return most_obedient(candidates, points, letterbox);
        }
        candidates.iter_mut().for_each(|c| follower.confine(present.at(), letterbox, &mut c.logits));
        follower.choose(candidates)
    }

    /// Takes the candidate chosen on the present frame, whose features are beside it, and writes it into `out`.
    pub fn take(
        &mut self,
        chosen: &Candidate,
        points: &[LabeledPoint],
        (present, features): (&Encoded, Option<&Arc<FeatureMap>>),
        scratch: &mut UpsampleScratch,
        out: &mut ObjectRecord,
        changes: &mut Vec<Change>,
    ) {
        let Object { follower, prompted, .. } = self;
        let letterbox = &present.embedding.letterbox;
        let mut measured = measure(chosen, present, scratch, &mut out.mask);
        let id = follower.id();
        out.points.clear();
        if *prompted {
            follower.select(present.at(), chosen, measured, features);
            follower.exclude(points, measured);
            let frame = present.frame.sequence;
            changes.push(Change::Selected { object: id, prompt_time_s: self.prompted_at_s, frame });
            out.points.extend_from_slice(&self.points);
            *prompted = false;
        } else {
            match follower.observe(present.at(), chosen, measured) {
                Outcome::Lost => changes.push(Change::Lost { object: id }),
                Outcome::Returned => changes.push(Change::Returned { object: id }),
                Outcome::Held => {}
                Outcome::Missed => {
                    if let Some(expected) = follower.expected() {
                        measured = lay(expected, letterbox, scratch, &mut out.mask);
                    }
                }
            }
        }
        self.write(chosen.predicted_iou, measured, letterbox.frame, out);
    }

    /// Moves to the carrier's present frame without the decoder and writes that into `out`.
    pub fn carry(
        &mut self,
        carrier: &mut Carrier,
        letterbox: &Letterbox,
        scratch: &mut UpsampleScratch,
        out: &mut ObjectRecord,
    ) {
        let follower = &mut self.follower;
        let mut measured = Measured { bbox: None, area: 0 };
        if follower.state() != ObjectState::Lost {
            let motion = carrier.motion(follower.memory(), letterbox).or_else(|| {
                let (before, present) = carrier.times()?;
                Some(follower.foresee(before, present, letterbox))
            });
            follower.carry(&motion.unwrap_or(Similarity::NONE));
            measured = lay(follower.memory(), letterbox, scratch, &mut out.mask);
        }
        out.points.clear();
        self.write(self.follower.score(), measured, letterbox.frame, out);
    }

    /// Writes what is said of the object beside its mask; a lost one has none.
    fn write(&self, score: f32, measured: Measured, frame: Size, out: &mut ObjectRecord) {
        out.object = self.follower.id();
        out.state = self.follower.state();
        out.score = score;
        (out.bbox, out.area) = (measured.bbox, measured.area);
        if out.state == ObjectState::Lost {
            out.mask.reset(frame);
            (out.bbox, out.area) = (None, 0);
        }
    }

    /// True if it is not lost and its last believed mask covers `point` of a frame that lies in the model's input as `seen`
    /// does.
    pub fn covers(&self, point: Point, seen: &Encoded) -> bool {
        let logit = logit_at(self.follower.memory(), point, &seen.embedding.letterbox);
        self.follower.state() != ObjectState::Lost && logit.is_some_and(|logit| logit > 0.0)
    }
}

/// Brings a candidate to the frame's resolution.
pub(super) fn measure(candidate: &Candidate, on: &Encoded, scratch: &mut UpsampleScratch, out: &mut Mask) -> Measured {
    lay(&candidate.logits, &on.embedding.letterbox, scratch, out)
}

fn lay(logits: &LowResLogits, letterbox: &Letterbox, scratch: &mut UpsampleScratch, out: &mut Mask) -> Measured {
    let extent = upsample_mask(logits, letterbox, 0.0, scratch, out);
    Measured { bbox: extent.bbox, area: extent.area }
}
