use crate::geometry::{BoundingBox, LabeledPoint};
use crate::select::touch::GestureKind;
use crate::time::Timestamp;
use crate::track::ObjectId;

/// What a person does to the objects from a display of their own, which shows the stream's frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// When the frame was taken that was shown then: the command means what is to be seen on it.
    pub made_at: Timestamp,
    /// What is asked for.
    pub kind: CommandKind,
}

/// What is asked for. Coordinates are pixels of the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandKind {
    /// The same as by touch; see [`GestureKind`].
    Gesture(GestureKind),
    /// Selects a new object, or selects or refines the one that is named.
    Prompt { object: Option<ObjectId>, points: Vec<LabeledPoint>, bbox: Option<BoundingBox> },
    /// Shows another candidate of the object's last answer.
    Choose { object: ObjectId, candidate: usize },
    /// Lets an object go.
    Release { object: ObjectId },
    /// Lets every object go.
    Clear,
    /// Keeps the frame for later commands although it grows old: the display is frozen. Each `display` holds one frame.
    Hold { display: u64 },
    /// Lets the frame go that the display holds.
    LetGo { display: u64 },
}

/// Where commands come from.
pub trait CommandSource: Send {
    /// Appends the commands given since the last call, in their order. Never waits.
    fn poll(&mut self, out: &mut Vec<Command>);
}
