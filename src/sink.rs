//! Outputs: NDJSON and overlay pictures.

mod record;

pub use record::{FrameRecord, ObjectRecord};
