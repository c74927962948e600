use std::collections::VecDeque;
use std::time::Duration;

use crate::geometry::{Intrinsics, Point};
use crate::time::Timestamp;

use super::{OneEuroConfig, OneEuroFilter};

/// Most samples in the window; a faster tracker is judged over the newest of them.
const WINDOW_SAMPLES: usize = 512;

/// Tuning of a [`FixationDetector`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixationConfig {
    /// Time over which dispersion is measured.
    pub window: Duration,
    /// Largest dispersion of a window in which gaze rests, in degrees.
    pub dispersion_deg: f64,
    /// A fixation that has begun ends only above this many times `dispersion_deg`.
    pub hysteresis: f64,
    pub filter: OneEuroConfig,
}

impl Default for FixationConfig {
    fn default() -> Self {
        FixationConfig {
            window: Duration::from_millis(150),
            dispersion_deg: 1.0,
            hysteresis: 1.4,
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

/// Tells gaze at rest from gaze in motion: identification by dispersion threshold (I-DT, Salvucci and Goldberg, ETRA
/// 2000), with three deviations.
///
/// 1. Dispersion is measured over the last window rather than over the whole fixation, so that gaze may follow an object
///    that moves slowly (smooth pursuit, up to about 8 degrees a second with the defaults).
/// 2. Dispersion is twice the root mean square angle from the window's mean, rather than the sum of the ranges of x and y: it
///    equals a range for gaze that wanders, but does not grow with the tracker's rate and noise.
/// 3. Samples pass a [`OneEuroFilter`] first, which tolerates trackers with half a degree of noise.
///
/// Angles are those of the axes, `atan((x - cx) / fx)`: exact along the axes, and near enough anywhere over the few degrees
/// that matter here.
#[derive(Clone, Debug)]
pub struct FixationDetector {
    config: FixationConfig,
    intrinsics: Intrinsics,
    filter: OneEuroFilter,
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
    pub fn new(config: FixationConfig, intrinsics: Intrinsics) -> Self {
        FixationDetector {
            config,
            intrinsics,
            filter: OneEuroFilter::new(config.filter),
            window: VecDeque::with_capacity(WINDOW_SAMPLES),
            started_at: None,
            sorted: Vec::with_capacity(WINDOW_SAMPLES),
        }
    }

    /// Forgets the past, as after a blink: the samples before it say nothing of where gaze is now.
    pub fn reset(&mut self) {
        self.filter.reset();
        self.window.clear();
        self.started_at = None;
    }

    /// Takes a sample and tells whether gaze rests. Samples that are not finite or not later than the last one are ignored.
    pub fn push(&mut self, at: Timestamp, point: Point) -> Option<Fixation> {
        let raw_angle = self.angles(point);
        let newer = self.window.back().is_none_or(|last| at > last.at);
        if !newer || !raw_angle.iter().all(|a| a.is_finite()) {
            return self.fixation();
        }
        let angle = self.filter.filter(at, raw_angle);
        if self.window.len() == WINDOW_SAMPLES {
            self.window.pop_front();
        }
        self.window.push_back(Entry { at, raw: point, angle });
        // The oldest sample kept is the last one at least a whole window old, so that the span never falls short.
        while self.window.get(1).is_some_and(|second| at.since(second.at) >= self.config.window) {
            self.window.pop_front();
        }
        let limit = match self.started_at {
            Some(_) => self.config.dispersion_deg * self.config.hysteresis,
            None => self.config.dispersion_deg,
        };
        let first = self.window.front().map_or(at, |e| e.at);
        if self.dispersion() > limit {
            self.started_at = None;
        } else if !self.refilling() && self.started_at.is_none() {
            self.started_at = Some(first);
        }
        self.fixation()
    }

    /// True while the samples since the last reset span less than a window.
    pub fn refilling(&self) -> bool {
        self.span() < self.config.window && self.window.len() < WINDOW_SAMPLES
    }

    fn span(&self) -> Duration {
        match (self.window.front(), self.window.back()) {
            (Some(first), Some(last)) => last.at.since(first.at),
            _ => Duration::ZERO,
        }
    }

    /// Angle between two points of the frame, in degrees.
    pub fn angle_between(&self, a: Point, b: Point) -> f64 {
        let (a, b) = (self.angles(a), self.angles(b));
        (a[0] - b[0]).hypot(a[1] - b[1])
    }

    /// The newest sample after filtering, in frame pixels.
    pub fn filtered(&self) -> Option<Point> {
        let k = self.intrinsics;
        self.window.back().map(|e| {
            let along = |angle: f64, f: f32, c: f32| (angle.to_radians().tan() * f as f64 + c as f64) as f32;
            Point::new(along(e.angle[0], k.fx, k.cx), along(e.angle[1], k.fy, k.cy))
        })
    }

    fn angles(&self, p: Point) -> [f64; 2] {
        let k = self.intrinsics;
        let angle = |v: f32, c: f32, f: f32| ((v as f64 - c as f64) / f as f64).atan().to_degrees();
        // Infinity has an angle but is no place on a frame.
        if !p.is_finite() {
            return [f64::NAN; 2];
        }
        [angle(p.x, k.cx, k.fx), angle(p.y, k.cy, k.fy)]
    }

    fn dispersion(&self) -> f64 {
        let n = self.window.len().max(1) as f64;
        let mean = [0, 1].map(|i| self.window.iter().map(|e| e.angle[i]).sum::<f64>() / n);
        let square = |e: &Entry| (e.angle[0] - mean[0]).powi(2) + (e.angle[1] - mean[1]).powi(2);
        2.0 * (self.window.iter().map(square).sum::<f64>() / n).sqrt()
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
        let middle = self.sorted.len() / 2;
        match self.sorted.is_empty() {
            true => 0.0,
            false => *self.sorted.select_nth_unstable_by(middle, f32::total_cmp).1,
        }
    }
}
