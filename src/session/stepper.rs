use std::sync::Arc;

use super::SessionConfig;
use super::change::Change;
use super::encoded::Encoded;
use super::object_set::{ObjectSet, PromptRequest};
use crate::error::Result;
use crate::frame::Frame;
use crate::geometry::{BoundingBox, LabeledPoint, Letterbox};
use crate::mask::{LowResLogits, Mask, mask_prompt};
use crate::model::{Candidate, Decoder, Embedding, Encoder};
use crate::record::FrameRecord;
use crate::select::gaze::GazeDisc;
use crate::track::{FollowerConfig, ObjectId};

/// Follows objects through images one after the other on the caller's thread: the stream's own following for a folder
/// or a test, where every frame counts and none may be dropped.
pub struct Stepper {
    encoder: Box<dyn Encoder>,
    objects: ObjectSet,
    present: Encoded,
    record: FrameRecord,
    changes: Vec<Change>,
}

impl Stepper {
    /// A stepper without a frame. Encoder and decoder must be of one model.
    ///
    /// # Errors
    /// When there is no memory for a second encoder, by which what is selected gets a second look.
    pub fn new(encoder: Box<dyn Encoder>, decoder: Box<dyn Decoder>, config: FollowerConfig) -> Result<Self> {
        let closer = encoder.another()?;
        Ok(Stepper {
            encoder,
            objects: ObjectSet::new(closer, decoder, config, SessionConfig::DECODES_PER_FRAME),
            present: Encoded::empty(),
            record: FrameRecord::default(),
            changes: Vec::new(),
        })
    }

    /// Encodes `frame`, which becomes the present one.
    ///
    /// # Errors
    /// A frame that cannot be read, a model that breaks its own contract.
    pub fn set_frame(&mut self, frame: Arc<Frame>) -> Result<()> {
        self.encoder.encode(&frame, &mut self.present.embedding)?;
        self.present.frame = frame;
        Ok(())
    }

    /// As [`Self::set_frame`] for a `frame` that was encoded elsewhere, by the same model: its embedding takes the place of the last
    /// frame's, which is given back for its buffers.
    pub fn set_encoded(&mut self, frame: Arc<Frame>, embedding: Embedding) -> Embedding {
        self.present.frame = frame;
        std::mem::replace(&mut self.present.embedding, embedding)
    }

    /// Moves every object to `frame` without encoding it, with the image alone; `None` if no frame of its size was
    /// encoded yet.
    pub fn propagate(&mut self, frame: &Arc<Frame>) -> Option<&FrameRecord> {
        self.record.clear();
        let propagated = self.objects.propagate(frame, &mut self.record);
        self.record.sequence = frame.sequence;
        self.record.captured_at = frame.captured_at;
        self.record.frame = Some(Arc::clone(frame));
        propagated.then_some(&self.record)
    }

    /// What the last [`Self::follow`] or [`Self::propagate`] found.
    pub fn record(&self) -> &FrameRecord {
        &self.record
    }

    /// The logits that the last mask of `object` comes from, and where they lie on the frame; `None` if there is no such object.
    pub fn logits(&self, object: ObjectId) -> Option<(&LowResLogits, &Letterbox)> {
        self.objects.memory(object)
    }

    /// Selects or refines `object` on the present frame; [`Self::follow`] answers.
    ///
    /// # Errors
    /// [`crate::error::PromptError`] for a prompt that cannot be answered.
    pub fn prompt(&mut self, object: ObjectId, points: &[LabeledPoint], bbox: Option<BoundingBox>) -> Result<()> {
        let request = PromptRequest { object, time_s: 0.0, points, bbox };
        self.objects.answer(&request, &self.present, &self.present, &mut self.changes)??;
        self.changes.clear();
        Ok(())
    }

    /// Selects `object` on the present frame by its mask, which is of the frame's size.
    ///
    /// # Errors
    /// [`ImageError::SizeMismatch`](crate::error::ImageError::SizeMismatch).
    pub fn select(&mut self, object: ObjectId, mask: &Mask) -> Result<()> {
        let logits = mask_prompt(mask, &self.present.embedding.letterbox, self.objects.mask_size())?;
        self.objects.add(object, &Candidate { logits, predicted_iou: 1.0 }, &self.present);
        Ok(())
    }

    /// Selects as `object` what a user looked at on the present frame, and gives its mask there.
    ///
    /// # Errors
    /// [`crate::error::PromptError`] when the disc lies beside the frame or on nothing, and
    /// [`Doubtful`](crate::error::PromptError::Doubtful) when it lies on nothing clear and the selection is not `insistent`.
    pub fn select_by_gaze(&mut self, object: ObjectId, disc: GazeDisc, insistent: bool) -> Result<&Mask> {
        let found = self.objects.search_gaze(disc, insistent, None, &self.present)??;
        self.objects.add_looked_at(object, found, &self.present)?;
        Ok(self.objects.answered())
    }

    /// Forgets an object; false if there is none of that id.
    pub fn release(&mut self, object: ObjectId) -> bool {
        self.objects.release(object)
    }

    /// Finds every object on the present frame.
    ///
    /// # Errors
    /// A model that breaks its own contract.
    pub fn follow(&mut self) -> Result<&FrameRecord> {
        self.record.clear();
        self.objects.advance(&self.present, &mut self.record, &mut self.changes)?;
        self.changes.clear();
        self.record.sequence = self.present.frame.sequence;
        self.record.captured_at = self.present.at();
        self.record.frame = Some(Arc::clone(&self.present.frame));
        Ok(&self.record)
    }
}
