//! Staring selects whatever samples are missing, and what flickers does not.

use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;

const RATES: [f64; 7] = [30.0, 37.0, 50.0, 60.0, 90.0, 120.0, 200.0];
const STARE: [f64; 2] = [3.0, -2.0];
/// Noise of a tracker, as the deviation of averages over a thirtieth of a second, in degrees.
const QUIET: f64 = 0.02;
const NOISY: f64 = 0.4;

/// Which samples are missing, by their number and time.
#[derive(Clone, Copy, Debug)]
enum Missing {
    Single(f64),
    EveryNth(u64),
    /// Every second one.
    OneEye,
    Bursts {
        share: f64,
        burst_s: f64,
    },
}

impl Missing {
    /// `phase` is 0 to 1: where in the pattern the stream begins.
    fn hits(self, number: u64, time_s: f64, phase: f64, coin: f64) -> bool {
        match self {
            Missing::Single(share) => coin < share,
            Missing::EveryNth(n) => (number + (phase * n as f64) as u64).is_multiple_of(n),
            Missing::OneEye => (number + (2.0 * phase) as u64).is_multiple_of(2),
            Missing::Bursts { share, burst_s } => {
                let period = burst_s / share;
                (time_s / period + phase).fract() * period < burst_s
            }
        }
    }
}

/// How a missing sample comes.
#[derive(Clone, Copy, Debug)]
enum As {
    Absent,
    LowConfidence,
    NotANumber,
}

struct Stream {
    rate: f64,
    noise_deg: f64,
    seed: u64,
    number: u64,
    missing: Option<(Missing, As)>,
    phase: f64,
}

impl Stream {
    fn new(rate: f64, noise_deg: f64, seed: u64, missing: Option<(Missing, As)>) -> Self {
        let phase = (seed % 16) as f64 / 16.0;
        Stream { rate, noise_deg, seed: seed.wrapping_mul(2).wrapping_add(1), number: 0, missing, phase }
    }

    fn uniform(&mut self) -> f64 {
        self.seed = self.seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.seed >> 40) as f64 / (1u64 << 24) as f64
    }

    /// A standard normal number, of a generator that a missing sample uses up as well.
    fn gauss(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (TAU * self.uniform()).cos()
    }

    /// Looks at `place` for up to `seconds`, or until something is selected: after how long it was.
    fn look(&mut self, selector: &mut DwellSelector, seconds: f64, place: [f64; 2]) -> Option<f64> {
        let first = self.number;
        while ((self.number - first) as f64) < seconds * self.rate {
            self.number += 1;
            let time_s = self.number as f64 / self.rate;
            let deviation = self.noise_deg * (self.rate / 30.0).max(1.0).sqrt();
            let angle = place.map(|p| p + deviation * self.gauss());
            let (coin, phase) = (self.uniform(), self.phase);
            let mut sample = GazeSample {
                at: Timestamp::from_secs_f64(1.0 + time_s),
                point: at_degrees(&selector.lens, angle),
                confidence: 0.95,
            };
            if let Some((missing, kind)) = self.missing
                && missing.hits(self.number, time_s, phase, coin)
            {
                match kind {
                    As::Absent => continue,
                    As::LowConfidence => (sample.point, sample.confidence) = (Point::new(1e4, -30.0), 0.3),
                    As::NotANumber => sample.point = Point::new(f32::NAN, f32::INFINITY),
                }
            }
            if let Some(SelectEvent::Commit(_)) = selector.push(sample) {
                return Some((self.number - first) as f64 / self.rate);
            }
        }
        None
    }
}

fn selector() -> DwellSelector {
    DwellSelector::new(DwellConfig::default(), Intrinsics::from_horizontal_fov(65.0, 1280, 720))
}

fn stare(rate: f64, noise_deg: f64, seed: u64, missing: Option<(Missing, As)>) -> Option<f64> {
    Stream::new(rate, noise_deg, seed, missing).look(&mut selector(), 6.0, STARE)
}

/// Median and longest of the times until staring selects, the pattern beginning anywhere; infinite where one does not.
fn times(rate: f64, noise_deg: f64, missing: Option<(Missing, As)>) -> (f64, f64) {
    let mut times: Vec<f64> =
        (0..16).map(|seed| stare(rate, noise_deg, seed, missing).unwrap_or(f64::INFINITY)).collect();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() - 1])
}

fn patterns() -> Vec<Missing> {
    let singly = [0.1, 0.2, 0.3].map(Missing::Single);
    let regular = [10, 4, 3].map(Missing::EveryNth);
    let bursts = [0.1, 0.2, 0.3]
        .into_iter()
        .flat_map(|share| [0.05, 0.1, 0.145].map(|burst_s| Missing::Bursts { share, burst_s }));
    singly.into_iter().chain(regular).chain([Missing::OneEye]).chain(bursts).collect()
}

#[test]
fn staring_selects_whatever_is_missing_and_hardly_later() {
    let mut wrong = Vec::new();
    for rate in RATES {
        let (clean, _) = times(rate, QUIET, None);
        for missing in patterns() {
            for kind in [As::Absent, As::LowConfidence, As::NotANumber] {
                let (median, worst) = times(rate, QUIET, Some((missing, kind)));
                // A stream that begins within a burst cannot be in time.
                if median > 1.3 * clean || worst > 1.45 * clean {
                    let (median, worst) = (median / clean, worst / clean);
                    wrong.push(format!(
                        "{rate} Hz, {missing:?}, {kind:?}: {median:.2} of the clean time, {worst:.2} at worst"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_noisy_tracker_with_gaps_selects_as_soon() {
    let mut wrong = Vec::new();
    for rate in RATES {
        let (clean, _) = times(rate, NOISY, None);
        for missing in patterns() {
            let (median, _) = times(rate, NOISY, Some((missing, As::LowConfidence)));
            if median > 1.3 * clean {
                wrong.push(format!("{rate} Hz, {missing:?}: {:.2} of the clean time", median / clean));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn flicker_selects_nothing() {
    let mut wrong = Vec::new();
    for rate in RATES {
        for (seen_s, hidden_s) in
            [(0.1, 0.2), (0.2, 0.21), (0.3, 0.21), (0.3, 0.29), (0.05, 0.16), (0.25, 0.21), (0.03, 0.12)]
        {
            for kind in [As::Absent, As::LowConfidence, As::NotANumber] {
                let bursts = Missing::Bursts { share: hidden_s / (seen_s + hidden_s), burst_s: hidden_s };
                let made = (0..16).filter(|seed| stare(rate, QUIET, *seed, Some((bursts, kind))).is_some()).count();
                if made > 0 {
                    wrong.push(format!(
                        "{rate} Hz, seen for {seen_s} s and not for {hidden_s} s, {kind:?}: {made} of 16"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn looking_around_with_gaps_selects_nothing() {
    let mut made = 0;
    for rate in [30.0, 60.0, 120.0, 200.0] {
        for missing in patterns() {
            let (mut stream, mut selector) =
                (Stream::new(rate, NOISY, 5, Some((missing, As::LowConfidence))), selector());
            for _ in 0..60 {
                let place = [0, 1].map(|_| 16.0 * stream.uniform() - 8.0);
                let rest_s = 0.15 + 0.3 * stream.uniform();
                made += usize::from(stream.look(&mut selector, rest_s, place).is_some());
            }
        }
    }
    assert_eq!(made, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_rate_share_and_burst(
        rate in 30.0..200.0f64,
        share in 0.01..0.3f64,
        burst_s in 0.005..0.145f64,
        seed in 0..1000u64,
        kind in prop::sample::select(vec![As::Absent, As::LowConfidence, As::NotANumber]),
    ) {
        let clean = stare(rate, QUIET, seed, None);
        for missing in [Missing::Single(share), Missing::OneEye, Missing::Bursts { share, burst_s }] {
            let lossy = stare(rate, QUIET, seed, Some((missing, kind)));
            prop_assert!(lossy.zip(clean).is_some_and(|(lossy, clean)| lossy <= 1.45 * clean), "{missing:?}: {lossy:?}, {clean:?}");
        }
    }
}
