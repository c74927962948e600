use crate::error::{ModelError, Result};
use crate::geometry::Size;
use crate::model::{Candidate, Decoder, Embedding, Prompt};

/// A decoder that is held to its contract: photos and streams meet its candidates here and nowhere else, so that nothing
/// after it meets a surprise.
pub struct CheckedDecoder(Box<dyn Decoder>);

impl CheckedDecoder {
    /// Holds `decoder` to the contract of [`Decoder`].
    pub fn new(decoder: Box<dyn Decoder>) -> Self {
        CheckedDecoder(decoder)
    }

    /// Most points in one prompt.
    pub fn max_points(&self) -> usize {
        self.0.max_points()
    }

    /// Size of the logits that come out and of the mask prompt that goes in.
    pub fn mask_size(&self) -> Size {
        self.0.mask_size()
    }

    /// Mask candidates per prompt.
    pub fn candidates(&self) -> usize {
        self.0.candidates()
    }

    /// Decodes every prompt against one embedding; see [`Decoder::decode`]. Without prompts the model is not run.
    ///
    /// # Errors
    /// Those of the decoder, and [`ModelError::Run`] when it gives another number or size of masks than it says, or numbers that
    /// are not finite.
    pub fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        if prompts.is_empty() {
            out.clear();
            return Ok(());
        }
        self.0.decode(embedding, prompts, out)?;
        Ok(check_candidates(out, prompts.len() * self.0.candidates(), self.0.mask_size())?)
    }
}

/// A rating is learnt and may miss 0 to 1, but not by so much.
const LARGEST_IOU: f32 = 1000.0;

fn check_candidates(candidates: &[Candidate], expected: usize, size: Size) -> Result<(), ModelError> {
    let refuse = |reason| Err(ModelError::Run { graph: "decoder".to_owned(), reason });
    if candidates.len() != expected {
        return refuse(format!("it gave {} masks instead of {expected}", candidates.len()));
    }
    for Candidate { logits, predicted_iou } in candidates {
        if logits.size != size || logits.data.len() != size.area() {
            let Size { width, height } = logits.size;
            return refuse(format!("it gave a mask of {width}x{height} instead of {}x{}", size.width, size.height));
        }
        if !predicted_iou.is_finite() {
            return refuse("its predicted IoU is not a finite number".to_owned());
        }
        if predicted_iou.abs() > LARGEST_IOU {
            return refuse(format!("its predicted IoU is {predicted_iou}, where 0 to 1 is meant"));
        }
        if !logits.data.iter().all(|logit| logit.is_finite()) {
            return refuse("its mask has values that are not finite numbers".to_owned());
        }
    }
    Ok(())
}
