use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Shortest duration told apart from zero, in nanoseconds.
const FINEST_NS: u64 = 1_000;
/// Longest duration that the percentiles can show, in nanoseconds; longer ones count as this.
const LONGEST_NS: u64 = 100_000_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// A histogram of durations in fixed memory (about 150 kB): percentiles to three digits from 1 µs to 100 s, mean and
/// maximum exact. Recording does not allocate.
#[derive(Clone)]
pub struct Histogram {
    buckets: hdrhistogram::Histogram<u64>,
    sum_ns: u64,
    max_ns: u64,
}

impl Histogram {
    /// An empty histogram. All the memory that it will ever need is taken here.
    pub fn new() -> Self {
        let buckets = hdrhistogram::Histogram::new_with_bounds(FINEST_NS, LONGEST_NS, SIGNIFICANT_DIGITS)
            .expect("the bounds are constants that hdrhistogram accepts");
        Histogram { buckets, sum_ns: 0, max_ns: 0 }
    }

    /// Counts one duration; beyond the range it counts as the longest.
    pub fn record(&mut self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets.saturating_record(ns);
        self.sum_ns = self.sum_ns.saturating_add(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    /// Number of durations recorded.
    pub fn count(&self) -> u64 {
        self.buckets.len()
    }

    /// Exact mean, zero when nothing was recorded.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.sum_ns.checked_div(self.count()).unwrap_or(0))
    }

    /// Exact maximum, zero when nothing was recorded.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// The duration that a share of `quantile` (0 to 1) does not exceed, zero when nothing was recorded.
    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.buckets.value_at_quantile(quantile).min(self.max_ns))
    }

    /// The median, zero when nothing was recorded.
    pub fn p50(&self) -> Duration {
        self.quantile(0.50)
    }

    /// The 95th percentile, zero when nothing was recorded.
    pub fn p95(&self) -> Duration {
        self.quantile(0.95)
    }

    /// The 99th percentile, zero when nothing was recorded.
    pub fn p99(&self) -> Duration {
        self.quantile(0.99)
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.buckets.reset();
        self.sum_ns = 0;
        self.max_ns = 0;
    }

    /// Count, mean, percentiles and maximum.
    pub fn summary(&self) -> LatencySummary {
        let ms = |duration: Duration| duration.as_nanos() as f64 / 1e6;
        LatencySummary {
            count: self.count(),
            mean_ms: ms(self.mean()),
            p50_ms: ms(self.p50()),
            p95_ms: ms(self.p95()),
            p99_ms: ms(self.p99()),
            max_ms: ms(self.max()),
        }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Histogram").field(&self.summary()).finish()
    }
}

/// What a [`Histogram`] says, in milliseconds; all zero when nothing was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LatencySummary {
    /// Durations recorded.
    pub count: u64,
    /// Mean.
    pub mean_ms: f64,
    /// Median.
    pub p50_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// Longest.
    pub max_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 0.002 * b.abs()
    }

    #[test]
    fn percentiles_of_a_ramp() {
        let mut h = Histogram::new();
        (1..=1000).for_each(|ms| h.record(Duration::from_millis(ms)));
        let s = h.summary();
        assert_eq!((s.count, s.mean_ms, s.max_ms), (1000, 500.5, 1000.0));
        assert!(close(s.p50_ms, 500.0) && close(s.p95_ms, 950.0) && close(s.p99_ms, 990.0), "{s:?}");
    }

    #[test]
    fn nothing_recorded_is_all_zero() {
        let mut h = Histogram::new();
        assert_eq!(h.summary(), LatencySummary::default());
        h.record(Duration::from_secs(1));
        h.clear();
        assert_eq!(h.summary(), LatencySummary::default());
    }

    #[test]
    fn absurd_durations_saturate() {
        let mut h = Histogram::new();
        h.record(Duration::MAX);
        h.record(Duration::MAX);
        h.record(Duration::ZERO);
        assert_eq!(h.count(), 3);
        assert_eq!(h.max(), Duration::from_nanos(u64::MAX));
        assert!(h.p99() >= Duration::from_secs(100) && h.quantile(f64::NAN) <= h.max());
        assert!(!h.buckets.is_auto_resize());
    }

    #[test]
    fn one_value_is_its_own_percentile() {
        let mut h = Histogram::new();
        h.record(Duration::from_micros(12_345));
        assert_eq!(h.p50(), Duration::from_micros(12_345));
        assert_eq!(h.p99(), h.max());
    }

    #[test]
    fn summary_is_json() {
        let text = serde_json::to_string(&LatencySummary { count: 2, p50_ms: 1.5, ..Default::default() }).unwrap();
        assert_eq!(text, r#"{"count":2,"mean_ms":0.0,"p50_ms":1.5,"p95_ms":0.0,"p99_ms":0.0,"max_ms":0.0}"#);
    }
}
