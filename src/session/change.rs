use crate::error::PromptError;
use crate::record::EventKind;
use crate::track::ObjectId;

/// What happened to an object on one frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// A prompt was answered, on the frame with this sequence number. Times are seconds from the first frame.
    Selected { object: ObjectId, prompt_time_s: f64, frame: u64 },
    /// A prompt was refused.
    Refused { object: ObjectId, prompt_time_s: f64, error: PromptError },
    /// It was not found any more.
    Lost { object: ObjectId },
    /// It was lost, and is found again.
    Returned { object: ObjectId },
    /// It was let go, or the intent was taken back that had selected it.
    Released { object: ObjectId },
    /// An intent was taken back: the object is as it was before it.
    Undone { object: ObjectId },
}

impl From<Change> for EventKind {
    fn from(change: Change) -> Self {
        match change {
            Change::Selected { object, prompt_time_s, frame } => EventKind::Selected { object, prompt_time_s, frame },
            Change::Refused { object, prompt_time_s, error } => {
                EventKind::Rejected { object, prompt_time_s, reason: error.to_string() }
            }
            Change::Lost { object } => EventKind::Lost { object },
            Change::Returned { object } => EventKind::Found { object },
            Change::Released { object } => EventKind::Released { object },
            Change::Undone { object } => EventKind::Undone { object },
        }
    }
}
