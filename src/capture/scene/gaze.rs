//! Somebody who looks around in the scene: fixations on objects, saccades between them, blinks.

use super::Scene;
use super::random::{Random, hash, normal};
use super::render::Stage;
use super::vector::Vec3;
use crate::geometry::{Point, Size};
use crate::mask::{Border, DistanceTransform, Mask};
use crate::select::GazeSample;
use crate::time::Timestamp;

/// One rest of the gaze on an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fixation {
    /// Seconds from the stream's start.
    pub onset_s: f64,
    pub end_s: f64,
    /// Id of the object that is looked at.
    pub object: u8,
    anchor: Vec3,
}

/// A gaze trace: where somebody looks at each moment, and what they look at.
///
/// A fixation stays on one point of its object and follows it; the saccade to the next takes 21 ms and 2.2 ms a degree
/// (the main sequence, Bahill, Clark and Stark 1975) and has a minimum-jerk course. Every few seconds the eye blinks.
#[derive(Clone, Debug, Default)]
pub struct GazeTrace {
    fixations: Vec<Fixation>,
    seed: u64,
}

/// The plan covers so many seconds and then begins again.
const PLAN_S: f64 = 240.0;
/// Tremor and tracker noise of each axis, in degrees.
const NOISE_DEG: f32 = 0.3;
/// Blinks come about so often and last so long, in seconds.
const BLINK_EVERY: f64 = 4.3;
const BLINK: f64 = 0.15;
/// The plan looks at the scene in this width.
const PLAN_WIDTH: u32 = 160;

impl GazeTrace {
    /// Plans where to look in `scene`.
    pub(super) fn plan(scene: &Scene, seed: u64) -> Self {
        let mut random = Random::new(seed, 2);
        let size = scene.size();
        let small = Size::new(PLAN_WIDTH, (PLAN_WIDTH * size.height / size.width).max(1));
        let mut planner = Planner { scene, small, ids: Vec::new(), mask: Mask::default(), depth: DistanceTransform::default() };
        let mut fixations = Vec::new();
        let (mut now, mut last) = (0.0, 0u8);
        while now < PLAN_S {
            let glance = random.chance(0.3);
            let lasts = if glance { random.range(0.25, 0.5) } else { random.range(1.0, 2.2) } as f64;
            if let Some((object, anchor)) = planner.target(now, last, &mut random) {
                fixations.push(Fixation { onset_s: now, end_s: now + lasts, object, anchor });
                last = object;
            }
            now += lasts + 0.05;
        }
        GazeTrace { fixations, seed }
    }

    /// The fixations of the plan, in the order of their time.
    pub fn fixations(&self) -> &[Fixation] {
        &self.fixations
    }

    /// The object that is looked at, `None` while gaze travels.
    pub fn target(&self, time_s: f64) -> Option<u8> {
        let time_s = time_s.rem_euclid(PLAN_S);
        self.current(time_s).filter(|f| time_s < f.end_s).map(|f| f.object)
    }

    /// The last fixation that has begun.
    fn current(&self, planned_s: f64) -> Option<&Fixation> {
        let after = self.fixations.partition_point(|f| f.onset_s <= planned_s);
        self.fixations[..after].last()
    }

    /// What an eye tracker measures at `time_s`; the sample's time counts from the stream's start.
    pub(super) fn sample(&self, scene: &Scene, time_s: f64) -> GazeSample {
        let planned_s = time_s.rem_euclid(PLAN_S);
        let stage = scene.stage(time_s, scene.size());
        let at = Timestamp::from_secs_f64(time_s);
        let middle = Point::new(scene.size().width as f32 / 2.0, scene.size().height as f32 / 2.0);
        let place = |f: &Fixation| stage.project(usize::from(f.object) - 1, f.anchor);
        let after = self.fixations.partition_point(|f| f.onset_s <= planned_s);
        let current = self.fixations[..after].last();
        let here = current.map_or(middle, place);
        let point = match (current, self.fixations.get(after)) {
            (Some(current), Some(next)) if planned_s >= current.end_s => {
                let there = place(next);
                let share = ((planned_s - current.end_s) / self.saccade_s(scene, here, there)).min(1.0) as f32;
                let course = share * share * share * (10.0 + share * (6.0 * share - 15.0));
                Point::new(here.x + course * (there.x - here.x), here.y + course * (there.y - here.y))
            }
            _ => here,
        };
        let pixels = NOISE_DEG.to_radians() * scene.intrinsics().fx;
        let draw = |axis: u64| normal(hash(self.seed ^ hash((time_s * 1e4) as u64 * 2 + axis))) * pixels;
        let point = Point::new(point.x + draw(0), point.y + draw(1));
        let blinking = time_s.rem_euclid(BLINK_EVERY) < BLINK && time_s > 1.0;
        GazeSample { at, point, confidence: if blinking { 0.0 } else { 0.95 } }
    }

    fn saccade_s(&self, scene: &Scene, from: Point, to: Point) -> f64 {
        (0.021 + 0.0022 * scene.intrinsics().angle_deg(from, to) as f64).min(0.05)
    }
}

struct Planner<'a> {
    scene: &'a Scene,
    small: Size,
    ids: Vec<u8>,
    mask: Mask,
    depth: DistanceTransform,
}

impl Planner<'_> {
    /// An object that is well visible at `time_s`, not the last one if there is another, and the point of it that lies
    /// deepest in what is seen of it.
    fn target(&mut self, time_s: f64, last: u8, random: &mut Random) -> Option<(u8, Vec3)> {
        let stage: Stage = self.scene.stage(time_s, self.small);
        stage.ids(&mut self.ids);
        let mut counts = [0usize; 256];
        for id in &self.ids {
            counts[usize::from(*id)] += 1;
        }
        let least = self.small.area() / 120;
        let mut visible: Vec<u8> = (1..=255).filter(|id| counts[usize::from(*id)] >= least).collect();
        if visible.len() > 1 {
            visible.retain(|id| *id != last);
        }
        let object = *visible.get(random.below(visible.len()))?;
        self.mask.reset(self.small);
        for (out, id) in self.mask.data_mut().iter_mut().zip(&self.ids) {
            *out = (*id == object) as u8;
        }
        self.depth.compute(&self.mask, Border::Background);
        let (point, _) = self.depth.peak()?;
        let seen = stage.look(point)?;
        (seen.body + 1 == usize::from(object)).then(|| (object, stage.anchor(point, &seen)))
    }
}
