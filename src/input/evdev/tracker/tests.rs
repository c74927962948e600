use evdevil::event::{AbsEvent, KeyEvent, RelEvent, SynEvent};
use proptest::prelude::*;

use super::super::screen::Axis;
use super::*;
use crate::geometry::Point;
use crate::input::TouchOptions;

fn tracker(protocol: Protocol) -> Tracker {
    let axis = |most| Axis { least: 0, most, resolution: 0 };
    let (x, y) = if protocol == Protocol::Relative { POINTER_STEPS } else { (1000, 1000) };
    Tracker::new(protocol, ScreenMap::new(axis(x), axis(y), &TouchOptions::default()))
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_nanos(ms * 1_000_000)
}

fn abs(axis: Abs, value: i32) -> InputEvent {
    AbsEvent::new(axis, value).into()
}

fn slot(n: i32) -> InputEvent {
    abs(Abs::MT_SLOT, n)
}

fn id(n: i32) -> InputEvent {
    abs(Abs::MT_TRACKING_ID, n)
}

fn x(n: i32) -> InputEvent {
    abs(Abs::MT_POSITION_X, n)
}

fn y(n: i32) -> InputEvent {
    abs(Abs::MT_POSITION_Y, n)
}

fn key(key: Key, pressed: bool) -> InputEvent {
    KeyEvent::new(key, if pressed { KeyState::PRESSED } else { KeyState::RELEASED }).into()
}

/// The contacts of each report, as phase, id and position in thousandths.
fn play(tracker: &mut Tracker, reports: &[&[InputEvent]]) -> Vec<Vec<(Phase, ContactId, i32, i32)>> {
    let mut reported = Vec::new();
    for (n, events) in reports.iter().enumerate() {
        let mut out = Vec::new();
        for event in events.iter().chain([&SynEvent::new(Syn::REPORT).into()]) {
            assert_eq!(tracker.take(event, at(n as u64), &mut out), Next::Go);
        }
        assert!(out.iter().all(|c| c.at == at(n as u64)));
        reported.push(brief(&out));
    }
    reported
}

fn brief(contacts: &[Contact]) -> Vec<(Phase, ContactId, i32, i32)> {
    let thousandths = |v: f32| (v * 1000.0).round() as i32;
    contacts.iter().map(|c| (c.phase, c.id, thousandths(c.position.x), thousandths(c.position.y))).collect()
}

use Phase::{Cancel, Down, Move, Up};

#[test]
fn two_fingers_in_slots_and_values_that_do_not_change() {
    let reported = play(
        &mut tracker(Protocol::Slots(4)),
        &[
            &[id(40), x(100), y(200)],
            &[slot(1), id(41), x(500), y(600)],
            &[x(510), slot(0), y(210)],
            &[id(-1)],
            // The kernel omits the position, which is that of the last contact in this slot, and the slot itself.
            &[id(42)],
            &[slot(1), id(-1), slot(0), id(-1)],
            &[],
        ],
    );
    let expected: [Vec<(Phase, ContactId, i32, i32)>; 7] = [
        vec![(Down, 1, 100, 200)],
        vec![(Down, 2, 500, 600)],
        vec![(Move, 1, 100, 210), (Move, 2, 510, 600)],
        vec![(Up, 1, 100, 210)],
        vec![(Down, 3, 100, 210)],
        vec![(Up, 3, 100, 210), (Up, 2, 510, 600)],
        vec![],
    ];
    assert_eq!(reported, expected);
}

#[test]
fn a_slot_may_change_hands_within_a_report() {
    let reported = play(
        &mut tracker(Protocol::Slots(2)),
        &[&[id(7), x(1), y(2)], &[id(-1), id(8), x(900), y(800)], &[id(9), x(5)], &[id(-1), id(10), id(-1)]],
    );
    let expected: [Vec<(Phase, ContactId, i32, i32)>; 4] = [
        vec![(Down, 1, 1, 2)],
        vec![(Up, 1, 1, 2), (Down, 2, 900, 800)],
        vec![(Up, 2, 900, 800), (Down, 3, 5, 800)],
        vec![(Up, 3, 5, 800)],
    ];
    assert_eq!(reported, expected);
}

#[test]
fn a_palm_is_cancelled_and_stays_away_until_it_lifts() {
    let palm = abs(Abs::MT_TOOL_TYPE, TOOL_PALM);
    let reported =
        play(&mut tracker(Protocol::Slots(2)), &[&[id(7), x(1), y(2)], &[palm], &[x(3)], &[id(-1)], &[id(8)]]);
    assert_eq!(reported, [vec![(Down, 1, 1, 2)], vec![(Cancel, 1, 1, 2)], vec![], vec![], vec![(Down, 2, 3, 2)]]);
}

#[test]
fn single_touch_pens_and_absolute_pointers() {
    for touch in [Key::BTN_TOUCH, Key::BTN_LEFT] {
        let reported = play(
            &mut tracker(Protocol::Single { touch }),
            &[
                &[abs(Abs::X, 300), abs(Abs::Y, 400)],
                &[key(touch, true)],
                &[abs(Abs::X, 310), key(Key::BTN_RIGHT, true)],
                &[key(touch, false)],
                &[key(touch, true), abs(Abs::Y, 1000)],
            ],
        );
        let expected: [Vec<(Phase, ContactId, i32, i32)>; 5] = [
            vec![],
            vec![(Down, 1, 300, 400)],
            vec![(Move, 1, 310, 400)],
            vec![(Up, 1, 310, 400)],
            vec![(Down, 2, 310, 1000)],
        ];
        assert_eq!(reported, expected);
    }
}

#[test]
fn a_mouse_moves_a_pointer_that_stays_on_the_screen() {
    let step = |rel, by| RelEvent::new(rel, by).into();
    let reported = play(
        &mut tracker(Protocol::Relative),
        &[
            &[step(Rel::X, 160), step(Rel::Y, -100)],
            &[key(Key::BTN_LEFT, true)],
            &[step(Rel::X, i32::MAX), step(Rel::Y, i32::MIN), step(Rel::WHEEL, 1)],
            &[key(Key::BTN_LEFT, false)],
        ],
    );
    assert_eq!(reported, [vec![], vec![(Down, 1, 600, 400)], vec![(Move, 1, 1000, 0)], vec![(Up, 1, 1000, 0)]]);
}

#[test]
fn lost_events_end_the_contacts_whose_end_was_missed() {
    let mut tracker = tracker(Protocol::Slots(4));
    play(
        &mut tracker,
        &[&[id(1), x(10), y(10), slot(1), id(2), x(20), y(20), slot(2), id(3), x(30), y(30)], &[slot(0), x(11)]],
    );
    let mut out = Vec::new();
    // A report that the loss cuts off.
    tracker.take(&id(-1), at(5), &mut out);
    assert_eq!(tracker.take(&SynEvent::new(Syn::DROPPED).into(), at(6), &mut out), Next::Resync);
    let state = State { slot: 3, slots: vec![(NONE, 15, 10), (2, 25, 20), (9, 50, 50), (4, 40, 40)] };
    tracker.adopt(&state, at(7), &mut out);
    let expected = [(Cancel, 1, 11, 10), (Cancel, 3, 30, 30), (Move, 2, 25, 20), (Down, 4, 50, 50), (Down, 5, 40, 40)];
    assert_eq!(brief(&out), expected);
    assert_eq!(play(&mut tracker, &[&[x(41)]]), [vec![(Move, 5, 41, 40)]], "the slot in use is known too");
    out.clear();
    tracker.cancel_all(at(9), &mut out);
    assert_eq!(out.iter().filter(|c| c.phase == Cancel).count(), 3);
    assert_eq!(play(&mut tracker, &[&[x(1)]]), [vec![]], "after the device is gone there is nothing");
}

fn any_event() -> impl Strategy<Value = InputEvent> {
    let code = prop_oneof![Just(0u16), Just(1), 0x2fu16..0x3f, any::<u16>()];
    let value = prop_oneof![-1i32..12, any::<i32>()];
    (0u8..4, code, value).prop_map(|(kind, code, value)| match kind {
        0 => SynEvent::new(Syn::REPORT).into(),
        1 => KeyEvent::new(Key::BTN_TOUCH, if value & 1 == 1 { KeyState::PRESSED } else { KeyState::RELEASED }).into(),
        2 => RelEvent::new(Rel::from_raw(code), value).into(),
        _ => AbsEvent::new(Abs::from_raw(code), value).into(),
    })
}

proptest! {
    #[test]
    fn any_events_give_well_formed_contacts(
        events in prop::collection::vec(any_event(), 0..200),
        kind in 0usize..3,
        states in prop::collection::vec((0usize..200, prop::collection::vec((-1i32..4, 0i32..1000, 0i32..1000), 0..5)), 0..4),
    ) {
        let protocol = [Protocol::Slots(4), Protocol::Single { touch: Key::BTN_TOUCH }, Protocol::Relative][kind];
        let (mut tracker, mut out) = (tracker(protocol), Vec::new());
        for (n, event) in events.iter().enumerate() {
            tracker.take(event, at(n as u64), &mut out);
            for (when, slots) in &states {
                if *when == n {
                    tracker.adopt(&State { slot: 1, slots: slots.clone() }, at(n as u64), &mut out);
                }
            }
        }
        tracker.cancel_all(at(999), &mut out);
        let mut down = std::collections::BTreeSet::new();
        for contact in &out {
            match contact.phase {
                Phase::Down => prop_assert!(down.insert(contact.id), "an id is used once"),
                Phase::Move => prop_assert!(down.contains(&contact.id)),
                Phase::Up | Phase::Cancel => prop_assert!(down.remove(&contact.id), "one end each"),
            }
            prop_assert!(contact.position.is_finite() || contact.position == Point::default());
        }
        prop_assert!(down.is_empty(), "every contact ends");
    }
}
