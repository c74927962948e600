use std::sync::Arc;
use std::time::Duration;

use crate::frame::Frame;
use crate::geometry::{BoundingBox, LabeledPoint, Letterbox, Point};
use crate::mask::Mask;
use crate::model::Candidate;
use crate::time::Timestamp;
use crate::track::{ObjectId, ObjectState};

/// Everything that is known of one output frame. Records are pooled: their buffers are reused.
#[derive(Clone, Debug, Default)]
pub struct FrameRecord {
    /// The frame the masks belong to.
    pub frame: Option<Arc<Frame>>,
    /// The frame's number from its source; the numbers of dropped frames are missing.
    pub sequence: u64,
    /// When the frame was captured, on the capture clock.
    pub captured_at: Timestamp,
    /// Time since the source's first frame, in seconds.
    pub time_s: f64,
    /// From capture to the end of decoding.
    pub age: Duration,
    /// Where the user looks, if a gaze source runs. It is private: the pipeline leaves it out for every sink that does not say
    /// that it shares gaze.
    pub gaze: Option<Point>,
    /// Share of a dwell that is done, 0 to 1, while one is under way; as private as `gaze`.
    pub dwell: Option<f32>,
    /// The first `object_count` entries are this frame's objects; the rest is spare capacity.
    objects: Vec<ObjectRecord>,
    object_count: usize,
}

impl FrameRecord {
    /// This frame's objects.
    pub fn objects(&self) -> &[ObjectRecord] {
        &self.objects[..self.object_count]
    }

    /// This frame's objects, to be written to.
    pub fn objects_mut(&mut self) -> &mut [ObjectRecord] {
        &mut self.objects[..self.object_count]
    }

    /// Empties the record, keeping every buffer.
    pub fn clear(&mut self) {
        self.frame = None;
        (self.gaze, self.dwell) = (None, None);
        self.object_count = 0;
    }

    /// Becomes a copy of `other`, keeping every buffer.
    pub fn copy_from(&mut self, other: &FrameRecord) {
        self.clear();
        for object in other.objects() {
            self.push_object().copy_from(object);
        }
        self.frame.clone_from(&other.frame);
        (self.sequence, self.captured_at, self.time_s) = (other.sequence, other.captured_at, other.time_s);
        (self.age, self.gaze, self.dwell) = (other.age, other.gaze, other.dwell);
    }

    /// The next spare object record; its fields hold stale values for the caller to overwrite.
    pub fn push_object(&mut self) -> &mut ObjectRecord {
        if self.object_count == self.objects.len() {
            self.objects.push(ObjectRecord::default());
        }
        self.object_count += 1;
        &mut self.objects[self.object_count - 1]
    }
}

/// One object in one frame.
#[derive(Clone, Debug, Default)]
pub struct ObjectRecord {
    /// Which object, as events and prompts name it.
    pub object: ObjectId,
    /// How sure the tracker is of it in this frame.
    pub state: ObjectState,
    /// Predicted IoU of the mask, 0 to 1.
    pub score: f32,
    /// Box of the mask, in pixels of the frame; `None` where the mask is empty.
    pub bbox: Option<BoundingBox>,
    /// Pixels of the mask.
    pub area: usize,
    /// At the frame's resolution; empty when the object is lost.
    pub mask: Mask,
    /// The points that were prompted on this frame, to be drawn.
    pub points: Vec<LabeledPoint>,
    /// The last answer to an intent about the object, with the candidates that were not taken.
    pub answer: Option<AnswerRecord>,
}

impl ObjectRecord {
    fn copy_from(&mut self, other: &ObjectRecord) {
        let ObjectRecord { object, state, score, bbox, area, mask, points, answer } = other;
        (self.object, self.state, self.score, self.bbox, self.area) = (*object, *state, *score, *bbox, *area);
        self.mask.clone_from(mask);
        self.points.clone_from(points);
        self.answer.clone_from(answer);
    }
}

/// What the decoder answered about an object, on the frame that the user saw. Clones share the candidates.
#[derive(Clone, Debug)]
pub struct AnswerRecord {
    /// The masks that the decoder offered, as logits on its grid.
    pub candidates: Arc<[Candidate]>,
    /// The one that is followed.
    pub chosen: usize,
    /// Where the candidates' grid lies on the frame.
    pub letterbox: Letterbox,
    /// Sequence number of that frame.
    pub frame: u64,
}
