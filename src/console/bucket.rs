use crate::time::Timestamp;

/// Limits a rate: so many a second pass in the long run, and a burst at once.
#[derive(Clone, Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    left: f64,
    filled_at: Timestamp,
}

impl Bucket {
    /// A bucket that is full at `now`.
    pub fn new(per_second: f64, burst: f64, now: Timestamp) -> Self {
        Bucket { per_second, burst, left: burst, filled_at: now }
    }

    /// The same bucket, not full: it holds `left`.
    pub fn holding(mut self, left: f64) -> Self {
        self.left = left.min(self.burst);
        self
    }

    /// From `now` on `per_second` pass in the long run.
    pub fn set_rate(&mut self, per_second: f64, now: Timestamp) {
        self.fill(now);
        self.per_second = per_second;
    }

    fn fill(&mut self, now: Timestamp) {
        let passed = now.since(self.filled_at).as_secs_f64();
        self.filled_at = self.filled_at.max(now);
        self.left = (self.left + passed * self.per_second).min(self.burst);
    }

    /// Takes one; false when there is none left.
    pub fn take(&mut self, now: Timestamp) -> bool {
        self.fill(now);
        let has = self.left >= 1.0;
        if has {
            self.left -= 1.0;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let at = Timestamp::from_secs_f64;
        let mut bucket = Bucket::new(10.0, 5.0, at(1.0));
        let taken = |bucket: &mut Bucket, s| (0..100).filter(|_| bucket.take(at(s))).count();
        assert_eq!(taken(&mut bucket, 1.0), 5);
        assert_eq!(taken(&mut bucket, 1.2), 2);
        assert_eq!(taken(&mut bucket, 0.5), 0, "a clock that goes back gives nothing");
        assert_eq!(taken(&mut bucket, 99.0), 5);
    }

    #[test]
    fn a_rate_holds_from_when_it_is_set() {
        let at = Timestamp::from_secs_f64;
        let mut bucket = Bucket::new(10.0, 100.0, at(1.0)).holding(0.5);
        assert!(!bucket.take(at(1.0)));
        bucket.set_rate(2.0, at(2.0));
        let taken = (0..100).filter(|_| bucket.take(at(3.0))).count();
        assert_eq!(taken, 12, "ten of the first second, two of the other");
    }
}
