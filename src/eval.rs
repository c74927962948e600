//! How good a model is where the truth is known: on photos ([`photos`]), through sequences ([`sequences`]) and for gaze
//! ([`gaze`]).
//!
//! Each evaluation is a library call that returns its figures; who calls it shows them. A long one reports after each
//! unit of its work to a [`Progress`] and ends early when its [`StopToken`](crate::sync::StopToken) is raised.

mod clicker;
pub mod dataset;
pub mod everything;
pub mod gaze;
mod overlap;
pub mod photos;
mod progress;
pub mod sequences;

pub use clicker::Clicker;
pub use overlap::{iou, iou_between};
pub use progress::Progress;
