use super::missing::{Missing, MissingPattern};
use super::viewer::{Viewer, gauss, shifted};
use crate::geometry::Intrinsics;
use crate::scene::{Random, Scene};
use crate::select::GazeSample;
use crate::time::Timestamp;

/// Of the error's variance, the share that changes slowly, and how slowly: seconds. The rest changes within milliseconds.
const SLOW_SHARE: f64 = 1.0 / 3.0;
const SLOW_S: f64 = 0.6;
const FAST_S: f64 = 0.008;
/// Silences of the tracker: how often a second, and how long in seconds.
const DROPOUTS: f64 = 0.2;
const DROPOUT_S: [f32; 2] = [0.02, 0.25];
/// Share of samples that are far off, and their deviation in degrees.
const WILD: f32 = 0.005;
const WILD_DEG: f64 = 5.0;
/// How far a falling lid draws the measured gaze down, in degrees.
const LID_DEG: f64 = 3.0;
/// Deviation of a sample's time stamp, in seconds.
const JITTER_S: f64 = 0.001;

/// What a simulated eye tracker is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EyeTrackerConfig {
    /// Samples a second.
    pub rate_hz: f64,
    /// Deviation of the error along each axis, in degrees.
    pub noise_deg: f64,
    /// By how much its clock is ahead of the camera's, in seconds.
    pub clock_offset_s: f64,
    /// The share of its samples that are lost beside silences and blinks, 0 to 0.5. By the seed they are left out, or come without
    /// confidence.
    pub missing: f64,
    /// In which order they are lost.
    pub missing_pattern: MissingPattern,
}

/// An eye tracker that measures a [`Viewer`]: errors that partly change from sample to sample and partly slowly, lids that
/// draw gaze down before they hide it, silences, wild samples, a clock of its own.
#[derive(Debug)]
pub struct EyeTracker {
    config: EyeTrackerConfig,
    lens: Intrinsics,
    random: Random,
    next_s: f64,
    last_s: f64,
    fast: [f64; 2],
    slow: [f64; 2],
    silent_until: f64,
    missing: Missing,
}

impl EyeTracker {
    /// A tracker that begins at `start_s` seconds of the scene's time.
    pub fn new(config: EyeTrackerConfig, scene: &Scene, seed: u64, start_s: f64) -> EyeTracker {
        let mut random = Random::new(seed, 92);
        let (fast, slow) = deviations(config.noise_deg);
        let fast = [0, 1].map(|_| fast * gauss(&mut random));
        let slow = [0, 1].map(|_| slow * gauss(&mut random));
        let lens = scene.intrinsics();
        let missing = Missing::new(config.missing, config.missing_pattern, seed, start_s);
        EyeTracker {
            config,
            lens,
            random,
            next_s: start_s,
            last_s: start_s,
            fast,
            slow,
            silent_until: start_s,
            missing,
        }
    }

    /// The next sample, and when it was taken in truth, in seconds of the scene's time. Its own time is that by the tracker's
    /// clock, as a [`Timestamp`] whose zero is the scene's.
    pub fn next(&mut self, viewer: &mut Viewer) -> (f64, GazeSample) {
        loop {
            let time = self.next_s;
            self.next_s += 1.0 / self.config.rate_hz;
            let mut sample = self.measure(viewer, time);
            if self.random.chance((DROPOUTS / self.config.rate_hz) as f32) {
                self.silent_until = time + self.random.range(DROPOUT_S[0], DROPOUT_S[1]) as f64;
            }
            let lost = self.missing.hits(time);
            if time < self.silent_until || lost && self.missing.absent {
                continue;
            }
            sample.confidence = if lost { 0.0 } else { sample.confidence };
            return (time, sample);
        }
    }

    fn measure(&mut self, viewer: &mut Viewer, time: f64) -> GazeSample {
        let eyes = viewer.at(time);
        let dt = time - self.last_s;
        self.last_s = time;
        let (fast, slow) = deviations(self.config.noise_deg);
        // Errors that forget themselves exponentially (Ornstein and Uhlenbeck).
        let mut go_on = |error: &mut [f64; 2], deviation: f64, memory_s: f64| {
            let keep = (-dt / memory_s).exp();
            let fresh = deviation * (1.0 - keep * keep).sqrt();
            *error = error.map(|e| e * keep + fresh * gauss(&mut self.random));
        };
        go_on(&mut self.fast, fast, FAST_S);
        go_on(&mut self.slow, slow, SLOW_S);
        let mut error = [0, 1].map(|i| self.fast[i] + self.slow[i]);
        let mut confidence = 0.9 + 0.1 * self.random.unit();
        if eyes.closed > 0.0 {
            error[1] += LID_DEG * eyes.closed as f64;
            confidence *= 1.0 - eyes.closed;
        }
        if self.random.chance(WILD) {
            error = error.map(|e| e + WILD_DEG * gauss(&mut self.random));
            confidence = self.random.range(0.2, 1.0);
        }
        let stamp = time + self.config.clock_offset_s + JITTER_S * gauss(&mut self.random).clamp(-2.0, 2.0);
        GazeSample { at: Timestamp::from_secs_f64(stamp), point: shifted(&self.lens, eyes.point, error), confidence }
    }
}

fn deviations(noise_deg: f64) -> (f64, f64) {
    (noise_deg * (1.0 - SLOW_SHARE).sqrt(), noise_deg * SLOW_SHARE.sqrt())
}
