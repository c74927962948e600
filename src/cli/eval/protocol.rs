//! What is asked of a model about one object: one click, a box, clicks until the mask is right, the first click moved.

use crate::error::{Error, ModelError, PromptError, Result};
use crate::geometry::{BoundingBox, LabeledPoint};
use crate::mask::{BoundaryMeasure, Mask};
use crate::model::Prompt;
use crate::segment::Prediction;

use super::asking::Asker;
use super::clicker::Clicker;
use super::dataset::Truth;
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
    /// The box that was asked for.
    pub truth_box: BoundingBox,
    pub boxed: Prediction,
}

/// Asks about the object of `truth`, which has pixels, on the asker's photo, which has the truth's size.
///
/// Each round passes every click so far (the newest ones when the model takes fewer) and the logits of the previous
/// answer.
pub fn evaluate(asker: &mut Asker, truth: &Truth) -> Result<(Outcome, Answers)> {
    let mut clicker = Clicker::new(truth);
    let truth_box = truth.object.bounding_box().ok_or(PromptError::Empty)?;
    let boxed = asker.best(&Prompt { bbox: Some(truth_box), ..Prompt::default() })?;
    let iou_box = iou(&boxed.mask, truth);

    let first = clicker.next(&Mask::new(truth.object.size())).ok_or(PromptError::Empty)?;
    let mut clicks = vec![first];
    let prompt = Prompt { points: clicks.clone(), ..Prompt::default() };
    let mut answers = asker.candidates(&prompt)?;
    let iou_1click_oracle = answers.iter().map(|a| iou(&a.mask, truth)).fold(0.0, f64::max);
    let one_click = asker.closer(&prompt, answers.swap_remove(0))?;

    let mut iou_by_click = [iou(&one_click.mask, truth); MAX_CLICKS];
    let mut previous = one_click.clone();
    for k in 1..MAX_CLICKS {
        let Some(click) = clicker.next(&previous.mask) else { break };
        clicks.push(click);
        let newest = clicks.len().saturating_sub(asker.predictor.max_points());
        let prompt = Prompt { points: clicks[newest..].to_vec(), ..Prompt::default() };
        previous = asker.correct(&prompt, &previous)?;
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
        jitter: jitter::measure(asker, first.point, &one_click.mask, truth)?,
        share: object.area() as f64 / object.size().area().max(1) as f64,
    };
    Ok((outcome, Answers { click: first, one_click, truth_box, boxed }))
}

/// The error of a model that proposes no masks at all.
pub fn no_masks() -> Error {
    ModelError::Run { graph: "decoder".to_owned(), reason: "it proposes no masks".to_owned() }.into()
}

/// Intersection over union with the truth on the pixels that count; 1 when both are empty there.
pub fn iou(answer: &Mask, truth: &Truth) -> f64 {
    iou_between(answer, &truth.object, &truth.ignored)
}

/// Intersection over union of two masks outside the `ignored` pixels; 1 when both are empty there.
pub fn iou_between(a: &Mask, b: &Mask, ignored: &Mask) -> f64 {
    let (mut both, mut either) = (0u64, 0u64);
    for ((a, b), ignored) in a.data().iter().zip(b.data()).zip(ignored.data()) {
        let counted = ignored ^ 1;
        both += (counted & a & b) as u64;
        either += (counted & (a | b)) as u64;
    }
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}
