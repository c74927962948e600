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
            assert!(selection.disc.center.distance(A) < degree() * (1.8 * noise + 0.1), "{selection:?}");
            let rest = selection.committed_at.since(selection.fixation_started_at);
            // The dwell, and the first of the rest that does not count.
            assert!((0.84..0.9).contains(&rest.as_secs_f64()), "{rest:?}");
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
        assert!(made[0].disc.center.distance(then) < 0.6 * degree(), "{made:?} {then:?}");
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

fn confirmed(at_s: f64, began_s: Option<f64>) -> Confirm {
    let time = Timestamp::from_secs_f64;
    Confirm { channel: Channel::Button, at: time(at_s), began_at: began_s.map(time) }
}

#[test]
fn a_noisy_tracker_still_sees_gaze_rest() {
    for noise in [1.0, 1.5] {
        let mut late = 0;
        for seed in 0..40 {
            let (mut tracker, mut selector) = (Tracker::new(seed, noise), selector());
            // It takes a while to know the noise.
            tracker.look(&mut selector, 3.0, 1.0, |t| if t % 0.6 < 0.3 { A } else { B });
            let began = tracker.now();
            let made = commits(&tracker.look(&mut selector, 3.0, 1.0, |_| A));
            let Some(first) = made.first() else {
                late += 1;
                continue;
            };
            late += usize::from(first.committed_at.as_secs_f64() - began > 1.5);
            assert!(first.disc.center.distance(A) < 1.2 * noise * degree(), "noise {noise}, seed {seed}: {first:?}");
            let sigma = first.disc.sigma / degree();
            assert!((0.6..2.0).contains(&sigma), "noise {noise}: a disc of {sigma} degrees");
        }
        assert!(late <= 4, "noise {noise}: {late} of 40 took longer than 1.5 s");
    }
}

#[test]
fn two_short_rests_side_by_side_are_no_dwell() {
    for seed in 0..50 {
        let (mut tracker, mut selector) = (Tracker::new(seed, 0.3), selector());
        for i in 0..40 {
            // Steps of two degrees, which the window's hysteresis may hide.
            let place = Point::new(200.0 + 2.0 * degree() * (i % 2) as f32, 200.0);
            let events = tracker.look(&mut selector, 0.4, 1.0, |_| place);
            assert!(commits(&events).is_empty(), "seed {seed}: {events:?}");
        }
    }
}

#[test]
fn a_button_selects_what_gaze_was_on_when_the_hand_began_to_move() {
    for seed in 0..20 {
        let (mut tracker, mut selector) = (Tracker::new(seed, 0.3), selector());
        tracker.look(&mut selector, 0.4, 1.0, |_| A);
        let decided = tracker.now() - 0.05;
        tracker.look(&mut selector, 0.3, 1.0, |_| B);
        let event = selector.confirm(&confirmed(tracker.now(), Some(decided)));
        let Some(SelectEvent::Commit(made)) = event else { panic!("seed {seed}: {event:?}") };
        assert_eq!(made.cause, Cause::Confirmed(Channel::Button));
        assert!(made.disc.center.distance(A) < 0.6 * degree(), "seed {seed}: {made:?}");
        assert!((made.prompt_at.as_secs_f64() - decided).abs() < 0.1 && made.prompt_at < made.committed_at);
        // Without the hand's motion the channel's typical lead says when.
        let event = selector.confirm(&confirmed(tracker.now(), None));
        let Some(SelectEvent::Commit(made)) = event else { panic!("seed {seed}: {event:?}") };
        assert!(made.disc.center.distance(B) < 0.6 * degree(), "seed {seed}: {made:?}");
    }
}

#[test]
fn a_confirmation_of_travelling_or_selected_gaze_selects_nothing() {
    let (mut tracker, mut selector) = (Tracker::new(11, 0.2), selector());
    tracker.look(&mut selector, 0.6, 1.0, |t| Point::new(20.0 + 60.0 * degree() * t, 240.0));
    assert_eq!(selector.confirm(&confirmed(tracker.now(), None)), None, "nothing rests");
    assert_eq!(commits(&tracker.look(&mut selector, 1.0, 1.0, |_| A)).len(), 1);
    assert_eq!(selector.confirm(&confirmed(tracker.now(), None)), None, "it is selected already");
    assert_eq!(selector.confirm(&confirmed(0.1, None)), None, "before anything was seen");
}

#[test]
fn what_was_undone_is_not_selected_again_by_staying() {
    let (mut tracker, mut selector) = (Tracker::new(12, 0.3), selector());
    assert_eq!(commits(&tracker.look(&mut selector, 1.0, 1.0, |_| A)).len(), 1);
    let at = Timestamp::from_secs_f64(tracker.now());
    assert_eq!(selector.undo(at), SelectEvent::Undone { at });
    assert!(commits(&tracker.look(&mut selector, 3.0, 1.0, |_| A)).is_empty());
    assert_eq!(commits(&tracker.look(&mut selector, 1.5, 1.0, |_| B)).len(), 1);
}

#[test]
fn what_was_refused_may_be_tried_again_by_staying() {
    let (mut tracker, mut selector) = (Tracker::new(13, 0.3), selector());
    assert_eq!(commits(&tracker.look(&mut selector, 1.0, 1.0, |_| A)).len(), 1);
    selector.refuse(Timestamp::from_secs_f64(tracker.now()));
    assert_eq!(commits(&tracker.look(&mut selector, 2.0, 1.0, |_| A)).len(), 1);
}

/// Looks at `place` until something is selected, for 3 s at most.
fn look_until_selected(tracker: &mut Tracker, selector: &mut DwellSelector, place: Point) -> Option<GazeSelection> {
    (0..180).find_map(|_| commits(&tracker.look(selector, 1.0 / RATE, 1.0, |_| place)).pop())
}

#[test]
fn what_was_doubted_is_selected_by_insisting() {
    let (mut tracker, mut selector) = (Tracker::new(14, 0.3), selector());
    let first = look_until_selected(&mut tracker, &mut selector, A).unwrap();
    assert!(!first.insistent);
    // The answer takes a while.
    let meanwhile = tracker.look(&mut selector, 0.1, 1.0, |_| A);
    assert!(meanwhile.is_empty(), "{meanwhile:?}");
    selector.doubt(Timestamp::from_secs_f64(tracker.now()));
    let going_on = tracker.look(&mut selector, 0.1, 1.0, |_| A);
    assert!(matches!(going_on[..], [SelectEvent::Progress { .. }, ..]), "{going_on:?}");
    let second = look_until_selected(&mut tracker, &mut selector, A).unwrap();
    let rest = second.committed_at.since(second.fixation_started_at).as_secs_f64();
    assert!(second.insistent && (1.24..1.3).contains(&rest), "{second:?}");
}

#[test]
fn what_was_doubted_is_selected_by_looking_again() {
    let (mut tracker, mut selector) = (Tracker::new(15, 0.3), selector());
    for (back_at, insistent) in [(A, true), (B, false)] {
        look_until_selected(&mut tracker, &mut selector, A).unwrap();
        selector.doubt(Timestamp::from_secs_f64(tracker.now()));
        let away = Point::new(560.0, 80.0);
        tracker.look(&mut selector, 0.3, 1.0, |_| away);
        let next = look_until_selected(&mut tracker, &mut selector, back_at).unwrap();
        assert_eq!(next.insistent, insistent, "{next:?}");
        tracker.look(&mut selector, 4.0, 1.0, |t| if t % 0.6 < 0.3 { away } else { B });
    }
}

#[test]
fn a_blink_does_not_end_the_dwell_of_a_noisy_tracker() {
    let mut made = 0;
    for seed in 0..40 {
        let (mut tracker, mut selector) = (Tracker::new(seed, 1.0), selector());
        tracker.look(&mut selector, 3.0, 1.0, |t| if t % 0.6 < 0.3 { A } else { B });
        tracker.look(&mut selector, 0.5, 1.0, |_| A);
        tracker.look(&mut selector, 0.15, 0.0, |_| A);
        made += commits(&tracker.look(&mut selector, 0.6, 1.0, |_| A)).len();
    }
    assert!(made >= 34, "{made} of 40");
}

#[test]
fn the_correction_of_a_saccade_belongs_to_the_rest() {
    for seed in 0..20 {
        let (mut tracker, mut selector) = (Tracker::new(seed, 0.1), selector());
        tracker.look(&mut selector, 0.4, 1.0, |_| B);
        let short = Point::new(A.x + 1.6 * degree(), A.y);
        tracker.look(&mut selector, 0.17, 1.0, |_| short);
        let corrected = tracker.now();
        let made = look_until_selected(&mut tracker, &mut selector, A).unwrap();
        let after = made.committed_at.as_secs_f64() - corrected;
        assert!((0.65..0.75).contains(&after), "seed {seed}: {after}");
    }
}

/// Samples of rests of `rest_s` at two places in turn, with blinks of 50 ms in between.
fn recorded(noise_deg: f32, rest_s: f64) -> Vec<GazeSample> {
    let mut tracker = Tracker::new(21, noise_deg);
    let mut samples = Vec::new();
    for i in 0..20 {
        let place = if i % 2 == 0 { A } else { B };
        samples.extend((0..(rest_s * RATE) as usize).map(|_| tracker.sample(place, 1.0)));
        samples.extend((0..2).map(|k| {
            let t = (k as f32 + 1.0) / 3.0;
            let (from, to) = if i % 2 == 0 { (A, B) } else { (B, A) };
            tracker.sample(Point::new(from.x + (to.x - from.x) * t, from.y + (to.y - from.y) * t), 1.0)
        }));
    }
    samples
}

#[test]
fn both_detectors_find_the_fixations_of_a_recording() {
    for noise in [0.0, 0.3] {
        let samples = recorded(noise, 0.5);
        let by_velocity = VelocityDetector::detect(VelocityConfig::default(), camera(), &samples);
        let settings = (0.6, Duration::from_millis(75));
        let by_dispersion = FixationDetector::detect(FixationConfig::default(), camera(), &samples, settings);
        for (name, found) in [("velocity", by_velocity), ("dispersion", by_dispersion)] {
            assert_eq!(found.len(), 20, "{name} at noise {noise}: {found:?}");
            for (i, fixation) in found.iter().enumerate() {
                let place = if i % 2 == 0 { A } else { B };
                assert!(fixation.point.distance(place) < 1.0 * degree(), "{name} at noise {noise}: {fixation:?}");
                let lasted = fixation.ended_at.since(fixation.started_at).as_secs_f64();
                assert!((0.38..0.62).contains(&lasted), "{name} at noise {noise}: {lasted}");
            }
        }
    }
}

#[test]
fn velocity_merges_bridges_and_discards() {
    let detect = |samples: &[GazeSample]| VelocityDetector::detect(VelocityConfig::default(), camera(), samples);
    let mut tracker = Tracker::new(3, 0.0);
    let near = Point::new(A.x + 2.0 * degree(), A.y);
    let mut look = |seconds: f64, place: Point, confidence| -> Vec<GazeSample> {
        (0..(seconds * RATE).round() as usize).map(|_| tracker.sample(place, confidence)).collect()
    };
    let merged = detect(&[look(0.3, A, 1.0), look(0.3, near, 1.0)].concat());
    assert_eq!(merged.len(), 1, "two degrees apart: {merged:?}");
    let apart = detect(&[look(0.3, A, 1.0), look(0.3, B, 1.0)].concat());
    assert_eq!(apart.len(), 2, "{apart:?}");
    let bridged = detect(&[look(0.3, A, 1.0), look(0.05, B, 0.0), look(0.3, A, 1.0)].concat());
    assert_eq!(bridged.len(), 1, "a short blink: {bridged:?}");
    let broken = detect(&[look(0.3, A, 1.0), look(0.2, A, 0.0), look(0.3, A, 1.0)].concat());
    assert_eq!(broken.len(), 2, "a long one: {broken:?}");
    let short = detect(&[look(0.3, A, 1.0), look(0.07, B, 1.0), look(0.3, A, 1.0)].concat());
    assert!(short.iter().all(|f| f.point.distance(A) < degree()), "70 ms are no fixation: {short:?}");
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
                prop_assert!(confidence >= 0.5 && s.disc.center.is_finite());
            }
        }
    }
}
