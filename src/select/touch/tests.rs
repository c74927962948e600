use proptest::prelude::*;

use super::*;
use crate::geometry::{Point, Size};
use crate::time::Timestamp;

const FRAME: Size = Size::new(640, 480);

/// A frame that covers a screen of 1000x750 dp.
fn selector() -> TouchSelector {
    let mm = |dp: f32| dp / 160.0 * 25.4;
    let view = Viewport::new(FRAME, Some([mm(1000.0), mm(750.0)]), Fit::Letterbox, Rotation::None);
    TouchSelector::new(TouchConfig::default(), view)
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_nanos(ms * 1_000_000)
}

/// A contact at a place in dp.
fn contact(ms: u64, id: ContactId, phase: Phase, x: f32, y: f32) -> Contact {
    Contact { id, phase, position: Point::new(x / 1000.0, y / 750.0), at: at(ms) }
}

fn play(contacts: &[Contact]) -> Vec<TouchGesture> {
    let (mut selector, mut out) = (selector(), Vec::new());
    for report in contacts.chunk_by(|a, b| a.at == b.at) {
        selector.push(report, &mut out);
    }
    out
}

/// A tap of one finger from `ms` on, for `held` ms.
fn tap(ms: u64, held: u64, id: ContactId, x: f32, y: f32) -> [Contact; 2] {
    [contact(ms, id, Phase::Down, x, y), contact(ms + held, id, Phase::Up, x, y)]
}

fn kinds(gestures: &[TouchGesture]) -> Vec<&'static str> {
    let name = |gesture: &TouchGesture| match gesture.kind {
        GestureKind::Tap { .. } => "tap",
        GestureKind::DoubleTap { .. } => "double tap",
        GestureKind::LongPress { .. } => "long press",
        GestureKind::SecondTap { .. } => "second tap",
        GestureKind::TwoFingerTap => "two-finger tap",
        GestureKind::Drag { .. } => "drag",
        GestureKind::Scribble { .. } => "scribble",
    };
    gestures.iter().map(name).collect()
}

fn path(id: ContactId, ms: u64, points: &[(f32, f32)]) -> Vec<Contact> {
    let mut contacts = vec![contact(ms, id, Phase::Down, points[0].0, points[0].1)];
    let moves = points.iter().zip(1..).skip(1);
    contacts.extend(moves.map(|(&(x, y), i)| contact(ms + 10 * i, id, Phase::Move, x, y)));
    let (x, y) = points[points.len() - 1];
    contacts.push(contact(ms + 10 * points.len() as u64 + 10, id, Phase::Up, x, y));
    contacts
}

#[test]
fn table_of_gestures() {
    use Phase::*;
    let two = |first: [Contact; 2], second: [Contact; 2]| {
        let mut all = [first, second].concat();
        all.sort_by_key(|c| c.at);
        all
    };
    let rows: Vec<(&str, Vec<Contact>, Vec<&str>)> = vec![
        ("a tap", tap(0, 80, 1, 500.0, 300.0).to_vec(), vec!["tap"]),
        ("a slow tap", tap(0, 499, 1, 500.0, 300.0).to_vec(), vec!["tap"]),
        ("a long press", tap(0, 500, 1, 500.0, 300.0).to_vec(), vec!["long press"]),
        ("two quick taps", two(tap(0, 60, 1, 500.0, 300.0), tap(360, 60, 2, 510.0, 300.0)), vec!["tap", "double tap"]),
        ("two slow taps", two(tap(0, 60, 1, 500.0, 300.0), tap(361, 60, 2, 510.0, 300.0)), vec!["tap", "tap"]),
        ("two quick taps apart", two(tap(0, 60, 1, 500.0, 300.0), tap(160, 60, 2, 560.0, 300.0)), vec!["tap", "tap"]),
        (
            "three quick taps",
            [tap(0, 50, 1, 500.0, 300.0), tap(150, 50, 2, 500.0, 300.0), tap(300, 50, 3, 500.0, 300.0)].concat(),
            vec!["tap", "double tap", "double tap"],
        ),
        (
            "two fingers together",
            two(tap(0, 150, 1, 300.0, 300.0), tap(40, 120, 2, 500.0, 300.0)),
            vec!["two-finger tap"],
        ),
        (
            "two fingers at once",
            two(tap(0, 150, 1, 300.0, 300.0), tap(0, 150, 2, 500.0, 300.0)),
            vec!["two-finger tap"],
        ),
        ("two fingers for long", two(tap(0, 600, 1, 300.0, 300.0), tap(40, 120, 2, 500.0, 300.0)), vec![]),
        ("a second finger", two(tap(0, 900, 1, 300.0, 300.0), tap(400, 90, 2, 500.0, 300.0)), vec!["second tap"]),
        ("an anchor that lifts first", two(tap(0, 450, 1, 300.0, 300.0), tap(400, 90, 2, 500.0, 300.0)), vec![]),
        ("a drag", path(1, 0, &[(100.0, 100.0), (150.0, 140.0), (300.0, 250.0)]), vec!["drag"]),
        ("a scribble", path(1, 0, &[(100.0, 100.0), (300.0, 100.0), (100.0, 160.0), (300.0, 200.0)]), vec!["scribble"]),
        ("a stroke along a line", path(1, 0, &[(100.0, 100.0), (200.0, 101.0), (400.0, 99.0)]), vec!["scribble"]),
        (
            "a pinch",
            two(tap(0, 150, 1, 300.0, 300.0), [contact(30, 2, Down, 400.0, 300.0), contact(90, 2, Up, 450.0, 300.0)]),
            vec![],
        ),
        ("a palm", vec![contact(0, 1, Down, 300.0, 300.0), contact(50, 1, Cancel, 300.0, 300.0)], vec![]),
        ("strange ends", vec![contact(0, 9, Up, 300.0, 300.0), contact(5, 9, Move, 1.0, 1.0)], vec![]),
        ("beside the picture", tap(0, 80, 1, -50.0, 300.0).to_vec(), vec![]),
        ("no place", vec![contact(0, 1, Down, f32::NAN, 1.0), contact(50, 1, Up, 300.0, 300.0)], vec![]),
        (
            "three fingers",
            [tap(0, 150, 1, 300.0, 300.0), tap(0, 150, 2, 400.0, 300.0), tap(0, 150, 3, 500.0, 300.0)]
                .iter()
                .map(|t| t[0])
                .chain([3, 2, 1].map(|id| contact(150, id, Up, 300.0, 300.0)))
                .collect(),
            vec![],
        ),
        (
            "a lift and a touch in one report",
            vec![
                contact(0, 1, Down, 300.0, 300.0),
                contact(80, 2, Down, 500.0, 300.0),
                contact(80, 1, Up, 300.0, 300.0),
                contact(160, 2, Up, 500.0, 300.0),
            ],
            vec!["tap", "tap"],
        ),
    ];
    let wrong: Vec<_> = rows
        .iter()
        .filter_map(|(name, contacts, expected)| {
            let found = play(contacts);
            (kinds(&found) != *expected).then(|| format!("{name}: {found:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn gestures_carry_the_time_and_place_of_the_touch() {
    let mut contacts = tap(40, 80, 1, 500.0, 375.0).to_vec();
    contacts.insert(1, contact(70, 1, Phase::Move, 504.0, 379.0));
    let found = play(&contacts);
    assert_eq!(found, [TouchGesture { made_at: at(40), kind: GestureKind::Tap { point: Point::new(320.0, 240.0) } }]);

    let double = play(&[tap(40, 80, 1, 500.0, 375.0), tap(200, 80, 2, 500.0, 375.0)].concat());
    let point = Point::new(320.0, 240.0);
    assert_eq!(double[1], TouchGesture { made_at: at(200), kind: GestureKind::DoubleTap { point, first_at: at(40) } });

    let drag = play(&path(1, 7, &[(800.0, 600.0), (600.0, 500.0), (100.0, 150.0)]));
    let GestureKind::Drag { bbox } = drag[0].kind else { panic!("{drag:?}") };
    assert!((bbox.x0 - 64.0).abs() < 0.1 && (bbox.y0 - 96.0).abs() < 0.1, "{bbox:?}");
    assert!((bbox.x1 - 512.0).abs() < 0.1 && (bbox.y1 - 384.0).abs() < 0.1, "{bbox:?}");
    assert_eq!(drag[0].made_at, at(7));
}

#[test]
fn an_anchor_may_follow_a_thing_and_be_tapped_beside_again_and_again() {
    let contacts = [
        contact(0, 1, Phase::Down, 300.0, 300.0),
        contact(700, 1, Phase::Move, 303.0, 300.0),
        contact(800, 2, Phase::Down, 600.0, 300.0),
        contact(850, 1, Phase::Move, 360.0, 300.0),
        contact(900, 2, Phase::Up, 600.0, 300.0),
        contact(1000, 3, Phase::Down, 700.0, 300.0),
        contact(1080, 3, Phase::Up, 700.0, 300.0),
        contact(1500, 1, Phase::Up, 360.0, 300.0),
    ];
    let found = play(&contacts);
    assert_eq!(kinds(&found), ["second tap", "second tap"]);
    let GestureKind::SecondTap { point, resting } = found[1].kind else { panic!("{found:?}") };
    assert!(point.distance(Point::new(448.0, 192.0)) < 0.1 && resting.distance(Point::new(230.4, 192.0)) < 0.1);
}

#[test]
fn a_scribble_yields_points_on_its_way() {
    let turns = [(100.0, 100.0), (300.0, 100.0), (100.0, 160.0), (300.0, 220.0), (100.0, 280.0)];
    let found = play(&path(1, 0, &turns));
    let GestureKind::Scribble { points } = &found[0].kind else { panic!("{found:?}") };
    assert_eq!(points.len(), TouchConfig::default().scribble_points);
    assert!(points[0].distance(Point::new(64.0, 64.0)) < 0.1 && points[7].distance(Point::new(64.0, 179.2)) < 0.1);
    let leave: Vec<f32> = points.windows(2).map(|p| p[0].distance(p[1])).collect();
    assert!(leave.iter().all(|l| *l > 10.0), "{leave:?}");
}

fn any_contact() -> impl Strategy<Value = (u64, u32, u8, f32, f32)> {
    let place = prop_oneof![9 => -0.2f32..1.2, 1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 1 => Just(1e30)];
    (0u64..250, 0u32..5, 0u8..4, place.clone(), place)
}

proptest! {
    #[test]
    fn any_sequence_gives_each_contact_one_gesture_at_most(steps in prop::collection::vec(any_contact(), 0..80)) {
        let (mut selector, mut out) = (selector(), Vec::new());
        let (mut now, mut downs) = (1_000u64, Vec::new());
        for (wait, id, phase, x, y) in steps {
            now += wait / 10;
            let phase = [Phase::Down, Phase::Move, Phase::Up, Phase::Cancel][phase as usize];
            if phase == Phase::Down {
                downs.push(at(now));
            }
            selector.push(&[Contact { id, phase, position: Point::new(x, y), at: at(now) }], &mut out);
        }
        prop_assert!(out.len() <= downs.len());
        for gesture in &out {
            // Each gesture takes the touch that made it away.
            let made = downs.iter().position(|d| *d == gesture.made_at);
            prop_assert!(made.is_some(), "{gesture:?} has no touch of its own");
            downs.remove(made.unwrap());
            let on = |p: &Point| p.is_finite() && FRAME.contains(*p);
            match &gesture.kind {
                GestureKind::Tap { point } | GestureKind::DoubleTap { point, .. } | GestureKind::LongPress { point } => prop_assert!(on(point)),
                GestureKind::SecondTap { point, resting } => prop_assert!(on(point) && on(resting)),
                GestureKind::Drag { bbox } => prop_assert!(bbox.is_finite() && on(&Point::new(bbox.x0, bbox.y0)) && on(&Point::new(bbox.x1, bbox.y1))),
                GestureKind::Scribble { points } => prop_assert!((2..=8).contains(&points.len()) && points.iter().all(on)),
                GestureKind::TwoFingerTap => {}
            }
        }
    }

    /// Fingers of one report may come in any order and under any numbers.
    #[test]
    fn slots_may_be_permuted(
        fingers in prop::collection::vec((0u64..4, 1u64..8, 0f32..1.0, 0f32..1.0, 0f32..0.02), 1..4),
        order in any::<u64>(),
    ) {
        let play_as = |ids: &[u32], backwards: bool| {
            let mut contacts = Vec::new();
            for ((from, held, x, y, drift), id) in fingers.iter().zip(ids) {
                let mut push = |step: u64, phase, x: f32| contacts.push(Contact { id: *id, phase, position: Point::new(x, *y), at: at(step * 60) });
                push(*from, Phase::Down, *x);
                push(from + held, Phase::Up, x + drift);
            }
            contacts.sort_by_key(|c| c.at);
            let (mut selector, mut out) = (selector(), Vec::new());
            for report in contacts.chunk_by(|a, b| a.at == b.at) {
                let mut report = report.to_vec();
                if backwards {
                    report.reverse();
                }
                selector.push(&report, &mut out);
            }
            out
        };
        let ids = [1, 2, 3];
        let shuffled = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]][(order % 6) as usize];
        prop_assert_eq!(play_as(&ids, false), play_as(&shuffled, order % 5 < 2));
    }

    #[test]
    fn trembling_within_the_slop_is_still_a_tap(
        steps in prop::collection::vec((0f32..std::f32::consts::TAU, 0f32..7.9), 0..30),
        x in 50f32..950.0,
        y in 50f32..700.0,
    ) {
        let mut contacts = vec![contact(0, 1, Phase::Down, x, y)];
        for (i, (angle, radius)) in steps.iter().enumerate() {
            contacts.push(contact(10 + 10 * i as u64, 1, Phase::Move, x + radius * angle.cos(), y + radius * angle.sin()));
        }
        let Contact { position, .. } = contacts[contacts.len() - 1];
        contacts.push(Contact { id: 1, phase: Phase::Up, position, at: at(400) });
        let found = play(&contacts);
        prop_assert_eq!(kinds(&found), ["tap"]);
        prop_assert_eq!(found[0].made_at, at(0));
    }
}
