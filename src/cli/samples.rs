//! Timings and their quantiles.

use std::time::{Duration, Instant};

/// Durations in milliseconds, in the order in which they were measured.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn push(&mut self, duration: Duration) {
        self.0.push(duration.as_secs_f64() * 1e3);
    }

    /// Runs `work` and keeps how long it took.
    pub fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.push(start.elapsed());
        result
    }

    /// The least sample that at least the share `q` (0 to 1) of the samples does not exceed; `None` without samples.
    pub fn quantile_ms(&self, q: f64) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let rank = (q.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }

    /// `None` without samples.
    pub fn mean_ms(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }

    pub fn median_ms(&self) -> Option<f64> {
        self.quantile_ms(0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples_by_nearest_rank() {
        let mut samples = Samples::default();
        assert_eq!((samples.median_ms(), samples.mean_ms()), (None, None));
        for ms in [5, 1, 4, 2, 3] {
            samples.push(Duration::from_millis(ms));
        }
        let at = |q| samples.quantile_ms(q).unwrap().round();
        assert!((samples.mean_ms().unwrap() - 3.0).abs() < 1e-9);
        assert_eq!([at(0.0), at(0.5), at(0.8), at(0.99), at(1.0)], [1.0, 3.0, 4.0, 5.0, 5.0]);
    }
}
