use std::borrow::Borrow;
use std::cmp::Reverse;

use super::Mask;
use crate::geometry::BoundingBox;

/// Greedy non-maximum suppression by box IoU: goes through the boxes from the highest score down and drops each that
/// overlaps a kept one by more than `threshold`. Writes the indices kept into `kept`, best first.
///
/// Equal scores keep their order; a score that is not a number comes last.
///
/// # Panics
/// If the slices differ in length.
pub fn nms_boxes(boxes: &[BoundingBox], scores: &[f32], threshold: f32, kept: &mut Vec<usize>) {
    assert_eq!(boxes.len(), scores.len(), "one score for each box");
    suppress(scores, threshold, |a, b| boxes[a].iou(boxes[b]), kept);
}

/// As [`nms_boxes`], by the IoU of the masks. `boxes` are the masks' bounding boxes, which spare most comparisons.
///
/// # Panics
/// If the slices differ in length or the masks in size.
pub fn nms_masks<M: Borrow<Mask>>(
    masks: &[M],
    boxes: &[BoundingBox],
    scores: &[f32],
    threshold: f32,
    kept: &mut Vec<usize>,
) {
    assert_eq!((masks.len(), boxes.len()), (scores.len(), scores.len()), "one box and one score for each mask");
    let overlap = |a: usize, b: usize| {
        if boxes[a].intersect(boxes[b]).area() > 0.0 { masks[a].borrow().iou(masks[b].borrow()) } else { 0.0 }
    };
    suppress(scores, threshold, overlap, kept);
}

fn suppress(scores: &[f32], threshold: f32, overlap: impl Fn(usize, usize) -> f32, kept: &mut Vec<usize>) {
    kept.clear();
    kept.extend(0..scores.len());
    kept.sort_unstable_by_key(|at| (Reverse(descending_key(scores[*at])), *at));
    // The kept indices gather at the front of the same buffer, always at or before the one that is looked at.
    let mut count = 0;
    for next in 0..kept.len() {
        let candidate = kept[next];
        if kept[..count].iter().all(|winner| overlap(*winner, candidate) <= threshold) {
            kept[count] = candidate;
            count += 1;
        }
    }
    kept.truncate(count);
}

/// An integer that orders as the score does, with NaN below everything.
fn descending_key(score: f32) -> i32 {
    if score.is_nan() {
        return i32::MIN;
    }
    let bits = score.to_bits() as i32;
    bits ^ (((bits >> 31) as u32) >> 1) as i32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;

    #[test]
    fn the_best_of_each_cluster_stays() {
        let b = BoundingBox::new(0.0, 0.0, 10.0, 10.0);
        let boxes = [b, b.translate(1.0, 0.0), b.translate(50.0, 0.0), b.translate(51.0, 0.0), b];
        let mut kept = vec![99; 3];
        nms_boxes(&boxes, &[0.5, 0.9, 0.1, 0.2, f32::NAN], 0.5, &mut kept);
        assert_eq!(kept, [1, 3]);
        nms_boxes(&boxes, &[0.5, 0.9, 0.1, 0.2, f32::NAN], 1.0, &mut kept);
        assert_eq!(kept, [1, 0, 3, 2, 4]);
        nms_boxes(&[], &[], 0.5, &mut kept);
        assert!(kept.is_empty());
    }

    #[test]
    fn masks_in_overlapping_boxes_may_both_stay() {
        let size = Size::new(8, 8);
        let below = Mask::from_fn(size, |x, y| x <= y);
        let above = Mask::from_fn(size, |x, y| x > y);
        let boxes: Vec<_> = [&below, &above].map(|m| m.bounding_box().unwrap()).into();
        let mut kept = Vec::new();
        nms_masks(&[&below, &above], &boxes, &[0.4, 0.8], 0.5, &mut kept);
        assert_eq!(kept, [1, 0]);
        nms_boxes(&boxes, &[0.4, 0.8], 0.5, &mut kept);
        assert_eq!(kept, [1]);
    }

    proptest! {
        #[test]
        fn keys_order_as_scores(a in any::<f32>(), b in any::<f32>()) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            prop_assert_eq!(descending_key(a).cmp(&descending_key(b)), a.total_cmp(&b));
        }

        #[test]
        fn every_box_is_kept_or_covered_by_a_better_one(
            given in prop::collection::vec((0u8..20, 0u8..20, 1u8..12, 1u8..12, 0u8..9), 0..24),
            threshold in 0.0f32..1.0,
        ) {
            let boxes: Vec<_> = given
                .iter()
                .map(|&(x, y, w, h, _)| BoundingBox::new(x as f32, y as f32, (x + w) as f32, (y + h) as f32))
                .collect();
            let scores: Vec<f32> = given.iter().map(|g| g.4 as f32).collect();
            let mut kept = Vec::new();
            nms_boxes(&boxes, &scores, threshold, &mut kept);
            for (i, &a) in kept.iter().enumerate() {
                prop_assert!(kept[..i].iter().all(|&b| scores[b] >= scores[a] && boxes[a].iou(boxes[b]) <= threshold));
            }
            for at in (0..boxes.len()).filter(|at| !kept.contains(at)) {
                prop_assert!(kept.iter().any(|&k| scores[k] >= scores[at] && boxes[k].iou(boxes[at]) > threshold));
            }
        }
    }
}
