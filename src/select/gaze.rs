//! From gaze samples to selections: [`OneEuroFilter`] smooths, [`FixationDetector`] tells resting from travelling gaze,
//! [`DwellSelector`] turns a long enough rest into a selection.

mod dwell;
mod fixation;
mod one_euro;

pub use dwell::{CancelReason, DwellConfig, DwellSelector, GazeSelection, SelectEvent};
pub use fixation::{Fixation, FixationConfig, FixationDetector};
pub use one_euro::{OneEuroConfig, OneEuroFilter};

#[cfg(test)]
mod tests;
