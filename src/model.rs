//! From files to an [`Encoder`] and a [`Decoder`]: manifest, registry and model families.

mod prompt;

use crate::engine::Tensor;
use crate::error::Result;
use crate::frame::Frame;
use crate::geometry::{Letterbox, Size};
use crate::mask::LowResLogits;

pub use prompt::Prompt;

/// The image encoder of a loaded model. Each thread that encodes owns one; graph and weights are shared.
pub trait Encoder: Send {
    /// The input size in pixels, letterbox padding included.
    fn input_size(&self) -> Size;

    /// Encodes `frame` into `out`, reusing its buffers.
    fn encode(&mut self, frame: &Frame, out: &mut Embedding) -> Result<()>;
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
    pub logits: LowResLogits,
    /// The model's own estimate of the mask's IoU with the truth, 0 to 1.
    pub predicted_iou: f32,
}

/// An encoded frame: what the decoder needs, and where the frame lies in the model's input.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// Name of the model that made it.
    pub model: std::sync::Arc<str>,
    pub letterbox: Letterbox,
    /// The encoder's outputs in the order of its signature.
    pub tensors: Vec<Tensor>,
}

impl Embedding {
    /// An embedding of no frame, to be filled by [`Encoder::encode`].
    pub fn empty() -> Self {
        let size = Size::new(1, 1);
        Embedding { model: "".into(), letterbox: Letterbox::new(size, size), tensors: Vec::new() }
    }
}
