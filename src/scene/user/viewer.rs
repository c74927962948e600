use glam::Vec3;

use super::map::{Map, project, unproject};
use crate::geometry::{Intrinsics, Point};
use crate::scene::random::{Random, normal};
use crate::scene::{Scene, probe_size, view};

/// Median and logarithmic deviation of fixations in free viewing, in seconds: a mean of 0.3 s, most from 0.15 to 0.6 s and
/// some longer, as in scene viewing (Henderson 2003; Rayner 2009).
const FIXATION_MEDIAN_S: f64 = 0.28;
const FIXATION_SPREAD: f64 = 0.42;
/// Share of fixations in free viewing that fall on objects; the others fall on what lies around them.
const ON_OBJECTS: f32 = 0.6;
/// Looking around goes on to a place at least so far away, in degrees: smaller saccades are rare in scene viewing (Tatler and
/// Vincent 2008).
const MIN_DEG: f32 = 1.0;
/// From an instruction, or from what it set out for, to the next saccade: seconds.
const LATENCY_S: [f32; 2] = [0.18, 0.30];
/// While somebody keeps looking at one object, gaze goes on to another point of it after so many seconds.
const REFIXATION_S: [f32; 2] = [1.0, 2.0];
/// Saccades fall short by this share and scatter by that, and are corrected after so many seconds (Becker 1991).
const UNDERSHOOT: f32 = 0.06;
const SCATTER: f32 = 0.04;
const CORRECTION_S: [f32; 2] = [0.13, 0.20];
/// Aim of a correction, and drift of the resting eye, in degrees and degrees per square root of a second; and how often a
/// microsaccade brings it back, per second (Rolfs 2009).
const AIM_DEG: f32 = 0.12;
const DRIFT_DEG: f64 = 0.18;
const MICROSACCADES: f64 = 1.2;
/// Mean time between blinks and their length, in seconds (Bentivoglio et al. 1997; Caffier et al. 2003).
const BLINK_EVERY_S: f64 = 4.0;
const BLINK_S: [f32; 2] = [0.10, 0.30];
/// Gaze rests on what it was sent for when it is at most so far from the point aimed at, in degrees.
const ARRIVED_DEG: f64 = 2.0;
/// Steps in which time goes on.
const STEP_S: f64 = 0.001;

/// What a user who watches a scene is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewingTask {
    /// Looks around.
    FreeViewing,
    /// Looks at this object until it gets another task.
    LookAt(u8),
}

/// The eyes of a simulated user, at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eyes {
    /// Where they point, in frame pixels.
    pub point: Point,
    /// What they rest on: an object, or 0 for none; `None` during a saccade.
    pub on: Option<u8>,
    /// How far the lids are closed: 0 open, 1 closed.
    pub closed: f32,
}

/// A user who watches a scene: looks around in it or at one object, with saccades of realistic speed and error, drift,
/// microsaccades and blinks. Deterministic by seed; time only goes forward, so that what the user does next may depend on
/// what happened.
#[derive(Debug)]
pub struct Viewer {
    scene: Scene,
    small: Scene,
    map: Map,
    random: Random,
    task: ViewingTask,
    now: f64,
    rest: Rest,
    flight: Option<Flight>,
    /// Off from the point looked at, in degrees.
    off: [f64; 2],
    corrected_at: f64,
    blink: [f64; 2],
    /// When gaze first rested on what the intent says.
    arrived_at: Option<f64>,
    /// Rests that are over: object, beginning, end.
    rests: Vec<(u8, f64, f64)>,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    object: u8,
    anchor: Vec3,
    since: f64,
    until: f64,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    begins: f64,
    ends: f64,
    from: Point,
    to: Rest,
    lands_off: [f64; 2],
    /// It only brings the eye nearer to where it rests already.
    corrects: bool,
}

impl Viewer {
    /// A user who begins to look around at `start_s` seconds of the scene's time.
    pub fn new(scene: &Scene, seed: u64, start_s: f64) -> Viewer {
        let mut random = Random::new(seed, 91);
        let rest = Rest { object: 0, anchor: Vec3::ZERO, since: start_s, until: start_s };
        let first_blink = start_s + random.range(0.5, 6.0) as f64;
        let mut viewer = Viewer {
            scene: scene.clone(),
            small: scene.resized(probe_size(scene.size())),
            map: Map::default(),
            random,
            task: ViewingTask::FreeViewing,
            now: start_s,
            rest,
            flight: None,
            off: [0.0; 2],
            corrected_at: f64::INFINITY,
            blink: [first_blink, first_blink + 0.2],
            arrived_at: None,
            rests: Vec::new(),
        };
        if let Some(rest) = viewer.next_rest(start_s) {
            viewer.rest = rest;
        }
        viewer
    }

    /// The objects that are seen well enough now to be looked at: those with a part of some width.
    pub fn visible(&mut self) -> Vec<u8> {
        self.map.draw(&self.small, self.now);
        (1..=self.scene.objects().len() as u8).filter(|&object| self.map.widest(object) >= 3).collect()
    }

    /// From now on the user does this.
    pub fn set_task(&mut self, task: ViewingTask) {
        if task == self.task {
            return;
        }
        self.task = task;
        self.arrived_at = None;
        let latency = self.random.range(LATENCY_S[0], LATENCY_S[1]) as f64;
        self.rest.until = match task {
            ViewingTask::LookAt(_) => self.now + latency,
            // A fixation that was meant to last goes on for the time that it takes to decide.
            ViewingTask::FreeViewing => self.rest.until.min(self.now + latency),
        };
    }

    /// What the user does now.
    pub fn task(&self) -> ViewingTask {
        self.task
    }

    /// Seconds of the scene's time when gaze first rested on what the user is to look at; `None` before.
    pub fn arrived_at(&self) -> Option<f64> {
        self.arrived_at
    }

    /// What gaze rests on now and for how long, in seconds; `None` during a saccade.
    pub fn resting(&self) -> Option<(u8, f64)> {
        self.flight.is_none().then_some((self.rest.object, self.now - self.rest.since))
    }

    /// Rests that are over, since the last call: object (0 for none), beginning and end in seconds.
    pub fn take_rests(&mut self) -> Vec<(u8, f64, f64)> {
        std::mem::take(&mut self.rests)
    }

    /// The eyes at `time_s`, seconds of the scene's time, not before the last call.
    pub fn at(&mut self, time_s: f64) -> Eyes {
        while self.now + STEP_S <= time_s {
            self.step();
        }
        let lens = self.scene.intrinsics();
        let (looked_at, on) = match &self.flight {
            Some(flight) => {
                // A minimum-jerk movement (Flash and Hogan 1985): its speed is a single bell, as a saccade's is.
                let t = ((self.now - flight.begins) / (flight.ends - flight.begins)).clamp(0.0, 1.0) as f32;
                let share = t * t * t * (10.0 + t * (6.0 * t - 15.0));
                let to = shifted(&lens, self.place(&flight.to, flight.ends), flight.lands_off);
                let from = flight.from;
                (Point::new(from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share), None)
            }
            None => (shifted(&lens, self.place(&self.rest, self.now), self.off), Some(self.rest.object)),
        };
        Eyes { point: looked_at, on, closed: self.closed() }
    }

    fn step(&mut self) {
        self.now += STEP_S;
        if self.now > self.blink[1] {
            let pause = -BLINK_EVERY_S * (1.0 - self.random.unit() as f64).max(1e-6).ln();
            let begins = self.now + 0.3 + pause;
            self.blink = [begins, begins + self.random.range(BLINK_S[0], BLINK_S[1]) as f64];
        }
        if let Some(flight) = self.flight {
            if self.now >= flight.ends {
                self.land(flight);
            }
            return;
        }
        let walk = DRIFT_DEG * STEP_S.sqrt();
        let microsaccade = self.random.chance((MICROSACCADES * STEP_S) as f32);
        if microsaccade || self.now >= self.corrected_at {
            self.correct();
        } else {
            self.off = self.off.map(|o| o + walk * normal(self.random.next_u64()) as f64);
        }
        if self.now >= self.rest.until {
            self.leave();
        }
    }

    fn land(&mut self, flight: Flight) {
        (self.rest, self.off, self.flight) = (flight.to, flight.lands_off, None);
        self.corrected_at = match flight.corrects {
            true => f64::INFINITY,
            false => self.now + self.random.range(CORRECTION_S[0], CORRECTION_S[1]) as f64,
        };
        let near = self.off[0].hypot(self.off[1]) <= ARRIVED_DEG;
        if near && self.task == ViewingTask::LookAt(self.rest.object) && self.arrived_at.is_none() {
            self.arrived_at = Some(self.now);
        }
    }

    /// A small saccade to where the eye was to rest.
    fn correct(&mut self) {
        let lands_off = [0, 1].map(|_| (normal(self.random.next_u64()) * AIM_DEG) as f64);
        let amplitude = (lands_off[0] - self.off[0]).hypot(lands_off[1] - self.off[1]);
        let from = shifted(&self.scene.intrinsics(), self.place(&self.rest, self.now), self.off);
        let ends = self.now + flight_s(amplitude);
        self.flight = Some(Flight { begins: self.now, ends, from, to: self.rest, lands_off, corrects: true });
    }

    /// Sets out for the next place.
    fn leave(&mut self) {
        let Some(mut to) = self.next_rest(self.now) else {
            self.rest.until = self.now + 0.3;
            return;
        };
        let lens = self.scene.intrinsics();
        let from = shifted(&lens, self.place(&self.rest, self.now), self.off);
        let aim = self.place(&to, self.now);
        let amplitude = lens.angle_deg(from, aim);
        let ends = self.now + flight_s(amplitude as f64);
        let along = [aim.x - from.x, aim.y - from.y].map(|d| d / aim.distance(from).max(1e-3));
        let short = -UNDERSHOOT * amplitude;
        let scatter = SCATTER * amplitude + AIM_DEG;
        let lands_off = along.map(|a| (a * short + normal(self.random.next_u64()) * scatter) as f64);
        let stay = to.until - to.since;
        (to.since, to.until) = (ends, ends + stay);
        self.rests.push((self.rest.object, self.rest.since, self.now));
        self.flight = Some(Flight { begins: self.now, ends, from, to, lands_off, corrects: false });
        self.corrected_at = f64::INFINITY;
    }

    /// The next place to look at and for how long, as if it were reached at `time`.
    fn next_rest(&mut self, time: f64) -> Option<Rest> {
        self.map.draw(&self.small, time);
        let (object, stay) = match self.task {
            ViewingTask::LookAt(object) => (object, self.random.range(REFIXATION_S[0], REFIXATION_S[1]) as f64),
            ViewingTask::FreeViewing => {
                let object = 1 + self.random.below(self.scene.objects().len()) as u8;
                let object = if self.random.chance(ON_OBJECTS) { object } else { 0 };
                let stay = FIXATION_MEDIAN_S * (FIXATION_SPREAD * gauss(&mut self.random)).exp();
                (object, stay.max(0.08))
            }
        };
        let anchor = self.elsewhere(object, time).or_else(|| self.elsewhere(0, time))?;
        let (object, anchor) = anchor;
        Some(Rest { object, anchor, since: time, until: time + stay })
    }

    /// A point of an object, when looking around not too near to where gaze is.
    fn elsewhere(&mut self, object: u8, time: f64) -> Option<(u8, Vec3)> {
        let now = self.place(&self.rest, time);
        for _ in 0..12 {
            let anchor = self.point_of(object, time)?;
            let far = self.scene.intrinsics().angle_deg(now, project(&self.scene, object, anchor, time));
            if far >= MIN_DEG || self.task != ViewingTask::FreeViewing {
                return Some((object, anchor));
            }
        }
        None
    }

    /// A point of an object as users look at it: not near its outline, if it is wide enough to have a middle. Of the
    /// surroundings any point.
    fn point_of(&mut self, object: u8, time: f64) -> Option<Vec3> {
        let widest = self.map.widest(object);
        let least = if object > 0 { widest.div_ceil(3) } else { 1 };
        let fair: Vec<usize> = self.map.pixels(object, least).collect();
        let &pixel = fair.get(self.random.below(fair.len()))?;
        let width = self.small.size().width as usize;
        let world = &self.small.shared.world;
        let pose = view(world, self.small.size(), time).pose;
        let place = world.bodies.get(object as usize)?.place(time);
        let depth = self.map.depth_at(pixel);
        Some(unproject(self.small.intrinsics(), pixel % width, pixel / width, depth, &pose) - place)
    }

    fn place(&self, rest: &Rest, time: f64) -> Point {
        project(&self.scene, rest.object, rest.anchor, time)
    }

    fn closed(&self) -> f32 {
        // Lids take a twentieth of a second to fall and to rise.
        let ramp = 0.05;
        let (since, left) = (self.now - self.blink[0], self.blink[1] - self.now);
        (since.min(left) / ramp).clamp(0.0, 1.0) as f32
    }
}

/// How long a saccade of so many degrees takes, in seconds: the main sequence (Bahill, Clark and Stark 1975), in which
/// duration grows linearly with amplitude.
fn flight_s(amplitude: f64) -> f64 {
    (0.021 + 0.0022 * amplitude).min(0.12)
}

/// A standard normal number.
pub(super) fn gauss(random: &mut Random) -> f64 {
    let (u, v) = (1.0 - random.unit() as f64, random.unit() as f64);
    (-2.0 * u.max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// A point moved by degrees along each axis.
pub(super) fn shifted(lens: &Intrinsics, p: Point, degrees: [f64; 2]) -> Point {
    let along = |v: f32, c: f32, f: f32, by: f64| {
        (c as f64 + f as f64 * (((v - c) as f64 / f as f64).atan() + by.to_radians()).tan()) as f32
    };
    Point::new(along(p.x, lens.cx, lens.fx, degrees[0]), along(p.y, lens.cy, lens.fy, degrees[1]))
}
