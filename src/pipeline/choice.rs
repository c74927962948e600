use std::cmp::Ordering;

use crate::geometry::{Label, LabeledPoint, Letterbox, Point};
use crate::mask::LowResLogits;
use crate::model::Candidate;

/// The logit at `point`, in pixels of a frame that lies in the model's input as `letterbox` says; `None` beside the grid.
pub(super) fn logit_at(logits: &LowResLogits, point: Point, letterbox: &Letterbox) -> Option<f32> {
    let (p, input) = (letterbox.to_input(point), letterbox.input);
    let x = (p.x / input.width as f32 * logits.size.width as f32) as usize;
    let y = (p.y / input.height as f32 * logits.size.height as f32) as usize;
    let inside = x < logits.size.width as usize && y < logits.size.height as usize;
    logits.data.get(y * logits.size.width as usize + x).copied().filter(|_| inside)
}

/// Index of the answer to a person's points: of the candidates that obey most of them the one of the highest predicted IoU,
/// the first of equals. A mask that keeps what the person took out is no answer, however sure the model is of it.
pub(super) fn most_obedient(candidates: &[Candidate], points: &[LabeledPoint], letterbox: &Letterbox) -> usize {
    let obeyed = |candidate: &Candidate| {
        let obeys = |p: &&LabeledPoint| {
            let inside = logit_at(&candidate.logits, p.point, letterbox).is_some_and(|logit| logit > 0.0);
            inside == (p.label == Label::Foreground)
        };
        points.iter().filter(obeys).count()
    };
    let better = |a: &Candidate, b: &Candidate| -> Ordering {
        obeyed(a).cmp(&obeyed(b)).then(a.predicted_iou.total_cmp(&b.predicted_iou))
    };
    candidates.iter().enumerate().rev().max_by(|a, b| better(a.1, b.1)).map_or(0, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn obedience_comes_before_confidence() {
        let letterbox = Letterbox::new(Size::new(40, 20), Size::new(8, 8));
        // Candidates that cover the first `columns` of four.
        let candidate = |columns: usize, predicted_iou| {
            let data = (0..16).map(|i| if i % 4 < columns { 1.0 } else { -1.0 }).collect();
            Candidate { logits: LowResLogits { size: Size::new(4, 4), data }, predicted_iou }
        };
        let candidates = [candidate(4, 0.95), candidate(2, 0.8), candidate(2, 0.8), candidate(1, 0.6)];
        let (on, off) = (LabeledPoint::foreground(15.0, 5.0), LabeledPoint::background(25.0, 5.0));
        assert_eq!(most_obedient(&candidates, &[on], &letterbox), 0);
        assert_eq!(most_obedient(&candidates, &[on, off], &letterbox), 1);
        assert_eq!(most_obedient(&candidates, &[LabeledPoint::background(15.0, 5.0)], &letterbox), 3);
        assert_eq!(most_obedient(&candidates, &[], &letterbox), 0);
        assert_eq!(most_obedient(&[], &[on], &letterbox), 0);
        assert_eq!(logit_at(&candidates[1].logits, Point::new(39.0, 5.0), &letterbox), Some(-1.0));
        assert_eq!(logit_at(&candidates[1].logits, Point::new(41.0, 5.0), &letterbox), None);
    }
}
