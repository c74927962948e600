use super::encoded::Encoded;
use crate::error::Result;
use crate::frame::Frame;
use crate::geometry::{BoundingBox, Label, LabeledPoint, Region, Size};
use crate::mask::LowResLogits;
use crate::model::{Candidate, Embedding, Encoder, Prompt};
use crate::segment::{CheckedDecoder, best_matching_prompt};
use crate::track::{Measured, fovea_region};

/// Least IoU of two looks at one thing.
const SAME: f32 = 0.5;

/// A closer look at a part of a frame: what the stream's encoder made of the whole frame shows small things in few cells.
pub(super) struct Fovea {
    /// `None` where the model has no second encoder; then there are no closer looks.
    encoder: Option<Box<dyn Encoder>>,
    /// What was looked at last.
    embedding: Embedding,
    /// The answers to a second look.
    candidates: Vec<Candidate>,
}

impl Fovea {
    /// Looks with `encoder`.
    pub fn new(encoder: Option<Box<dyn Encoder>>) -> Self {
        Fovea { encoder, embedding: Embedding::empty(), candidates: Vec::new() }
    }

    /// The input of the model that `embedding` is of; `None` where there are no closer looks. An encoder that was just exchanged
    /// only knows its own when it runs.
    pub fn input_as(&self, embedding: &Embedding) -> Option<Size> {
        self.encoder.as_ref().map(|_| embedding.letterbox.input)
    }

    /// Encodes `region` of `frame`.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn look(&mut self, frame: &Frame, region: Region) -> Result<()> {
        match &mut self.encoder {
            Some(encoder) => encoder.encode_region(frame, region, &mut self.embedding),
            None => Ok(()),
        }
    }

    /// Asks again about `answer` to `prompt` on the frame `seen`, `measured` there: with the answer as the mask prompt, and from nearer
    /// by where that shows more. The better answer, on the grid of `seen`; `None` without a second encoder, or when what is
    /// found has nothing in common with the first answer, little where no point says what is meant, or does less of what the prompt
    /// says.
    ///
    /// # Errors
    /// Those of encoder and decoder.
    pub fn second_look(
        &mut self,
        decoder: &mut CheckedDecoder,
        seen: &Encoded,
        prompt: &Prompt,
        answer: &Candidate,
        measured: Measured,
    ) -> Result<Option<Candidate>> {
        let Some((input, bbox)) = self.input_as(&seen.embedding).zip(measured.bbox) else { return Ok(None) };
        let region = fovea_region(with_prompt(bbox, prompt), seen.frame.size, input);
        if let Some(region) = region {
            self.look(&seen.frame, region)?;
        }
        let embedding = if region.is_some() { &self.embedding } else { &seen.embedding };
        let (whole, letterbox) = (&seen.embedding.letterbox, &embedding.letterbox);
        let mask = Some(answer.logits.moved(whole, letterbox));
        let prompt = Prompt { points: prompt.points.clone(), bbox: prompt.bbox, mask };
        decoder.decode(embedding, std::slice::from_ref(&prompt), &mut self.candidates)?;
        let chosen = best_matching_prompt(&self.candidates, &prompt.points, letterbox);
        let Some(Candidate { logits, predicted_iou }) = self.candidates.get(chosen) else { return Ok(None) };
        let closer = Candidate { logits: logits.moved(letterbox, whole), predicted_iou: *predicted_iou };
        let matched = |mask: &LowResLogits| {
            let right = |p: &&LabeledPoint| mask.covers(p.point, whole) == (p.label == Label::Foreground);
            prompt.points.iter().filter(right).count()
        };
        let same = closer.logits.iou(&answer.logits);
        // Without points to say what is meant, the first look does.
        let least = if prompt.points.is_empty() { SAME } else { f32::MIN_POSITIVE };
        Ok((same >= least && matched(&closer.logits) >= matched(&answer.logits)).then_some(closer))
    }
}

/// The least box around `bbox` and what `prompt` points at.
fn with_prompt(bbox: BoundingBox, prompt: &Prompt) -> BoundingBox {
    let points = prompt.points.iter().map(|p| BoundingBox::new(p.point.x, p.point.y, p.point.x, p.point.y));
    points.chain(prompt.bbox).fold(bbox, |a, b| a.hull(b))
}
