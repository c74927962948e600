//! The machine we run on: board profiles, detection, and what the processor can do.

mod detect;
mod machine;
mod profile;
mod touch;

pub use detect::{Detection, detect};
pub use machine::{Machine, Temperature};
pub use profile::{Affinity, Board};
