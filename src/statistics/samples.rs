use std::time::{Duration, Instant};

use super::{mean, quantile, sorted};

/// Durations in milliseconds, in the order in which they were measured.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Keeps one measurement.
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

    /// The [`quantile`] at the share `q` (0 to 1) of the samples, in milliseconds; `None` without samples.
    pub fn quantile_ms(&self, q: f64) -> Option<f64> {
        quantile(&sorted(self.0.iter().copied()), q)
    }

    /// In milliseconds; `None` without samples.
    pub fn mean_ms(&self) -> Option<f64> {
        mean(self.0.iter().copied())
    }

    /// In milliseconds; `None` without samples.
    pub fn median_ms(&self) -> Option<f64> {
        self.quantile_ms(0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_means_are_in_milliseconds() {
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
