use serde::Serialize;

use crate::scene::Random;

/// Lengths of a burst of missing samples, in seconds.
const BURST_S: [f32; 2] = [0.04, 0.15];
/// Stretches in which every second sample is missing come so often, in seconds.
const STRETCH_S: f64 = 2.0;

/// In which order samples are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingPattern {
    /// Each by itself.
    Single,
    /// Every second one, in stretches, as where one of two eyes is lost.
    Alternating,
    /// All of 40 to 150 ms.
    Bursts,
}

impl MissingPattern {
    /// Every pattern.
    pub const ALL: [MissingPattern; 3] = [MissingPattern::Single, MissingPattern::Alternating, MissingPattern::Bursts];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            MissingPattern::Single => "single",
            MissingPattern::Alternating => "alternating",
            MissingPattern::Bursts => "bursts",
        }
    }
}

/// The samples that a tracker loses beside its silences and blinks. Deterministic by seed; with a share of 0 nothing is lost.
#[derive(Debug)]
pub(super) struct Missing {
    share: f64,
    pattern: MissingPattern,
    random: Random,
    /// The present burst, or the next one.
    burst: [f64; 2],
    odd: bool,
    /// What is lost is left out; otherwise it comes without confidence.
    pub absent: bool,
}

impl Missing {
    pub fn new(share: f64, pattern: MissingPattern, seed: u64, start_s: f64) -> Self {
        let mut random = Random::new(seed, 93);
        let absent = random.chance(0.5);
        let mut missing = Missing { share, pattern, random, burst: [start_s; 2], odd: false, absent };
        missing.plan_burst();
        missing
    }

    /// Whether the sample of `time` is lost; times ascend.
    pub fn hits(&mut self, time: f64) -> bool {
        if self.share <= 0.0 {
            return false;
        }
        match self.pattern {
            MissingPattern::Single => self.random.chance(self.share as f32),
            MissingPattern::Alternating => {
                self.odd = !self.odd;
                self.odd && (time / STRETCH_S).fract() < 2.0 * self.share
            }
            MissingPattern::Bursts => {
                while time >= self.burst[1] {
                    self.plan_burst();
                }
                time >= self.burst[0]
            }
        }
    }

    /// The next burst, after such a pause that the share comes out.
    fn plan_burst(&mut self) {
        let lasts = f64::from(self.random.range(BURST_S[0], BURST_S[1]));
        let pause = lasts * (1.0 - self.share) / self.share.max(1e-3) * f64::from(self.random.range(0.7, 1.3));
        let begins = self.burst[1] + pause;
        self.burst = [begins, begins + lasts];
    }
}
