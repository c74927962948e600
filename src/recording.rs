//! Recordings of runs: what an MCAP file of one holds, and reading it.
//!
//! A recording holds everything that the session of a stream was given (frames as the encoder saw them, what was applied on each, the
//! model) and what came out, so that it can be given the same again. `docs/recording.md` describes topics and fields; the sink
//! `mcap:FILE` writes them.

mod image;
mod reader;
mod topic;
mod wire;

pub use image::{ImageForm, StoredImage, encode as encode_image};
#[cfg(any(test, fuzzing))]
pub(crate) use reader::read_all;
pub use reader::{Damage, Item, Reader, RecordedFrame};
pub use topic::Topic;
pub use wire::{SessionMessage, StepMessage};

/// Version of the recordings that are written.
pub const RECORDING_VERSION: u32 = 1;

/// What the header of a recording names as its profile.
pub const PROFILE: &str = "foveate";
