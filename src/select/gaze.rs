//! From gaze samples to selections: [`OneEuroFilter`] smooths, [`FixationDetector`] (by dispersion) and [`VelocityDetector`] (by
//! velocity) tell resting from travelling gaze, [`DwellSelector`] turns a long enough rest, or a rest that another channel
//! confirms, into a selection.

mod angles;
mod confirm;
mod disc;
mod dwell;
mod fixation;
mod noise;
mod one_euro;
mod span;
mod step;
mod trail;
mod velocity;

pub use confirm::{Channel, Confirm, GazeSignal};
pub use disc::GazeDisc;
pub use dwell::{CancelReason, Cause, DwellConfig, DwellSelector, GazeSelection, SelectEvent};
pub use fixation::{Fixation, FixationConfig, FixationDetector};
pub use noise::NoiseEstimate;
pub use one_euro::{OneEuroConfig, OneEuroFilter};
pub use span::{FixationSpan, overlap_in_time};
pub use velocity::{VelocityConfig, VelocityDetector};

#[cfg(test)]
mod tests;
