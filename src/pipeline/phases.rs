use std::time::Duration;

use super::encode::Encoded;
use super::objects::Change;
use super::shared::Shared;
use crate::mask::LowResLogits;
use crate::record::{Event, EventKind};
use crate::select::selection::{Phase, Selections, Signal, Times};
use crate::time::Timestamp;
use crate::track::ObjectId;

/// The selection state machine of a stream: follows what happens to objects, and tells every transition.
#[derive(Default)]
pub(super) struct Phases {
    selections: Selections,
    /// What gaze hovers over, on the decoder's grid.
    pub preview: Option<LowResLogits>,
    /// Objects selected by gaze that were not taken back, the newest last.
    looked_at: Vec<ObjectId>,
}

/// Selections by gaze that can be taken back.
const UNDO_LIMIT: usize = 16;

impl Phases {
    /// Gaze came to rest at `input_s`, on the frame `seen`; `preview` is what seems to lie there.
    pub fn hover(&mut self, input_s: f64, preview: Option<LowResLogits>, seen: &Encoded, shared: &Shared) {
        self.tell(Signal::Rest, Some(input_s), Some(seen.at()), shared);
        if preview.is_some() {
            self.tell(Signal::Preview, Some(input_s), Some(seen.at()), shared);
        }
        self.preview = preview;
    }

    /// Gaze went on at `input_s`.
    pub fn leave(&mut self, input_s: f64, shared: &Shared) {
        self.preview = None;
        self.tell(Signal::GiveUp, Some(input_s), None, shared);
    }

    /// An object was selected by gaze.
    pub fn looked_at(&mut self, object: ObjectId) {
        if self.looked_at.len() == UNDO_LIMIT {
            self.looked_at.remove(0);
        }
        self.looked_at.push(object);
    }

    /// The object that gaze selected last and that is still followed.
    pub fn take_looked_at(&mut self) -> Option<ObjectId> {
        while let Some(object) = self.looked_at.pop() {
            if self.selections.phase(object).is_some() {
                return Some(object);
            }
        }
        None
    }

    /// An object was let go.
    pub fn released(&mut self, object: ObjectId, shared: &Shared) {
        self.tell(Signal::Release(object), None, None, shared);
    }

    /// Follows a change that was found on the frame captured at `at`.
    pub fn follow(&mut self, change: &Change, at: Timestamp, shared: &Shared) {
        let at = Some(at);
        match *change {
            Change::Selected { object, prompt_time_s, .. } => {
                let input = Some(prompt_time_s);
                self.preview = None;
                self.tell(Signal::Refine(object), input, at, shared);
                self.tell(Signal::Answer(object), input, at, shared);
            }
            Change::Refused { object, prompt_time_s, .. } => {
                let signal = match self.selections.phase(object) {
                    Some(_) => Signal::Refuse(object),
                    None => {
                        self.preview = None;
                        Signal::GiveUp
                    }
                };
                self.tell(signal, Some(prompt_time_s), at, shared);
            }
            Change::Lost { object } => self.tell(Signal::Lose(object), None, at, shared),
            Change::Returned { object } => self.tell(Signal::Find(object), None, at, shared),
            Change::Released { object } => self.tell(Signal::Release(object), None, at, shared),
            Change::Undone { object } => {
                if self.selections.phase(object) == Some(Phase::Lost) {
                    self.tell(Signal::Find(object), None, at, shared);
                }
            }
        }
    }

    fn tell(&mut self, signal: Signal, input_s: Option<f64>, frame: Option<Timestamp>, shared: &Shared) {
        let output = shared.clock.now();
        let input = input_s.zip(shared.origin()).map(|(s, origin)| origin + Duration::from_secs_f64(s.max(0.0)));
        let Some(step) = self.selections.signal(signal, Times { input, frame, output }) else { return };
        let output_time_s = shared.stream_time(output);
        let kind = EventKind::Selection {
            object: step.selection,
            from: step.from.name(),
            to: step.to.name(),
            input_time_s: input_s,
            frame_time_s: frame.map(|at| shared.stream_time(at)),
            output_time_s,
        };
        shared.tell(Event::new(frame.map_or(output_time_s, |at| shared.stream_time(at)), kind));
    }
}
