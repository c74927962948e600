//! Prompt sources: a script, touch screens, eye trackers.

mod address;
mod command;
#[cfg(all(feature = "touch", target_os = "linux"))]
mod evdev;
mod event;
mod gaze;
mod script;
mod touch;

pub use address::{OpenedPrompts, PromptAddress, TouchDevice};
pub use command::{Command, CommandKind, CommandSource};
pub use event::InputEvent;
#[cfg(any(test, fuzzing))]
pub(crate) use gaze::fuzz as gaze_fuzz;
pub use gaze::{
    ClockOffset, GazeAddress, GazePacket, GazeRecording, GazeReplay, GazeReport, GazeSource, GazeTrace, OffsetEstimate,
    PupilTransport, RecordedFixation, RecordedSpan, RecordingFormat,
};
pub use script::Script;
pub use touch::{TouchDeviceInfo, TouchOptions, TouchSource, list_touch_devices};

use crate::geometry::{BoundingBox, LabeledPoint};
use crate::track::ObjectId;

/// What a person or program asks for, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptEvent {
    /// When it was asked, in seconds since the source's first frame.
    pub time_s: f64,
    /// The object that it is about; a new one is selected under this id.
    pub object: ObjectId,
    /// What is asked for it.
    pub action: PromptAction,
}

/// What is asked for an object.
#[derive(Clone, Debug, PartialEq)]
pub enum PromptAction {
    /// Select it, or refine it if it is selected: points, a box or both, in pixels of the frame shown at that time.
    Prompt {
        /// On the object or beside it.
        points: Vec<LabeledPoint>,
        /// Around the object.
        bbox: Option<BoundingBox>,
    },
    /// Let it go.
    Release,
}

/// Where prompts come from.
pub trait PromptSource: Send {
    /// Appends the prompts made up to `until_s` (seconds since the source's first frame) that were not given out yet, in the
    /// order of their time. Never waits.
    fn poll(&mut self, until_s: f64, out: &mut Vec<PromptEvent>);

    /// True when no prompt will ever come again.
    fn is_finished(&self) -> bool;
}
