use crate::geometry::Point;
use crate::time::Timestamp;

/// A fixation from its beginning to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixationSpan {
    /// Its first sample.
    pub started_at: Timestamp,
    /// Its last sample.
    pub ended_at: Timestamp,
    /// Mean of its samples, in frame pixels.
    pub point: Point,
}

/// The share of the time in which `a` or `b` says that gaze rests in which both say so (intersection over union of the two
/// sets of fixations), and the share of `a`'s time that `b` covers. Both lists are in the order of time and do not overlap
/// themselves. `None` where a list holds no time.
pub fn overlap_in_time(a: &[FixationSpan], b: &[FixationSpan]) -> Option<(f64, f64)> {
    let total =
        |spans: &[FixationSpan]| spans.iter().map(|s| s.ended_at.since(s.started_at).as_secs_f64()).sum::<f64>();
    let (mut both, mut i, mut j) = (0.0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let (from, to) = (x.started_at.max(y.started_at), x.ended_at.min(y.ended_at));
        both += to.since(from).as_secs_f64();
        if x.ended_at <= y.ended_at { i += 1 } else { j += 1 }
    }
    let (in_a, in_b) = (total(a), total(b));
    (in_a > 0.0 && in_b > 0.0).then(|| (both / (in_a + in_b - both), both / in_a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_counts_common_time() {
        let span = |from: f64, to: f64| FixationSpan {
            started_at: Timestamp::from_secs_f64(from),
            ended_at: Timestamp::from_secs_f64(to),
            point: Point::default(),
        };
        let a = [span(0.0, 1.0), span(2.0, 3.0)];
        assert_eq!(overlap_in_time(&a, &a), Some((1.0, 1.0)));
        let (union, share) = overlap_in_time(&a, &[span(0.5, 2.5)]).unwrap();
        assert!((union - 1.0 / 3.0).abs() < 1e-9 && (share - 0.5).abs() < 1e-9);
        assert_eq!(overlap_in_time(&a, &[span(5.0, 6.0)]), Some((0.0, 0.0)));
        assert_eq!(overlap_in_time(&a, &[]), None);
    }
}
