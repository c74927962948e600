//! What is asked of a model about one object: one click, a box, and clicks until the mask is right.

use crate::error::{ModelError, PromptError, Result};
use crate::geometry::{BoundingBox, LabeledPoint};
use crate::mask::{LowResLogits, Mask};
use crate::model::Prompt;
use crate::segment::{Prediction, Predictor};

use super::super::samples::Samples;
use super::clicker::Clicker;
use super::dataset::Truth;

/// Most clicks on one object.
pub const MAX_CLICKS: usize = 20;

/// The figures of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// IoU after each click; once nothing is left to correct, the last value stays.
    pub iou_by_click: [f64; MAX_CLICKS],
    /// IoU of the best of the masks that the first click gave, whatever their rank.
    pub iou_1click_oracle: f64,
    /// IoU of the answer to the tightest box around the object.
    pub iou_box: f64,
}

impl Outcome {
    /// Clicks needed for an IoU of at least `goal`; [`MAX_CLICKS`] when it is never reached.
    pub fn clicks_to(&self, goal: f64) -> usize {
        self.iou_by_click.iter().position(|iou| *iou >= goal).map_or(MAX_CLICKS, |i| i + 1)
    }
}

/// The answers that an overlay shows.
pub struct Answers {
    pub click: LabeledPoint,
    pub one_click: Prediction,
    /// The box that was asked for.
    pub truth_box: BoundingBox,
    pub boxed: Prediction,
}

/// Asks about the object of `truth`, which has pixels, on the frame that is set, which has the truth's size.
///
/// Each round passes every click so far (the newest ones when the model takes fewer) and the logits of the previous
/// answer. `timings` gets the time of every answer, its mask at frame resolution included.
pub fn evaluate(predictor: &mut Predictor, truth: &Truth, timings: &mut Samples) -> Result<(Outcome, Answers)> {
    let mut clicker = Clicker::new(truth);
    let mut ask = |predictor: &mut Predictor, prompt: &Prompt, multimask| {
        let answers = timings.time(|| predictor.predict(prompt, multimask))?;
        if answers.is_empty() {
            let reason = "it proposes no masks".to_owned();
            return Err(ModelError::Run { graph: "decoder".to_owned(), reason }.into());
        }
        Ok::<_, crate::Error>(answers)
    };

    let truth_box = truth.object.bounding_box().ok_or(PromptError::Empty)?;
    let boxed = Prompt { bbox: Some(truth_box), ..Prompt::default() };
    let boxed = ask(predictor, &boxed, false)?.swap_remove(0);
    let iou_box = iou(&boxed.mask, truth);

    let first = clicker.next(&Mask::new(truth.object.size())).ok_or(PromptError::Empty)?;
    let mut clicks = vec![first];
    let mut answers = ask(predictor, &Prompt { points: clicks.clone(), ..Prompt::default() }, true)?;
    let iou_1click_oracle = answers.iter().map(|a| iou(&a.mask, truth)).fold(0.0, f64::max);
    let one_click = answers.swap_remove(0);

    let mut iou_by_click = [iou(&one_click.mask, truth); MAX_CLICKS];
    let mut previous: LowResLogits = one_click.logits.clone();
    let mut mask = one_click.mask.clone();
    for k in 1..MAX_CLICKS {
        let Some(click) = clicker.next(&mask) else { break };
        clicks.push(click);
        let newest = clicks.len().saturating_sub(predictor.max_points());
        let prompt = Prompt { points: clicks[newest..].to_vec(), bbox: None, mask: Some(previous) };
        let answer = ask(predictor, &prompt, false)?.swap_remove(0);
        iou_by_click[k..].fill(iou(&answer.mask, truth));
        (previous, mask) = (answer.logits, answer.mask);
    }
    Ok((Outcome { iou_by_click, iou_1click_oracle, iou_box }, Answers { click: first, one_click, truth_box, boxed }))
}

/// Intersection over union on the pixels that count; 1 when both are empty there.
pub fn iou(answer: &Mask, truth: &Truth) -> f64 {
    let (mut both, mut either) = (0u64, 0u64);
    let pixels = answer.data().iter().zip(truth.object.data()).zip(truth.ignored.data());
    for ((answer, object), ignored) in pixels {
        let counted = ignored ^ 1;
        both += (counted & answer & object) as u64;
        either += (counted & (answer | object)) as u64;
    }
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}
