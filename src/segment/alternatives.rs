use crate::model::Candidate;

/// Candidates that agree more than this look the same.
const SAME: f32 = 0.95;

/// The candidate to show after `chosen`: the next larger one that looks different (part, object, group), and after the
/// largest the smallest. `None` if all look like the chosen one.
pub fn next_alternative(candidates: &[Candidate], chosen: usize) -> Option<usize> {
    let now = candidates.get(chosen)?;
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|i| (candidates[*i].logits.area(), *i));
    let place = order.iter().position(|i| *i == chosen)?;
    let others = order[place + 1..].iter().chain(&order[..place]);
    let differs = |i: &&usize| {
        let other = &candidates[**i].logits;
        other.area() > 0 && other.iou(&now.logits) < SAME
    };
    others.copied().find(|i| differs(&i))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::mask::LowResLogits;

    /// A mask of the first `cells` of a hundred.
    fn candidate(cells: usize) -> Candidate {
        let data = (0..100).map(|i| if i < cells { 1.0 } else { -1.0 }).collect();
        Candidate { logits: LowResLogits { size: Size::new(10, 10), data }, predicted_iou: 0.9 }
    }

    #[test]
    fn part_object_group_and_round_again() {
        let candidates = [candidate(50), candidate(90), candidate(10), candidate(0), candidate(51)];
        assert_eq!(next_alternative(&candidates, 2), Some(0));
        assert_eq!(next_alternative(&candidates, 0), Some(1), "51 cells look like 50");
        assert_eq!(next_alternative(&candidates, 1), Some(2), "an empty mask is none");
        assert_eq!(next_alternative(&candidates[..1], 0), None);
        assert_eq!(next_alternative(&[candidate(50), candidate(51)], 1), None);
        assert_eq!(next_alternative(&[], 0), None);
    }
}
