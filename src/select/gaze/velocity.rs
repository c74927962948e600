use std::collections::VecDeque;
use std::time::Duration;

use crate::geometry::Intrinsics;
use crate::select::GazeSample;
use crate::statistics;
use crate::time::Timestamp;

use super::FixationSpan;
use super::angles::{at_degrees, axis_degrees, distance};

/// Tuning of a [`VelocityDetector`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct VelocityConfig {
    /// Slower than this is rest, in degrees a second.
    pub velocity_deg_s: f64,
    /// And so is what is slower than this many times the median velocity of late: a noisy tracker, or a head that turns while
    /// the eyes hold on to an object, makes all of gaze fast (the adaptive threshold of Engbert and Kliegl, 2003, is likewise a
    /// multiple of the median).
    pub noise_gain: f64,
    /// Time over which that median is taken.
    pub noise_window: Duration,
    /// Time over which velocity is measured. It is the distance of the averages of its two halves, so that noise does not
    /// look like motion; a tracker with fewer samples is measured from one to the next.
    pub window: Duration,
    /// Longest silence or blink that is bridged.
    pub max_gap: Duration,
    /// Fixations nearer to each other than this, in degrees, and than `merge_gap` are one.
    pub merge_deg: f64,
    /// Longest time between two fixations that are one, see `merge_deg`.
    pub merge_gap: Duration,
    /// Shorter fixations are discarded.
    pub min_duration: Duration,
    /// Samples below this confidence count as not seen.
    pub min_confidence: f32,
}

impl Default for VelocityConfig {
    fn default() -> Self {
        VelocityConfig {
            velocity_deg_s: 30.0,
            noise_gain: 3.0,
            noise_window: Duration::from_secs(2),
            window: Duration::from_millis(30),
            max_gap: Duration::from_millis(75),
            merge_deg: 3.0,
            merge_gap: Duration::from_millis(100),
            min_duration: Duration::from_millis(100),
            min_confidence: 0.6,
        }
    }
}

/// Most samples in the window; a faster tracker is measured over the newest of them.
const WINDOW_SAMPLES: usize = 256;
/// Most velocities of which the median is taken.
const VELOCITIES: usize = 512;

/// Finds fixations by velocity threshold (I-VT; Salvucci and Goldberg, ETRA 2000), with the gap filling, merging and discarding
/// of Olsen's "The Tobii I-VT Fixation Filter" (2012). A fixation is given out when nothing that comes can change it.
#[derive(Clone, Debug)]
pub struct VelocityDetector {
    config: VelocityConfig,
    lens: Intrinsics,
    window: VecDeque<(Timestamp, [f64; 2])>,
    /// Velocities of late.
    velocities: VecDeque<(Timestamp, f64)>,
    sorted: Vec<f64>,
    growing: Option<Growing>,
    /// The last fixation, which the next may continue.
    last: Option<Growing>,
}

#[derive(Clone, Copy, Debug)]
struct Growing {
    from: Timestamp,
    to: Timestamp,
    sum: [f64; 2],
    count: u32,
}

impl Growing {
    fn mean(&self) -> [f64; 2] {
        self.sum.map(|s| s / f64::from(self.count.max(1)))
    }

    fn join(&mut self, later: &Growing) {
        self.to = later.to;
        self.sum = [self.sum[0] + later.sum[0], self.sum[1] + later.sum[1]];
        self.count += later.count;
    }
}

impl VelocityDetector {
    /// `intrinsics` are those of the frame that the samples' pixels belong to.
    pub fn new(config: VelocityConfig, intrinsics: Intrinsics) -> Self {
        VelocityDetector {
            config,
            lens: intrinsics,
            window: VecDeque::new(),
            velocities: VecDeque::new(),
            sorted: Vec::new(),
            growing: None,
            last: None,
        }
    }

    /// All fixations of a recording, whose samples are in the order of their time.
    pub fn detect(config: VelocityConfig, intrinsics: Intrinsics, samples: &[GazeSample]) -> Vec<FixationSpan> {
        let (mut detector, mut found) = (VelocityDetector::new(config, intrinsics), Vec::new());
        samples.iter().for_each(|sample| detector.push(*sample, &mut found));
        detector.finish(&mut found);
        found
    }

    /// Takes the next sample; appends the fixations that are complete. Samples that are not finite, not seen well or not later
    /// than the last one are as if they were missing.
    pub fn push(&mut self, sample: GazeSample, found: &mut Vec<FixationSpan>) {
        let angle = axis_degrees(&self.lens, sample.point);
        let seen = sample.confidence >= self.config.min_confidence && angle.iter().all(|a| a.is_finite());
        let last = self.window.back().map(|(at, _)| *at);
        if !seen || last.is_some_and(|last| sample.at <= last) {
            if last.is_some_and(|last| sample.at.since(last) > self.config.max_gap) {
                self.close(found);
                self.release(sample.at, found);
            }
            return;
        }
        if last.is_some_and(|last| sample.at.since(last) > self.config.max_gap) {
            self.close(found);
            self.window.clear();
        }
        self.release(sample.at, found);
        if self.window.len() == WINDOW_SAMPLES {
            self.window.pop_front();
        }
        self.window.push_back((sample.at, angle));
        // At least two samples remain, and three where the window has room for them.
        while self.window.len() > 2
            && self.window.front().is_some_and(|(at, _)| sample.at.since(*at) > self.config.window)
        {
            self.window.pop_front();
        }
        let velocity = self.velocity();
        if velocity > self.threshold(sample.at, velocity) {
            return self.close(found);
        }
        let one = Growing { from: sample.at, to: sample.at, sum: angle, count: 1 };
        match &mut self.growing {
            Some(growing) => growing.join(&one),
            None => self.growing = Some(one),
        }
    }

    /// Gives out what is left when no sample follows.
    pub fn finish(&mut self, found: &mut Vec<FixationSpan>) {
        self.close(found);
        let last = self.last.take();
        self.give(last, found);
        self.window.clear();
    }

    /// The velocity above which gaze travels, after `velocity` was measured.
    fn threshold(&mut self, at: Timestamp, velocity: f64) -> f64 {
        self.velocities.push_back((at, velocity));
        let old = |first: &(Timestamp, f64)| at.since(first.0) > self.config.noise_window;
        while self.velocities.len() > VELOCITIES || self.velocities.front().is_some_and(old) {
            self.velocities.pop_front();
        }
        self.sorted.clear();
        self.sorted.extend(self.velocities.iter().map(|(_, v)| *v));
        let median = statistics::median(&mut self.sorted, f64::total_cmp).unwrap_or_default();
        self.config.velocity_deg_s.max(self.config.noise_gain * median)
    }

    /// Degrees a second between the averages of the window's halves.
    fn velocity(&self) -> f64 {
        let count = self.window.len();
        if count < 2 {
            return 0.0;
        }
        let half = |from: usize, to: usize| {
            let n = (to - from) as f64;
            let part = || self.window.range(from..to);
            let origin = part().next().map_or(Timestamp::ZERO, |(at, _)| *at);
            let at = part().map(|(at, _)| at.signed_secs_since(origin)).sum::<f64>() / n;
            (origin, at, [0, 1].map(|i| part().map(|(_, angle)| angle[i]).sum::<f64>() / n))
        };
        let (a, b) = (half(0, count / 2), half(count - count / 2, count));
        let seconds = b.0.signed_secs_since(a.0) + b.1 - a.1;
        if seconds > 0.0 { distance(a.2, b.2) / seconds } else { 0.0 }
    }

    /// The fixation that grows is over.
    fn close(&mut self, found: &mut Vec<FixationSpan>) {
        let Some(ended) = self.growing.take() else { return };
        let continues = |last: &Growing| {
            ended.from.since(last.to) <= self.config.merge_gap
                && distance(last.mean(), ended.mean()) <= self.config.merge_deg
        };
        match &mut self.last {
            Some(last) if continues(last) => last.join(&ended),
            _ => {
                let last = self.last.replace(ended);
                self.give(last, found);
            }
        }
    }

    /// Gives the last fixation out if none can continue it any more.
    fn release(&mut self, now: Timestamp, found: &mut Vec<FixationSpan>) {
        if self.growing.is_none() && self.last.is_some_and(|last| now.since(last.to) > self.config.merge_gap) {
            let last = self.last.take();
            self.give(last, found);
        }
    }

    fn give(&self, fixation: Option<Growing>, found: &mut Vec<FixationSpan>) {
        let long_enough = |f: &Growing| f.to.since(f.from) >= self.config.min_duration;
        found.extend(fixation.filter(long_enough).map(|f| FixationSpan {
            started_at: f.from,
            ended_at: f.to,
            point: at_degrees(&self.lens, f.mean()),
        }));
    }
}
