use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// Samples are averaged over so long before they are compared: the rate of a slow tracker.
const BLOCK: Duration = Duration::from_millis(33);
/// A longer silence between samples separates blocks that must not be compared.
const SILENCE: Duration = Duration::from_millis(80);
/// Comparisons kept: about the last four seconds.
const KEPT: usize = 120;
/// Comparisons needed for an estimate.
const MIN_SAMPLES: usize = 12;
/// The share of comparisons that lie below the one that is read. Up to half of them may contain a saccade.
const QUANTILE: f64 = 0.3;
/// That quantile of the length of a two-dimensional normal vector of unit deviation per axis: `sqrt(-2 ln(1 - q))`.
const QUANTILE_OF_UNIT: f64 = 0.844_600_430_900_592;

/// The noise of gaze, measured while it is used: the deviation per axis of averages over a thirtieth of a second, in degrees.
///
/// Each average is compared with the mean of its two neighbours, which neither rest nor steady motion changes. A low quantile
/// of those differences stands for all, since the higher ones contain saccades.
#[derive(Clone, Debug)]
pub struct NoiseEstimate {
    block: Block,
    /// Averages of the last two full blocks, the older first.
    before: [Option<[f64; 2]>; 2],
    last_at: Option<Timestamp>,
    differences: VecDeque<f64>,
    sorted: Vec<f64>,
    deviation: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    since: Option<Timestamp>,
    sum: [f64; 2],
    count: u32,
}

impl Default for NoiseEstimate {
    fn default() -> Self {
        NoiseEstimate {
            block: Block::default(),
            before: [None; 2],
            last_at: None,
            differences: VecDeque::with_capacity(KEPT + 1),
            sorted: Vec::with_capacity(KEPT + 1),
            deviation: None,
        }
    }
}

impl NoiseEstimate {
    /// Deviation per axis in degrees; `None` until enough was seen.
    pub fn deviation_deg(&self) -> Option<f64> {
        self.deviation
    }

    /// What comes next is not compared with what came before, as after a blink; the estimate stays.
    pub fn interrupt(&mut self) {
        self.block = Block::default();
        self.before = [None; 2];
        self.last_at = None;
    }

    /// Takes a sample in degrees; samples come in the order of their time.
    pub fn push(&mut self, at: Timestamp, angle: [f64; 2]) {
        if !angle.iter().all(|a| a.is_finite()) {
            return;
        }
        if self.last_at.is_some_and(|last| at.since(last) > SILENCE) {
            self.interrupt();
        }
        self.last_at = Some(at);
        let since = *self.block.since.get_or_insert(at);
        if at.since(since) >= BLOCK && self.block.count > 0 {
            let n = f64::from(self.block.count);
            self.close([self.block.sum[0] / n, self.block.sum[1] / n]);
            self.block = Block { since: Some(at), ..Block::default() };
        }
        self.block.sum = [self.block.sum[0] + angle[0], self.block.sum[1] + angle[1]];
        self.block.count += 1;
    }

    fn close(&mut self, average: [f64; 2]) {
        let [first, second] = self.before;
        self.before = [second, Some(average)];
        let (Some(a), Some(b)) = (first, second) else { return };
        let off = [0, 1].map(|i| b[i] - (a[i] + average[i]) / 2.0);
        // The difference has 1.5 times the variance of an average.
        self.differences.push_back(off[0].hypot(off[1]) / 1.5f64.sqrt());
        if self.differences.len() > KEPT {
            self.differences.pop_front();
        }
        if self.differences.len() >= MIN_SAMPLES {
            self.sorted.clear();
            self.sorted.extend(&self.differences);
            let rank = (self.sorted.len() as f64 * QUANTILE) as usize;
            let (_, value, _) = self.sorted.select_nth_unstable_by(rank, f64::total_cmp);
            self.deviation = Some(*value / QUANTILE_OF_UNIT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauss(seed: &mut u64) -> f64 {
        let mut uniform = || {
            *seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (*seed >> 40) as f64 / (1u64 << 24) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }

    /// The estimate after ten seconds at `rate` around `place`.
    fn measured(rate: f64, noise: f64, place: impl Fn(f64) -> [f64; 2]) -> f64 {
        let (mut estimate, mut seed) = (NoiseEstimate::default(), 7);
        for i in 0..(10.0 * rate) as u64 {
            let t = i as f64 / rate;
            let [x, y] = place(t);
            let angle = [x + noise * gauss(&mut seed), y + noise * gauss(&mut seed)];
            estimate.push(Timestamp::from_secs_f64(1.0 + t), angle);
        }
        estimate.deviation_deg().unwrap()
    }

    #[test]
    fn noise_is_found_at_any_rate_in_rest_motion_and_saccades() {
        for (rate, averaged) in [(30.0, 1.0f64), (120.0, 4.0), (200.0, 7.0)] {
            for noise in [0.3, 1.0, 1.5] {
                let expected = noise / averaged.sqrt();
                for (name, found) in [
                    ("rest", measured(rate, noise, |_| [3.0, -2.0])),
                    ("sweep", measured(rate, noise, |t| [20.0 * t, 0.0])),
                    ("saccades", measured(rate, noise, |t| [8.0 * ((t / 0.3) as u64 % 3) as f64, 0.0])),
                ] {
                    let ratio = found / expected;
                    assert!((0.7..1.7).contains(&ratio), "{name} at {rate} Hz: {found} for {expected}");
                }
            }
        }
        assert!(measured(120.0, 0.0, |t| [30.0 * t, 5.0]) < 0.05, "steady motion is no noise");
    }

    #[test]
    fn little_says_nothing_and_gaps_are_not_compared() {
        let mut estimate = NoiseEstimate::default();
        for i in 0..200u64 {
            // Single samples with silence between them.
            estimate.push(Timestamp::from_secs_f64(i as f64 * 0.2), [i as f64 % 7.0, f64::NAN]);
            estimate.push(Timestamp::from_secs_f64(i as f64 * 0.2), [i as f64 % 7.0, 0.0]);
        }
        assert_eq!(estimate.deviation_deg(), None);
    }
}
