//! Outputs: NDJSON and overlay pictures.

pub mod overlay;
mod record;

pub use record::{FrameRecord, ObjectRecord};
