//! Which object a place belongs to where the masks of two overlap.

use crate::geometry::BoundingBox;
use crate::mask::{LowResLogits, MASK_PROMPT_LOGIT};

/// Two masks of which less than this share of the smaller one lies in the other are those of objects apart, and not of an object
/// and its part.
const APART: f32 = 0.3;

/// One of two objects that may dispute a place: its mask, and where its box should be by its motion so far, in cells.
#[derive(Debug)]
pub struct Claim<'a> {
    /// Its logits on the shared grid, which are changed where it loses a cell.
    pub logits: &'a mut LowResLogits,
    /// Where its box should be by its motion so far, in cells.
    pub predicted: BoundingBox,
}

/// True if two objects do not share a place: neither lies in the other.
pub fn are_apart(a: &LowResLogits, b: &LowResLogits) -> bool {
    if a.size != b.size {
        return false;
    }
    let (mut both, mut of_a, mut of_b) = (0u32, 0u32, 0u32);
    for (a, b) in a.data.iter().zip(&b.data) {
        let (a, b) = (*a > 0.0, *b > 0.0);
        of_a += u32::from(a);
        of_b += u32::from(b);
        both += u32::from(a && b);
    }
    let smaller = of_a.min(of_b);
    smaller > 0 && (both as f32) < APART * smaller as f32
}

/// Gives each cell that two masks claim to the object whose predicted box it lies deeper in, and takes it out of the other mask.
/// True if there was a cell to dispute.
///
/// Appearance does not distinguish two objects that look alike; where each was going does.
pub fn resolve(a: &mut Claim, b: &mut Claim) -> bool {
    if a.logits.size != b.logits.size {
        return false;
    }
    let width = a.logits.size.width.max(1) as usize;
    let mut disputed = false;
    for (cell, (of_a, of_b)) in a.logits.data.iter_mut().zip(&mut b.logits.data).enumerate() {
        if *of_a <= 0.0 || *of_b <= 0.0 {
            continue;
        }
        disputed = true;
        let (x, y) = ((cell % width) as f32 + 0.5, (cell / width) as f32 + 0.5);
        if depth(a.predicted, x, y) <= depth(b.predicted, x, y) {
            *of_b = -MASK_PROMPT_LOGIT
        } else {
            *of_a = -MASK_PROMPT_LOGIT
        }
    }
    disputed
}

/// How far from the centre of the box a place is, in halves of its sides.
fn depth(bbox: BoundingBox, x: f32, y: f32) -> f32 {
    let center = bbox.center();
    let side = |from: f32, to: f32| ((to - from) / 2.0).max(0.5);
    ((x - center.x).abs() / side(bbox.x0, bbox.x1)).max((y - center.y).abs() / side(bbox.y0, bbox.y1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    fn mask(columns: std::ops::Range<usize>) -> LowResLogits {
        let size = Size::new(20, 4);
        LowResLogits { size, data: (0..80).map(|i| if columns.contains(&(i % 20)) { 3.0 } else { -3.0 }).collect() }
    }

    fn columns(logits: &LowResLogits) -> Vec<usize> {
        (0..20).filter(|x| logits.data[20 + x] > 0.0).collect()
    }

    #[test]
    fn a_part_is_no_overlap_to_resolve() {
        assert!(are_apart(&mask(0..8), &mask(7..15)));
        assert!(!are_apart(&mask(0..12), &mask(3..7)), "a part");
        assert!(!are_apart(&mask(0..4), &mask(0..0)), "nothing");
    }

    #[test]
    fn what_both_claim_goes_to_whose_place_it_is() {
        let (mut a, mut b) = (mask(0..20), mask(0..20));
        let predicted = |from: f32| BoundingBox::new(from, 0.0, from + 6.0, 4.0);
        let (mut left, mut right) =
            (Claim { logits: &mut a, predicted: predicted(1.0) }, Claim { logits: &mut b, predicted: predicted(11.0) });
        assert!(resolve(&mut left, &mut right));
        assert!(!resolve(&mut left, &mut right), "settled once and for all");
        assert_eq!(columns(&a), (0..9).collect::<Vec<_>>());
        assert_eq!(columns(&b), (9..20).collect::<Vec<_>>());
    }
}
