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
pub use command::{Command, CommandSource};
pub use event::InputEvent;
pub use gaze::{
    ClockOffset, GazeAddress, GazePacket, GazeRecording, GazeReplay, GazeReport, GazeSource, GazeTrace, OffsetEstimate,
    PupilTransport, RecordedFixation, RecordedSpan, RecordingFormat,
};
pub use script::Script;
pub use touch::{TouchDeviceInfo, TouchOptions, TouchSource, list_touch_devices};

use crate::session::Request;

/// Where prompts come from.
pub trait PromptSource: Send {
    /// Appends the requests made up to `until_s` (seconds since the source's first frame) that were not given out yet, in the
    /// order of their time. Never waits.
    fn poll(&mut self, until_s: f64, out: &mut Vec<Request>);

    /// True when no request will ever come again.
    fn is_finished(&self) -> bool;
}
