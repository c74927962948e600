use std::sync::Arc;

use crate::frame::Frame;
use crate::model::Embedding;
use crate::time::Timestamp;

/// A frame and its embedding.
pub struct Encoded {
    /// The frame as it was captured.
    pub frame: Arc<Frame>,
    /// What the encoder made of the frame.
    pub embedding: Embedding,
}

impl Encoded {
    /// A place for a pool to fill.
    pub fn empty() -> Self {
        Encoded { frame: Arc::default(), embedding: Embedding::empty() }
    }

    /// When the frame was captured.
    pub fn at(&self) -> Timestamp {
        self.frame.captured_at
    }
}
