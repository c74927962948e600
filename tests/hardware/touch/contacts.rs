//! What well-behaved devices report.

use std::thread;
use std::time::Duration;

use evdevil::InputProp;
use evdevil::event::{Abs, Key, Rel, RelEvent};
use foveate::input::{TouchOptions, list_touch_devices};
use foveate::select::touch::Phase::{Down, Move, Up};
use foveate::select::touch::Rotation;
use foveate::time::{Clock, MonotonicClock};
use serde_json::json;

use crate::Outcome;
use crate::screen::{HEIGHT, Virtual, WIDTH, abs, axis, brief, expect, finger, key, lift, open, read};

pub fn auto() -> Outcome {
    let keyboard = Virtual::build("test keyboard", |b| b.with_keys([Key::KEY_A, Key::KEY_B]))?;
    let mouse = mouse_device()?;
    let screen = Virtual::screen("test screen")?;
    let source = open("touch:auto", &TouchOptions::default())?;
    expect("device", source.name(), screen.address().as_str())?;
    expect("size", source.size_mm(), Some([160.0, 96.0]))?;
    let listed: Vec<_> = list_touch_devices().into_iter().map(|d| (d.address, d.name, d.kind, d.readable)).collect();
    for (device, name, kind) in [(&mouse, "test mouse", "mouse"), (&screen, "test screen", "touch screen")] {
        let expected = (device.address(), name.to_owned(), kind, true);
        if !listed.contains(&expected) {
            return Err(format!("{expected:?} is not listed: {listed:?}"));
        }
    }
    if listed.iter().any(|(address, ..)| *address == keyboard.address()) {
        return Err("a keyboard is listed".to_owned());
    }
    Ok(json!({"node": source.name(), "size_mm": source.size_mm(), "listed": listed.len()}))
}

pub fn two_fingers() -> Outcome {
    let screen = Virtual::screen("test screen")?;
    let mut source = screen.open(&TouchOptions::default())?;
    screen.report(&finger(0, 10, 1000, 600))?;
    screen.report(&finger(1, 11, 3000, 1200))?;
    screen.report(&[finger(0, 10, 1100, 610), finger(1, 11, 3000, 1300)].concat())?;
    screen.report(&lift(1))?;
    screen.report(&[lift(0).to_vec(), finger(1, 12, 40, 2400).to_vec()].concat())?;
    screen.report(&lift(1))?;
    let contacts = read(source.as_mut());
    let expected = [
        (Down, 1, 1000, 600),
        (Down, 2, 3000, 1200),
        (Move, 1, 1100, 610),
        (Move, 2, 3000, 1300),
        (Up, 2, 3000, 1300),
        (Up, 1, 1100, 610),
        (Down, 3, 40, 2400),
        (Up, 3, 40, 2400),
    ];
    expect("contacts", brief(&contacts).as_slice(), expected.as_slice())?;
    expect("times of one report", contacts[2].at, contacts[3].at)?;
    if !contacts.is_sorted_by_key(|c| c.at) {
        return Err("contacts are not in the order of their time".to_owned());
    }
    Ok(json!({"reports": 6, "contacts": contacts.len()}))
}

pub fn slot_reuse() -> Outcome {
    let screen = Virtual::screen("test screen")?;
    // A finger before anybody listens: its place is the kernel's state, which the next one there inherits.
    screen.report(&finger(0, 20, 2000, 1000))?;
    screen.report(&lift(0))?;
    let mut source = screen.open(&TouchOptions::default())?;
    screen.report(&finger(0, 21, 2000, 1000))?;
    screen.report(&lift(0))?;
    screen.report(&finger(0, 22, 2000, 1010))?;
    // The same slot goes over to another finger without a report between.
    screen.report(&finger(0, 23, 100, 1010))?;
    screen.report(&lift(0))?;
    let expected = [
        (Down, 1, 2000, 1000),
        (Up, 1, 2000, 1000),
        (Down, 2, 2000, 1010),
        (Up, 2, 2000, 1010),
        (Down, 3, 100, 1010),
        (Up, 3, 100, 1010),
    ];
    expect("contacts", brief(&read(source.as_mut())).as_slice(), expected.as_slice())?;
    // A finger that rests when the program starts means nothing, the next one does.
    screen.report(&finger(3, 30, 500, 500))?;
    let mut late = screen.open(&TouchOptions::default())?;
    screen.report(&lift(3))?;
    screen.report(&finger(3, 31, 500, 500))?;
    let found = brief(&read(late.as_mut()));
    expect("downs of a late listener", found.iter().filter(|c| c.0 == Down).count(), 1)?;
    Ok(json!({"contacts": expected.len()}))
}

pub fn kernel_time() -> Outcome {
    const REPORTS: i32 = 200;
    let screen = Virtual::screen("test screen")?;
    let mut source = screen.open(&TouchOptions::default())?;
    let (mut widest, mut read_after) = (Duration::ZERO, Duration::ZERO);
    for n in 0..REPORTS {
        let before = MonotonicClock.now();
        screen.report(&finger(0, 1, 10 + n, 10))?;
        let after = MonotonicClock.now();
        thread::sleep(Duration::from_millis(2));
        let contacts = read(source.as_mut());
        let now = MonotonicClock.now();
        let [contact] = contacts.as_slice() else { return Err(format!("report {n}: {contacts:?}")) };
        // The kernel's stamp has whole microseconds.
        let microsecond = Duration::from_micros(1);
        if contact.at < before - microsecond || contact.at > after {
            return Err(format!("report {n}: written from {before} to {after}, stamped {}", contact.at));
        }
        widest = widest.max(after.since(before));
        read_after = read_after.max(now.since(contact.at));
    }
    Ok(json!({
        "reports": REPORTS,
        "within": "the time of the write",
        "longest_write_us": widest.as_micros() as u64,
        "longest_until_read_us": read_after.as_micros() as u64,
    }))
}

pub fn rotation() -> Outcome {
    let screen = Virtual::screen("test screen")?;
    let plain = TouchOptions::default();
    let mut mirrored = TouchOptions::default();
    mirrored.calibration = Some([-1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    let rotated = |rotation| {
        let mut options = TouchOptions::default();
        options.rotation = rotation;
        options
    };
    let rows = [
        ("0", plain, [0.25, 0.75], [160.0, 96.0]),
        ("90", rotated(Rotation::Quarter), [0.25, 0.25], [96.0, 160.0]),
        ("180", rotated(Rotation::Half), [0.75, 0.25], [160.0, 96.0]),
        ("270", rotated(Rotation::ThreeQuarters), [0.75, 0.75], [96.0, 160.0]),
        ("mirrored", mirrored, [0.75, 0.75], [160.0, 96.0]),
    ];
    let mut placed = Vec::new();
    for (n, (name, options, [x, y], size)) in rows.iter().enumerate() {
        let mut source = screen.open(options)?;
        expect(&format!("size at {name}"), source.size_mm(), Some(*size))?;
        screen.report(&finger(0, n as i32, WIDTH / 4, HEIGHT / 4 * 3))?;
        screen.report(&lift(0))?;
        let position = read(source.as_mut()).first().ok_or("no contact")?.position;
        if (position.x - x).abs() > 1e-3 || (position.y - y).abs() > 1e-3 {
            return Err(format!("{name}: expected {x},{y}, found {},{}", position.x, position.y));
        }
        placed.push(json!({"rotation": name, "x": position.x, "y": position.y}));
    }
    Ok(json!({"of": [0.25, 0.75], "placed": placed}))
}

pub fn single_touch() -> Outcome {
    let panel = Virtual::build("test panel", |b| {
        b.with_props([InputProp::DIRECT])?
            .with_keys([Key::BTN_TOUCH])?
            .with_abs_axes([axis(Abs::X, WIDTH, 0), axis(Abs::Y, HEIGHT, 0)])
    })?;
    let mut source = panel.open(&TouchOptions::default())?;
    expect("size", source.size_mm(), None)?;
    panel.report(&[abs(Abs::X, 400), abs(Abs::Y, 600), key(Key::BTN_TOUCH, true)])?;
    panel.report(&[abs(Abs::X, 420)])?;
    panel.report(&[key(Key::BTN_TOUCH, false)])?;
    panel.report(&[key(Key::BTN_TOUCH, true)])?;
    let expected = [(Down, 1, 400, 600), (Move, 1, 420, 600), (Up, 1, 420, 600), (Down, 2, 420, 600)];
    expect("contacts", brief(&read(source.as_mut())).as_slice(), expected.as_slice())?;
    Ok(json!({"contacts": expected.len()}))
}

pub fn pen() -> Outcome {
    let pen = Virtual::build("test pen", |b| {
        b.with_props([InputProp::DIRECT])?
            .with_keys([Key::BTN_TOUCH, Key::BTN_TOOL_PEN])?
            .with_abs_axes([axis(Abs::X, WIDTH, 100), axis(Abs::Y, HEIGHT, 100)])
    })?;
    let mut source = pen.open(&TouchOptions::default())?;
    pen.report(&[key(Key::BTN_TOOL_PEN, true), abs(Abs::X, 100), abs(Abs::Y, 100)])?;
    pen.report(&[abs(Abs::X, 900)])?;
    pen.report(&[key(Key::BTN_TOUCH, true)])?;
    pen.report(&[key(Key::BTN_TOUCH, false)])?;
    pen.report(&[abs(Abs::X, 100), key(Key::BTN_TOOL_PEN, false)])?;
    let expected = [(Down, 1, 900, 100), (Up, 1, 900, 100)];
    expect("contacts", brief(&read(source.as_mut())).as_slice(), expected.as_slice())?;
    Ok(json!({"contacts": expected.len(), "size_mm": source.size_mm()}))
}

fn mouse_device() -> Result<Virtual, String> {
    Virtual::build("test mouse", |b| {
        b.with_keys([Key::BTN_LEFT, Key::BTN_RIGHT])?.with_rel_axes([Rel::X, Rel::Y, Rel::WHEEL])
    })
}

pub fn mouse() -> Outcome {
    let mouse = mouse_device()?;
    let mut source = mouse.open(&TouchOptions::default())?;
    // 1600 steps across and 1000 down, from the middle on.
    mouse.report(&[RelEvent::new(Rel::X, -400).into(), RelEvent::new(Rel::Y, 250).into()])?;
    mouse.report(&[key(Key::BTN_LEFT, true)])?;
    mouse.report(&[RelEvent::new(Rel::X, 9000).into()])?;
    mouse.report(&[key(Key::BTN_LEFT, false)])?;
    let expected =
        [(Down, 1, WIDTH / 4, HEIGHT / 4 * 3), (Move, 1, WIDTH, HEIGHT / 4 * 3), (Up, 1, WIDTH, HEIGHT / 4 * 3)];
    expect("contacts", brief(&read(source.as_mut())).as_slice(), expected.as_slice())?;
    Ok(json!({"contacts": expected.len()}))
}

pub fn grab() -> Outcome {
    let screen = Virtual::screen("test screen")?;
    let mut other = screen.open(&TouchOptions::default())?;
    let mut sharing = screen.open(&TouchOptions::default())?;
    screen.report(&finger(0, 1, 100, 100))?;
    screen.report(&lift(0))?;
    expect("contacts seen by two", [read(other.as_mut()).len(), read(sharing.as_mut()).len()], [2, 2])?;
    let mut grab = TouchOptions::default();
    grab.grab = true;
    let mut grabbing = screen.open(&grab)?;
    screen.report(&finger(0, 2, 100, 100))?;
    screen.report(&lift(0))?;
    let seen = [read(grabbing.as_mut()).len(), read(other.as_mut()).len()];
    expect("contacts seen by the one that grabbed and by another", seen, [2, 0])?;
    let refused = screen.open(&grab).err().ok_or("a second program may grab it too")?;
    if !refused.contains("busy") {
        return Err(format!("a grabbed device is refused with `{refused}`"));
    }
    Ok(json!({"second_grab": refused}))
}
