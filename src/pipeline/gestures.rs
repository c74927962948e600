//! What gestures on a touch screen do to the selected objects.

mod alternatives;
mod grid;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
#[cfg(test)]
use std::sync::Arc;

use super::encode::Encoded;
use super::objects::{Asked, Change, ObjectSet};
use crate::error::{PromptError, Result};
use crate::geometry::{BoundingBox, Label, LabeledPoint, Point};
use crate::input::CommandKind;
use crate::mask::LowResLogits;
use crate::model::Candidate;
use crate::record::{AnswerRecord, FrameRecord};
use crate::select::touch::{GestureKind, TouchGesture};
use crate::time::Timestamp;
use crate::track::{Excluded, ObjectId};

use alternatives::next_alternative;
use grid::{centre, offset, shifted};

/// Gestures and looks that can be undone; each holds an object's mask as it was, and shares the candidates of its last answer.
const UNDO_LIMIT: usize = 16;

/// The person's selection by touch, and the way back.
///
/// A tap selects what lies under it, or adds a foreground point if that is followed already; a long press and the tap of
/// a second finger add a background point; a drag selects by a box and a scribble by points along it; a double tap goes on
/// to the next candidate of the last answer; a tap with two fingers takes the last of all these back, and of looks that selected
/// something.
#[derive(Default)]
pub(super) struct Gestures {
    /// The object that was selected or refined last, by whatever means. It may have been released since.
    selected: Option<ObjectId>,
    answers: Vec<(ObjectId, AnswerRecord)>,
    steps: VecDeque<Step>,
}

/// A gesture that can be undone.
struct Step {
    object: ObjectId,
    /// When the gesture, or the first tap of several, came down.
    made_at: Timestamp,
    /// It was a tap, which may prove to be the first half of a double tap.
    tap: bool,
    /// What was known of the object; `None` if the gesture selected it.
    before: Option<Before>,
    /// Where the object's mask lay after the gesture, in cells of the decoder's grid.
    after: Option<Point>,
    /// The object selected last before the gesture.
    selected: Option<ObjectId>,
}

struct Before {
    memory: LowResLogits,
    excluded: Excluded,
    answer: Option<AnswerRecord>,
}

/// What a gesture is applied to.
pub(super) struct Scene<'a> {
    /// The frame that the person saw.
    pub seen: &'a Encoded,
    pub present: &'a Encoded,
    /// When the gesture was made, in seconds from the first frame.
    pub time_s: f64,
    pub objects: &'a mut ObjectSet,
    /// The highest object id in use.
    pub last_id: &'a mut ObjectId,
    pub changes: &'a mut Vec<Change>,
}

impl Scene<'_> {
    fn new_id(&mut self) -> ObjectId {
        *self.last_id += 1;
        *self.last_id
    }
}

impl Gestures {
    /// An object was selected or refined by other means than touch and gaze.
    pub fn select(&mut self, object: ObjectId) {
        self.selected = Some(object);
        self.set_answer(object, None);
    }

    /// A look at `made_at` selected an object, whose mask is `memory`; like a gesture that did, it can be undone.
    pub fn looked(&mut self, object: ObjectId, made_at: Timestamp, memory: Option<&LowResLogits>) {
        self.set_answer(object, None);
        self.note(object, made_at, None, memory);
    }

    /// Tells each object of `record` which answer it goes back to.
    pub fn annotate(&self, record: &mut FrameRecord) {
        for object in &mut record.objects[..record.object_count] {
            object.answer = self.answer(object.object).cloned();
        }
    }

    /// Carries out a command that was given on the frame of `made_at`. Holding frames is the caller's.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn command(&mut self, kind: CommandKind, made_at: Timestamp, scene: &mut Scene) -> Result<()> {
        match kind {
            CommandKind::Gesture(kind) => self.apply(&TouchGesture { made_at, kind }, scene)?,
            CommandKind::Prompt { object, points, bbox } => {
                let object = object.unwrap_or_else(|| scene.new_id());
                *scene.last_id = object.max(*scene.last_id);
                self.ask(scene, object, made_at, &points, bbox)?;
            }
            CommandKind::Choose { object, candidate } => self.choose(scene, object, candidate, made_at),
            CommandKind::Release { object } => self.release(scene, object),
            CommandKind::Clear => {
                while let Some(object) = scene.objects.oldest() {
                    self.release(scene, object);
                }
            }
            CommandKind::Hold { .. } | CommandKind::LetGo { .. } => {}
        }
        Ok(())
    }

    fn release(&mut self, scene: &mut Scene, object: ObjectId) {
        if scene.objects.release(object) {
            scene.changes.push(Change::Released { object });
        }
    }

    /// Applies `gesture`.
    ///
    /// # Errors
    /// Those of the decoder; what cannot be answered is a [`Change::Refused`].
    pub fn apply(&mut self, gesture: &TouchGesture, scene: &mut Scene) -> Result<()> {
        self.answers.retain(|(id, _)| scene.objects.memory(*id).is_some());
        self.selected = self.selected.filter(|id| scene.objects.memory(*id).is_some());
        let made_at = gesture.made_at;
        match &gesture.kind {
            GestureKind::Tap { point } => {
                let object = self.under(scene, *point).unwrap_or_else(|| scene.new_id());
                self.ask(scene, object, made_at, &[labelled(*point, Label::Foreground)], None)?;
                if let Some(step) = self.steps.back_mut().filter(|step| step.made_at == made_at) {
                    step.tap = true;
                }
                Ok(())
            }
            GestureKind::Scribble { points } => {
                let under = points.first().and_then(|first| self.under(scene, *first));
                let object = under.unwrap_or_else(|| scene.new_id());
                let points = thinned(points, scene.objects.max_points());
                self.ask(scene, object, made_at, &points, None)
            }
            GestureKind::Drag { bbox } => {
                let object = scene.new_id();
                self.ask(scene, object, made_at, &[], Some(*bbox))
            }
            GestureKind::LongPress { point } => self.exclude(scene, *point, *point, made_at),
            GestureKind::SecondTap { point, resting } => self.exclude(scene, *resting, *point, made_at),
            GestureKind::DoubleTap { first_at, .. } => {
                self.switch(scene, *first_at);
                Ok(())
            }
            GestureKind::TwoFingerTap => {
                self.undo(scene);
                Ok(())
            }
        }
    }

    /// The followed object at `point`; the one selected last if it is one of several.
    fn under(&self, scene: &Scene, point: Point) -> Option<ObjectId> {
        let selected = self.selected.filter(|id| scene.objects.covers(*id, point, scene.seen));
        selected.or_else(|| scene.objects.at_point(point, scene.seen))
    }

    /// Adds a background point at `point` to the object at `on`, or to the one selected last; without either there is
    /// nothing to correct.
    fn exclude(&mut self, scene: &mut Scene, on: Point, point: Point, made_at: Timestamp) -> Result<()> {
        match self.under(scene, on).or(self.selected) {
            Some(object) => self.ask(scene, object, made_at, &[labelled(point, Label::Background)], None),
            None => Ok(()),
        }
    }

    fn ask(
        &mut self,
        scene: &mut Scene,
        object: ObjectId,
        made_at: Timestamp,
        points: &[LabeledPoint],
        bbox: Option<BoundingBox>,
    ) -> Result<()> {
        let before = self.before(scene, object);
        let asked = Asked { object, time_s: scene.time_s, points, bbox };
        let Some(chosen) = scene.objects.answer(&asked, scene.seen, scene.changes)? else { return Ok(()) };
        let (letterbox, frame) = (scene.seen.embedding.letterbox, scene.seen.frame.sequence);
        let candidates = scene.objects.candidates().into();
        self.set_answer(object, Some(AnswerRecord { candidates, chosen, letterbox, frame }));
        self.note(object, made_at, before, scene.objects.memory(object));
        Ok(())
    }

    /// Goes on to the next candidate of the object that the tap of `first_at` meant. If that tap refined an object that
    /// there was, it was the first half of this gesture and is taken back.
    fn switch(&mut self, scene: &mut Scene, first_at: Timestamp) {
        let Some(step) = self.steps.back().filter(|step| step.made_at == first_at) else { return };
        let object = step.object;
        if step.tap && step.before.as_ref().is_some_and(|before| before.answer.is_some()) {
            self.take_back(scene);
        }
        let Some(answer) = self.answer(object) else { return };
        match next_alternative(&answer.candidates, answer.chosen) {
            Some(next) => self.choose(scene, object, next, first_at),
            None => self.refuse(scene, object, PromptError::NoAlternative),
        }
    }

    fn refuse(&self, scene: &mut Scene, object: ObjectId, error: PromptError) {
        scene.changes.push(Change::Refused { object, prompt_time_s: scene.time_s, error });
    }

    /// Goes over to another candidate of the object's last answer.
    fn choose(&mut self, scene: &mut Scene, object: ObjectId, next: usize, made_at: Timestamp) {
        let before = self.before(scene, object);
        let answer = self.answer(object).filter(|answer| next < answer.candidates.len()).cloned();
        let (Some(answer), Some(memory)) = (answer, scene.objects.memory(object)) else {
            return self.refuse(scene, object, PromptError::NoAlternative);
        };
        // The object has moved since it was asked for, and its candidates with it.
        let moved = offset(centre(&answer.candidates[answer.chosen].logits), centre(memory));
        let candidate = &answer.candidates[next];
        let logits = shifted(&candidate.logits, moved);
        let candidate = Candidate { logits, predicted_iou: candidate.predicted_iou };
        scene.objects.replace(object, &candidate, scene.present);
        self.set_answer(object, Some(AnswerRecord { chosen: next, ..answer }));
        self.note(object, made_at, before, scene.objects.memory(object));
        let frame = scene.present.frame.sequence;
        scene.changes.push(Change::Selected { object, prompt_time_s: scene.time_s, frame });
    }

    /// Takes the last gesture back whose object is still followed.
    fn undo(&mut self, scene: &mut Scene) {
        while !self.steps.is_empty() {
            if let Some(change) = self.take_back(scene) {
                return scene.changes.push(change);
            }
        }
    }

    /// Takes the last gesture back; `None` if its object is gone.
    fn take_back(&mut self, scene: &mut Scene) -> Option<Change> {
        let Step { object, before, after, selected, .. } = self.steps.pop_back()?;
        let now = centre(scene.objects.memory(object)?);
        self.selected = selected;
        let Some(Before { memory, excluded, answer }) = before else {
            scene.objects.release(object);
            return Some(Change::Released { object });
        };
        let chosen = answer.as_ref().and_then(|answer| answer.candidates.get(answer.chosen));
        let predicted_iou = chosen.map_or(1.0, |candidate| candidate.predicted_iou);
        let candidate = Candidate { logits: shifted(&memory, offset(after, now)), predicted_iou };
        scene.objects.replace(object, &candidate, scene.present);
        scene.objects.exclude(object, excluded);
        self.set_answer(object, answer);
        Some(Change::Undone { object })
    }

    fn before(&self, scene: &Scene, object: ObjectId) -> Option<Before> {
        let memory = scene.objects.memory(object).filter(|memory| !memory.data.is_empty())?.clone();
        let excluded = scene.objects.excluded(object)?.clone();
        Some(Before { memory, excluded, answer: self.answer(object).cloned() })
    }

    /// Notes that a gesture was carried out, after which the object's mask is `memory`.
    fn note(&mut self, object: ObjectId, made_at: Timestamp, before: Option<Before>, memory: Option<&LowResLogits>) {
        let after = memory.and_then(centre);
        if self.steps.len() == UNDO_LIMIT {
            self.steps.pop_front();
        }
        let selected = self.selected.replace(object);
        self.steps.push_back(Step { object, made_at, tap: false, before, after, selected });
    }

    fn answer(&self, object: ObjectId) -> Option<&AnswerRecord> {
        self.answers.iter().find(|(id, _)| *id == object).map(|(_, answer)| answer)
    }

    fn set_answer(&mut self, object: ObjectId, answer: Option<AnswerRecord>) {
        self.answers.retain(|(id, _)| *id != object);
        self.answers.extend(answer.map(|answer| (object, answer)));
    }
}

fn labelled(point: Point, label: Label) -> LabeledPoint {
    LabeledPoint { point, label }
}

/// Foreground points, at most `limit` of them, the first and the last included.
fn thinned(points: &[Point], limit: usize) -> Vec<LabeledPoint> {
    let count = points.len().min(limit.max(1));
    let last = points.len().saturating_sub(1);
    let index = |n: usize| if count > 1 { n * last / (count - 1) } else { 0 };
    (0..count).filter_map(|n| points.get(index(n))).map(|point| labelled(*point, Label::Foreground)).collect()
}
