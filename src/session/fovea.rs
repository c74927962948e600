use std::sync::Arc;

use super::encoded::Encoded;
use crate::error::Result;
use crate::model::{Candidate, Embedding, Encoder, ModelIdentity, Prompt};
use crate::segment::{CheckedDecoder, best_matching_prompt, fovea_region, points_matched};
use crate::track::Measured;

/// Least IoU of two looks at one thing.
const SAME: f32 = 0.5;

/// A closer look at a part of a frame: what the stream's encoder made of the whole frame shows small things in few cells.
pub(super) struct Fovea {
    /// `None` where the model has no second encoder; then there are no closer looks.
    encoder: Option<Box<dyn Encoder>>,
    /// The region that was looked at last.
    embedding: Embedding,
    /// The answers to a second look.
    candidates: Vec<Candidate>,
}

impl Fovea {
    /// Looks with `encoder`.
    pub fn new(encoder: Option<Box<dyn Encoder>>) -> Self {
        Fovea { encoder, embedding: Embedding::empty(), candidates: Vec::new() }
    }

    /// Which encoder looks.
    pub fn identity(&self) -> Option<Arc<ModelIdentity>> {
        self.encoder.as_ref()?.identity()
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
        let Some((encoder, bbox)) = self.encoder.as_mut().zip(measured.bbox) else { return Ok(None) };
        let whole = &seen.embedding.letterbox;
        // An encoder that was just exchanged knows its own input only once it runs.
        let embedding = match fovea_region(bbox, prompt, whole.frame, whole.input) {
            Some(region) => {
                encoder.encode_region(&seen.frame, region, &mut self.embedding)?;
                &self.embedding
            }
            None => &seen.embedding,
        };
        let letterbox = &embedding.letterbox;
        let mask = Some(answer.logits.moved(whole, letterbox));
        let prompt = Prompt { points: prompt.points.clone(), bbox: prompt.bbox, mask };
        decoder.decode(embedding, std::slice::from_ref(&prompt), &mut self.candidates)?;
        let chosen = best_matching_prompt(&self.candidates, &prompt.points, letterbox);
        let Some(Candidate { logits, predicted_iou }) = self.candidates.get(chosen) else { return Ok(None) };
        let closer = Candidate { logits: logits.moved(letterbox, whole), predicted_iou: *predicted_iou };
        let matched = |candidate: &Candidate| points_matched(&candidate.logits, &prompt.points, whole);
        let same = closer.logits.iou(&answer.logits);
        // Without points to say what is meant, the first look does.
        let least = if prompt.points.is_empty() { SAME } else { f32::MIN_POSITIVE };
        Ok((same >= least && matched(&closer) >= matched(answer)).then_some(closer))
    }
}
