//! What a model is prompted for about one object: one click, a box, clicks until the mask is right, the first click moved.

use crate::error::{PromptError, Result};
use crate::eval::clicker::Clicker;
use crate::eval::dataset::Truth;
use crate::eval::overlap::iou;
use crate::geometry::{BoundingBox, LabeledPoint};
use crate::mask::{BoundaryMeasure, Mask};
use crate::model::Prompt;
use crate::segment::Prediction;

use super::evaluator::Evaluator;
use super::jitter::{self, Jitter};

/// Most clicks on one object.
pub const MAX_CLICKS: usize = 20;

/// The figures of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// IoU after each click; once nothing is left to correct, the last value stays.
    pub iou_by_click: [f64; MAX_CLICKS],
    /// IoU of the best of the masks that the first click gave, whatever their rank.
    pub iou_1click_oracle: f64,
    /// IoU of the answer to the tightest box around the object.
    pub iou_box: f64,
    /// Boundary F ([`BoundaryMeasure`], tolerance of DAVIS) of the answer to the first click.
    pub boundary_f_1click: f64,
    /// Boundary F of the answer to the box.
    pub boundary_f_box: f64,
    /// What moving the first click does; `None` for objects too small to move it in.
    pub jitter: Option<Jitter>,
    /// The object's share of the photo's area, 0 to 1.
    pub share: f64,
}

impl Outcome {
    /// IoU of the answer to the first click.
    pub fn iou_1click(&self) -> f64 {
        self.iou_by_click[0]
    }

    /// Clicks needed for an IoU of at least `goal`; [`MAX_CLICKS`] when it is never reached.
    pub fn clicks_to(&self, goal: f64) -> usize {
        self.iou_by_click.iter().position(|iou| *iou >= goal).map_or(MAX_CLICKS, |i| i + 1)
    }
}

/// The answers that an overlay shows.
pub struct Answers {
    pub click: LabeledPoint,
    pub one_click: Prediction,
    /// The box that was the prompt.
    pub truth_box: BoundingBox,
    pub boxed: Prediction,
}

/// Prompts for the object of `truth`, which has pixels, on the evaluator's photo, which has the truth's size.
///
/// Each round passes every click so far (the newest ones when the model takes fewer) and the logits of the previous
/// answer.
pub fn evaluate(evaluator: &mut Evaluator, truth: &Truth) -> Result<(Outcome, Answers)> {
    let mut clicker = Clicker::new(truth);
    let truth_box = truth.object.bounding_box().ok_or(PromptError::Empty)?;
    let boxed = evaluator.best(&Prompt { bbox: Some(truth_box), ..Prompt::default() })?;
    let iou_box = iou(&boxed.mask, truth);

    let first = clicker.next(&Mask::new(truth.object.size())).ok_or(PromptError::Empty)?;
    let mut clicks = vec![first];
    let prompt = Prompt { points: clicks.clone(), ..Prompt::default() };
    let mut answers = evaluator.candidates(&prompt)?;
    let iou_1click_oracle = answers.iter().map(|a| iou(&a.mask, truth)).fold(0.0, f64::max);
    let one_click = evaluator.closer(&prompt, answers.swap_remove(0))?;

    let mut iou_by_click = [iou(&one_click.mask, truth); MAX_CLICKS];
    let mut previous = one_click.clone();
    for k in 1..MAX_CLICKS {
        let Some(click) = clicker.next(&previous.mask) else { break };
        clicks.push(click);
        let newest = clicks.len().saturating_sub(evaluator.predictor.max_points());
        let prompt = Prompt { points: clicks[newest..].to_vec(), ..Prompt::default() };
        previous = evaluator.correct(&prompt, &previous)?;
        iou_by_click[k..].fill(iou(&previous.mask, truth));
    }

    let Truth { object, ignored } = truth;
    let mut boundary = BoundaryMeasure::default();
    let tolerance = BoundaryMeasure::davis_tolerance(object.size());
    let outcome = Outcome {
        iou_by_click,
        iou_1click_oracle,
        iou_box,
        boundary_f_1click: boundary.f(&one_click.mask, object, ignored, tolerance),
        boundary_f_box: boundary.f(&boxed.mask, object, ignored, tolerance),
        jitter: jitter::measure(evaluator, first.point, &one_click.mask, truth)?,
        share: object.area() as f64 / object.size().area().max(1) as f64,
    };
    Ok((outcome, Answers { click: first, one_click, truth_box, boxed }))
}
