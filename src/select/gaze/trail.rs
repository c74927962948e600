use std::collections::VecDeque;
use std::time::Duration;

use crate::statistics;
use crate::time::Timestamp;

/// Samples kept; a faster tracker is remembered for a shorter time.
const SAMPLES: usize = 1024;
/// How long samples are kept: a hand's motion is reported later than it began.
const KEPT: Duration = Duration::from_millis(2500);
/// Fixations kept.
const FIXATIONS: usize = 16;
/// Time over which a point is estimated.
const SPAN: Duration = Duration::from_millis(500);
/// Slower motion than this, in degrees a second, counts as rest.
const SLOWEST: f64 = 1.5;
/// Errors above this many robust deviations are no measurements of this rest.
const OUTLIER: f64 = 3.0;

/// Where gaze was lately: samples in degrees, and the fixations that they formed.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    samples: VecDeque<(Timestamp, [f64; 2])>,
    fixations: VecDeque<Stay>,
    scratch: Vec<f64>,
}

/// A fixation in the trail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stay {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Trail {
    pub fn push(&mut self, at: Timestamp, angle: [f64; 2]) {
        self.samples.push_back((at, angle));
        let old = |first: &(Timestamp, [f64; 2])| at.since(first.0) > KEPT;
        while self.samples.len() > SAMPLES || self.samples.front().is_some_and(old) {
            self.samples.pop_front();
        }
    }

    /// Gaze rests since `from`, as of `to`. What seemed to have begun later has not, and what began earlier is over.
    pub fn rests(&mut self, from: Timestamp, to: Timestamp) {
        while self.fixations.back().is_some_and(|last| last.from >= from) {
            self.fixations.pop_back();
        }
        if let Some(last) = self.fixations.back_mut() {
            last.to = last.to.min(from);
        }
        if self.fixations.len() == FIXATIONS {
            self.fixations.pop_front();
        }
        self.fixations.push_back(Stay { from, to });
    }

    /// The fixation that was current at `at`, or the last that ended not longer than `grace` before it.
    pub fn rest_at(&self, at: Timestamp, grace: Duration) -> Option<Stay> {
        let current = |rest: &&Stay| rest.from <= at && at.since(rest.to) <= grace;
        self.fixations.iter().rev().find(current).copied()
    }

    /// The time of the sample that is nearest to `at`.
    pub fn nearest(&self, at: Timestamp) -> Option<Timestamp> {
        let times = self.samples.iter().map(|(time, _)| *time);
        times.min_by_key(|time| time.abs_diff(at))
    }

    /// Where gaze was at `at`, in degrees, by the samples from `from` to `to` that are at most half a second older than `to`.
    ///
    /// Their mean, or a line through them where they move clearly: a mean over half a second has a sixth of the variance of
    /// one over a window, but lags behind what gaze follows. Samples far from the others are left out.
    pub fn place(&mut self, at: Timestamp, from: Timestamp, to: Timestamp) -> Option<[f64; 2]> {
        let from = from.max(to - SPAN);
        let within = |sample: &&(Timestamp, [f64; 2])| (from..=to).contains(&sample.0);
        let first = self.samples.iter().position(|s| within(&s))?;
        let count = self.samples.range(first..).take_while(|s| within(s)).count();
        let part = || self.samples.range(first..first + count);
        let scratch = &mut self.scratch;
        let mut median = |values: &mut dyn Iterator<Item = f64>| {
            scratch.clear();
            scratch.extend(values);
            statistics::median(scratch, f64::total_cmp).unwrap_or_default()
        };
        let center = [0, 1].map(|i| median(&mut part().map(|(_, a)| a[i])));
        let off = |a: &[f64; 2]| (a[0] - center[0]).hypot(a[1] - center[1]);
        // The median of a two-dimensional normal error is 1.18 deviations long.
        let limit = (median(&mut part().map(|(_, a)| off(a))) / 1.18 * OUTLIER).max(0.3);
        let good = || part().filter(|(_, a)| off(a) <= limit);
        let n = good().count() as f64;
        let seconds = |t: &Timestamp| t.signed_secs_since(at);
        let mean_time = good().map(|(t, _)| seconds(t)).sum::<f64>() / n;
        let mean = [0, 1].map(|i| good().map(|(_, a)| a[i]).sum::<f64>() / n);
        let spread = good().map(|(t, _)| (seconds(t) - mean_time).powi(2)).sum::<f64>();
        if n < 5.0 || spread <= 0.0 {
            return Some(mean);
        }
        let slope =
            [0, 1].map(|i| good().map(|(t, a)| (seconds(t) - mean_time) * (a[i] - mean[i])).sum::<f64>() / spread);
        let residual = good().map(|(t, a)| {
            let dt = seconds(t) - mean_time;
            (a[0] - mean[0] - slope[0] * dt).powi(2) + (a[1] - mean[1] - slope[1] * dt).powi(2)
        });
        let error = (residual.sum::<f64>() / (2.0 * (n - 2.0)) / spread).sqrt();
        let moves = slope[0].hypot(slope[1]) > SLOWEST.max(4.0 * error);
        Some(if moves { [0, 1].map(|i| mean[i] - slope[i] * mean_time) } else { mean })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn outliers_do_not_count_and_motion_does() {
        let mut trail = Trail::default();
        for i in 0..60u64 {
            let jitter = if i % 2 == 0 { 0.2 } else { -0.2 };
            trail.push(at(1000 + 10 * i), if i % 10 == 3 { [30.0, 9.0] } else { [5.0 + jitter, -3.0] });
        }
        let [x, y] = trail.place(at(1500), at(1000), at(1590)).unwrap();
        assert!((x - 5.0).abs() < 0.05 && (y + 3.0).abs() < 1e-9);
        let mut trail = Trail::default();
        for i in 0..60u64 {
            trail.push(at(1000 + 10 * i), [0.05 * i as f64, 1.0]);
        }
        let [x, _] = trail.place(at(1500), at(1000), at(1590)).unwrap();
        assert!((x - 2.5).abs() < 1e-6, "{x}");
        assert_eq!(trail.place(at(9000), at(8000), at(9000)), None);
    }

    #[test]
    fn fixations_are_found_by_their_time() {
        let mut trail = Trail::default();
        trail.rests(at(100), at(300));
        trail.rests(at(100), at(400));
        trail.rests(at(450), at(600));
        let grace = Duration::from_millis(40);
        let found = |ms| trail.rest_at(at(ms), grace).map(|r| r.from);
        assert_eq!(found(50), None);
        assert_eq!(found(250), Some(at(100)));
        assert_eq!(found(430), Some(at(100)));
        assert_eq!(found(445), None);
        assert_eq!(found(500), Some(at(450)));
        assert_eq!(found(700), None);
        // Another rest has begun in the meantime, and then it has not.
        trail.rests(at(550), at(650));
        assert_eq!([540, 560].map(|ms| trail.rest_at(at(ms), grace).map(|r| r.from)), [Some(at(450)), Some(at(550))]);
        trail.rests(at(450), at(700));
        assert_eq!(trail.rest_at(at(680), grace), Some(Stay { from: at(450), to: at(700) }));
    }

    #[test]
    fn memory_is_bounded() {
        let mut trail = Trail::default();
        for i in 0..5000u64 {
            trail.push(at(i), [0.0; 2]);
            trail.rests(at(i), at(i));
        }
        assert!(trail.samples.len() <= SAMPLES && trail.fixations.len() == FIXATIONS);
    }
}
