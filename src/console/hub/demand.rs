use std::time::Duration;

use crate::console::jpeg::LEVEL_COUNT;
use crate::time::Timestamp;

/// When a frame was captured, and how it fared.
#[derive(Clone, Copy, Debug)]
pub struct FrameTimes {
    /// Seconds since the stream's start.
    pub time_s: f64,
    /// When it was captured.
    pub captured_at: Timestamp,
    /// From capture to mask.
    pub age: Duration,
}

/// What is wanted of the next frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Images by level.
    pub levels: [bool; LEVEL_COUNT],
    /// A line of NDJSON.
    pub lines: bool,
    /// A [`Snapshot`](super::Snapshot).
    pub snapshot: bool,
}

impl Demand {
    /// Whether nobody wants anything.
    pub fn is_none(&self) -> bool {
        *self == Demand::default()
    }
}
