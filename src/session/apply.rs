//! How each intent is applied to the objects of a session, and how it is taken back.

use std::sync::Arc;

use super::Session;
use super::change::Change;
use super::encoded::Encoded;
use super::intent::{GazeRefusal, Intent, Request};
use super::object_set::PromptRequest;
use super::phases::StreamTimes;
use super::step::Looked;
use super::undo::{Before, UndoCause, UndoStep};
use crate::error::{PromptError, Result};
use crate::geometry::{BoundingBox, Label, LabeledPoint, Point};
use crate::mask::move_point;
use crate::model::Candidate;
use crate::record::AnswerRecord;
use crate::segment::next_alternative;
use crate::select::gaze::GazeDisc;
use crate::track::ObjectId;

/// The frames that an intent is about.
#[derive(Clone, Copy)]
struct Scene<'a> {
    /// When the user had the intent, in seconds from the first frame; not before it.
    time_s: f64,
    /// The frame that the user saw.
    seen: &'a Encoded,
    present: &'a Encoded,
}

impl Session {
    /// Carries out a request on the frame that was captured nearest to its time; says so if it is a selection by gaze that
    /// selected nothing.
    ///
    /// # Errors
    /// A model that breaks its own contract. What cannot be answered for the user's part is an event.
    pub fn apply(&mut self, request: Request) -> Result<Option<GazeRefusal>> {
        let times = StreamTimes::new(&*self.clock, self.origin);
        let Some((present, times)) = self.present.clone().zip(times) else { return Ok(None) };
        let at = times.at(request.time_s);
        let seen = Arc::clone(self.frames.nearest(at).unwrap_or(&present));
        let scene = Scene { time_s: request.time_s.max(0.0), seen: &seen, present: &present };
        self.tidy();
        let mut refusal = None;
        match request.intent {
            Intent::Prompt { object, points, bbox } => {
                let object = object.unwrap_or_else(|| self.new_id());
                self.last_id = self.last_id.max(object);
                self.prompt(scene, object, &points, bbox, UndoCause::Other)?;
            }
            Intent::Select { point } => {
                let object = self.object_at(scene, point).unwrap_or_else(|| self.new_id());
                self.prompt(scene, object, &[labelled(point, Label::Foreground)], None, UndoCause::Select)?;
            }
            Intent::Exclude { on, point } => {
                // Without an object there is nothing to correct.
                if let Some(object) = self.object_at(scene, on).or(self.selected) {
                    self.prompt(scene, object, &[labelled(point, Label::Background)], None, UndoCause::Other)?;
                }
            }
            Intent::Box { bbox } => {
                let object = self.new_id();
                self.prompt(scene, object, &[], Some(bbox), UndoCause::Other)?;
            }
            Intent::Stroke { points } => {
                let first = points.first().and_then(|first| self.object_at(scene, *first));
                let object = first.unwrap_or_else(|| self.new_id());
                let points = thinned(&points, self.objects.max_points());
                self.prompt(scene, object, &points, None, UndoCause::Other)?;
            }
            Intent::NextCandidate { since_s } => self.next_candidate(scene, since_s),
            Intent::Choose { object, candidate } => self.choose(scene, object, candidate, scene.time_s),
            Intent::Hover { disc } => self.hover(scene, disc)?,
            Intent::Leave => self.leave(scene),
            Intent::GazeSelection { disc, insistent } => refusal = self.select_by_gaze(scene, disc, insistent)?,
            Intent::UndoGazeSelection => self.undo_gaze_selection(),
            Intent::Undo => self.undo(scene),
            Intent::Release { object } => self.release(object),
            Intent::ReleaseAll => {
                while let Some(object) = self.objects.oldest() {
                    self.release(object);
                }
            }
            Intent::HoldFrame { display } => self.frames.hold(display, at),
            Intent::ReleaseFrame { display } => self.frames.release(display),
        }
        self.release_beyond_limit();
        Ok(refusal)
    }

    /// Forgets what was known of objects that are not followed any more.
    fn tidy(&mut self) {
        self.answers.retain(|object| self.objects.contains(object));
        self.selected = self.selected.filter(|object| self.objects.contains(*object));
    }

    fn release_beyond_limit(&mut self) {
        while self.objects.len() > self.max_objects {
            let Some(oldest) = self.objects.oldest() else { break };
            self.release(oldest);
        }
    }

    /// An id that no object has: the next one, or once the last of all is taken, the lowest that is free.
    fn new_id(&mut self) -> ObjectId {
        match self.last_id.checked_add(1) {
            Some(next) => self.last_id = next,
            None => {
                let taken = |id: &ObjectId| self.objects.contains(*id) || self.undo.names(*id);
                return (1..ObjectId::MAX).find(|id| !taken(id)).unwrap_or(ObjectId::MAX);
            }
        }
        self.last_id
    }

    /// The followed object at `point`; the one selected last if it is one of several.
    fn object_at(&self, scene: Scene, point: Point) -> Option<ObjectId> {
        let selected = self.selected.filter(|id| self.objects.covers(*id, point, scene.seen));
        selected.or_else(|| self.objects.at_point(point, scene.seen))
    }

    fn release(&mut self, object: ObjectId) {
        if self.objects.release(object) {
            self.changes.push(Change::Released { object });
        }
    }

    fn refuse(&mut self, scene: Scene, object: ObjectId, error: PromptError) {
        self.changes.push(Change::Refused { object, prompt_time_s: scene.time_s, error });
    }

    /// Answers a prompt there and then, so that it can be taken back and another of its candidates chosen.
    fn prompt(
        &mut self,
        scene: Scene,
        object: ObjectId,
        points: &[LabeledPoint],
        bbox: Option<BoundingBox>,
        cause: UndoCause,
    ) -> Result<()> {
        let before = self.before(object);
        let request = PromptRequest { object, time_s: scene.time_s, points, bbox };
        match self.objects.answer(&request, scene.seen, scene.present, &mut self.changes)? {
            Ok(chosen) => {
                let (letterbox, frame) = (scene.seen.embedding.letterbox, scene.seen.frame.sequence);
                let candidates = self.objects.candidates().into();
                self.answers.set(object, Some(AnswerRecord { candidates, chosen, letterbox, frame }));
                self.remember_step(scene.time_s, object, cause, before);
            }
            Err(error) => self.refuse(scene, object, error),
        }
        Ok(())
    }

    /// Goes on to the next candidate of the object that the intent of `since_s` meant. If that was a point on an object that
    /// there was, it was the first half of a double tap and is taken back.
    fn next_candidate(&mut self, scene: Scene, since_s: f64) {
        let Some(step) = self.undo.newest().filter(|step| step.time_s == since_s) else { return };
        let object = step.object;
        if step.cause == UndoCause::Select && step.before.as_ref().is_some_and(|before| before.answer.is_some()) {
            self.take_back(scene);
        }
        let Some(answer) = self.answers.get(object) else { return };
        match next_alternative(&answer.candidates, answer.chosen) {
            Some(next) => self.choose(scene, object, next, since_s),
            None => self.refuse(scene, object, PromptError::NoAlternative),
        }
    }

    /// Goes over to another candidate of the object's last answer; the way back is that of the intent of `step_s`.
    fn choose(&mut self, scene: Scene, object: ObjectId, next: usize, step_s: f64) {
        let before = self.before(object);
        let answer = self.answers.get(object).filter(|answer| next < answer.candidates.len()).cloned();
        let present = &scene.present.embedding.letterbox;
        let (Some(answer), Some(memory)) = (answer, self.objects.memory_on(object, present)) else {
            return self.refuse(scene, object, PromptError::NoAlternative);
        };
        let on_present = |at: usize| answer.candidates[at].logits.moved(&answer.letterbox, present);
        // The object has moved since it was prompted, and its candidates with it.
        let moved = offset(on_present(answer.chosen).centroid(), memory.centroid());
        let candidate = &answer.candidates[next];
        let logits = on_present(next).shifted(moved);
        let candidate = Candidate { logits, predicted_iou: candidate.predicted_iou };
        self.objects.replace(object, &candidate, scene.present);
        self.answers.set(object, Some(AnswerRecord { chosen: next, ..answer }));
        self.remember_step(step_s, object, UndoCause::Other, before);
        let frame = scene.present.frame.sequence;
        self.changes.push(Change::Selected { object, prompt_time_s: scene.time_s, frame });
    }

    /// Gaze rests: what lies there is shown before it is selected.
    fn hover(&mut self, scene: Scene, disc: GazeDisc) -> Result<()> {
        let free = self.objects.at_disc(disc, scene.seen).is_none();
        let preview = if free { self.objects.preview(disc, scene.seen)? } else { None };
        let Session { phases, events, clock, origin, .. } = self;
        if let Some(times) = StreamTimes::new(&**clock, *origin) {
            phases.hover(scene.time_s, preview, scene.seen.at(), times, events);
        }
        Ok(())
    }

    fn leave(&mut self, scene: Scene) {
        let Session { phases, events, clock, origin, .. } = self;
        if let Some(times) = StreamTimes::new(&**clock, *origin) {
            phases.leave(scene.time_s, times, events);
        }
    }

    /// Selects what gaze rested on, unless it is followed already.
    fn select_by_gaze(&mut self, scene: Scene, disc: GazeDisc, insistent: bool) -> Result<Option<GazeRefusal>> {
        if self.objects.at_disc(disc, scene.seen).is_some() {
            self.leave(scene);
            return Ok(None);
        }
        let preview = self.phases.preview.as_ref();
        match self.objects.search_gaze(disc, insistent, preview, scene.seen)? {
            Ok(found) => {
                let object = self.new_id();
                let taken = self.objects.add_looked_at(object, found, scene.seen)?;
                self.looked = Some(Looked { time_s: scene.time_s, found: Some(taken) });
                self.note_looked_at(scene, object);
                Ok(None)
            }
            Err(PromptError::Doubtful) => Ok(Some(GazeRefusal::Doubtful)),
            Err(error) => {
                let object = self.new_id();
                self.looked = Some(Looked { time_s: scene.time_s, found: None });
                // Where that was is nobody's business.
                let is_beside = matches!(error, PromptError::PointOutside { .. });
                self.refuse(scene, object, if is_beside { PromptError::NothingThere } else { error });
                Ok(Some(GazeRefusal::Nothing))
            }
        }
    }

    /// Notes that `object` was selected by gaze.
    fn note_looked_at(&mut self, scene: Scene, object: ObjectId) {
        let frame = scene.seen.frame.sequence;
        self.changes.push(Change::Selected { object, prompt_time_s: scene.time_s, frame });
        self.answers.set(object, None);
        self.remember_step(scene.time_s, object, UndoCause::Gaze, None);
    }

    /// Does again what a selection by gaze did, of which only the result is known.
    pub fn apply_looked(&mut self, looked: &Looked) {
        let times = StreamTimes::new(&*self.clock, self.origin);
        let Some((present, times)) = self.present.clone().zip(times) else { return };
        let seen = Arc::clone(self.frames.nearest(times.at(looked.time_s)).unwrap_or(&present));
        let scene = Scene { time_s: looked.time_s, seen: &seen, present: &present };
        self.tidy();
        let object = self.new_id();
        match &looked.found {
            Some(found) => {
                self.objects.add(object, found, scene.seen);
                self.note_looked_at(scene, object);
            }
            None => self.refuse(scene, object, PromptError::NothingThere),
        }
        self.release_beyond_limit();
    }

    /// Takes back the last selection by gaze whose object is still followed.
    fn undo_gaze_selection(&mut self) {
        while let Some(step) = self.undo.pop_gaze() {
            if self.objects.contains(step.object) {
                // What was selected since stays the object selected last.
                if self.selected == Some(step.object) {
                    self.selected = step.selected;
                }
                return self.release(step.object);
            }
        }
    }

    /// Takes back the last intent whose object is still followed.
    fn undo(&mut self, scene: Scene) {
        while self.undo.newest().is_some() {
            if let Some(change) = self.take_back(scene) {
                return self.changes.push(change);
            }
        }
    }

    /// Takes the last intent back; `None` if its object is gone.
    fn take_back(&mut self, scene: Scene) -> Option<Change> {
        let UndoStep { object, before, after, selected, .. } = self.undo.pop()?;
        let present = &scene.present.embedding.letterbox;
        let now = self.objects.memory_on(object, present)?.centroid();
        self.selected = selected;
        let Some(Before { memory, letterbox, excluded, answer }) = before else {
            self.objects.release(object);
            return Some(Change::Released { object });
        };
        let chosen = answer.as_ref().and_then(|answer| answer.candidates.get(answer.chosen));
        let predicted_iou = chosen.map_or(1.0, |candidate| candidate.predicted_iou);
        let after = after.map(|(point, letterbox)| move_point(point, memory.size, &letterbox, present));
        let logits = memory.moved(&letterbox, present).shifted(offset(after, now));
        let candidate = Candidate { logits, predicted_iou };
        self.objects.replace(object, &candidate, scene.present);
        self.objects.exclude(object, excluded);
        self.answers.set(object, answer);
        Some(Change::Undone { object })
    }

    fn before(&self, object: ObjectId) -> Option<Before> {
        let (memory, letterbox) = self.objects.memory(object).filter(|(memory, _)| !memory.data.is_empty())?;
        let (memory, letterbox) = (memory.clone(), *letterbox);
        let excluded = self.objects.excluded(object)?.clone();
        Some(Before { memory, letterbox, excluded, answer: self.answers.get(object).cloned() })
    }

    /// Notes that the intent of `time_s` was carried out on `object`.
    fn remember_step(&mut self, time_s: f64, object: ObjectId, cause: UndoCause, before: Option<Before>) {
        let after = self.objects.memory(object).and_then(|(memory, on)| Some((memory.centroid()?, *on)));
        let selected = self.selected.replace(object);
        self.undo.push(UndoStep { object, time_s, cause, before, after, selected });
    }
}

fn labelled(point: Point, label: Label) -> LabeledPoint {
    LabeledPoint { point, label }
}

/// The way from one centre to another, in whole cells; none if either is unknown.
fn offset(from: Option<Point>, to: Option<Point>) -> (i32, i32) {
    match (from, to) {
        (Some(from), Some(to)) => ((to.x - from.x).round() as i32, (to.y - from.y).round() as i32),
        _ => (0, 0),
    }
}

/// Foreground points, at most `limit` of them, the first and the last included.
pub(super) fn thinned(points: &[Point], limit: usize) -> Vec<LabeledPoint> {
    let count = points.len().min(limit.max(1));
    let last = points.len().saturating_sub(1);
    let index = |n: usize| if count > 1 { n * last / (count - 1) } else { 0 };
    (0..count).filter_map(|n| points.get(index(n))).map(|point| labelled(*point, Label::Foreground)).collect()
}
