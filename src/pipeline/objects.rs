use std::sync::Arc;

use super::carrier::Carrier;
use super::choice::most_obedient;
use super::contest::Contest;
use super::encode::Encoded;
use super::look::LookScratch;
use super::object::{Object, measure};
use super::request::Look;
use crate::error::{PromptError, Result};
use crate::frame::Frame;
use crate::geometry::{BoundingBox, LabeledPoint, Letterbox, Point, Size};
use crate::mask::{LowResLogits, Mask, UpsampleScratch};
use crate::model::{Candidate, Decoder, Prompt};
use crate::record::FrameRecord;
use crate::segment;
use crate::select::gaze::GazeDisc;
use crate::track::memory::Recall;
use crate::track::{Excluded, Follower, FollowerConfig, ObjectId, ObjectState};

/// What happened to an object on one frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// A prompt was answered, on the frame with this sequence number.
    Selected {
        object: ObjectId,
        prompt_time_s: f64,
        frame: u64,
    },
    /// A prompt was refused.
    Refused {
        object: ObjectId,
        prompt_time_s: f64,
        error: PromptError,
    },
    Lost {
        object: ObjectId,
    },
    Returned {
        object: ObjectId,
    },
    /// A gesture was taken back that had selected the object.
    Released {
        object: ObjectId,
    },
    /// A gesture was taken back: the object is as it was before it.
    Undone {
        object: ObjectId,
    },
}

/// A person's prompt.
pub(super) struct Asked<'a> {
    pub object: ObjectId,
    /// When it was made, in seconds from the first frame.
    pub time_s: f64,
    pub points: &'a [LabeledPoint],
    pub bbox: Option<BoundingBox>,
}

/// The objects that are followed at present, and the decoder that finds them.
///
/// The objects whose turn it is are decoded in one batch against the frame's embedding; so that many objects cost little more
/// than a few, the others are carried there by the picture's motion, and a lost one is looked for only in its turn. Buffers
/// are reused: with a constant number of objects a frame allocates nothing here.
pub(super) struct ObjectSet {
    decoder: Box<dyn Decoder>,
    config: FollowerConfig,
    objects: Vec<Object>,
    /// One prompt for each object, in the same order.
    prompts: Vec<Prompt>,
    /// Prompts of the objects whose turn it is, while they are decoded.
    batch: Vec<Prompt>,
    /// Most objects that are decoded on one frame.
    turns: usize,
    carrier: Carrier,
    contest: Contest,
    /// Of the last frame that was encoded.
    letterbox: Option<Letterbox>,
    candidates: Vec<Candidate>,
    scratch: UpsampleScratch,
    /// Mask of a prompt that is answered on an earlier frame.
    late: Mask,
    recall: Recall,
    look: LookScratch,
}

impl ObjectSet {
    /// At most `turns` objects are decoded on one frame, at least one; those that a person prompted always are.
    pub fn new(decoder: Box<dyn Decoder>, config: FollowerConfig, turns: usize) -> Self {
        ObjectSet {
            decoder,
            config,
            objects: Vec::new(),
            prompts: Vec::new(),
            batch: Vec::new(),
            turns: turns.max(1),
            carrier: Carrier::default(),
            contest: Contest::default(),
            letterbox: None,
            candidates: Vec::new(),
            scratch: UpsampleScratch::default(),
            late: Mask::default(),
            recall: Recall::default(),
            look: LookScratch::default(),
        }
    }

    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Forgets an object; false if there is none of that id.
    pub fn release(&mut self, object: ObjectId) -> bool {
        let found = self.position(object);
        if let Some(at) = found {
            self.objects.remove(at);
            self.prompts.remove(at);
        }
        found.is_some()
    }

    /// The object that was selected first among those still followed.
    pub fn oldest(&self) -> Option<ObjectId> {
        self.objects.first().map(|o| o.follower.id())
    }

    /// Most points in one prompt.
    pub fn max_points(&self) -> usize {
        self.decoder.max_points()
    }

    /// Logits of the last believed mask; empty if none was found yet, `None` if there is no such object.
    pub fn memory(&self, object: ObjectId) -> Option<&LowResLogits> {
        self.position(object).map(|at| self.objects[at].follower.memory())
    }

    /// What a person took out of the object; `None` if there is no such object.
    pub fn excluded(&self, object: ObjectId) -> Option<&Excluded> {
        self.position(object).map(|at| self.objects[at].follower.excluded())
    }

    /// True if the object is followed and its last believed mask covers `point`; see [`Self::at_point`].
    pub fn covers(&self, object: ObjectId, point: Point, seen: &Encoded) -> bool {
        self.position(object).is_some_and(|at| self.objects[at].covers(point, seen))
    }

    /// The object whose last believed mask covers `point` of a frame that lies in the model's input as `seen` does.
    pub fn at_point(&self, point: Point, seen: &Encoded) -> Option<ObjectId> {
        self.objects.iter().find(|o| o.covers(point, seen)).map(|o| o.follower.id())
    }

    /// Takes a person's prompt on the frame they saw. On the present frame it joins the frame's batch; on an earlier one
    /// it is answered there and then, and the present frame carries the answer forward.
    pub fn prompt(
        &mut self,
        asked: &Asked,
        seen: &Encoded,
        present: &Encoded,
        changes: &mut Vec<Change>,
    ) -> Result<()> {
        if seen.frame.sequence != present.frame.sequence {
            return self.answer(asked, seen, changes).map(drop);
        }
        if let Some((at, prompt)) = self.accept(asked, seen, changes) {
            self.prompts[at] = prompt;
            self.objects[at].prompted = true;
            self.objects[at].prompted_at_s = asked.time_s;
        }
        Ok(())
    }

    /// Answers a person's prompt there and then on the frame they saw; the present frame carries the answer forward.
    /// Gives back which of [`Self::candidates`] was taken, `None` if the prompt was refused.
    pub fn answer(&mut self, asked: &Asked, seen: &Encoded, changes: &mut Vec<Change>) -> Result<Option<usize>> {
        let Some((at, prompt)) = self.accept(asked, seen, changes) else { return Ok(None) };
        self.decoder.decode(&seen.embedding, std::slice::from_ref(&prompt), &mut self.candidates)?;
        let chosen = most_obedient(&self.candidates, &prompt.points, &seen.embedding.letterbox);
        let best = &self.candidates[chosen];
        let measured = measure(best, seen, &mut self.scratch, &mut self.late);
        let map = self.recall.map_of(&seen.embedding);
        self.objects[at].follower.select(seen.at(), best, measured, map.as_ref());
        self.objects[at].follower.exclude(&prompt.points, measured);
        self.objects[at].frame = seen.frame.size;
        self.objects[at].prompted = false;
        let Asked { object, time_s: prompt_time_s, .. } = *asked;
        changes.push(Change::Selected { object, prompt_time_s, frame: seen.frame.sequence });
        Ok(Some(chosen))
    }

    /// Begins to follow, as `object`, what a person looked at on the frame they saw; what was shown as `preview` is preferred to
    /// its neighbours.
    ///
    /// # Errors
    /// Those of the decoder; the inner error when nothing is there, or nothing clear and the look was not insistent.
    pub fn look(
        &mut self,
        object: ObjectId,
        look: &Look,
        preview: Option<&LowResLogits>,
        seen: &Encoded,
        changes: &mut Vec<Change>,
    ) -> Result<std::result::Result<(), PromptError>> {
        let Look { time_s: prompt_time_s, disc, insistent } = *look;
        let found = self.look.find(&mut *self.decoder, (disc, insistent), preview, seen)?;
        Ok(found.map(|found| {
            self.add(object, &found, seen);
            changes.push(Change::Selected { object, prompt_time_s, frame: seen.frame.sequence });
        }))
    }

    /// What seems to lie under a disc of gaze; nothing is followed for it.
    pub fn glance(&mut self, disc: GazeDisc, seen: &Encoded) -> Result<Option<LowResLogits>> {
        self.look.glance(&mut *self.decoder, disc, seen)
    }

    /// The mask of the last prompt that was answered there and then, of the frame it was answered on.
    pub fn answered(&self) -> &Mask {
        &self.late
    }

    /// The followed object on which most of a disc of gaze falls, if that is at least half of it.
    pub fn at_disc(&self, disc: GazeDisc, seen: &Encoded) -> Option<ObjectId> {
        let covered = |o: &Object| disc.points().filter(|(p, _)| o.covers(*p, seen)).map(|(_, w)| w).sum::<f32>();
        let shares = self.objects.iter().map(|o| (covered(o), o.follower.id()));
        shares.filter(|(share, _)| *share >= 0.5).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id)| id)
    }

    /// The candidates of the last decoding.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Size of the masks that the decoder gives and takes.
    pub fn mask_size(&self) -> Size {
        self.decoder.mask_size()
    }

    /// Begins to follow `object`, or goes on with it, from `candidate`, whose mask lies on the frame `on`.
    pub fn add(&mut self, object: ObjectId, candidate: &Candidate, on: &Encoded) {
        if self.position(object).is_none() {
            self.push(object, on.frame.size);
        }
        self.replace(object, candidate, on);
    }

    fn push(&mut self, object: ObjectId, frame: Size) -> usize {
        let follower = Follower::new(object, self.config);
        self.objects.push(Object::new(follower, frame));
        self.prompts.push(Prompt::default());
        self.objects.len() - 1
    }

    /// Has an object keep out what `excluded` says; nothing if there is no such object.
    pub fn exclude(&mut self, object: ObjectId, excluded: Excluded) {
        if let Some(at) = self.position(object) {
            self.objects[at].follower.set_excluded(excluded);
        }
    }

    /// Lets an object go on from `candidate`, whose mask lies on the frame `on`; nothing if there is no such object.
    pub fn replace(&mut self, object: ObjectId, candidate: &Candidate, on: &Encoded) {
        let Some(at) = self.position(object) else { return };
        let measured = measure(candidate, on, &mut self.scratch, &mut self.late);
        let map = self.recall.map_of(&on.embedding);
        self.objects[at].follower.select(on.at(), candidate, measured, map.as_ref());
        self.objects[at].frame = on.frame.size;
        self.objects[at].prompted = false;
    }

    /// Makes the decoder's prompt of what was asked, and an object if it is new; `None` if it cannot be answered.
    fn accept(&mut self, asked: &Asked, seen: &Encoded, changes: &mut Vec<Change>) -> Option<(usize, Prompt)> {
        let Asked { object, time_s: prompt_time_s, points, bbox } = *asked;
        let known = self.position(object);
        let mut prompt = match known {
            Some(at) if self.objects[at].prompted => self.prompts[at].clone(),
            // A further prompt without a box refines the mask there is.
            Some(at) if bbox.is_none() => {
                let memory = self.objects[at].follower.memory().clone();
                Prompt { mask: Some(memory), ..Prompt::default() }
            }
            _ => Prompt::default(),
        };
        prompt.points.extend_from_slice(points);
        prompt.bbox = bbox.or(prompt.bbox);
        if let Err(error) =
            segment::check_prompt(&prompt, seen.frame.size, self.decoder.max_points(), self.decoder.mask_size())
        {
            changes.push(Change::Refused { object, prompt_time_s, error });
            return None;
        }
        let at = known.unwrap_or_else(|| self.push(object, seen.frame.size));
        if bbox.is_some() {
            self.objects[at].follower.set_excluded(Excluded::default());
        }
        self.objects[at].points.clear();
        self.objects[at].points.extend_from_slice(&prompt.points);
        Some((at, prompt))
    }

    /// Finds every object on the present frame and writes it into `record`.
    pub fn advance(&mut self, present: &Encoded, record: &mut FrameRecord, changes: &mut Vec<Change>) -> Result<()> {
        self.carrier.begin(&present.frame);
        self.letterbox = Some(present.embedding.letterbox);
        if self.objects.is_empty() {
            return Ok(());
        }
        let size = present.frame.size;
        self.recall.begin(&present.embedding);
        let (grid, most_points) = (self.decoder.mask_size(), self.decoder.max_points());
        take_turns(&mut self.objects, self.turns);
        let letterbox = &present.embedding.letterbox;
        for object in &mut self.objects {
            object.now_of(size);
            if object.is_sought() {
                object.follower.expect(&mut self.recall, grid);
            }
        }
        self.contest.begin(&mut self.objects, present.at(), letterbox);
        let mut count = 0;
        for (object, prompt) in self.objects.iter_mut().zip(&mut self.prompts).filter(|(object, _)| object.turn) {
            if !object.prompted {
                object.follower.prompt(present.at(), letterbox, prompt);
                prompt.points.truncate(most_points);
            }
            if self.batch.len() == count {
                self.batch.push(Prompt::default());
            }
            std::mem::swap(&mut self.batch[count], prompt);
            count += 1;
        }
        let decoded = self.decoder.decode(&present.embedding, &self.batch[..count], &mut self.candidates);
        let turns = self.objects.iter().zip(&mut self.prompts).filter(|(object, _)| object.turn);
        turns.zip(&mut self.batch).for_each(|((_, prompt), used)| std::mem::swap(prompt, used));
        decoded?;
        let per_object = self.decoder.candidates();
        let answers = self.candidates.chunks_mut(per_object);
        let asked = self.objects.iter_mut().zip(&self.prompts).filter(|(object, _)| object.turn);
        for ((object, prompt), (at, candidates)) in asked.zip(answers.enumerate()) {
            object.chosen = at * per_object + object.choose(candidates, &prompt.points, present);
        }
        self.contest.settle(&mut self.objects, &mut self.candidates);
        for (object, prompt) in self.objects.iter_mut().zip(&self.prompts) {
            let out = record.push_object();
            match self.candidates.get(object.chosen).filter(|_| object.turn) {
                Some(chosen) => {
                    let scene = (present, self.recall.present());
                    object.take(chosen, &prompt.points, scene, &mut self.scratch, out, changes);
                }
                None => object.carry(&mut self.carrier, letterbox, &mut self.scratch, out),
            }
        }
        Ok(())
    }

    /// Carries every object to a frame that is not encoded, by the picture's motion alone, and writes it into `record`; false,
    /// with `record` as it was, if that cannot be: no frame of its size was encoded yet.
    pub fn carry(&mut self, frame: &Arc<Frame>, record: &mut FrameRecord) -> bool {
        let Some(letterbox) = self.letterbox.filter(|letterbox| letterbox.frame == frame.size) else { return false };
        self.carrier.begin(frame);
        for object in &mut self.objects {
            object.carry(&mut self.carrier, &letterbox, &mut self.scratch, record.push_object());
        }
        true
    }

    fn position(&self, object: ObjectId) -> Option<usize> {
        self.objects.iter().position(|o| o.follower.id() == object)
    }
}

/// Gives the turn to every object that is prompted and, up to `most` in all, to those that have waited longest; of the lost
/// ones to one at most, since looking everywhere costs most.
fn take_turns(objects: &mut [Object], most: usize) {
    let searched = objects.iter().enumerate().filter(|(_, o)| !o.prompted && o.follower.state() == ObjectState::Lost);
    let searched = searched.rev().max_by_key(|(_, o)| o.waited).map(|(at, _)| at);
    let mut left = most;
    for object in objects.iter_mut() {
        object.turn = object.prompted;
        left = left.saturating_sub(usize::from(object.turn));
    }
    while left > 0 {
        let waiting = objects
            .iter()
            .enumerate()
            .rev()
            .filter(|(at, o)| !o.turn && (o.follower.state() != ObjectState::Lost || Some(*at) == searched));
        let Some((next, _)) = waiting.max_by_key(|(_, o)| o.waited) else { break };
        objects[next].turn = true;
        left -= 1;
    }
    for object in objects {
        object.waited = if object.turn { 0 } else { object.waited.saturating_add(1) };
    }
}
