use crate::error::{ImageError, ModelError, PromptError, Result};
use crate::frame::Frame;
use crate::geometry::{LabeledPoint, Letterbox, Size};
use crate::mask::{LowResLogits, MASK_PROMPT_LOGIT, Mask, mask_prompt, reproject};
use crate::model::{Decoder, Embedding, Encoder, Prompt};

use super::{MaskDecoder, Prediction, Predictions, zoom_region};

/// Segments one frame by as many prompts as one likes; the frame is encoded once.
///
/// ```no_run
/// # use foveate::{frame::Frame, geometry::LabeledPoint, model::Prompt, segment::Predictor};
/// # fn example(mut predictor: Predictor, photo: Frame) -> foveate::Result<()> {
/// predictor.set_frame(&photo)?;
/// let prompt = Prompt { points: vec![LabeledPoint::foreground(320.0, 240.0)], ..Prompt::default() };
/// let ranked = predictor.predict(&prompt, true)?;
/// println!("{} masks, the best has {} pixels", ranked.len(), ranked[0].area);
/// # Ok(())
/// # }
/// ```
pub struct Predictor {
    encoder: Box<dyn Encoder>,
    decoder: MaskDecoder,
    embedding: Embedding,
    /// Of the region that was last zoomed in to.
    closer: Embedding,
    frame: Option<Size>,
    answers: Predictions,
}

impl Predictor {
    /// A predictor without a frame. Encoder and decoder must be of one model.
    pub fn new(encoder: Box<dyn Encoder>, decoder: Box<dyn Decoder>) -> Self {
        Predictor {
            encoder,
            decoder: MaskDecoder::new(decoder),
            embedding: Embedding::empty(),
            closer: Embedding::empty(),
            frame: None,
            answers: Predictions::new(),
        }
    }

    /// Encodes `frame`; the prompts that follow are about it. On an error no frame is set.
    pub fn set_frame(&mut self, frame: &Frame) -> Result<()> {
        self.frame = None;
        self.encoder.encode(frame, &mut self.embedding)?;
        self.frame = Some(self.embedding.letterbox.frame);
        Ok(())
    }

    /// Size of the frame that is set.
    pub fn frame_size(&self) -> Option<Size> {
        self.frame
    }

    /// The embedding of the frame that is set.
    pub fn embedding(&self) -> Option<&Embedding> {
        self.frame.map(|_| &self.embedding)
    }

    /// Most points in one prompt.
    pub fn max_points(&self) -> usize {
        self.decoder.max_points()
    }

    /// The masks that answer `prompt`, best first.
    ///
    /// Use `multimask` where the prompt is ambiguous, as one click is: it gives every candidate of the model (part,
    /// object, group). Without it only the best is made.
    ///
    /// # Errors
    /// [`PromptError`] when no frame is set or the prompt cannot be answered.
    pub fn predict(&mut self, prompt: &Prompt, multimask: bool) -> Result<Vec<Prediction>> {
        let mut answers = self.predict_batch(std::slice::from_ref(prompt), multimask)?;
        Ok(answers.pop().ok_or_else(no_answer)?)
    }

    /// The answers to each of `prompts`, in their order, all against the one embedding. One bad prompt refuses the
    /// whole batch.
    pub fn predict_batch(&mut self, prompts: &[Prompt], multimask: bool) -> Result<Vec<Vec<Prediction>>> {
        self.frame.ok_or(PromptError::NoFrame)?;
        self.decoder.decode(&self.embedding, prompts, multimask, &mut self.answers)?;
        Ok(self.answers.take())
    }

    /// Corrects an earlier answer about the frame that is set: its logits go in as the mask prompt together with
    /// `points`, which are all the points given so far, the correcting one included.
    pub fn refine(&mut self, earlier: &Prediction, points: &[LabeledPoint]) -> Result<Prediction> {
        let frame = self.frame.ok_or(PromptError::NoFrame)?;
        let mask = self.prior(earlier, frame, self.embedding.letterbox)?;
        let prompt = Prompt { points: points.to_vec(), bbox: None, mask: Some(mask) };
        self.decoder.decode(&self.embedding, std::slice::from_ref(&prompt), false, &mut self.answers)?;
        Ok(self.answers.take_best(0).ok_or_else(no_answer)?)
    }

    /// A second look at `earlier`, an answer about the frame that is set: the part of the frame around it is encoded at
    /// the model's full input, and `prompt` is answered there with `earlier` as the mask prompt (that of `prompt` is left
    /// out). The embedding of the whole frame stays. `None` where zooming in would show little more ([`zoom_region`]).
    ///
    /// # Errors
    /// As [`Self::set_frame`] and [`Self::predict`]; [`ImageError::SizeMismatch`] when `frame` or `earlier` is of another
    /// size than the frame that is set.
    pub fn zoom_in(&mut self, frame: &Frame, prompt: &Prompt, earlier: &Prediction) -> Result<Option<Prediction>> {
        let set = self.frame.ok_or(PromptError::NoFrame)?;
        for given in [frame.size, earlier.mask.size()] {
            if given != set {
                return Err(ImageError::SizeMismatch { given, expected: set, expected_of: "the frame".into() }.into());
            }
        }
        let input = self.encoder.input_size();
        let Some(region) = zoom_region(earlier, prompt, input) else { return Ok(None) };
        let mask = Some(self.prior(earlier, set, self.embedding.letterbox.of_part(region))?);
        self.encoder.encode_region(frame, region, &mut self.closer)?;
        let prompt = Prompt { points: prompt.points.clone(), bbox: prompt.bbox, mask };
        self.decoder.decode(&self.closer, std::slice::from_ref(&prompt), false, &mut self.answers)?;
        Ok(Some(self.answers.take_best(0).ok_or_else(no_answer)?))
    }

    /// The logits of `earlier` as the mask prompt for what `to` shows.
    fn prior(&self, earlier: &Prediction, frame: Size, to: Letterbox) -> Result<LowResLogits> {
        let from = to.of_part(earlier.region);
        if earlier.region == to.region {
            return Ok(earlier.logits.clone());
        }
        let Prediction { logits, region, .. } = earlier;
        if !region.fits(frame) || logits.size != self.decoder.mask_size() || logits.data.len() != logits.size.area() {
            return Err(PromptError::MaskSize { given: logits.size, expected: self.decoder.mask_size() }.into());
        }
        let mut mask = LowResLogits::default();
        reproject(logits, &from, &to, logits.size, -MASK_PROMPT_LOGIT, &mut mask);
        Ok(mask)
    }

    /// The model's input in pixels, letterbox padding included.
    pub fn input_size(&self) -> Size {
        self.encoder.input_size()
    }

    /// A mask at frame resolution as a mask prompt about the frame that is set.
    ///
    /// # Errors
    /// [`PromptError::NoFrame`], and [`ImageError::SizeMismatch`] when the mask is not of the frame's size.
    pub fn mask_prompt(&self, mask: &Mask) -> Result<LowResLogits> {
        self.frame.ok_or(PromptError::NoFrame)?;
        Ok(mask_prompt(mask, &self.embedding.letterbox, self.decoder.mask_size())?)
    }

    /// Forgets the frame, keeping model and buffers.
    pub fn reset(&mut self) {
        self.frame = None;
        self.answers.clear();
    }
}

/// A model whose decoder proposes no candidates at all.
fn no_answer() -> ModelError {
    ModelError::Run { graph: "decoder".to_owned(), reason: "it proposes no masks".to_owned() }
}
