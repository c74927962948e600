use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::geometry::{Intrinsics, Point};
use crate::select::GazeSample;
use crate::time::Timestamp;

const RATE: f64 = 60.0;

fn camera() -> Intrinsics {
    Intrinsics::from_horizontal_fov(60.0, 640, 480)
}

/// Pixels per degree near the centre.
fn degree() -> f32 {
    camera().fx * 1f32.to_radians().tan()
}

/// A tracker with Gaussian noise (sum of uniforms) from a fixed generator.
struct Tracker {
    seed: u64,
    noise_deg: f32,
    tick: u64,
}

impl Tracker {
    fn new(seed: u64, noise_deg: f32) -> Self {
        Tracker { seed: seed.wrapping_mul(2).wrapping_add(1), noise_deg, tick: 0 }
    }

    fn uniform(&mut self) -> f32 {
        self.seed = self.seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.seed >> 40) as f32 / (1u64 << 24) as f32
    }

    fn gauss(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }

    fn now(&self) -> f64 {
        1.0 + self.tick as f64 / RATE
    }

    fn sample(&mut self, point: Point, confidence: f32) -> GazeSample {
        self.tick += 1;
        let sigma = self.noise_deg * degree();
        let (dx, dy) = (self.gauss() * sigma, self.gauss() * sigma);
        let at = Timestamp::from_secs_f64(self.now());
        GazeSample { at, point: Point::new(point.x + dx, point.y + dy), confidence }
    }

    /// Feeds `seconds` of gaze at `place(seconds since now)`.
    fn look(
        &mut self,
        selector: &mut DwellSelector,
        seconds: f64,
        confidence: f32,
        place: impl Fn(f32) -> Point,
    ) -> Vec<SelectEvent> {
        let n = (seconds * RATE).round() as usize;
        (0..n).filter_map(|i| selector.push(self.sample(place(i as f32 / RATE as f32), confidence))).collect()
    }
}

fn selector() -> DwellSelector {
    DwellSelector::new(DwellConfig::default(), camera())
}

fn commits(events: &[SelectEvent]) -> Vec<GazeSelection> {
    events.iter().filter_map(|e| if let SelectEvent::Commit(s) = e { Some(*s) } else { None }).collect()
}

const A: Point = Point::new(200.0, 200.0);
const B: Point = Point::new(420.0, 300.0);

#[test]
fn a_rest_selects_once_after_the_commit_time() {
    for noise in [0.0, 0.25, 0.5] {
        for seed in 0..20 {
            let (mut tracker, mut selector) = (Tracker::new(seed, noise), selector());
            let events = tracker.look(&mut selector, 3.0, 1.0, |_| A);
            let made = commits(&events);
            assert_eq!(made.len(), 1, "noise {noise}, seed {seed}: {events:?}");
            let selection = made[0];
            assert!(selection.points[0].point.distance(A) < degree() * (1.8 * noise + 0.1), "{selection:?}");
            let rest = selection.committed_at.since(selection.fixation_started_at);
            assert!((0.7..0.75).contains(&rest.as_secs_f64()), "{rest:?}");
            let age = selection.committed_at.since(selection.prompt_at).as_secs_f64();
            assert!((0.05..0.12).contains(&age), "{age}");
        }
    }
}

#[test]
fn events_come_in_order_and_progress_grows() {
    let (mut tracker, mut selector) = (Tracker::new(1, 0.1), selector());
    let events = tracker.look(&mut selector, 1.5, 1.0, |_| A);
    assert!(matches!(events.first(), Some(SelectEvent::Onset { .. })));
    assert!(matches!(events.last(), Some(SelectEvent::Commit(_))));
    let fractions: Vec<f32> = events
        .iter()
        .filter_map(|e| if let SelectEvent::Progress { fraction, .. } = e { Some(*fraction) } else { None })
        .collect();
    assert!(fractions.len() > 20 && fractions.is_sorted() && fractions.iter().all(|f| (0.2..1.0).contains(f)));
}

#[test]
fn travelling_gaze_selects_nothing() {
    // Fixations of 150 to 450 ms, joined by saccades of 3 to 12 degrees that take 40 ms.
    for seed in 0..100 {
        let (mut tracker, mut selector) = (Tracker::new(seed, 0.5), selector());
        let mut from = A;
        for _ in 0..60 {
            let (angle, far) = (tracker.uniform() * std::f32::consts::TAU, (3.0 + 9.0 * tracker.uniform()) * degree());
            let to = Point::new(
                (from.x + far * angle.cos()).rem_euclid(640.0),
                (from.y + far * angle.sin()).rem_euclid(480.0),
            );
            if to.distance(from) < 3.0 * degree() {
                continue;
            }
            let travel = |t: f32| Point::new(from.x + (to.x - from.x) * t / 0.04, from.y + (to.y - from.y) * t / 0.04);
            let mut events = tracker.look(&mut selector, 0.04, 1.0, travel);
            let rest = 0.15 + 0.3 * tracker.uniform() as f64;
            events.extend(tracker.look(&mut selector, rest, 1.0, |_| to));
            assert!(commits(&events).is_empty(), "seed {seed}: {events:?}");
            from = to;
        }
    }
}

#[test]
fn a_sweep_selects_nothing() {
    let (mut tracker, mut selector) = (Tracker::new(3, 0.3), selector());
    let events = tracker.look(&mut selector, 1.2, 1.0, |t| Point::new(20.0 + 30.0 * degree() * t, 240.0));
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn an_object_in_slow_motion_is_selected_where_it_is() {
    for seed in 0..20 {
        let (mut tracker, mut selector) = (Tracker::new(seed, 0.3), selector());
        let began = tracker.now() + 1.0 / RATE;
        let place = |t: f32| Point::new(150.0 + 5.0 * degree() * t, 240.0);
        let made = commits(&tracker.look(&mut selector, 2.5, 1.0, place));
        assert_eq!(made.len(), 1, "seed {seed}");
        let then = place((made[0].prompt_at.as_secs_f64() - began) as f32);
        assert!(made[0].points[0].point.distance(then) < 0.6 * degree(), "{made:?} {then:?}");
    }
}

#[test]
fn leaving_and_coming_back_selects_again() {
    let (mut tracker, mut selector) = (Tracker::new(4, 0.3), selector());
    assert_eq!(commits(&tracker.look(&mut selector, 2.0, 1.0, |_| A)).len(), 1);
    assert_eq!(commits(&tracker.look(&mut selector, 2.0, 1.0, |_| B)).len(), 1);
    assert_eq!(commits(&tracker.look(&mut selector, 2.0, 1.0, |_| A)).len(), 1);
}

#[test]
fn a_blink_pauses_the_dwell_and_a_long_one_ends_it() {
    let (mut tracker, mut selector) = (Tracker::new(5, 0.3), selector());
    assert!(commits(&tracker.look(&mut selector, 0.5, 1.0, |_| A)).is_empty());
    assert!(tracker.look(&mut selector, 0.2, 0.0, |_| B).is_empty(), "a blink reports nothing");
    // 0.5 s were observed: 0.1 s later it is still not done, though 0.8 s have passed.
    assert!(commits(&tracker.look(&mut selector, 0.1, 1.0, |_| A)).is_empty());
    assert_eq!(commits(&tracker.look(&mut selector, 0.5, 1.0, |_| A)).len(), 1);

    let (mut tracker, mut selector) = (Tracker::new(6, 0.3), self::selector());
    tracker.look(&mut selector, 0.5, 1.0, |_| A);
    let events = tracker.look(&mut selector, 0.6, 0.1, |_| A);
    assert!(matches!(events[..], [SelectEvent::Cancelled { reason: CancelReason::EyeLost, .. }]), "{events:?}");
    assert!(commits(&tracker.look(&mut selector, 0.6, 1.0, |_| A)).is_empty(), "the dwell starts over");
}

#[test]
fn a_blink_hides_no_saccade_and_repeats_no_selection() {
    let (mut tracker, mut selector) = (Tracker::new(7, 0.3), selector());
    tracker.look(&mut selector, 0.6, 1.0, |_| A);
    tracker.look(&mut selector, 0.1, 0.0, |_| A);
    let events = tracker.look(&mut selector, 0.6, 1.0, |_| B);
    assert!(matches!(events[0], SelectEvent::Cancelled { reason: CancelReason::Moved, .. }));
    assert!(commits(&events).is_empty());

    let (mut tracker, mut selector) = (Tracker::new(8, 0.3), self::selector());
    assert_eq!(commits(&tracker.look(&mut selector, 1.0, 1.0, |_| A)).len(), 1);
    tracker.look(&mut selector, 2.0, 0.0, |_| A);
    assert!(commits(&tracker.look(&mut selector, 3.0, 1.0, |_| A)).is_empty());
}

#[test]
fn silence_of_the_tracker_is_no_dwell() {
    let mut selector = selector();
    for i in 0..40 {
        let sample = GazeSample { at: Timestamp::from_secs_f64(1.0 + i as f64 * 0.4), point: A, confidence: 1.0 };
        assert_eq!(selector.push(sample), None, "samples 400 ms apart prove no rest");
    }
}

#[test]
fn memory_is_bounded_at_any_rate() {
    let mut detector = FixationDetector::new(FixationConfig::default(), camera());
    let mut fixation = None;
    for i in 0..20_000u64 {
        fixation = detector.push(Timestamp::ZERO + Duration::from_micros(20 * i), A);
    }
    assert!(fixation.is_some_and(|f| f.point == A));
}

proptest! {
    /// Any samples at all: no panic, and never a commit on a sample in which the eye was not seen.
    #[test]
    fn hostile_samples(samples in prop::collection::vec((any::<u32>(), any::<f32>(), any::<f32>(), any::<f32>()), 1..200)) {
        let mut selector = selector();
        for (at, x, y, confidence) in samples {
            let at = Timestamp::from_nanos(at as u64);
            let event = selector.push(GazeSample { at, point: Point::new(x, y), confidence });
            if let Some(SelectEvent::Commit(s)) = event {
                prop_assert!(confidence >= 0.5 && s.points[0].point.is_finite());
            }
        }
    }
}
