use std::time::Duration;

use crate::geometry::{BoundingBox, Point};
use crate::time::Timestamp;

/// Tuning of a [`TouchSelector`](super::TouchSelector). A dp is 1/160 inch.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TouchConfig {
    /// How far a finger may stray from where it came down and still rest, in dp.
    pub slop_dp: f32,
    /// How far apart the taps of a double tap may be, in dp: a touch target's least size.
    pub double_tap_slop_dp: f32,
    /// Time after which a finger is shown as pressing, and a further finger counts as the second rather than as one of a
    /// pair.
    pub pressed: Duration,
    /// Longest time from the lift of a tap to the touch of the next for a double tap.
    pub double_tap: Duration,
    /// Time after which a resting finger is a long press, and no tap any more.
    pub long_press: Duration,
    /// Most points that a scribble yields.
    pub scribble_points: usize,
}

impl Default for TouchConfig {
    fn default() -> Self {
        TouchConfig {
            slop_dp: 8.0,
            double_tap_slop_dp: 48.0,
            pressed: Duration::from_millis(100),
            double_tap: Duration::from_millis(300),
            long_press: Duration::from_millis(500),
            scribble_points: 8,
        }
    }
}

/// A gesture on the frame.
#[derive(Clone, Debug, PartialEq)]
pub struct TouchGesture {
    /// When the contact that made it came down (the first of two): the frame of this time is the one it means.
    pub made_at: Timestamp,
    /// What was done, and where.
    pub kind: GestureKind,
}

/// What was done. Coordinates are pixels of the frame, and lie on it.
#[derive(Clone, Debug, PartialEq)]
pub enum GestureKind {
    /// A short touch.
    Tap {
        /// Where.
        point: Point,
    },
    /// A tap on top of the tap that was made at `first_at` and has been given out already.
    DoubleTap {
        /// Where.
        point: Point,
        /// When the first tap was made, on the capture clock.
        first_at: Timestamp,
    },
    /// A touch that rested for longer than a tap.
    LongPress {
        /// Where.
        point: Point,
    },
    /// A tap at `point` while another finger rests at `resting`.
    SecondTap {
        /// Where the second finger tapped.
        point: Point,
        /// Where the first finger rests.
        resting: Point,
    },
    /// Two fingers tapped at once.
    TwoFingerTap,
    /// A box from corner to corner.
    Drag {
        /// The box.
        bbox: BoundingBox,
    },
    /// Points along the stroke, its ends included, in the order in which they were drawn; two or more.
    Scribble {
        /// The points, on the frame.
        points: Vec<Point>,
    },
}
