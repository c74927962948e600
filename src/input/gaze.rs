//! Gaze from eye trackers: recordings, and what arrives over the network.
//!
//! Samples leave with the times of the capture clock and in pixels of our own frame. The eye tracker's scene camera is taken
//! to be our camera: its picture is scaled to our frame, each axis by itself. What arrives is received on a thread of its
//! own, which ends with the source; queues are bounded, and every wait has an end.

mod address;
mod clock;
mod connect;
mod feed;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod ndjson;
mod neon;
mod pupil;
mod recording;
mod source;
mod tcp;
mod udp;

pub use address::GazeAddress;
pub use clock::{ClockOffset, OffsetEstimate};
pub use pupil::{GazePacket, Transport as PupilTransport};
pub use recording::{GazeRecording, GazeReplay, RecordedFixation, RecordedSpan, RecordingFormat};
pub use source::{GazeReport, GazeSource, GazeTrace};
