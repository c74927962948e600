use std::f64::consts::TAU;

use crate::time::Timestamp;

/// Tuning of a [`OneEuroFilter`]. The unit of `beta` goes with the unit of the signal.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct OneEuroConfig {
    /// Cut-off for a signal at rest, in hertz: lower means less jitter and more lag.
    pub min_cutoff: f64,
    /// Hertz of cut-off gained per unit of speed: higher means less lag in motion.
    pub beta: f64,
    /// Cut-off of the speed estimate, in hertz.
    pub speed_cutoff: f64,
}

impl Default for OneEuroConfig {
    /// For gaze in degrees: steady at rest, through a saccade within a few samples.
    fn default() -> Self {
        OneEuroConfig { min_cutoff: 2.5, beta: 0.15, speed_cutoff: 1.0 }
    }
}

/// The 1-euro filter (Casiez, Roussel and Vogel, CHI 2012): a low-pass whose cut-off rises with speed. Both axes share one
/// cut-off, taken from the speed along the path, so that the filter does not bend diagonal movements.
#[derive(Clone, Debug)]
pub struct OneEuroFilter {
    config: OneEuroConfig,
    last: Option<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    at: Timestamp,
    raw: [f64; 2],
    value: [f64; 2],
    speed: [f64; 2],
}

impl OneEuroFilter {
    /// A filter that has seen no sample.
    pub fn new(config: OneEuroConfig) -> Self {
        OneEuroFilter { config, last: None }
    }

    /// Forgets the past; the next value passes unchanged.
    pub fn reset(&mut self) {
        self.last = None;
    }

    /// The filtered value at `at`. A value that is not finite or not later than the last one changes nothing, and the
    /// last filtered value comes back.
    pub fn filter(&mut self, at: Timestamp, raw: [f64; 2]) -> [f64; 2] {
        let finite = raw.iter().all(|v| v.is_finite());
        let Some(last) = self.last else {
            if finite {
                self.last = Some(State { at, raw, value: raw, speed: [0.0; 2] });
            }
            return raw;
        };
        let dt = at.signed_secs_since(last.at);
        if !finite || dt <= 0.0 {
            return last.value;
        }
        let pull = smoothing(self.config.speed_cutoff, dt);
        let speed = [0, 1].map(|i| mix(last.speed[i], (raw[i] - last.raw[i]) / dt, pull));
        let pull = smoothing(self.config.min_cutoff + self.config.beta * speed[0].hypot(speed[1]), dt);
        let value = [0, 1].map(|i| mix(last.value[i], raw[i], pull));
        self.last = Some(State { at, raw, value, speed });
        value
    }
}

/// Weight of a new value in an exponential smoothing with the given cut-off in hertz.
fn smoothing(cutoff: f64, dt: f64) -> f64 {
    1.0 / (1.0 + 1.0 / (TAU * cutoff * dt))
}

fn mix(old: f64, new: f64, weight: f64) -> f64 {
    old + (new - old) * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(i: usize) -> Timestamp {
        Timestamp::from_secs_f64(1.0 + i as f64 / 100.0)
    }

    #[test]
    fn a_constant_passes_and_jitter_shrinks() {
        let mut filter = OneEuroFilter::new(OneEuroConfig::default());
        let jitter = |i: usize| if i.is_multiple_of(2) { 0.4 } else { -0.4 };
        let mut worst = 0.0f64;
        for i in 0..200 {
            let [x, y] = filter.filter(at(i), [5.0 + jitter(i), 7.0]);
            assert!((y - 7.0).abs() < 1e-12);
            if i > 100 {
                worst = worst.max((x - 5.0).abs());
            }
        }
        assert!(worst < 0.2, "{worst}");
    }

    #[test]
    fn a_jump_is_followed_quickly() {
        let mut filter = OneEuroFilter::new(OneEuroConfig::default());
        (0..50).for_each(|i| assert_eq!(filter.filter(at(i), [0.0, 0.0]), [0.0, 0.0]));
        let reached = (50..100).position(|i| filter.filter(at(i), [20.0, 0.0])[0] > 19.0);
        assert!(reached.is_some_and(|n| n < 10), "{reached:?} samples");
    }

    #[test]
    fn repeated_times_and_nan_change_nothing() {
        let mut filter = OneEuroFilter::new(OneEuroConfig::default());
        filter.filter(at(0), [1.0, 2.0]);
        assert_eq!(filter.filter(at(0), [9.0, 9.0]), [1.0, 2.0]);
        assert_eq!(filter.filter(at(1), [f64::NAN, 9.0]), [1.0, 2.0]);
    }
}
