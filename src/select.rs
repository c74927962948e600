//! Gaze and touch to selections: filtering, fixations, dwell; contacts, gestures.

pub mod gaze;
pub mod selection;
pub mod touch;

use crate::geometry::Point;
use crate::time::Timestamp;

/// One measurement of an eye tracker, already in frame pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GazeSample {
    /// When the eye was measured, on the capture clock.
    pub at: Timestamp,
    /// Where the gaze falls, in pixels of the frame; it may lie outside.
    pub point: Point,
    /// 0 (blink, lost) to 1.
    pub confidence: f32,
}
