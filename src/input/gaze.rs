//! Gaze from eye trackers: recordings, and what arrives over the network.
//!
//! Samples leave with the times of the capture clock and in pixels of our own frame. The eye tracker's scene camera is taken
//! to be our camera: its picture is scaled to our frame, each axis by itself.

mod neon;
mod recording;
mod source;

pub use recording::{GazeRecording, GazeReplay, RecordedFixation, RecordedSpan, RecordingFormat};
pub use source::{GazeSource, GazeTrace};
