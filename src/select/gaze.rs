//! From gaze samples to selections: [`RestFilter`] estimates for how long gaze has rested and how surely, [`DwellSelector`] turns a long
//! enough rest, or a rest that another channel confirms, into a selection. [`FixationDetector`] (by dispersion, after a
//! [`OneEuroFilter`]) and [`VelocityDetector`] (by velocity) find the fixations of a stream or a recording.

mod angles;
mod confirm;
mod disc;
mod dwell;
mod fixation;
mod interest;
mod noise;
mod one_euro;
mod rest;
mod span;
mod trail;
mod velocity;

pub use confirm::{Channel, Confirm, GazeSignal};
pub use disc::GazeDisc;
pub use dwell::{CancelReason, Cause, DwellConfig, DwellSelector, GazeSelection, SelectEvent};
pub use fixation::{Fixation, FixationConfig, FixationDetector};
pub use interest::{Interest, Look, fixated_object, interests};
pub use noise::NoiseEstimate;
pub use one_euro::{OneEuroConfig, OneEuroFilter};
pub use rest::{Glance, Rest, RestConfig, RestFilter};
pub use span::{FixationSpan, overlap_in_time};
pub use velocity::{VelocityConfig, VelocityDetector};

#[cfg(test)]
mod tests;
