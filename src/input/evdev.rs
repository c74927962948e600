//! Touch screens, pens and mice as Linux gives them (`/dev/input/event*`).
//!
//! `inventory` knows which devices there are and what they are, `source` reads one and finds it again, `tracker` turns its
//! events into contacts, `screen` its coordinates into those of the screen.

mod inventory;
mod screen;
mod source;
mod tracker;

pub use inventory::list;
pub use source::address;
