use crate::geometry::{BoundingBox, Region};
use crate::mask::{LowResLogits, Mask};

/// One answer to a prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction {
    /// At the frame's resolution.
    pub mask: Mask,
    /// The model's own estimate of the mask's IoU with the truth, 0 to 1.
    pub predicted_iou: f32,
    /// IoU of the masks cut at a higher and a lower threshold, 0 to 1: near 1 when the edge is steep.
    pub stability: f32,
    /// What the mask was cut from; the mask prompt of a next round.
    pub logits: LowResLogits,
    /// The part of the frame that the logits show: all of it, or where the model was zoomed in to.
    pub region: Region,
    /// The tightest box around the mask, `None` when it is empty.
    pub bbox: Option<BoundingBox>,
    /// Pixels of the mask.
    pub area: usize,
}

/// The answers to a batch of prompts, best first for each prompt. Kept and passed again, its buffers are reused.
#[derive(Clone, Debug, Default)]
pub struct Predictions {
    /// `prompts * per_prompt` answers, then spare ones whose buffers wait for a larger batch.
    entries: Vec<Prediction>,
    prompts: usize,
    per_prompt: usize,
}

impl Predictions {
    /// No answers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of prompts answered.
    pub fn len(&self) -> usize {
        self.prompts
    }

    /// Whether no prompt was answered.
    pub fn is_empty(&self) -> bool {
        self.prompts == 0
    }

    /// The answers to prompt `index`, best first; `None` past the last prompt.
    pub fn get(&self, index: usize) -> Option<&[Prediction]> {
        if index >= self.prompts {
            return None;
        }
        self.entries.get(index * self.per_prompt..(index + 1) * self.per_prompt)
    }

    /// The best answer to prompt `index`.
    pub fn best(&self, index: usize) -> Option<&Prediction> {
        self.get(index)?.first()
    }

    /// The best answer to prompt `index`, whose buffers may be swapped against the caller's own.
    pub fn best_mut(&mut self, index: usize) -> Option<&mut Prediction> {
        if index >= self.prompts {
            return None;
        }
        self.entries.get_mut(index * self.per_prompt)
    }

    /// Takes the best answer to prompt `index` out, leaving an empty one.
    pub fn take_best(&mut self, index: usize) -> Option<Prediction> {
        self.best_mut(index).map(std::mem::take)
    }

    /// For each prompt its answers, best first.
    pub fn iter(&self) -> impl Iterator<Item = &[Prediction]> {
        self.answers().chunks(self.per_prompt.max(1))
    }

    /// Takes the answers out, a list for each prompt.
    pub fn take(&mut self) -> Vec<Vec<Prediction>> {
        let used = self.answers().len();
        let mut answers = self.entries.drain(..used);
        let taken = (0..self.prompts).map(|_| answers.by_ref().take(self.per_prompt).collect()).collect();
        drop(answers);
        self.clear();
        taken
    }

    /// Forgets the answers, keeping their buffers.
    pub fn clear(&mut self) {
        self.prompts = 0;
    }

    /// Makes room for `per_prompt` answers to each of `prompts`; they hold stale values for the caller to overwrite.
    pub(super) fn shape(&mut self, prompts: usize, per_prompt: usize) -> &mut [Prediction] {
        let used = prompts * per_prompt;
        if self.entries.len() < used {
            self.entries.resize_with(used, Prediction::default);
        }
        self.prompts = prompts;
        self.per_prompt = per_prompt;
        &mut self.entries[..used]
    }

    fn answers(&self) -> &[Prediction] {
        &self.entries[..self.prompts * self.per_prompt]
    }
}
