//! Prompts to a model about one photo, with a second look or without.

use crate::error::{Error, ModelError, Result};
use crate::frame::Frame;
use crate::model::Prompt;
use crate::segment::{Prediction, Predictor};
use crate::statistics::Samples;

/// Answers prompts with a model that has the photo set.
pub struct Evaluator<'a> {
    pub predictor: &'a mut Predictor,
    pub photo: &'a Frame,
    /// Whether each answer is looked at again from nearer by ([`Predictor::zoom_in`]).
    pub zoom: bool,
    /// Time of every answer, its mask at frame resolution included, and of the second look where there is one.
    pub timings: &'a mut Samples,
}

impl Evaluator<'_> {
    /// All answers to `prompt` on the whole photo, best first; at least one.
    pub fn candidates(&mut self, prompt: &Prompt) -> Result<Vec<Prediction>> {
        let answers = self.timings.time(|| self.predictor.predict(prompt, true))?;
        if answers.is_empty() { Err(no_masks()) } else { Ok(answers) }
    }

    /// The best answer to `prompt`.
    pub fn best(&mut self, prompt: &Prompt) -> Result<Prediction> {
        let mut answers = self.timings.time(|| self.predictor.predict(prompt, false))?;
        let answer = answers.pop().ok_or_else(no_masks)?;
        self.closer(prompt, answer)
    }

    /// `answer`, which `prompt` gave, or what a second look makes of it.
    pub fn closer(&mut self, prompt: &Prompt, answer: Prediction) -> Result<Prediction> {
        if !self.zoom {
            return Ok(answer);
        }
        let closer = self.timings.time(|| self.predictor.zoom_in(self.photo, prompt, &answer))?;
        Ok(closer.unwrap_or(answer))
    }

    /// `earlier` corrected by the points of `prompt`.
    pub fn correct(&mut self, prompt: &Prompt, earlier: &Prediction) -> Result<Prediction> {
        if self.zoom
            && let Some(answer) = self.timings.time(|| self.predictor.zoom_in(self.photo, prompt, earlier))?
        {
            return Ok(answer);
        }
        self.timings.time(|| self.predictor.refine(earlier, &prompt.points))
    }
}

/// The error of a model that proposes no masks at all.
fn no_masks() -> Error {
    ModelError::Run { graph: "decoder".to_owned(), reason: "it proposes no masks".to_owned() }.into()
}
