//! How good a model is where the truth is known: on photos ([`photos`]), through sequences ([`sequences`]) and for gaze
//! ([`gaze`]).
//!
//! Each evaluation is a library call that returns its figures; who calls it shows them. A long one reports after each
//! unit of its work to a [`Progress`] and ends early when its [`StopToken`](crate::sync::StopToken) is raised.

mod clicker;
pub mod dataset;
pub mod gaze;
mod overlap;
pub mod photos;
pub mod sequences;

pub use clicker::Clicker;
pub use overlap::{iou, iou_between};

/// Receives how far an evaluation is.
pub trait Progress {
    /// `finished` units (photos, sequences, trials) are done; `note` says to a user how they went.
    fn report(&mut self, finished: usize, note: &str);
}

/// Nobody wants to know.
impl Progress for () {
    fn report(&mut self, _: usize, _: &str) {}
}
