use super::choice::{logit_at, most_obedient};
use super::encode::Encoded;
use crate::error::{PromptError, Result};
use crate::frame::Frame;
use crate::geometry::{BoundingBox, LabeledPoint, Point, Size};
use crate::mask::{LowResLogits, Mask, UpsampleScratch, upsample_mask};
use crate::model::{Candidate, Decoder, Prompt};
use crate::segment;
use crate::sink::FrameRecord;
use crate::track::memory::Recall;
use crate::track::{Excluded, Follower, FollowerConfig, Measured, ObjectId, ObjectState, Outcome};

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
/// All objects of a frame are decoded in one batch against its embedding. Buffers are reused: with a constant number of
/// objects a frame allocates nothing here.
pub(super) struct ObjectSet {
    decoder: Box<dyn Decoder>,
    config: FollowerConfig,
    objects: Vec<Object>,
    /// One prompt for each object, in the same order.
    prompts: Vec<Prompt>,
    candidates: Vec<Candidate>,
    scratch: UpsampleScratch,
    /// Mask of a prompt that is answered on an earlier frame.
    late: Mask,
    recall: Recall,
}

struct Object {
    follower: Follower,
    /// Size of the frames that the follower counts its pixels in.
    frame: Size,
    /// The present frame's own prompt, if it has one: its slot in `prompts` is already written.
    prompted: bool,
    /// When that prompt was made, in seconds from the first frame.
    prompted_at_s: f64,
    /// The points of that prompt, to be drawn.
    points: Vec<LabeledPoint>,
}

impl Object {
    /// True if it is not lost and its last believed mask covers `point` of a frame that lies in the model's input as `seen`
    /// does.
    fn covers(&self, point: Point, seen: &Encoded) -> bool {
        let logit = logit_at(self.follower.memory(), point, &seen.embedding.letterbox);
        self.follower.state() != ObjectState::Lost && logit.is_some_and(|logit| logit > 0.0)
    }
}

impl ObjectSet {
    pub fn new(decoder: Box<dyn Decoder>, config: FollowerConfig) -> Self {
        ObjectSet {
            decoder,
            config,
            objects: Vec::new(),
            prompts: Vec::new(),
            candidates: Vec::new(),
            scratch: UpsampleScratch::default(),
            late: Mask::default(),
            recall: Recall::default(),
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
        self.objects.push(Object { follower, frame, prompted: false, prompted_at_s: 0.0, points: Vec::new() });
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
        if self.objects.is_empty() {
            return Ok(());
        }
        let Frame { size, sequence, .. } = *present.frame;
        self.recall.begin(&present.embedding);
        let (grid, most_points) = (self.decoder.mask_size(), self.decoder.max_points());
        for (object, prompt) in self.objects.iter_mut().zip(&mut self.prompts) {
            let before = std::mem::replace(&mut object.frame, size);
            if before != size {
                object.follower.rescale(before, size);
            }
            if !object.prompted {
                object.follower.expect(&mut self.recall, grid);
                object.follower.prompt(present.at(), &present.embedding.letterbox, prompt);
                prompt.points.truncate(most_points);
            }
        }
        self.decoder.decode(&present.embedding, &self.prompts, &mut self.candidates)?;
        let per_prompt = self.decoder.candidates();
        let prompted = self.objects.iter_mut().zip(&self.prompts);
        for ((object, prompt), candidates) in prompted.zip(self.candidates.chunks_mut(per_prompt)) {
            let follower = &mut object.follower;
            if !object.prompted {
                let letterbox = &present.embedding.letterbox;
                candidates.iter_mut().for_each(|c| follower.confine(present.at(), letterbox, &mut c.logits));
            }
            let chosen = if object.prompted {
                most_obedient(candidates, &prompt.points, &present.embedding.letterbox)
            } else {
                follower.choose(candidates)
            };
            let chosen = &candidates[chosen];
            let out = record.push_object();
            let mut measured = measure(chosen, present, &mut self.scratch, &mut out.mask);
            let id = follower.id();
            out.object = id;
            out.points.clear();
            if object.prompted {
                follower.select(present.at(), chosen, measured, self.recall.present());
                follower.exclude(&prompt.points, measured);
                let prompt_time_s = object.prompted_at_s;
                changes.push(Change::Selected { object: id, prompt_time_s, frame: sequence });
                out.points.extend_from_slice(&object.points);
                object.prompted = false;
            } else {
                match follower.observe(present.at(), chosen, measured) {
                    Outcome::Lost => changes.push(Change::Lost { object: id }),
                    Outcome::Returned => changes.push(Change::Returned { object: id }),
                    Outcome::Held => {}
                    Outcome::Missed => {
                        if let Some(expected) = follower.expected() {
                            measured = lay(expected, present, &mut self.scratch, &mut out.mask);
                        }
                    }
                }
            }
            out.state = follower.state();
            out.score = chosen.predicted_iou;
            (out.bbox, out.area) = (measured.bbox, measured.area);
            if out.state == ObjectState::Lost {
                out.mask.reset(size);
                (out.bbox, out.area) = (None, 0);
            }
        }
        Ok(())
    }

    fn position(&self, object: ObjectId) -> Option<usize> {
        self.objects.iter().position(|o| o.follower.id() == object)
    }
}

/// Brings a candidate to the frame's resolution.
fn measure(candidate: &Candidate, on: &Encoded, scratch: &mut UpsampleScratch, out: &mut Mask) -> Measured {
    lay(&candidate.logits, on, scratch, out)
}

fn lay(logits: &LowResLogits, on: &Encoded, scratch: &mut UpsampleScratch, out: &mut Mask) -> Measured {
    let extent = upsample_mask(logits, &on.embedding.letterbox, 0.0, scratch, out);
    Measured { bbox: extent.bbox, area: extent.area }
}
