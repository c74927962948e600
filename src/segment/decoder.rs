use crate::error::Result;
use crate::geometry::Size;
use crate::mask::{UpsampleScratch, stability_score, upsample_mask};
use crate::model::{Candidate, Decoder, Embedding, Prompt};

use super::{CheckedDecoder, Predictions, check_prompt, clip_box};

/// Logits above this are inside the object.
const MASK_THRESHOLD: f32 = 0.0;

/// Logits by which the threshold is raised and lowered for the stability score, as in Segment Anything.
const STABILITY_OFFSET: f32 = 1.0;

/// From an embedding and prompts to ranked masks at frame resolution.
///
/// Every buffer is reused: after the first call with a given number of prompts and frame size, decoding allocates
/// nothing here. Each thread that decodes owns one.
pub struct MaskDecoder {
    decoder: CheckedDecoder,
    pub(super) candidates: Vec<Candidate>,
    /// Copies of a batch in which a box had to be clipped.
    clipped: Vec<Prompt>,
    ranking: Vec<Rank>,
    upsampling: UpsampleScratch,
}

/// A candidate's place among those of its prompt.
#[derive(Clone, Copy)]
struct Rank {
    candidate: usize,
    predicted_iou: f32,
    stability: f32,
}

impl MaskDecoder {
    /// Masks from the candidates of `decoder`.
    pub fn new(decoder: Box<dyn Decoder>) -> Self {
        MaskDecoder {
            decoder: CheckedDecoder::new(decoder),
            candidates: Vec::new(),
            clipped: Vec::new(),
            ranking: Vec::new(),
            upsampling: UpsampleScratch::default(),
        }
    }

    /// Most points in one prompt.
    pub fn max_points(&self) -> usize {
        self.decoder.max_points()
    }

    /// Size of a mask prompt.
    pub fn mask_size(&self) -> Size {
        self.decoder.mask_size()
    }

    /// Answers every prompt against `embedding`: all candidates with `multimask`, otherwise the best one only. The
    /// candidates of a prompt are ranked by predicted IoU, those of equal predicted IoU by stability.
    ///
    /// # Errors
    /// [`crate::error::PromptError`] when a prompt cannot be answered on this frame (see [`check_prompt`]);
    /// [`ModelError::Run`](crate::error::ModelError::Run) when the model breaks its own contract. `out` is then empty.
    pub fn decode(
        &mut self,
        embedding: &Embedding,
        prompts: &[Prompt],
        multimask: bool,
        out: &mut Predictions,
    ) -> Result<()> {
        out.clear();
        let frame = embedding.letterbox.frame;
        for prompt in prompts {
            check_prompt(prompt, frame, self.decoder.max_points(), self.decoder.mask_size())?;
        }
        let prompts = clip_boxes(prompts, frame, &mut self.clipped)?;
        self.decoder.decode(embedding, prompts, &mut self.candidates)?;

        let per_prompt = self.decoder.candidates();
        if prompts.is_empty() || per_prompt == 0 {
            return Ok(());
        }
        let kept = if multimask { per_prompt } else { 1 };
        let answers = out.shape(prompts.len(), kept);
        for (candidates, answers) in self.candidates.chunks_exact_mut(per_prompt).zip(answers.chunks_exact_mut(kept)) {
            rank(candidates, embedding, &mut self.ranking);
            for (place, answer) in self.ranking.iter().zip(answers) {
                let candidate = &mut candidates[place.candidate];
                let extent = upsample_mask(
                    &candidate.logits,
                    &embedding.letterbox,
                    MASK_THRESHOLD,
                    &mut self.upsampling,
                    &mut answer.mask,
                );
                answer.predicted_iou = place.predicted_iou;
                answer.stability = place.stability;
                answer.bbox = extent.bbox;
                answer.area = extent.area;
                answer.region = embedding.letterbox.region;
                std::mem::swap(&mut answer.logits, &mut candidate.logits);
            }
        }
        Ok(())
    }
}

fn rank(candidates: &[Candidate], embedding: &Embedding, ranking: &mut Vec<Rank>) {
    ranking.clear();
    ranking.extend(candidates.iter().enumerate().map(|(candidate, c)| Rank {
        candidate,
        predicted_iou: c.predicted_iou,
        stability: stability_score(&c.logits, c.logits.content(&embedding.letterbox), MASK_THRESHOLD, STABILITY_OFFSET),
    }));
    ranking.sort_unstable_by(|a, b| {
        let by_iou = b.predicted_iou.total_cmp(&a.predicted_iou);
        by_iou.then(b.stability.total_cmp(&a.stability)).then(a.candidate.cmp(&b.candidate))
    });
}

/// `prompts` themselves when every box lies inside the frame, otherwise copies with clipped boxes in `copies`.
fn clip_boxes<'a>(prompts: &'a [Prompt], frame: Size, copies: &'a mut Vec<Prompt>) -> Result<&'a [Prompt]> {
    let mut all_inside = true;
    for bbox in prompts.iter().filter_map(|p| p.bbox) {
        all_inside &= clip_box(bbox, frame)? == bbox;
    }
    if all_inside {
        return Ok(prompts);
    }
    if copies.len() < prompts.len() {
        copies.resize_with(prompts.len(), Prompt::default);
    }
    for (copy, prompt) in copies.iter_mut().zip(prompts) {
        copy.points.clone_from(&prompt.points);
        copy.bbox = prompt.bbox.map(|b| clip_box(b, frame)).transpose()?;
        match (&mut copy.mask, &prompt.mask) {
            (Some(to), Some(from)) => {
                to.size = from.size;
                to.data.clone_from(&from.data);
            }
            (to, from) => to.clone_from(from),
        }
    }
    Ok(&copies[..prompts.len()])
}
