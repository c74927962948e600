use std::collections::VecDeque;

use glam::Vec3;

use super::map::{Map, project, unproject};
use crate::geometry::Point;
use crate::scene::random::{Random, hash, normal, unit};
use crate::scene::{Scene, probe_size, view};
use crate::select::GazeSample;
use crate::time::Timestamp;

/// Fixations kept; times before the oldest of them are answered by it.
const KEPT: usize = 1024;
/// Moments of a fixation at which its point is checked to lie on the object.
const CHECKS: usize = 3;
/// Clearance that satisfies, in pixels of the small id map.
const CLEAR: u16 = 3;
/// Time between two unrelated measuring errors, in seconds: the rate of the simulated eye tracker.
const SAMPLE_S: f64 = 1.0 / 120.0;
/// Deviation of slow drift and of measuring error, in degrees.
const DRIFT_DEG: f32 = 0.3;
const ERROR_DEG: f32 = 0.15;
/// Mean time between blinks, in seconds.
const BLINK_EVERY_S: f64 = 4.5;

/// A while in which the eye rests on one object, following it if it moves.
#[derive(Clone, Debug, PartialEq)]
pub struct Fixation {
    /// The object looked at, as in [`crate::scene::ObjectInfo`].
    pub object: u8,
    /// Seconds since the stream's start.
    pub onset_s: f64,
    /// The same, when the eye leaves.
    pub end_s: f64,
    /// The point looked at, in metres from the object's place in the world's axes.
    anchor: Vec3,
}

/// The gaze of a user who looks at the objects of a scene: fixations with drift, pursuit of moving objects, ballistic
/// saccades and blinks. Deterministic, and planned only as far as it is asked for.
#[derive(Debug)]
pub struct GazeTrace {
    scene: Scene,
    small: Scene,
    random: Random,
    fixations: VecDeque<Fixation>,
    maps: [Map; CHECKS],
}

impl GazeTrace {
    /// The gaze of a user who looks at one object after another while `scene` runs; the same for every call.
    pub fn new(scene: &Scene) -> Self {
        let small = scene.resized(probe_size(scene.size()));
        let random = Random::new(scene.seed(), 90);
        GazeTrace { scene: scene.clone(), small, random, fixations: VecDeque::new(), maps: Default::default() }
    }

    /// Where the user looks, as an eye tracker measures it. Times, here and in the sample, are seconds since the
    /// stream's start; during a blink the confidence is 0.
    pub fn sample(&mut self, time_s: f64) -> GazeSample {
        let time = valid(time_s);
        let look = self.true_point(time);
        let error = self.error(time, look);
        let point = Point::new(look.x + error.x, look.y + error.y);
        let confidence = if self.blinks(time) { 0.0 } else { 0.9 + 0.1 * unit(self.bits(time, SAMPLE_S, 3)) };
        GazeSample { at: Timestamp::from_secs_f64(time), point, confidence }
    }

    /// The object fixated at a time, in seconds since the stream's start; none during a saccade.
    pub fn target(&mut self, time_s: f64) -> Option<u8> {
        let time = valid(time_s);
        let at = self.fixation_at(time);
        let fixation = self.fixations.get(at)?;
        (time <= fixation.end_s).then_some(fixation.object)
    }

    /// The fixations that begin before a time, oldest first; at most the last 1024.
    pub fn fixations(&mut self, until_s: f64) -> impl Iterator<Item = &Fixation> {
        let count = self.fixation_at(valid(until_s)) + 1;
        self.fixations.iter().take(count)
    }

    /// Where the eye points, without drift and measuring error.
    pub(super) fn true_point(&mut self, time: f64) -> Point {
        let at = self.fixation_at(time);
        let Some(from) = self.fixations.get(at) else { return Point::default() };
        if time <= from.end_s {
            return self.project(from, time);
        }
        let Some(to) = self.fixations.get(at + 1) else { return self.project(from, from.end_s) };
        // A minimum-jerk movement (Flash and Hogan 1985): its speed is a single bell, as a saccade's is.
        let t = ((time - from.end_s) / (to.onset_s - from.end_s)) as f32;
        let share = t * t * t * (10.0 + t * (6.0 * t - 15.0));
        let (a, b) = (self.project(from, from.end_s), self.project(to, to.onset_s));
        Point::new(a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share)
    }

    fn project(&self, fixation: &Fixation, time: f64) -> Point {
        project(&self.scene, fixation.object, fixation.anchor, time)
    }

    /// Index of the last fixation that begins at or before `time`, which with its successor is planned first.
    fn fixation_at(&mut self, time: f64) -> usize {
        while self.fixations.back().is_none_or(|last| last.onset_s <= time) {
            let Some(next) = self.plan() else { return 0 };
            if self.fixations.len() == KEPT {
                self.fixations.pop_front();
            }
            self.fixations.push_back(next);
        }
        self.fixations.partition_point(|f| f.onset_s <= time).saturating_sub(1)
    }

    /// The next fixation: an object other than the last, and a point of it that stays well inside its visible part.
    fn plan(&mut self) -> Option<Fixation> {
        let duration = if self.random.chance(0.85) { self.random.range(0.9, 1.5) } else { self.random.range(0.4, 0.9) };
        let last = self.fixations.back().cloned();
        let earliest = last.as_ref().map_or(0.0, |last| last.end_s);
        let times: [f64; CHECKS] =
            std::array::from_fn(|i| earliest + 0.05 + duration as f64 * i as f64 / (CHECKS - 1) as f64);
        for (map, time) in self.maps.iter_mut().zip(times) {
            map.draw(&self.small, time);
        }

        let avoided = last.as_ref().map(|l| l.object);
        let mut objects: Vec<u8> = (1..=self.scene.objects().len() as u8).filter(|&o| Some(o) != avoided).collect();
        self.random.shuffle(&mut objects);
        // Motion draws the eye.
        let bodies = &self.scene.shared.world.bodies;
        if self.random.chance(0.4) {
            objects.sort_by_key(|&object| !bodies[object as usize].moves());
        }
        objects.extend(avoided);
        let mut best: Option<(u16, u8, Vec3)> = None;
        for object in objects {
            if let Some((clearance, anchor)) = self.point_on(object, times) {
                if best.is_none_or(|(most, ..)| clearance > most) {
                    best = Some((clearance, object, anchor));
                }
                if clearance >= CLEAR {
                    break;
                }
            }
        }
        let (_, object, anchor) = best?;
        let onset_s = match &last {
            None => 0.0,
            Some(last) => {
                let from = self.project(last, last.end_s);
                let to = project(&self.scene, object, anchor, times[0]);
                let amplitude = self.scene.intrinsics().angle_deg(from, to) as f64;
                // The main sequence (Bahill, Clark and Stark 1975): duration grows linearly with amplitude.
                last.end_s + (0.021 + 0.0022 * amplitude).clamp(0.03, 0.08)
            }
        };
        Some(Fixation { object, onset_s, end_s: onset_s + duration as f64, anchor })
    }

    /// A point of `object` that keeps clear of its outline at all `times`, with its clearance.
    fn point_on(&mut self, object: u8, times: [f64; CHECKS]) -> Option<(u16, Vec3)> {
        let [first, later @ ..] = &self.maps;
        let size = self.small.size();
        let world = &self.small.shared.world;
        let most = first.ids.iter().zip(&first.clearance).filter(|(id, _)| **id == object).map(|(_, c)| *c).max()?;
        let fair: Vec<usize> =
            (0..first.ids.len()).filter(|&i| first.ids[i] == object && first.clearance[i] * 3 >= most * 2).collect();
        let mut best: Option<(u16, Vec3)> = None;
        for _ in 0..8 {
            let &pixel = fair.get(self.random.below(fair.len()))?;
            let (x, y) = (pixel % size.width as usize, pixel / size.width as usize);
            let (lens, depth) = (self.small.intrinsics(), first.depth[pixel]);
            let place = world.bodies[object as usize].place(times[0]);
            let anchor = unproject(lens, x, y, depth, &view(world, size, times[0]).pose) - place;
            let clearance = later.iter().zip(&times[1..]).map(|(map, &time)| {
                let point = project(&self.small, object, anchor, time);
                if point.x < 0.0 || point.y < 0.0 || !size.contains(point) {
                    return 0;
                }
                let at = (point.y as usize).min(size.height as usize - 1) * size.width as usize
                    + (point.x as usize).min(size.width as usize - 1);
                if map.ids[at] == object { map.clearance[at] } else { 0 }
            });
            let clearance = clearance.fold(first.clearance[pixel], u16::min);
            if best.is_none_or(|(most, _)| clearance > most) {
                best = Some((clearance, anchor));
            }
        }
        best
    }

    /// Drift and measuring error in pixels.
    fn error(&self, time: f64, look: Point) -> Point {
        let lens = self.scene.intrinsics();
        // A degree is longer on the image away from its middle.
        let stretch = 1.0 + ((look.x - lens.cx) / lens.fx).powi(2).min(1.0);
        let degree = (lens.fx * stretch).to_radians();
        let axis = |stream: u64| {
            let error = normal(self.bits(time, SAMPLE_S, stream)).clamp(-2.5, 2.5) * ERROR_DEG;
            let step = 0.4;
            let t = ((time / step).fract()) as f32;
            let knot = |ahead: f64| normal(self.bits(time + ahead * step, step, stream + 10)).clamp(-1.8, 1.8);
            let drift = (knot(0.0) + (knot(1.0) - knot(0.0)) * t * t * (3.0 - 2.0 * t)) * DRIFT_DEG;
            (error + drift) * degree
        };
        Point::new(axis(1), axis(2))
    }

    fn blinks(&self, time: f64) -> bool {
        let bits = self.bits(time, BLINK_EVERY_S, 4);
        let begin = 0.3 + (BLINK_EVERY_S - 0.8) * unit(bits) as f64;
        let length = 0.09 + 0.11 * unit(hash(bits)) as f64;
        let within = time % BLINK_EVERY_S;
        within >= begin && within < begin + length && !bits.is_multiple_of(5)
    }

    /// Random bits that stay the same for `step` seconds.
    fn bits(&self, time: f64, step: f64, stream: u64) -> u64 {
        hash(self.scene.seed() ^ hash((time / step) as u64 ^ stream << 56))
    }
}

fn valid(time_s: f64) -> f64 {
    if time_s.is_finite() { time_s.max(0.0) } else { 0.0 }
}
