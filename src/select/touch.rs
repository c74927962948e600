//! From contacts to gestures: [`Contact`]s are what a touch screen reports, [`Viewport`] says where the frame lies on that
//! screen, and [`TouchSelector`] turns the former into [`TouchGesture`]s in pixels of the frame.
//!
//! | gesture | what the fingers do |
//! |---|---|
//! | [`Tap`](GestureKind::Tap) | one finger, down and up within the long-press time, within the slop |
//! | [`DoubleTap`](GestureKind::DoubleTap) | a tap within the double-tap window after another, near it; each further one again |
//! | [`LongPress`](GestureKind::LongPress) | one finger that rests for the long-press time, and lifts |
//! | [`SecondTap`](GestureKind::SecondTap) | a second finger taps while the first, which came earlier, stays down |
//! | [`TwoFingerTap`](GestureKind::TwoFingerTap) | two fingers come together and lift within the long-press time |
//! | [`Drag`](GestureKind::Drag) | one finger strokes roughly along a diagonal |
//! | [`Scribble`](GestureKind::Scribble) | any other stroke of one finger |
//!
//! Slop and times are those of Android's `ViewConfiguration` and Material's gestures (8 dp, 100, 300 and 500 ms). Two rules
//! differ, because no gesture may wait for what comes next: a tap counts at once and a double tap comes on top of it; and
//! a long press counts when the finger lifts, so that a finger that rests may still become the first of two.

mod contact;
mod gesture;
mod selector;
mod stroke;
#[cfg(test)]
mod tests;
mod viewport;

pub use contact::{Contact, ContactId, Phase};
pub use gesture::{GestureKind, TouchConfig, TouchGesture};
pub use selector::TouchSelector;
pub use viewport::{Fit, Rotation, Viewport};
