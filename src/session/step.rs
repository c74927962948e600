//! What a session was given, step by step: enough to give it the same again.

use std::sync::Arc;

use super::{Request, SessionConfig};
use crate::frame::Frame;
use crate::geometry::Intrinsics;
use crate::model::{Candidate, ModelIdentity};
use crate::time::Timestamp;

/// What holds for a whole stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setup {
    /// How many objects are followed, and how.
    pub config: SessionConfig,
    /// The model that the stream began with; `None` if it is of no files.
    pub model: Option<Arc<ModelIdentity>>,
    /// Whether what is selected gets a second look.
    pub looks_closer: bool,
    /// Of the source's camera, if known.
    pub intrinsics: Option<Intrinsics>,
}

/// One frame that a session was given, and what was asked on it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Counted from 0, over all frames that the session was given; a gap is a step that is not known.
    pub number: u64,
    /// The frame.
    pub frame: Arc<Frame>,
    /// Capture time of the stream's first frame: zero of its own time.
    pub origin: Timestamp,
    /// What was done with the frame.
    pub kind: StepKind,
    /// What was applied on it, in this order.
    pub applied: Vec<Applied>,
}

/// What was done with a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// It was encoded with this model (`None` for one of no files), and the objects were found on it.
    Followed(Option<Arc<ModelIdentity>>),
    /// It was encoded and prompts were applied on it, but there was no room for a record: nothing was looked for.
    Encoded(Option<Arc<ModelIdentity>>),
    /// It was not encoded: the objects moved with the image.
    Propagated,
}

/// Something that was applied on a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// A request, with the encoder that gave a second look (`None` without one, or for one of no files).
    Request(Request, Option<Arc<ModelIdentity>>),
    /// What a selection by gaze came to, in place of where the user looked.
    Looked(Looked),
}

/// What a selection by gaze came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// When the user looked there, in seconds from the first frame.
    pub time_s: f64,
    /// What was selected on the frame of that time; `None` if nothing was there.
    pub found: Option<Candidate>,
}

/// The steps since the record before, the last of them that of the record itself.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What holds for the whole stream.
    pub setup: Arc<Setup>,
    /// In their order; all but the last have no record.
    pub steps: Vec<Step>,
}
