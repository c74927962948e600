use std::sync::Arc;

use super::change::Change;
use super::encoded::Encoded;
use super::fovea::Fovea;
use super::gaze_search::GazeSearch;
use super::object::{Object, measure};
use super::overlap::OverlapResolver;
use crate::error::{PromptError, Result};
use crate::frame::Frame;
use crate::geometry::{BoundingBox, LabeledPoint, Letterbox, Point, Size};
use crate::mask::{LowResLogits, Mask, UpsampleScratch};
use crate::model::{Candidate, Decoder, Encoder, ModelIdentity, Prompt};
use crate::record::FrameRecord;
use crate::segment::{CheckedDecoder, best_matching_prompt, check_prompt};
use crate::select::gaze::GazeDisc;
use crate::track::memory::Recall;
use crate::track::{Excluded, Follower, FollowerConfig, MotionPropagator, ObjectId, ObjectState};

/// A user's prompt.
pub(super) struct PromptRequest<'a> {
    pub object: ObjectId,
    /// When it was made, in seconds from the first frame.
    pub time_s: f64,
    pub points: &'a [LabeledPoint],
    pub bbox: Option<BoundingBox>,
}

/// The objects that are followed at present, and the decoder that finds them.
///
/// The objects whose turn it is are decoded in one batch against the frame's embedding; so that many objects cost little more
/// than a few, the others move there with the image, and a lost one is searched for only in its turn. Buffers are reused:
/// with a constant number of objects a frame allocates nothing here.
pub(super) struct ObjectSet {
    decoder: CheckedDecoder,
    fovea: Fovea,
    config: FollowerConfig,
    objects: Vec<Object>,
    /// Prompts of the objects that are searched for, while they are decoded.
    prompts: Vec<Prompt>,
    /// Most objects that are decoded on one frame.
    decodes_per_frame: usize,
    motion: MotionPropagator,
    overlap: OverlapResolver,
    /// Of the last frame that was encoded.
    letterbox: Option<Letterbox>,
    candidates: Vec<Candidate>,
    scratch: UpsampleScratch,
    /// Mask of the last prompt that was answered, of the frame it was answered on.
    answered: Mask,
    recall: Recall,
    gaze: GazeSearch,
}

impl ObjectSet {
    /// At most `decodes_per_frame` objects are searched for on one frame, at least one. With an `encoder` of the decoder's model what
    /// is selected gets a second look from nearer by.
    pub fn new(
        encoder: Option<Box<dyn Encoder>>,
        decoder: Box<dyn Decoder>,
        config: FollowerConfig,
        decodes_per_frame: usize,
    ) -> Self {
        ObjectSet {
            decoder: CheckedDecoder::new(decoder),
            fovea: Fovea::new(encoder),
            config,
            objects: Vec::new(),
            prompts: Vec::new(),
            decodes_per_frame: decodes_per_frame.max(1),
            motion: MotionPropagator::default(),
            overlap: OverlapResolver::default(),
            letterbox: None,
            candidates: Vec::new(),
            scratch: UpsampleScratch::default(),
            answered: Mask::default(),
            recall: Recall::default(),
            gaze: GazeSearch::default(),
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

    /// True if the object is followed, found or not.
    pub fn contains(&self, object: ObjectId) -> bool {
        self.position(object).is_some()
    }

    /// Logits of the last believed mask; empty if none was found yet, `None` if there is no such object.
    pub fn memory(&self, object: ObjectId) -> Option<(&LowResLogits, &Letterbox)> {
        self.position(object).map(|at| (self.objects[at].follower.memory(), &self.objects[at].letterbox))
    }

    /// The same on frames that lie in the model's input as `letterbox` says.
    pub fn memory_on(&self, object: ObjectId, letterbox: &Letterbox) -> Option<LowResLogits> {
        self.position(object).map(|at| self.objects[at].memory_on(letterbox))
    }

    /// What a user took out of the object; `None` if there is no such object.
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

    /// Answers a user's prompt on the frame they saw, and gives back which of [`Self::candidates`] was taken. On the present
    /// frame the answer stands, and further prompts add to it; from an earlier frame it is followed to the present one.
    ///
    /// # Errors
    /// A model that breaks its own contract; the inner error for a prompt that cannot be answered.
    pub fn answer(
        &mut self,
        request: &PromptRequest,
        seen: &Encoded,
        present: &Encoded,
        changes: &mut Vec<Change>,
    ) -> Result<std::result::Result<usize, PromptError>> {
        let prompt = self.prompt_of(request, seen);
        let (limit, grid) = (self.decoder.max_points(), self.decoder.mask_size());
        if let Err(error) = check_prompt(&prompt, seen.frame.size, limit, grid) {
            return Ok(Err(error));
        }
        self.decoder.decode(&seen.embedding, std::slice::from_ref(&prompt), &mut self.candidates)?;
        let letterbox = &seen.embedding.letterbox;
        let chosen = best_matching_prompt(&self.candidates, &prompt.points, letterbox);
        let PromptRequest { object, time_s: prompt_time_s, bbox, .. } = *request;
        let at = self.position(object);
        let Some(best) = self.candidates.get_mut(chosen) else { return Ok(Err(PromptError::NothingThere)) };
        let mut measured = measure(&best.logits, letterbox, &mut self.scratch, &mut self.answered);
        if let Some(closer) = self.fovea.second_look(&mut self.decoder, seen, &prompt, best, measured)? {
            *best = closer;
            measured = measure(&best.logits, letterbox, &mut self.scratch, &mut self.answered);
        }
        let at = at.unwrap_or_else(|| push(&mut self.objects, object, self.config, seen));
        let known = &mut self.objects[at];
        if bbox.is_some() {
            known.follower.set_excluded(Excluded::default());
        }
        let map = self.recall.map_of(&seen.embedding);
        known.select(best, seen, measured, map.as_ref());
        known.follower.exclude(&prompt.points, measured);
        known.prompt = prompt;
        let frame = seen.frame.sequence;
        known.answered_on = (frame == present.frame.sequence).then_some(frame);
        changes.push(Change::Selected { object, prompt_time_s, frame });
        Ok(Ok(chosen))
    }

    /// The decoder's prompt for what was asked. Without a box it refines the mask there is; on the frame of the last answer its
    /// points join those of that answer, as far as the model takes so many.
    fn prompt_of(&self, request: &PromptRequest, seen: &Encoded) -> Prompt {
        let mut prompt = Prompt { bbox: request.bbox, ..Prompt::default() };
        if let Some(at) = self.position(request.object).filter(|_| request.bbox.is_none()) {
            let known = &self.objects[at];
            let earlier = &known.prompt.points;
            let room = earlier.len() + request.points.len() <= self.decoder.max_points();
            if known.is_answered_on(seen.frame.sequence) && room {
                prompt.points.clone_from(earlier);
            }
            prompt.mask = Some(known.memory_on(&seen.embedding.letterbox));
        }
        prompt.points.extend_from_slice(request.points);
        prompt
    }

    /// What a user meant whose gaze rested on `disc` of the frame they saw; what was shown as `preview` is preferred to its
    /// neighbours.
    ///
    /// # Errors
    /// Those of the decoder; the inner error when nothing is there, or nothing clear and the selection was not insistent.
    pub fn search_gaze(
        &mut self,
        disc: GazeDisc,
        insistent: bool,
        preview: Option<&LowResLogits>,
        seen: &Encoded,
    ) -> Result<std::result::Result<Candidate, PromptError>> {
        self.gaze.find(&mut self.decoder, (disc, insistent), preview, seen)
    }

    /// What seems to lie under a disc of gaze; nothing is followed for it.
    pub fn preview(&mut self, disc: GazeDisc, seen: &Encoded) -> Result<Option<LowResLogits>> {
        self.gaze.preview(&mut self.decoder, disc, seen)
    }

    /// The mask of the last prompt that was answered or object that was selected, of the frame it was on.
    pub fn answered(&self) -> &Mask {
        &self.answered
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
        if !self.contains(object) {
            push(&mut self.objects, object, self.config, on);
        }
        self.replace(object, candidate, on);
    }

    /// Begins to follow `object` from what a user looked at, `found` on the frame `on`, after a second look at it; gives back what
    /// that found.
    ///
    /// # Errors
    /// Those of encoder and decoder.
    pub fn add_looked_at(&mut self, object: ObjectId, found: Candidate, on: &Encoded) -> Result<Candidate> {
        let measured = measure(&found.logits, &on.embedding.letterbox, &mut self.scratch, &mut self.answered);
        let closer = self.fovea.second_look(&mut self.decoder, on, &Prompt::default(), &found, measured)?;
        let taken = closer.unwrap_or(found);
        self.add(object, &taken, on);
        Ok(taken)
    }

    /// Which encoder looks from nearer by.
    pub fn closer_identity(&self) -> Option<Arc<ModelIdentity>> {
        self.fovea.identity()
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
        let measured = measure(&candidate.logits, &on.embedding.letterbox, &mut self.scratch, &mut self.answered);
        let map = self.recall.map_of(&on.embedding);
        self.objects[at].select(candidate, on, measured, map.as_ref());
    }

    /// Finds every object on the present frame and writes it into `record`.
    pub fn advance(&mut self, present: &Encoded, record: &mut FrameRecord, changes: &mut Vec<Change>) -> Result<()> {
        self.motion.set_frame(&present.frame);
        self.letterbox = Some(present.embedding.letterbox);
        if self.objects.is_empty() {
            return Ok(());
        }
        self.recall.begin(&present.embedding);
        self.search(present)?;
        let (letterbox, sequence) = (&present.embedding.letterbox, present.frame.sequence);
        for object in &mut self.objects {
            let out = record.push_object();
            match self.candidates.get(object.chosen).filter(|_| object.searching) {
                Some(chosen) => object.observe(chosen, present, &mut self.scratch, out, changes),
                None if object.is_answered_on(sequence) => object.write_answer(letterbox, &mut self.scratch, out),
                None => object.propagate(&mut self.motion, letterbox, &mut self.scratch, out),
            }
        }
        Ok(())
    }

    /// Decodes the objects whose turn it is on the present frame, and chooses a candidate for each.
    fn search(&mut self, present: &Encoded) -> Result<()> {
        let (grid, max_points) = (self.decoder.mask_size(), self.decoder.max_points());
        let letterbox = &present.embedding.letterbox;
        schedule_decodes(&mut self.objects, present.frame.sequence, self.decodes_per_frame);
        for object in &mut self.objects {
            object.enter(letterbox);
            if object.searching {
                object.follower.expect(&mut self.recall, grid);
            }
        }
        self.overlap.begin(&mut self.objects, present.at(), letterbox);
        let mut count = 0;
        for object in self.objects.iter().filter(|object| object.searching) {
            if self.prompts.len() == count {
                self.prompts.push(Prompt::default());
            }
            let prompt = &mut self.prompts[count];
            object.follower.prompt(present.at(), letterbox, prompt);
            prompt.points.truncate(max_points);
            count += 1;
        }
        self.decoder.decode(&present.embedding, &self.prompts[..count], &mut self.candidates)?;
        let per_object = self.decoder.candidates();
        let answers = self.candidates.chunks_mut(per_object.max(1));
        let searching = self.objects.iter_mut().filter(|object| object.searching);
        for (object, (at, candidates)) in searching.zip(answers.enumerate()) {
            object.chosen = at * per_object + object.choose(candidates, present);
        }
        self.overlap.resolve(&mut self.objects, &mut self.candidates);
        Ok(())
    }

    /// Moves every object to a frame that is not encoded, with the image alone, and writes it into `record`; false, with
    /// `record` as it was, if that cannot be: no frame of its size was encoded yet.
    pub fn propagate(&mut self, frame: &Arc<Frame>, record: &mut FrameRecord) -> bool {
        let Some(letterbox) = self.letterbox.filter(|letterbox| letterbox.frame == frame.size) else { return false };
        self.motion.set_frame(frame);
        for object in &mut self.objects {
            object.propagate(&mut self.motion, &letterbox, &mut self.scratch, record.push_object());
        }
        true
    }

    fn position(&self, object: ObjectId) -> Option<usize> {
        self.objects.iter().position(|o| o.follower.id() == object)
    }
}

/// Appends an object with no memory yet, and gives back its place.
fn push(objects: &mut Vec<Object>, object: ObjectId, config: FollowerConfig, on: &Encoded) -> usize {
    objects.push(Object::new(Follower::new(object, config), on.embedding.letterbox));
    objects.len() - 1
}

/// Gives a decode on the present frame, number `frame`, to the objects that have waited longest, so that with those that a
/// user's prompt was answered for on it there are `limit` at most; of the lost ones to one at most, since searching
/// everywhere costs most.
fn schedule_decodes(objects: &mut [Object], frame: u64, limit: usize) {
    let lost = |o: &Object| o.follower.state() == ObjectState::Lost;
    let searched = objects.iter().enumerate().filter(|(_, o)| !o.is_answered_on(frame) && lost(o));
    let searched = searched.rev().max_by_key(|(_, o)| o.waited).map(|(at, _)| at);
    let mut left = limit;
    for object in objects.iter_mut() {
        object.searching = false;
        left = left.saturating_sub(usize::from(object.is_answered_on(frame)));
    }
    while left > 0 {
        let waiting = objects
            .iter()
            .enumerate()
            .rev()
            .filter(|(at, o)| !o.searching && !o.is_answered_on(frame) && (!lost(o) || Some(*at) == searched));
        let Some((next, _)) = waiting.max_by_key(|(_, o)| o.waited) else { break };
        objects[next].searching = true;
        left -= 1;
    }
    for object in objects {
        let decoded = object.searching || object.is_answered_on(frame);
        object.waited = if decoded { 0 } else { object.waited.saturating_add(1) };
    }
}
