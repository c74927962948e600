use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::oneshot;

use crate::geometry::{BoundingBox, Size};
use crate::mask::Rle;
use crate::track::ObjectId;

/// Most requests that may wait for the next frame.
const MAX_WAITING: usize = 16;

/// One frame with its masks, for requests that ask for a single one.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The frame's sequence number.
    pub frame: u64,
    /// The frame's time since the stream's start, in seconds.
    pub time_s: f64,
    /// Width and height of the frame, which its masks share.
    pub size: Size,
    /// The image at the best quality, on its longer side possibly smaller than `size`.
    pub jpeg: Bytes,
    /// Objects whose masks are not empty.
    pub objects: Vec<SnapshotObject>,
}

/// An object of a [`Snapshot`].
#[derive(Clone, Debug)]
pub struct SnapshotObject {
    /// The object's number in this stream.
    pub object: ObjectId,
    /// The predicted overlap of the mask with the object, 0 to 1.
    pub score: f32,
    /// The mask's bounds in pixels of the frame.
    pub bbox: Option<BoundingBox>,
    /// Set pixels of the mask.
    pub area: usize,
    /// The mask, as large as the frame.
    pub rle: Rle,
}

/// Requests that wait for the next frame.
#[derive(Default)]
pub struct SnapshotRequests {
    waiting: Vec<oneshot::Sender<Arc<Snapshot>>>,
}

impl SnapshotRequests {
    /// Adds a request; `None` when too many wait already.
    pub fn add(&mut self) -> Option<oneshot::Receiver<Arc<Snapshot>>> {
        self.waiting.retain(|waiting| !waiting.is_closed());
        if self.waiting.len() >= MAX_WAITING {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.push(sender);
        Some(receiver)
    }

    /// Whether no request waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Answers every request that waits.
    pub fn answer(&mut self, snapshot: &Arc<Snapshot>) {
        for waiting in self.waiting.drain(..) {
            let _ = waiting.send(Arc::clone(snapshot));
        }
    }

    /// Drops every request: none is answered.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}
