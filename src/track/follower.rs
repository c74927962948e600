use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::flow::Similarity;
use super::memory::{Expectation, FeatureMap, Memory, Recall};
use super::motion::BoxMotion;
use super::{Excluded, ObjectId, ObjectState};
use crate::geometry::{BoundingBox, LabeledPoint, Letterbox, Size};
use crate::mask::{LowResLogits, MASK_PROMPT_LOGIT};
use crate::model::{Candidate, Prompt};
use crate::time::Timestamp;

/// When an object counts as lost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct FollowerConfig {
    /// Least predicted IoU of a mask that is believed.
    pub min_score: f32,
    /// Least IoU between the last believed mask and the new one, on the decoder's grid.
    pub min_agreement: f32,
    /// Least IoU between the mask that is expected by memory and the new one.
    pub min_recall: f32,
    /// Least cosine between what should be the object and what is remembered, on average: below it, as after a cut, the
    /// object is not there at all.
    pub min_likeness: f32,
    /// Least IoU by pixels and by cells, and least predicted IoU, for a lost object to be found again.
    pub min_return: f32,
    /// Most growth or shrinkage of the area between two frames, as a factor.
    pub max_area_change: f32,
    /// Frames in a row without a believable mask until the object is reported as lost.
    pub lost_after: u32,
    /// Most frames in a row on which a disputed object's box goes on as it went instead of being measured.
    pub coast: u32,
    /// How far the object may reach out of its predicted box, as a share of the box's sides; beyond that a mask is some
    /// other object that looks alike.
    pub reach: f32,
}

impl Default for FollowerConfig {
    fn default() -> Self {
        FollowerConfig {
            min_score: 0.4,
            min_agreement: 0.15,
            min_recall: 0.3,
            min_likeness: 0.75,
            min_return: 0.6,
            max_area_change: 3.0,
            lost_after: 4,
            coast: 30,
            reach: 0.4,
        }
    }
}

/// What a new mask did to an object's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mask is believed.
    Held,
    /// The mask is not believed; the memory stays as it was.
    Missed,
    /// Missed once too often: the object is lost from this frame on.
    Lost,
    /// Lost before, believed again now.
    Returned,
}

/// A mask measured at frame resolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// `None` for an empty mask.
    pub bbox: Option<BoundingBox>,
    /// Pixels of the frame.
    pub area: usize,
}

/// One selected object: its identity, and the memory that finds it again on the next frame.
#[derive(Clone, Debug)]
pub struct Follower {
    id: ObjectId,
    config: FollowerConfig,
    state: ObjectState,
    /// Logits of the last believed mask, moved by what it was propagated by since.
    memory: LowResLogits,
    /// The whole motion since they were believed, while the object is propagated, and what they were then.
    propagated: Option<Similarity>,
    believed: LowResLogits,
    /// Predicted IoU of the last believed mask.
    score: f32,
    motion: BoxMotion,
    area: f32,
    misses: u32,
    seen: Memory,
    excluded: Excluded,
    /// Where it should be in the present frame; stale without `present`.
    expected: Expectation,
    /// Frames in a row on which another object that looks alike claimed the same place.
    disputed: u32,
    /// The features of the present frame, if they could be compared with what was seen.
    present: Option<Arc<FeatureMap>>,
}

impl Follower {
    /// An object with no memory yet; [`Self::select`] gives it one.
    pub fn new(id: ObjectId, config: FollowerConfig) -> Self {
        Follower {
            id,
            config,
            state: ObjectState::Lost,
            memory: LowResLogits::default(),
            propagated: None,
            believed: LowResLogits::default(),
            score: 0.0,
            motion: BoxMotion::default(),
            area: 0.0,
            misses: 0,
            seen: Memory::default(),
            excluded: Excluded::default(),
            expected: Expectation::default(),
            disputed: 0,
            present: None,
        }
    }

    /// Which object this is.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// How sure the tracker is of it in the newest frame.
    pub fn state(&self) -> ObjectState {
        self.state
    }

    /// Logits of the last believed mask, moved by what it was propagated by since.
    pub fn memory(&self) -> &LowResLogits {
        &self.memory
    }

    /// Predicted IoU of the last believed mask.
    pub fn score(&self) -> f32 {
        self.score
    }

    /// Where the object's box should be at `at` by its motion so far, in cells of its mask's grid; `letterbox` places the frame in
    /// the model's input. `None` before it was measured.
    pub fn predicted_box(&self, at: Timestamp, letterbox: &Letterbox) -> Option<BoundingBox> {
        let bbox = letterbox.box_to_input(self.motion.predict(at)?);
        let cells = |grid: u32, input: u32| grid as f32 / input.max(1) as f32;
        let (u, v) = (
            cells(self.memory.size.width, letterbox.input.width),
            cells(self.memory.size.height, letterbox.input.height),
        );
        Some(BoundingBox::new(bbox.x0 * u, bbox.y0 * v, bbox.x1 * u, bbox.y1 * v))
    }

    /// Tells whether another object that looks alike claims the same place on the present frame: then the box is not measured
    /// but goes on as it went, for a while.
    pub fn set_disputed(&mut self, disputed: bool) {
        self.disputed = if disputed { self.disputed.saturating_add(1) } else { 0 };
    }

    /// What is expected of the present frame, to be settled with others; `None` as for [`Self::expected`].
    pub fn expected_mut(&mut self) -> Option<&mut LowResLogits> {
        self.present.is_some().then_some(&mut self.expected.logits)
    }

    /// Goes on to a frame that the decoder is not asked about: the mask moves as the object did, in cells of its grid.
    pub fn propagate(&mut self, motion: &Similarity) {
        let whole = match self.propagated {
            Some(whole) => whole.then(motion),
            None => {
                std::mem::swap(&mut self.believed, &mut self.memory);
                *motion
            }
        };
        whole.warp(&self.believed, &mut self.memory);
        self.propagated = Some(whole);
        self.present = None;
        if self.state != ObjectState::Lost {
            self.state = ObjectState::Tracked;
        }
    }

    /// How the object should move from one time to another by its motion so far, in cells of its mask's grid; `letterbox`
    /// places the frame in the model's input.
    pub fn predicted_motion(&self, from: Timestamp, to: Timestamp, letterbox: &Letterbox) -> Similarity {
        let (Some(before), Some(after)) = (self.predicted_box(from, letterbox), self.predicted_box(to, letterbox))
        else {
            return Similarity::NONE;
        };
        let (center, to) = (before.center(), after.center());
        Similarity {
            scale: ((after.x1 - after.x0) / (before.x1 - before.x0).max(f32::MIN_POSITIVE)).clamp(0.5, 2.0),
            center: [center.x, center.y],
            shift: [to.x - center.x, to.y - center.y],
        }
    }

    /// What the user took out of the object.
    pub fn excluded(&self) -> &Excluded {
        &self.excluded
    }

    /// Keeps out from now on what a user's `points` took out of the object, whose mask is as `measured`.
    pub fn exclude(&mut self, points: &[LabeledPoint], measured: Measured) {
        if let Some(bbox) = measured.bbox {
            self.excluded.add(points, bbox);
        }
    }

    /// Replaces what is kept out; [`Self::select`] leaves it as it is.
    pub fn set_excluded(&mut self, excluded: Excluded) {
        self.excluded = excluded;
    }

    /// Takes the answer to a user's prompt on the frame of `at`, whose features are `map`; it replaces all memory.
    pub fn select(&mut self, at: Timestamp, candidate: &Candidate, measured: Measured, map: Option<&Arc<FeatureMap>>) {
        self.present = None;
        self.seen.begin(map, &candidate.logits);
        self.motion.reset();
        self.disputed = 0;
        self.misses = 0;
        self.state = ObjectState::Selected;
        self.remember(at, candidate, measured);
    }

    /// Brings what is remembered from frames that lie in the model's input as `from` says to those of `to`: a camera may come
    /// back with another size, and the model may go on with another input.
    pub fn rescale(&mut self, from: &Letterbox, to: &Letterbox) {
        if from.frame != to.frame {
            let (x, y) = from.frame.ratio_to(to.frame);
            self.motion.scale(x, y);
            self.area *= x * y;
        }
        if !from.shows_alike(to) {
            let memory = std::mem::take(&mut self.memory);
            memory.move_into(from, memory.size, to, &mut self.memory);
            self.propagated = None;
        }
    }

    /// Looks up where the object should be in the present frame of `recall`, on the decoder's grid of `size`: near where it
    /// was, or anywhere once it was missed for a while.
    pub fn expect(&mut self, recall: &mut Recall, size: Size) {
        let anywhere = self.state == ObjectState::Lost || self.misses + 1 >= self.config.lost_after;
        let expecting = recall.expect(&self.seen, anywhere, size, &mut self.expected);
        self.present = recall.present().filter(|_| expecting).cloned();
    }

    /// Where the object should be in the present frame, if its features could be compared: what is shown when no candidate
    /// is believed.
    pub fn expected(&self) -> Option<&LowResLogits> {
        self.present.is_some().then_some(&self.expected.logits)
    }

    /// Writes the prompt that should find the object on the frame of `at` into `prompt`, reusing its buffers. `letterbox`
    /// places the frame in the model's input.
    pub fn prompt(&self, at: Timestamp, letterbox: &Letterbox, prompt: &mut Prompt) {
        prompt.points.clear();
        let clip = |b: BoundingBox| b.intersect(BoundingBox::of_frame(letterbox.frame));
        if let Some(expected) = self.expected() {
            prompt.bbox = expected.bounding_box(letterbox).map(clip).filter(|b| b.area() > 0.0);
            prompt.mask.get_or_insert_default().clone_from(expected);
        } else {
            prompt.bbox = self.motion.predict(at).map(clip).filter(|b| b.area() > 0.0);
            prompt.mask.get_or_insert_default().clone_from(&self.memory);
        }
        if let Some(bbox) = prompt.bbox {
            self.excluded.place(bbox, &mut prompt.points);
        }
    }

    /// Takes out of `logits` what lies farther from the predicted box than the object can be; `letterbox` places the frame
    /// in the model's input. A lost object may return anywhere and keeps all; so does one that memory has a place for.
    pub fn confine(&self, at: Timestamp, letterbox: &Letterbox, logits: &mut LowResLogits) {
        let confined = self.state != ObjectState::Lost && self.present.is_none();
        let Some(bbox) = self.motion.predict(at).filter(|_| confined) else { return };
        let within = letterbox.box_to_input(bbox.expand(self.config.reach));
        let (width, height) = (logits.size.width as usize, logits.size.height as usize);
        let cell = (letterbox.input.width as f32 / width as f32, letterbox.input.height as f32 / height as f32);
        // One cell more on each side keeps a small object from being cut by the grid itself.
        let span = |from: f32, to: f32, cell: f32, cells: usize| {
            let (from, to) = ((from / cell - 1.0).max(0.0) as usize, (to / cell + 2.0).max(0.0) as usize);
            from.min(cells)..to.min(cells)
        };
        let columns = span(within.x0, within.x1, cell.0, width);
        let rows = span(within.y0, within.y1, cell.1, height);
        for (y, row) in logits.data.chunks_exact_mut(width.max(1)).enumerate() {
            if rows.contains(&y) {
                row[..columns.start].fill(-MASK_PROMPT_LOGIT);
                row[columns.end.max(columns.start)..].fill(-MASK_PROMPT_LOGIT);
            } else {
                row.fill(-MASK_PROMPT_LOGIT);
            }
        }
    }

    /// Index of the candidate that is most likely this object: its predicted IoU plus its agreement with what is expected,
    /// cell by cell of the embedding most of all; with the last mask where nothing is.
    pub fn choose(&mut self, candidates: &[Candidate]) -> usize {
        let mut best = (0, f32::NEG_INFINITY);
        for (index, candidate) in candidates.iter().enumerate() {
            let merit = candidate.predicted_iou + self.likeness(candidate) + 2.0 * self.recalled(candidate);
            if merit > best.1 {
                best = (index, merit);
            }
        }
        best.0
    }

    /// IoU with the mask that is expected, or else with the last.
    fn likeness(&self, candidate: &Candidate) -> f32 {
        self.expected().unwrap_or(&self.memory).iou(&candidate.logits)
    }

    /// IoU with what memory expects, in shares of the embedding's cells; 0 where it expects nothing.
    fn recalled(&mut self, candidate: &Candidate) -> f32 {
        match &self.present {
            Some(map) => self.expected.agreement(map, &candidate.logits),
            None => 0.0,
        }
    }

    /// Takes the chosen candidate of the frame of `at` and decides whether it is the object.
    pub fn observe(&mut self, at: Timestamp, candidate: &Candidate, measured: Measured) -> Outcome {
        let change = measured.area as f32 / self.area.max(1.0);
        let believed = measured.bbox.is_some()
            && candidate.predicted_iou >= self.config.min_score
            && change < self.config.max_area_change
            && change > 1.0 / self.config.max_area_change
            && self.is_like(candidate);
        if believed {
            let outcome = if self.state == ObjectState::Lost { Outcome::Returned } else { Outcome::Held };
            self.misses = 0;
            self.state = ObjectState::Tracked;
            self.remember(at, candidate, measured);
            self.seen.add(self.present.as_ref(), &candidate.logits);
            return outcome;
        }
        self.misses = self.misses.saturating_add(1);
        if self.state != ObjectState::Lost && self.misses >= self.config.lost_after {
            self.state = ObjectState::Lost;
            return Outcome::Lost;
        }
        if self.state != ObjectState::Lost {
            self.state = ObjectState::Tracked;
        }
        Outcome::Missed
    }

    /// Whether a candidate is enough like what is expected, or where nothing is, like the last mask.
    fn is_like(&mut self, candidate: &Candidate) -> bool {
        let likeness = self.likeness(candidate);
        if self.present.is_none() {
            return likeness >= self.config.min_agreement;
        }
        let FollowerConfig { min_recall, min_likeness, min_return, .. } = self.config;
        if self.expected.likeness < min_likeness {
            return false;
        }
        if self.state == ObjectState::Lost {
            let least = likeness.min(candidate.predicted_iou).min(self.recalled(candidate));
            return least >= min_return;
        }
        likeness >= min_recall
    }

    /// Whether the box goes on as it went: what is measured may be another's.
    fn is_coasting(&self) -> bool {
        (1..self.config.coast).contains(&self.disputed)
    }

    fn remember(&mut self, at: Timestamp, candidate: &Candidate, measured: Measured) {
        self.memory.clone_from(&candidate.logits);
        self.propagated = None;
        self.score = candidate.predicted_iou;
        self.area = measured.area as f32;
        match measured.bbox {
            Some(_) if self.is_coasting() => self.motion.coast(at),
            Some(bbox) => self.motion.observe(at, bbox),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: u32 = 16;

    fn blob(x0: u32, score: f32) -> (Candidate, Measured) {
        let size = Size::new(GRID, GRID);
        let inside = |i: u32| (x0..x0 + 6).contains(&(i % GRID)) && (4..10).contains(&(i / GRID));
        let data = (0..GRID * GRID).map(|i| if inside(i) { 5.0 } else { -5.0 }).collect();
        let bbox = BoundingBox::new(x0 as f32 * 8.0, 32.0, (x0 + 6) as f32 * 8.0, 80.0);
        let measured = Measured { bbox: Some(bbox), area: bbox.area() as usize };
        (Candidate { logits: LowResLogits { size, data }, predicted_iou: score }, measured)
    }

    fn at(frame: u64) -> Timestamp {
        Timestamp::from_nanos(frame * 33_000_000)
    }

    fn selected() -> Follower {
        let mut follower = Follower::new(7, FollowerConfig::default());
        let (candidate, measured) = blob(4, 0.9);
        follower.select(at(0), &candidate, measured, None);
        follower
    }

    #[test]
    fn the_prompt_is_the_moved_box_and_the_last_logits() {
        let mut follower = selected();
        let (candidate, measured) = blob(5, 0.9);
        assert_eq!(follower.observe(at(1), &candidate, measured), Outcome::Held);
        let mut prompt = Prompt::default();
        follower.prompt(at(2), &Letterbox::new(Size::new(128, 128), Size::new(128, 128)), &mut prompt);
        assert_eq!(prompt.mask.as_ref(), Some(&candidate.logits));
        assert!(prompt.bbox.unwrap().x0 > 40.0, "the box moves on: {:?}", prompt.bbox);
        assert_eq!(follower.state(), ObjectState::Tracked);
    }

    #[test]
    fn a_propagated_mask_moves_without_blur_and_is_believed_again() {
        let mut follower = selected();
        let step = Similarity { scale: 1.0, center: [7.0, 7.0], shift: [0.5, 0.0] };
        for _ in 0..4 {
            follower.propagate(&step);
        }
        let inside = |logits: &LowResLogits| logits.data.iter().map(|v| *v > 0.0).collect::<Vec<_>>();
        assert_eq!(inside(follower.memory()), inside(&blob(6, 0.9).0.logits));
        assert_eq!((follower.state(), follower.score()), (ObjectState::Tracked, 0.9));
        let (candidate, measured) = blob(6, 0.8);
        assert_eq!(follower.observe(at(5), &candidate, measured), Outcome::Held);
        assert_eq!(follower.score(), 0.8);
    }

    #[test]
    fn what_lies_far_off_is_taken_out() {
        let follower = selected();
        let (mut candidate, _) = blob(4, 0.9);
        candidate.logits.data.fill(5.0);
        let letterbox = Letterbox::new(Size::new(128, 128), Size::new(128, 128));
        follower.confine(at(1), &letterbox, &mut candidate.logits);
        let positive = |x: u32, y: u32| candidate.logits.data[(y * GRID + x) as usize] > 0.0;
        // The box is 32 to 80 both ways and reaches 0.4 of it farther: 12.8 to 99.2, cells 1 to 12 and one more.
        for n in 0..GRID {
            assert_eq!(positive(n, 7), (0..=13).contains(&n), "column {n}");
            assert_eq!(positive(7, n), (0..=13).contains(&n), "row {n}");
        }
    }

    #[test]
    fn agreement_beats_a_slightly_better_score() {
        let mut follower = selected();
        let candidates = [blob(0, 0.95).0, blob(4, 0.85).0];
        assert_eq!(follower.choose(&candidates), 1);
    }

    #[test]
    fn loss_and_return_are_reported_once() {
        let mut follower = selected();
        let empty = Measured { bbox: None, area: 0 };
        let (candidate, measured) = blob(4, 0.1);
        let reported: Vec<_> = (1..7).map(|n| follower.observe(at(n), &candidate, empty)).collect();
        assert_eq!(reported.iter().filter(|o| **o == Outcome::Lost).count(), 1);
        assert_eq!(reported[3], Outcome::Lost);
        assert_eq!(follower.observe(at(8), &candidate, measured), Outcome::Missed, "a low score is not a return");
        let (candidate, measured) = blob(4, 0.9);
        assert_eq!(follower.observe(at(9), &candidate, measured), Outcome::Returned);
    }

    #[test]
    fn frames_of_another_size_are_no_sudden_giant() {
        let mut follower = selected();
        let wide = Letterbox::new(Size::new(512, 256), Size::new(128, 64));
        follower.rescale(&Letterbox::new(Size::new(128, 128), Size::new(128, 128)), &wide);
        let (candidate, measured) = blob(4, 0.9);
        let b = measured.bbox.unwrap();
        let large = BoundingBox::new(b.x0 * 4.0, b.y0 * 2.0, b.x1 * 4.0, b.y1 * 2.0);
        let mut prompt = Prompt::default();
        follower.prompt(at(1), &wide, &mut prompt);
        assert_eq!(prompt.bbox, Some(large));
        let measured = Measured { bbox: Some(large), area: large.area() as usize };
        assert_eq!(follower.observe(at(1), &candidate, measured), Outcome::Held);
    }

    #[test]
    fn a_sudden_giant_is_not_believed() {
        let mut follower = selected();
        let (candidate, _) = blob(4, 0.9);
        let giant = Measured { bbox: Some(BoundingBox::new(0.0, 0.0, 128.0, 128.0)), area: 128 * 128 };
        assert_eq!(follower.observe(at(1), &candidate, giant), Outcome::Missed);
        assert_eq!(follower.memory(), &blob(4, 0.9).0.logits);
    }
}
