//! The machine we run on: board profiles, detection, what the processor can do, and how hot it is.

mod budgets;
mod capture;
mod cpu;
mod detect;
mod frequency;
mod machine;
mod memory;
mod profile;
mod scheduling;
#[cfg(test)]
mod testing;
mod thermal;
mod touch;

pub use budgets::{Budgets, Rung};
pub use detect::{Detection, detect};
pub use frequency::Frequency;
pub use machine::Machine;
pub use memory::ByteSize;
pub use profile::{Affinity, Board};
pub use scheduling::{OnFailure, Policy, Scheduling};
pub use thermal::{Cooling, Firmware, Reading, Sensors, Temperature, Thermometer};
