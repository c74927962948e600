//! Gaze from eye trackers: recordings, and what arrives over the network.
//!
//! Samples leave with the times of the capture clock and in pixels of our own frame. The eye tracker's scene camera is taken
//! to be our camera: its image is scaled to our frame, each axis by itself. What arrives is received on a thread of its
//! own, which ends with the source; queues are bounded, and every wait has an end.

mod clock;
mod connect;
mod feed;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod glasses;
mod ndjson;
mod neon;
pub(super) mod pupil;
mod reading;
pub(super) mod recording;
mod source;
pub(super) mod tcp;
pub(super) mod udp;

pub use clock::{ClockOffset, OffsetEstimate};
pub use pupil::GazePacket;
pub use recording::{GazeRecording, GazeReplay, RecordedFixation, RecordedSpan, RecordingFormat};
pub use source::{GazeReport, GazeSource, GazeTrace};
