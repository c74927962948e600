use super::*;

const NOISE_DEG: f64 = 0.5;

/// Samples a second, and a generator of normal errors (sum of uniforms).
struct Tracker {
    rate: f64,
    tick: u64,
    seed: u64,
}

impl Tracker {
    fn new(rate: f64, seed: u64) -> Self {
        Tracker { rate, tick: 0, seed: seed.wrapping_mul(2).wrapping_add(1) }
    }

    fn gauss(&mut self) -> f64 {
        let mut uniform = || {
            self.seed = self.seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (self.seed >> 40) as f64 / (1u64 << 24) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }

    /// A sample of `place`: its error is such that averages over a thirtieth of a second have a deviation of [`NOISE_DEG`].
    fn sample(&mut self, place: [f64; 2]) -> (Timestamp, [f64; 2]) {
        self.tick += 1;
        let deviation = NOISE_DEG * (self.rate / 30.0).max(1.0).sqrt();
        let angle = place.map(|p| p + deviation * self.gauss());
        (Timestamp::from_secs_f64(1.0 + self.tick as f64 / self.rate), angle)
    }

    fn look(&mut self, filter: &mut RestFilter, seconds: f64, place: impl Fn(f64) -> [f64; 2]) {
        for i in 0..(seconds * self.rate).round() as u64 {
            let (at, angle) = self.sample(place(i as f64 / self.rate));
            filter.push(at, angle, NOISE_DEG, watched());
        }
    }
}

fn filter() -> RestFilter {
    RestFilter::new(RestConfig::default())
}

/// The whole time between two samples counts, as each follows the other at the tracker's rate.
fn watched() -> Glance {
    Glance { observed: Duration::MAX, period: Duration::MAX }
}

fn rested_s(filter: &RestFilter, probability: f64) -> f64 {
    filter.rested(probability).unwrap().observed.as_secs_f64()
}

#[test]
fn rests_are_as_long_as_they_are_at_any_rate() {
    for rate in [30.0, 60.0, 120.0, 200.0, 1000.0] {
        for seed in 0..20 {
            let (mut tracker, mut filter) = (Tracker::new(rate, seed), filter());
            for (i, lasts) in [0.4, 0.9, 0.3, 1.2].into_iter().enumerate() {
                tracker.look(&mut filter, lasts, |_| [8.0 * i as f64, 0.0]);
                let rested = rested_s(&filter, 0.5);
                assert!((rested - lasts).abs() < 0.06, "{rate} Hz, seed {seed}: {rested} of {lasts} s");
                let place = filter.rested(0.5).unwrap().place;
                assert!((place[0] - 8.0 * i as f64).hypot(place[1]) < 1.5, "{rate} Hz, seed {seed}: {place:?}");
            }
        }
    }
}

#[test]
fn the_surer_it_must_be_the_shorter_the_rest() {
    let (mut tracker, mut filter) = (Tracker::new(60.0, 1), filter());
    assert_eq!(filter.rested(0.5), None);
    for i in 0..40 {
        tracker.look(&mut filter, 0.3, |_| [2.0 * (i % 2) as f64, 0.0]);
        let lengths = [0.05, 0.2, 0.5, 0.8, 0.99].map(|p| rested_s(&filter, p));
        assert!(lengths.is_sorted_by(|a, b| a >= b), "{lengths:?}");
        assert!((filter.runs.iter().map(|r| r.weight).sum::<f64>() - 1.0).abs() < 1e-3);
    }
}

#[test]
fn pursuit_a_wild_sample_and_a_correction_end_no_rest() {
    for seed in 0..20 {
        let (mut tracker, mut filter) = (Tracker::new(60.0, seed), filter());
        tracker.look(&mut filter, 0.3, |_| [20.0, 0.0]);
        tracker.look(&mut filter, 1.0, |t| [6.0 * t, 0.0]);
        let rested = rested_s(&filter, 0.5);
        assert!((rested - 1.0).abs() < 0.1, "seed {seed}: pursuit for {rested} s");

        let (mut tracker, mut filter) = (Tracker::new(60.0, seed), self::filter());
        tracker.look(&mut filter, 0.3, |_| [20.0, 0.0]);
        tracker.look(&mut filter, 0.5, |_| [0.0; 2]);
        tracker.look(&mut filter, 1.0 / 60.0, |_| [-12.0, 5.0]);
        tracker.look(&mut filter, 0.5, |_| [0.0; 2]);
        let rested = rested_s(&filter, 0.5);
        assert!((rested - 1.0).abs() < 0.1, "seed {seed}: {rested} s around a wild sample");

        let (mut tracker, mut filter) = (Tracker::new(60.0, seed), self::filter());
        tracker.look(&mut filter, 0.3, |_| [20.0, 0.0]);
        tracker.look(&mut filter, 0.15, |_| [1.2, 0.0]);
        tracker.look(&mut filter, 0.85, |_| [0.0; 2]);
        let rested = rested_s(&filter, 0.5);
        assert!((rested - 1.0).abs() < 0.1, "seed {seed}: {rested} s with a correction");
    }
}

#[test]
fn travelling_gaze_does_not_rest() {
    for speed in [30.0, 60.0, 200.0] {
        for seed in 0..20 {
            let (mut tracker, mut filter) = (Tracker::new(60.0, seed), filter());
            tracker.look(&mut filter, 0.5, |_| [0.0; 2]);
            tracker.look(&mut filter, 0.4, |t| [speed * (t + 1.0 / 60.0), 0.0]);
            let rested = rested_s(&filter, 0.5);
            assert!(rested < 0.25, "{speed} degrees a second, seed {seed}: {rested} s");
        }
    }
}

#[test]
fn what_is_not_observed_does_not_count() {
    for (back_at, rested) in [([0.0; 2], 1.0), ([6.0, 0.0], 0.5)] {
        let (mut tracker, mut filter) = (Tracker::new(60.0, 3), filter());
        tracker.look(&mut filter, 0.5, |_| [0.0; 2]);
        tracker.tick += 12;
        let (at, angle) = tracker.sample(back_at);
        filter.push(at, angle, NOISE_DEG, Glance { observed: Duration::ZERO, ..watched() });
        tracker.look(&mut filter, 0.5, |_| back_at);
        assert!((rested_s(&filter, 0.8) - rested).abs() < 0.05, "back at {back_at:?}: {}", rested_s(&filter, 0.8));
    }
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let mut filter = filter();
    let nothing = Glance { observed: Duration::ZERO, period: Duration::ZERO };
    let mut seed = 5u64;
    for i in 0..20_000u64 {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let angle = [(seed >> 33) as f64 % 180.0 - 90.0, if i % 97 == 0 { f64::NAN } else { 0.0 }];
        // Times stand still, creep and leap.
        let at = Timestamp::from_nanos(i / 2 * if i < 10_000 { 1_000 } else { 70_000_000_000 });
        filter.push(at, angle, if i % 3 == 0 { 0.0 } else { 1e3 }, if i % 2 == 0 { watched() } else { nothing });
        assert!(filter.runs.len() <= RestFilter::MAX_RUNS && filter.runs.iter().all(|run| run.weight.is_finite()));
    }
}
