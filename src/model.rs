//! From files to an [`Encoder`] and a [`Decoder`]: manifest, registry and model families.
//!
//! ```no_run
//! use foveate::model::{ModelOptions, Registry};
//!
//! let registry = Registry::discover(None)?;
//! let model = registry.load("foveate", &ModelOptions::default())?;
//! let (mut encoder, mut decoder) = (model.encoder()?, model.decoder()?);
//! # Ok::<(), foveate::Error>(())
//! ```

mod bundled;
mod catalogue;
mod conventions;
mod encoder;
mod family;
mod identity;
mod install;
mod load;
mod location;
mod manifest;
mod measured;
mod part;
mod prompt;
mod recognize;
mod registry;

use std::sync::Arc;

use crate::engine::{CompileOptions, Device, Precision, Tensor, Threads};
use crate::error::{ModelError, PromptError, Result};
use crate::frame::Frame;
use crate::geometry::{Letterbox, Region, Size};
use crate::mask::LowResLogits;

pub use catalogue::{CatalogueEntry, CatalogueFile, catalogue};
pub use conventions::Ranking;
pub use family::FamilyId;
pub use identity::ModelIdentity;
pub use install::{Staging, check_name};
pub use load::{LoadedModel, ModelOptions, TimedEncoder};
pub use location::{FileState, Location, sha256};
pub use manifest::{
    ExternalSpec, FileSpec, Files, MANIFEST_FILE, Manifest, ModelSpec, MultiplyAdds, NormalizationSpec, SizeRange,
};
pub use measured::{MEASURED_FILE, Measured, MeasuredRun};
pub use part::Part;
pub use prompt::Prompt;
pub use recognize::{Recognized, recognize};
pub use registry::{FileCheck, Installed, MODELS_VARIABLE, Registry, holds_models, user_dir};

/// The image encoder of a loaded model. Each thread that encodes owns one; graph and weights are shared.
pub trait Encoder: Send {
    /// The input size in pixels, letterbox padding included.
    fn input_size(&self) -> Size;

    /// Encodes `region` of `frame` as if it were a frame of its own into `out`, reusing its buffers. The letterbox of `out`
    /// keeps prompts and masks in the frame's coordinates.
    ///
    /// # Errors
    /// A frame whose buffer is too short, a region that does not lie in it, a model that breaks its own contract.
    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()>;

    /// Encodes all of `frame`.
    ///
    /// # Errors
    /// As [`Self::encode_region`].
    fn encode(&mut self, frame: &Frame, out: &mut Embedding) -> Result<()> {
        self.encode_region(frame, Region::of_frame(frame.size), out)
    }

    /// Another encoder of the same model and input, with buffers of its own and the same weights; `None` where there can be
    /// no other.
    ///
    /// # Errors
    /// When there is no memory for it.
    fn another(&self) -> Result<Option<Box<dyn Encoder>>> {
        Ok(None)
    }

    /// Which files it is of and how it runs; `None` for encoders that are of no files.
    fn identity(&self) -> Option<Arc<ModelIdentity>> {
        None
    }
}

/// The prompt decoder of a loaded model. Each thread that decodes owns one; graph and weights are shared.
pub trait Decoder: Send {
    /// Most points in one prompt.
    fn max_points(&self) -> usize;

    /// Size of the logits that come out and of the mask prompt that goes in.
    fn mask_size(&self) -> Size;

    /// Mask candidates per prompt.
    fn candidates(&self) -> usize;

    /// Decodes every prompt against one embedding. `out` gets `prompts.len() * self.candidates()` entries, the
    /// candidates of the first prompt first, in the model's own order; its buffers are reused.
    ///
    /// Prompts are checked by the caller ([`crate::segment`]); coordinates are frame pixels.
    fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()>;
}

/// One mask that a decoder proposes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    /// The mask at the decoder's own resolution, in the letterboxed input's frame.
    pub logits: LowResLogits,
    /// The model's own estimate of the mask's IoU with the truth, 0 to 1.
    pub predicted_iou: f32,
}

/// An encoded frame: what the decoder needs, and where the frame lies in the model's input.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// Name of the model that made it.
    pub model: Arc<str>,
    /// Which files made it and how they ran, if its encoder says so.
    pub identity: Option<Arc<ModelIdentity>>,
    /// Where the frame, or the region that was encoded, lies in the model's input.
    pub letterbox: Letterbox,
    /// The encoder's outputs in the order of its signature.
    pub tensors: Vec<Tensor>,
}

impl Embedding {
    /// An embedding of no frame, to be filled by [`Encoder::encode`].
    pub fn empty() -> Self {
        let size = Size::new(1, 1);
        Embedding { model: "".into(), identity: None, letterbox: Letterbox::new(size, size), tensors: Vec::new() }
    }
}

/// What every graph of a model is compiled with.
#[derive(Clone, Debug)]
struct CompileFor {
    precision: Precision,
    device: Device,
    threads: Threads,
}

impl CompileFor {
    /// Options with these input shapes, computing these outputs.
    fn options(&self, shapes: &[(&str, Vec<usize>)], outputs: &[&str]) -> CompileOptions {
        CompileOptions {
            shapes: shapes.iter().map(|(name, shape)| ((*name).to_owned(), shape.clone())).collect(),
            outputs: outputs.iter().map(|name| (*name).to_owned()).collect(),
            precision: self.precision,
            device: self.device,
            threads: self.threads.clone(),
            ..CompileOptions::default()
        }
    }
}

impl Candidate {
    /// Overwrites this candidate, reusing its buffer.
    fn set(&mut self, size: Size, logits: &[f32], predicted_iou: f32) {
        self.logits.size = size;
        self.logits.data.clear();
        self.logits.data.extend_from_slice(logits);
        self.predicted_iou = predicted_iou;
    }
}

/// Refuses an embedding that another model made.
fn check_origin(model: &Arc<str>, embedding: &Embedding) -> Result<(), PromptError> {
    if *embedding.model == **model {
        return Ok(());
    }
    if embedding.tensors.is_empty() {
        return Err(PromptError::NoFrame);
    }
    Err(PromptError::ForeignEmbedding { expected: embedding.model.to_string(), given: model.to_string() })
}

/// Refuses what a decoder has no room for.
fn check_prompt(prompt: &Prompt, max_points: usize, mask_size: Size) -> Result<(), PromptError> {
    if prompt.points.len() > max_points {
        return Err(PromptError::TooManyPoints { given: prompt.points.len(), limit: max_points });
    }
    match &prompt.mask {
        Some(mask) if mask.size != mask_size || mask.data.len() != mask_size.area() => {
            Err(PromptError::MaskSize { given: mask.size, expected: mask_size })
        }
        _ => Ok(()),
    }
}

/// Copies the masks numbered `chosen`, and their ratings, from a decoder's outputs (masks, then ratings).
fn take_candidates(
    outputs: &[Tensor],
    size: Size,
    chosen: impl IntoIterator<Item = usize>,
    out: &mut [Candidate],
) -> Result<(), ModelError> {
    let tensor = |ix: usize| outputs.get(ix).and_then(Tensor::as_f32).unwrap_or_default();
    let (masks, ratings) = (tensor(0), tensor(1));
    for (candidate, ix) in out.iter_mut().zip(chosen) {
        let (Some(mask), Some(rating)) = (masks.chunks_exact(size.area()).nth(ix), ratings.get(ix)) else {
            return Err(ModelError::Run { graph: "decoder".into(), reason: format!("it gave no mask {ix}") });
        };
        candidate.set(size, mask, *rating);
    }
    Ok(())
}
