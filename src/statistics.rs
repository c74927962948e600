//! Means, medians and quantiles of what was measured.

mod samples;

use std::cmp::Ordering;

pub use samples::Samples;

/// The mean; `None` of nothing.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut count, mut sum) = (0usize, 0.0);
    for value in values {
        count += 1;
        sum += value;
    }
    (count > 0).then(|| sum / count as f64)
}

/// The value in the middle by `compare`, of an even number the upper of the two there; `None` of nothing. Reorders
/// `values` and allocates nothing.
pub fn median<T: Copy>(values: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) -> Option<T> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, compare).1)
}

/// The value below which the share `q` (0 to 1) of `sorted` (ascending) lies, interpolated linearly between the two
/// nearest ranks (definition 7 of Hyndman and Fan, 1996); `None` of nothing.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = q.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let below = *sorted.get(rank.floor() as usize)?;
    let above = *sorted.get(rank.ceil() as usize)?;
    Some(below + (above - below) * rank.fract())
}

/// `values` in ascending order, as [`quantile`] takes them.
pub fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_the_ranks() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|q| quantile(&values, q)), [1.0, 1.75, 2.5, 4.0].map(Some));
        assert_eq!((quantile(&[7.0], 0.25), quantile(&[], 0.5)), (Some(7.0), None));
        assert_eq!((mean(values), mean([])), (Some(2.5), None));
        assert_eq!(sorted([3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn the_median_is_the_upper_of_two_in_the_middle() {
        let median = |values: &[f32]| median(&mut values.to_vec(), f32::total_cmp);
        assert_eq!([median(&[]), median(&[5.0]), median(&[4.0, 1.0])], [None, Some(5.0), Some(4.0)]);
        assert_eq!((median(&[9.0, 1.0, 5.0]), median(&[4.0, 3.0, 2.0, 1.0])), (Some(5.0), Some(3.0)));
    }
}
