use std::collections::VecDeque;
use std::time::Duration;

use crate::geometry::{Intrinsics, Point};
use crate::select::GazeSample;
use crate::statistics;
use crate::time::Timestamp;

use super::angles::{axis_degrees, squared_distance};
use super::{FixationSpan, NoiseEstimate, OneEuroConfig, OneEuroFilter};

/// Most samples in the window; a faster tracker is judged over the newest of them.
const WINDOW_SAMPLES: usize = 512;

/// Tuning of a [`FixationDetector`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FixationConfig {
    /// Time over which dispersion is measured.
    pub window: Duration,
    /// Largest dispersion of a window in which gaze rests, in degrees.
    pub dispersion_deg: f64,
    /// A fixation that has begun ends only above this many times `dispersion_deg`.
    pub hysteresis: f64,
    /// By how much the tracker's measured noise widens both: this many of its deviations are added to the dispersion, as
    /// unrelated errors add.
    pub noise_gain: f64,
    /// How samples are smoothed first.
    pub filter: OneEuroConfig,
}

impl Default for FixationConfig {
    fn default() -> Self {
        FixationConfig {
            window: Duration::from_millis(150),
            dispersion_deg: 1.0,
            hysteresis: 1.4,
            noise_gain: 2.5,
            filter: OneEuroConfig::default(),
        }
    }
}

/// Gaze at rest, as of the newest sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fixation {
    /// The first sample of the window in which gaze came to rest.
    pub started_at: Timestamp,
    /// Middle of the last window's sample times, the moment that `point` belongs to.
    pub centered_at: Timestamp,
    /// Median of the last window's unfiltered samples, in frame pixels.
    pub point: Point,
}

impl Fixation {
    fn until(self, ended_at: Timestamp) -> FixationSpan {
        FixationSpan { started_at: self.started_at, ended_at, point: self.point }
    }
}

/// Tells gaze at rest from gaze in motion: identification by dispersion threshold (I-DT, Salvucci and Goldberg, ETRA
/// 2000), with three deviations.
///
/// 1. Dispersion is measured over the last window rather than over the whole fixation, so that gaze may follow an object
///    that moves slowly (smooth pursuit, up to about 8 degrees a second with the defaults).
/// 2. Dispersion is twice the root mean square angle from the window's mean, rather than the sum of the ranges of x and y: it
///    equals a range for gaze that wanders, but does not grow with the tracker's rate and noise.
/// 3. Samples pass a [`OneEuroFilter`] first, and the limit grows with the noise that is left ([`NoiseEstimate`]), so that a
///    tracker with one and a half degrees of noise still sees gaze rest.
///
/// Angles are those of the axes, `atan((x - cx) / fx)`: exact along the axes, and near enough anywhere over the few degrees
/// that matter here.
#[derive(Clone, Debug)]
pub struct FixationDetector {
    config: FixationConfig,
    intrinsics: Intrinsics,
    filter: OneEuroFilter,
    noise: NoiseEstimate,
    window: VecDeque<Entry>,
    started_at: Option<Timestamp>,
    /// Scratch of the median.
    sorted: Vec<f32>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Timestamp,
    raw: Point,
    /// Filtered, in degrees from the optical axis.
    angle: [f64; 2],
}

impl FixationDetector {
    /// A detector for gaze in the frames of a camera with these intrinsics.
    pub fn new(config: FixationConfig, intrinsics: Intrinsics) -> Self {
        FixationDetector {
            config,
            intrinsics,
            filter: OneEuroFilter::new(config.filter),
            noise: NoiseEstimate::default(),
            window: VecDeque::with_capacity(WINDOW_SAMPLES),
            started_at: None,
            sorted: Vec::with_capacity(WINDOW_SAMPLES),
        }
    }

    /// All fixations of a recording, whose samples are in the order of their time. Samples below `min_confidence` and silences
    /// above `max_gap` end a fixation.
    pub fn detect(
        config: FixationConfig,
        intrinsics: Intrinsics,
        samples: &[GazeSample],
        (min_confidence, max_gap): (f32, Duration),
    ) -> Vec<FixationSpan> {
        let mut detector = FixationDetector::new(config, intrinsics);
        let (mut found, mut open, mut last): (Vec<FixationSpan>, Option<Fixation>, _) = (Vec::new(), None, None);
        for sample in samples.iter().filter(|s| s.confidence >= min_confidence && s.point.is_finite()) {
            let broken = last.is_some_and(|last| sample.at.since(last) > max_gap);
            if broken {
                detector.reset();
            }
            let rest = detector.push(sample.at, sample.point);
            let same = |f: &Fixation| rest.is_some_and(|r| r.started_at == f.started_at);
            if let (Some(ended), Some(last)) = (open.filter(|f| broken || !same(f)), last) {
                found.push(ended.until(last));
            }
            open = rest;
            last = Some(sample.at);
        }
        if let (Some(ended), Some(last)) = (open, last) {
            found.push(ended.until(last));
        }
        found
    }

    /// Forgets the past, as after a blink: the samples before it say nothing of where gaze is now.
    pub fn reset(&mut self) {
        self.filter.reset();
        self.noise.interrupt();
        self.window.clear();
        self.started_at = None;
    }

    /// Takes a sample and says whether gaze rests. Samples that are not finite or not later than the last one are ignored.
    pub fn push(&mut self, at: Timestamp, point: Point) -> Option<Fixation> {
        let raw_angle = self.angles(point);
        let newer = self.window.back().is_none_or(|last| at > last.at);
        if !newer || !raw_angle.iter().all(|a| a.is_finite()) {
            return self.fixation();
        }
        self.noise.push(at, raw_angle);
        let angle = self.filter.filter(at, raw_angle);
        if self.window.len() == WINDOW_SAMPLES {
            self.window.pop_front();
        }
        self.window.push_back(Entry { at, raw: point, angle });
        // The oldest sample kept is the last one at least a whole window old, so that the span never falls short.
        while self.window.get(1).is_some_and(|second| at.since(second.at) >= self.config.window) {
            self.window.pop_front();
        }
        let hysteresis = if self.started_at.is_some() { self.config.hysteresis } else { 1.0 };
        let limit = self.config.dispersion_deg.hypot(self.config.noise_gain * self.noise_deg()) * hysteresis;
        let first = self.window.front().map_or(at, |e| e.at);
        if self.dispersion() > limit {
            self.started_at = None;
        } else if self.is_full() && self.started_at.is_none() {
            self.started_at = Some(first);
        }
        self.fixation()
    }

    fn is_full(&self) -> bool {
        self.span() >= self.config.window || self.window.len() == WINDOW_SAMPLES
    }

    fn span(&self) -> Duration {
        match (self.window.front(), self.window.back()) {
            (Some(first), Some(last)) => last.at.since(first.at),
            _ => Duration::ZERO,
        }
    }

    /// The tracker's noise as measured so far, see [`NoiseEstimate`]; 0 while too little was seen.
    pub fn noise_deg(&self) -> f64 {
        self.noise.deviation_deg().unwrap_or(0.0)
    }

    fn angles(&self, p: Point) -> [f64; 2] {
        axis_degrees(&self.intrinsics, p)
    }

    fn dispersion(&self) -> f64 {
        let n = self.window.len().max(1) as f64;
        let mean = [0, 1].map(|i| self.window.iter().map(|e| e.angle[i]).sum::<f64>() / n);
        2.0 * (self.window.iter().map(|e| squared_distance(e.angle, mean)).sum::<f64>() / n).sqrt()
    }

    fn fixation(&mut self) -> Option<Fixation> {
        let started_at = self.started_at?;
        let (first, last) = (self.window.front()?.at, self.window.back()?.at);
        let point = Point::new(self.median(|p| p.x), self.median(|p| p.y));
        Some(Fixation { started_at, centered_at: first + last.since(first) / 2, point })
    }

    fn median(&mut self, coordinate: impl Fn(Point) -> f32) -> f32 {
        self.sorted.clear();
        self.sorted.extend(self.window.iter().map(|e| coordinate(e.raw)));
        statistics::median(&mut self.sorted, f32::total_cmp).unwrap_or_default()
    }
}
