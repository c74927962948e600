//! What is known of one output frame and what happened between frames, as the session writes it and sinks read it.

mod event;
mod frame_record;

pub use event::{CameraFrame, Event, EventKind};
pub use frame_record::{AnswerRecord, FrameRecord, ObjectRecord};
