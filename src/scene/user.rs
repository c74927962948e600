//! Simulated users of a scene: where somebody looks who watches it, and what an eye tracker makes of that.
//!
//! [`GazeTrace`] is planned ahead and answers for any moment; [`Viewer`] is set its tasks as time goes on, and
//! [`EyeTracker`] measures it.

mod eye_tracker;
mod gaze;
mod map;
mod missing;
#[cfg(test)]
mod tests;
mod viewer;

pub use eye_tracker::{EyeTracker, EyeTrackerConfig};
pub use gaze::{Fixation, GazeTrace};
pub use missing::MissingPattern;
pub use viewer::{Eyes, Viewer, ViewingTask};
