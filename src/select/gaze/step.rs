use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

use super::angles::distance;

/// The time now, and the time before it with which it is compared.
const NOW: Duration = Duration::from_millis(100);
const BEFORE: Duration = Duration::from_millis(150);
/// A step is a difference of averages above this, in degrees: pursuit at 8 degrees a second makes 1.2.
const LEAST_DEG: f64 = 1.5;
/// And above so many times the deviation of that difference that noise alone makes.
const DEVIATIONS: f64 = 4.5;
/// Deviation of the difference of the two averages, as a multiple of that of an average over a thirtieth of a second.
const OF_DIFFERENCE: f64 = 0.74;
/// Most samples kept; a faster tracker is compared over the newest of them.
const SAMPLES: usize = 512;

/// Finds small saccades that the dispersion of a noisy tracker hides: the average of the last tenth of a second against that of
/// the time before.
#[derive(Clone, Debug, Default)]
pub(super) struct StepDetector {
    samples: VecDeque<(Timestamp, [f64; 2])>,
}

impl StepDetector {
    pub fn reset(&mut self) {
        self.samples.clear();
    }

    /// Takes an unfiltered sample in degrees; `noise_deg` is that of a [`super::NoiseEstimate`]. Gives the place after a step, and
    /// when it was reached at the latest; what came before it is forgotten.
    pub fn push(&mut self, at: Timestamp, angle: [f64; 2], noise_deg: f64) -> Option<(Timestamp, [f64; 2])> {
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((at, angle));
        while self.samples.front().is_some_and(|(first, _)| at.since(*first) > NOW + BEFORE) {
            self.samples.pop_front();
        }
        let split = self.samples.partition_point(|(then, _)| at.since(*then) > NOW);
        let mean = |from: usize, to: usize| {
            let n = (to - from) as f64;
            [0, 1].map(|i| self.samples.range(from..to).map(|(_, a)| a[i]).sum::<f64>() / n)
        };
        if split < 3 || self.samples.len() - split < 3 {
            return None;
        }
        let (before, now) = (mean(0, split), mean(split, self.samples.len()));
        let limit = LEAST_DEG.max(DEVIATIONS * OF_DIFFERENCE * noise_deg);
        if distance(before, now) <= limit {
            return None;
        }
        self.samples.drain(..split);
        Some((self.samples.front()?.0, now))
    }
}
