use std::collections::VecDeque;

use crate::geometry::{Letterbox, Point};
use crate::mask::LowResLogits;
use crate::record::AnswerRecord;
use crate::track::{Excluded, ObjectId};

/// Intents that can be taken back; each step holds an object's mask as it was, and shares the candidates of its last answer.
pub(super) const UNDO_LIMIT: usize = 16;

/// An intent that selected or changed an object, and the way back.
pub(super) struct UndoStep {
    pub object: ObjectId,
    /// When the user had the intent, in seconds from the first frame.
    pub time_s: f64,
    pub cause: UndoCause,
    /// What was known of the object; `None` if the intent selected it.
    pub before: Option<Before>,
    /// Where the object's mask lay after the intent, in cells of the decoder's grid, on frames that lay so in the model's input.
    pub after: Option<(Point, Letterbox)>,
    /// The object selected last before the intent.
    pub selected: Option<ObjectId>,
}

/// What kind of intent a step takes back, as far as that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UndoCause {
    /// A point on the object, which may prove to be the first half of a double tap.
    Select,
    /// Gaze selected it.
    Gaze,
    Other,
}

/// An object as it was before an intent.
pub(super) struct Before {
    pub memory: LowResLogits,
    /// How the frames of `memory` lie in the model's input.
    pub letterbox: Letterbox,
    pub excluded: Excluded,
    pub answer: Option<AnswerRecord>,
}

/// The last [`UNDO_LIMIT`] steps of all channels, the newest last.
#[derive(Default)]
pub(super) struct UndoHistory(VecDeque<UndoStep>);

impl UndoHistory {
    pub fn push(&mut self, step: UndoStep) {
        if self.0.len() == UNDO_LIMIT {
            self.0.pop_front();
        }
        self.0.push_back(step);
    }

    pub fn pop(&mut self) -> Option<UndoStep> {
        self.0.pop_back()
    }

    /// Whether a step is about `object`, followed or not.
    pub fn names(&self, object: ObjectId) -> bool {
        self.0.iter().any(|step| step.object == object)
    }

    pub fn newest(&self) -> Option<&UndoStep> {
        self.0.back()
    }

    /// Removes the newest selection by gaze.
    pub fn pop_gaze(&mut self) -> Option<UndoStep> {
        let at = self.0.iter().rposition(|step| step.cause == UndoCause::Gaze)?;
        self.0.remove(at)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}
