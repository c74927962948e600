use std::sync::Arc;
use std::thread::JoinHandle;

use axum::body::Bytes;
use crossbeam_channel::{Sender, TrySendError, bounded};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::tool_error::ToolError;
use crate::error::{PipelineError, Result};
use crate::frame::{self, Frame};
use crate::geometry::Size;
use crate::mask::Mask;
use crate::model::{LoadedModel, ModelOptions, Prompt};
use crate::segment::{Everything, EverythingOptions, FoundMask, Predictor};
use crate::session::Stepper;
use crate::track::FollowerConfig;

/// Requests that wait for the one that is computed.
const WAITING: usize = 16;

/// What computes: one thread has it.
pub struct Annotator {
    model: LoadedModel,
    predictor: Predictor,
    /// The photo that was asked about last.
    photo: Option<Photo>,
    followed_pixels: u32,
    everything: Option<Everything>,
}

/// A photo, by the digest of its file.
struct Photo {
    digest: [u8; 32],
    frame: Arc<Frame>,
    /// The predictor has it.
    is_encoded: bool,
}

type Job = Box<dyn FnOnce(&mut Annotator) + Send>;

/// Asks the annotator's thread; the thread ends with the last of them.
#[derive(Clone)]
pub struct Handle(Sender<Job>, Arc<JoinHandle<()>>);

/// A mask that answers a prompt.
pub struct Answer {
    /// Of the photo's size.
    pub mask: Mask,
    /// The model's own estimate of the mask's IoU with the thing.
    pub score: f32,
}

/// Starts the thread.
///
/// # Errors
/// When the system refuses it, or the model has no buffers.
pub fn start(model: LoadedModel, followed_pixels: u32) -> Result<Handle> {
    let predictor = Predictor::new(model.encoder()?, model.decoder()?);
    let mut annotator = Annotator { model, predictor, photo: None, followed_pixels, everything: None };
    let (jobs, waiting) = bounded::<Job>(WAITING);
    let thread = std::thread::Builder::new().name("annotator".into());
    let spawned = thread.spawn(move || waiting.iter().for_each(|job| job(&mut annotator)));
    let spawned = spawned.map_err(|source| PipelineError::Spawn { stage: "annotator".into(), source })?;
    Ok(Handle(jobs, Arc::new(spawned)))
}

impl Handle {
    /// Has the thread do `work` once those before it are done.
    ///
    /// # Errors
    /// [`ToolError::Busy`] when too many wait; those of `work`.
    pub async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Annotator) -> std::result::Result<T, ToolError> + Send + 'static,
    ) -> std::result::Result<T, ToolError> {
        let (reply, answer) = oneshot::channel();
        self.send(move |annotator| {
            // Who asked may have gone, before or meanwhile.
            if !reply.is_closed() {
                let _ = reply.send(work(annotator));
            }
        })?;
        answer.await.unwrap_or(Err(ToolError::Broken))
    }

    /// Whether the thread is there; it is gone after a fault of this program.
    pub fn is_alive(&self) -> bool {
        !self.1.is_finished()
    }

    /// Has the thread do `work`, which answers by itself.
    ///
    /// # Errors
    /// [`ToolError::Busy`].
    pub fn send(&self, work: impl FnOnce(&mut Annotator) + Send + 'static) -> std::result::Result<(), ToolError> {
        self.0.try_send(Box::new(work)).map_err(|error| match error {
            TrySendError::Full(_) => ToolError::Busy,
            TrySendError::Disconnected(_) => ToolError::Broken,
        })
    }
}

impl Annotator {
    /// The photo in the file `bytes`, which is decoded unless it was asked about last.
    fn photo(&mut self, bytes: &[u8]) -> std::result::Result<&mut Photo, ToolError> {
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        match self.photo.take_if(|known| known.digest == digest) {
            Some(known) => Ok(self.photo.insert(known)),
            None => {
                let frame = Arc::new(frame::decode_image(bytes, "the photo")?);
                Ok(self.photo.insert(Photo { digest, frame, is_encoded: false }))
            }
        }
    }

    /// Size of the photo in the file `bytes`.
    pub fn size_of(&mut self, bytes: &[u8]) -> std::result::Result<Size, ToolError> {
        Ok(self.photo(bytes)?.frame.size)
    }

    /// The best mask for `prompt` on the photo in the file `bytes`, looked at twice as `segment` does.
    pub fn segment(&mut self, bytes: &[u8], prompt: &Prompt) -> std::result::Result<Answer, ToolError> {
        let photo = self.photo(bytes)?;
        let (frame, is_encoded) = (Arc::clone(&photo.frame), std::mem::replace(&mut photo.is_encoded, true));
        if !is_encoded && let Err(error) = self.predictor.set_frame(&frame) {
            self.photo = None;
            return Err(error.into());
        }
        let best = self.predictor.predict(prompt, false)?.pop().ok_or(ToolError::Nothing)?;
        let closer = self.predictor.zoom_in(&frame, prompt, &best)?;
        let best = closer.unwrap_or(best);
        Ok(Answer { mask: best.mask, score: best.predicted_iou })
    }

    /// Every thing on the photo in the file `bytes`, the largest first.
    pub fn everything(&mut self, bytes: &[u8]) -> std::result::Result<Vec<FoundMask>, ToolError> {
        let frame = Arc::clone(&self.photo(bytes)?.frame);
        let everything = match &mut self.everything {
            Some(everything) => everything,
            none => {
                let (encoder, decoder) = (self.model.encoder()?, self.model.decoder()?);
                let made = Everything::new(encoder, vec![decoder], EverythingOptions::default());
                none.insert(made.map_err(|error| ToolError::Failed(error.to_string()))?)
            }
        };
        Ok(everything.find(&frame, &mut |_, _| {})?)
    }

    /// Follows objects from one frame on, for frames of `size`.
    pub fn stepper(&self, size: Size) -> std::result::Result<Stepper, ToolError> {
        let options = ModelOptions {
            precision: Some(self.model.precision()),
            device: Some(self.model.device()),
            frame: Some(size),
            pixels: Some(self.followed_pixels),
            ..ModelOptions::default()
        };
        let model = self.model.installed().load(&options)?;
        Ok(Stepper::new(model.encoder()?, model.decoder()?, FollowerConfig::default())?)
    }
}

/// The frame in the file `bytes`, number `sequence` of a video.
///
/// # Errors
/// A file that is no photo.
pub fn frame_of(bytes: &Bytes, sequence: usize) -> std::result::Result<Arc<Frame>, ToolError> {
    let mut frame = frame::decode_image(bytes, &format!("frame {sequence}"))?;
    frame.sequence = sequence as u64;
    // Motion is predicted for the rate of most videos; tools tell none.
    frame.captured_at = crate::time::Timestamp::from_nanos(sequence as u64 * 40_000_000);
    Ok(Arc::new(frame))
}
