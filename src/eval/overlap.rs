//! How far an answer and the truth overlap.

use crate::mask::Mask;

use super::dataset::Truth;

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
