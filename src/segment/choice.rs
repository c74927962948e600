use std::cmp::Ordering;

use crate::geometry::{Label, LabeledPoint, Letterbox};
use crate::mask::LowResLogits;
use crate::model::Candidate;

/// Index of the answer to a user's points: of the candidates that match most of them the one of the highest predicted IoU, the
/// first of equals; 0 without candidates. A mask that keeps what the user took out is no answer, however sure the model is of
/// it. `letterbox` places the frame, in whose pixels the points are, in the model's input.
pub fn best_matching_prompt(candidates: &[Candidate], points: &[LabeledPoint], letterbox: &Letterbox) -> usize {
    let matched = |candidate: &Candidate| points_matched(&candidate.logits, points, letterbox);
    let better = |a: &Candidate, b: &Candidate| -> Ordering {
        matched(a).cmp(&matched(b)).then(a.predicted_iou.total_cmp(&b.predicted_iou))
    };
    candidates.iter().enumerate().rev().max_by(|a, b| better(a.1, b.1)).map_or(0, |(index, _)| index)
}

/// How many of a user's `points` a mask matches: covers if they are on the object, leaves out if they are off it.
pub fn points_matched(mask: &LowResLogits, points: &[LabeledPoint], letterbox: &Letterbox) -> usize {
    points.iter().filter(|p| mask.covers(p.point, letterbox) == (p.label == Label::Foreground)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn matching_the_prompt_comes_before_confidence() {
        let letterbox = Letterbox::new(Size::new(40, 20), Size::new(8, 8));
        // Candidates that cover the first `columns` of four.
        let candidate = |columns: usize, predicted_iou| {
            let data = (0..16).map(|i| if i % 4 < columns { 1.0 } else { -1.0 }).collect();
            Candidate { logits: LowResLogits { size: Size::new(4, 4), data }, predicted_iou }
        };
        let candidates = [candidate(4, 0.95), candidate(2, 0.8), candidate(2, 0.8), candidate(1, 0.6)];
        let (on, off) = (LabeledPoint::foreground(15.0, 5.0), LabeledPoint::background(25.0, 5.0));
        assert_eq!(best_matching_prompt(&candidates, &[on], &letterbox), 0);
        assert_eq!(best_matching_prompt(&candidates, &[on, off], &letterbox), 1);
        assert_eq!(best_matching_prompt(&candidates, &[LabeledPoint::background(15.0, 5.0)], &letterbox), 3);
        assert_eq!(best_matching_prompt(&candidates, &[], &letterbox), 0);
        assert_eq!(best_matching_prompt(&[], &[on], &letterbox), 0);
    }
}
