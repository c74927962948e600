mod place;

use std::time::Duration;

use crate::time::Timestamp;

use place::Place;

/// Tuning of a [`RestFilter`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RestConfig {
    /// How often gaze goes on to another place, per second.
    pub saccade_rate: f64,
    /// How far it goes, in degrees: deviation along each axis.
    pub saccade_deg: f64,
    /// How often a saccade that has just landed is corrected, per second (Becker 1991).
    pub correction_rate: f64,
    /// How far a correction goes, in degrees: deviation along each axis.
    pub correction_deg: f64,
    /// For how long after a saccade landed it may be corrected.
    pub correction_within: Duration,
    /// Variance by which the tracker's slow error grows in a second, as a multiple of that of its fast error, see
    /// [`NoiseEstimate`](super::NoiseEstimate).
    pub slow_noise: f64,
    /// How fast objects move that gaze follows, in degrees a second: deviation along each axis.
    pub pursuit_deg_s: f64,
}

impl Default for RestConfig {
    fn default() -> Self {
        RestConfig {
            saccade_rate: 3.0,
            saccade_deg: 8.0,
            correction_rate: 3.0,
            correction_deg: 1.2,
            correction_within: Duration::from_millis(250),
            slow_noise: 2.0,
            pursuit_deg_s: 1.0,
        }
    }
}

/// A rest that may be under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rest {
    /// The first sample after the saccade that led there.
    pub started_at: Timestamp,
    /// For how long it has been observed: silences and blinks do not count.
    pub observed: Duration,
    /// Where gaze rests now, in degrees.
    pub place: [f64; 2],
}

/// What a sample says of the time since the one before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glance {
    /// The part of that time in which the eye counts as watched.
    pub observed: Duration,
    /// The time for which the sample stands: the tracker's usual period, however many samples are missing before it.
    pub period: Duration,
}

/// Tells for how long gaze has rested, with what probability: Bayesian online changepoint detection (Adams and MacKay 2007).
///
/// Each sample may be the first of a new rest, or one more of any rest that may have begun before. What a rest predicts comes
/// from a Kalman filter of a place that drifts with the tracker's slow error and moves as objects do that gaze follows; what
/// a saccade predicts is a place some degrees away. So two rests side by side, a correction, a wild sample and a blink need no rules of
/// their own: each is as likely as the samples after it make it.
///
/// * Samples are taken for as many independent measurements as the noise of their averages says, whatever the tracker's rate.
/// * A small saccade just after the landing may be a correction: then the rest goes on at another place.
/// * A sample far from everything is a wild one, or else a saccade, which the next samples show.
///
/// Only what is hardly possible is forgotten, and never more than [`RestFilter::MAX_RUNS`] rests are kept.
#[derive(Clone, Debug)]
pub struct RestFilter {
    config: RestConfig,
    /// The oldest first.
    runs: Vec<Run>,
    last_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    started_at: Timestamp,
    observed: Duration,
    place: Place,
    /// The saccade that led there has been corrected.
    corrected: bool,
    /// The probability that it is what gaze does now.
    weight: f64,
}

/// Time over which the noise is measured that samples are given with.
const NOISE_S: f64 = 1.0 / 30.0;
/// A tracker is never taken to be better than this, in degrees; nor to drift less, in square degrees a second.
const MIN_NOISE_DEG: f64 = 0.05;
const MIN_DRIFT: f64 = 0.1;
/// The share of wild samples.
const WILD: f64 = 0.01;
/// Runs less probable than this are forgotten.
const NEGLIGIBLE: f64 = 1e-5;

impl RestFilter {
    /// Most rests that are thought possible at a time.
    pub const MAX_RUNS: usize = 256;

    /// A filter that has seen no sample.
    pub fn new(config: RestConfig) -> Self {
        RestFilter { config, runs: Vec::with_capacity(RestFilter::MAX_RUNS + 2), last_at: None }
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.runs.clear();
        self.last_at = None;
    }

    /// Takes a sample in degrees. `noise_deg` is the deviation of averages over a thirtieth of a second. Samples that are not finite
    /// or not later than the last one are ignored.
    pub fn push(&mut self, at: Timestamp, angle: [f64; 2], noise_deg: f64, glance: Glance) {
        if self.last_at.is_some_and(|last| at <= last) || !angle.iter().all(|a| a.is_finite()) {
            return;
        }
        let passed = self.last_at.replace(at).map_or(Duration::ZERO, |last| at.since(last));
        let (dt, config) = (passed.as_secs_f64(), self.config);
        let fast = noise_deg.max(MIN_NOISE_DEG).powi(2);
        let stands_for = dt.min(glance.period.as_secs_f64());
        let variance = fast * (NOISE_S / stands_for.max(1e-4)).max(1.0);
        let drift = MIN_DRIFT + config.slow_noise * fast;
        let likeliest = (0..self.runs.len()).max_by(|a, b| self.runs[*a].weight.total_cmp(&self.runs[*b].weight));
        let stays = (-config.saccade_rate * dt).exp();
        let mut before = None;
        for (index, run) in self.runs.iter_mut().enumerate() {
            run.place.advance(dt, drift);
            if Some(index) == likeliest {
                before = Some((index, *run));
            }
            run.weight *= stays * run.place.measure(angle, variance, WILD);
            run.observed += glance.observed.min(passed);
        }
        let mut new = Run {
            started_at: at,
            observed: Duration::ZERO,
            place: Place::new(angle, variance, config.pursuit_deg_s.powi(2)),
            corrected: false,
            weight: 1.0,
        };
        if let Some((index, run)) = before {
            let amplitude = config.saccade_deg.powi(2);
            new.weight = (1.0 - stays) * Place::new(run.place.angle(), amplitude, 0.0).density(angle, variance);
            if !run.corrected && run.observed < config.correction_within {
                let mut corrected = Run { corrected: true, ..self.runs[index] };
                corrected.place = run.place.widened(config.correction_deg.powi(2));
                let corrects = 1.0 - (-config.correction_rate * dt).exp();
                corrected.weight = run.weight * corrects * corrected.place.measure(angle, variance, 0.0);
                self.runs.insert(index + 1, corrected);
            }
        }
        self.runs.push(new);
        self.normalize();
    }

    /// The longest rest of which it is at least so probable that gaze has rested as long; `None` before the first sample.
    pub fn rested(&self, probability: f64) -> Option<Rest> {
        let mut sum = 0.0;
        let enough = |run: &&Run| {
            sum += run.weight;
            sum >= probability
        };
        let run = self.runs.iter().find(enough).or(self.runs.last())?;
        Some(Rest { started_at: run.started_at, observed: run.observed, place: run.place.angle() })
    }

    fn normalize(&mut self) {
        let total: f64 = self.runs.iter().map(|run| run.weight).sum();
        if total > 0.0 {
            self.runs.iter_mut().for_each(|run| run.weight /= total);
        }
        let newest = self.runs.last().map(|run| run.started_at);
        self.runs.retain(|run| run.weight > NEGLIGIBLE || Some(run.started_at) == newest);
        while self.runs.len() > RestFilter::MAX_RUNS {
            let least = (0..self.runs.len()).min_by(|a, b| self.runs[*a].weight.total_cmp(&self.runs[*b].weight));
            self.runs.remove(least.unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests;
