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

    /// Takes one; false when there is none left.
    pub fn take(&mut self, now: Timestamp) -> bool {
        let passed = now.since(self.filled_at).as_secs_f64();
        self.filled_at = self.filled_at.max(now);
        self.left = (self.left + passed * self.per_second).min(self.burst);
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
}
