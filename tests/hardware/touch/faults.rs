//! What devices and systems do wrong.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{fs, thread};

use evdevil::event::Key;
use foveate::input::{InputEvent, TouchOptions};
use foveate::select::touch::Phase::{Cancel, Down, Move, Up};
use foveate::time::{Clock, MonotonicClock};
use serde_json::json;

use crate::Outcome;
use crate::screen::{Virtual, brief, expect, finger, lift, open, read, wait_for};

pub fn overflow() -> Outcome {
    let screen = Virtual::screen("test screen")?;
    let mut source = screen.open(&TouchOptions::default())?;
    screen.report(&finger(0, 1, 1000, 1000))?;
    screen.report(&finger(1, 2, 2000, 1000))?;
    screen.report(&finger(2, 3, 3000, 1000))?;
    expect("fingers", read(source.as_mut()).len(), 3)?;
    // Far more than the kernel keeps. Meanwhile the first finger stays, the second lifts, the third becomes another.
    const BURST: i32 = 2000;
    for n in 0..BURST {
        screen.report(&finger(0, 1, 1000 + n % 7, 1000 + n % 5))?;
    }
    screen.report(&lift(1))?;
    screen.report(&finger(2, 4, 500, 500))?;
    for n in 0..BURST {
        screen.report(&finger(0, 1, 1100 + n % 7, 1100 + n % 5))?;
    }
    screen.report(&finger(0, 1, 1200, 1200))?;
    let noticed = MonotonicClock.now();
    let contacts = brief(&read(source.as_mut()));
    let recovered = MonotonicClock.now().since(noticed);
    let known: Vec<_> = contacts.iter().filter(|c| c.0 != Move).copied().collect();
    let expected = [(Cancel, 2, 2000, 1000), (Cancel, 3, 3000, 1000), (Down, 4, 500, 500)];
    expect("after the overflow", known.as_slice(), expected.as_slice())?;
    expect("the finger that stayed", contacts.iter().rfind(|c| c.1 == 1).copied(), Some((Move, 1, 1200, 1200)))?;
    expect("event", source.take_event(), Some(InputEvent::Overflowed))?;
    // The first report after it counts.
    screen.report(&lift(2))?;
    screen.report(&finger(1, 5, 2000, 1000))?;
    screen.report(&lift(0))?;
    let expected = [(Up, 4, 500, 500), (Down, 5, 2000, 1000), (Up, 1, 1200, 1200)];
    expect("reports after the overflow", brief(&read(source.as_mut())).as_slice(), expected.as_slice())?;
    expect("further events", source.take_event(), None)?;
    Ok(json!({
        "injected": 2 * BURST, "reported": "overflowed", "recovered_ms": recovered.as_secs_f64() * 1e3, "alive": true,
        "cancelled": known.iter().filter(|c| c.0 == Cancel).count(),
    }))
}

pub fn unplug() -> Outcome {
    let screen = Virtual::screen("test screen")?;
    let bystander = Virtual::screen("another screen")?;
    let mut source = screen.open(&TouchOptions::default())?;
    screen.report(&finger(0, 1, 1000, 1000))?;
    expect("fingers", read(source.as_mut()).len(), 1)?;
    let old = screen.node.clone();
    drop(screen);
    let gone = MonotonicClock.now();
    let contacts = wait_for("the loss", || Some(read(source.as_mut())).filter(|contacts| !contacts.is_empty()))?;
    expect("on the loss", brief(&contacts).as_slice(), [(Cancel, 1, 1000, 1000)].as_slice())?;
    let noticed = MonotonicClock.now().since(gone);
    let Some(InputEvent::Lost { reason }) = source.take_event() else { return Err("no loss is reported".to_owned()) };
    // Something else takes the node, and a screen of another name is none of ours.
    let squatter = Virtual::build("test keyboard", |b| b.with_keys([Key::KEY_A]))?;
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(400));
        bystander.report(&finger(0, 1, 7, 7))?;
        bystander.report(&lift(0))?;
        expect("while it is away", read(source.as_mut()).len(), 0)?;
    }
    expect("events while it is away", source.take_event(), None)?;
    let back = Virtual::screen("test screen")?;
    let plugged = MonotonicClock.now();
    let after = wait_for("the return", || {
        read(source.as_mut());
        match source.take_event() {
            Some(InputEvent::Returned { after }) => Some(after),
            _ => None,
        }
    })?;
    let recovered = MonotonicClock.now().since(plugged);
    back.report(&finger(0, 9, 300, 200))?;
    back.report(&lift(0))?;
    expect("contacts", brief(&read(source.as_mut())).as_slice(), [(Down, 1, 300, 200), (Up, 1, 300, 200)].as_slice())?;
    if back.node == old {
        return Err(format!("the device is back under its own node {}, which proves nothing", old.display()));
    }
    drop(squatter);
    Ok(json!({
        "injected": 1, "reported": reason, "recovered_ms": recovered.as_millis() as u64, "alive": true,
        "noticed_ms": noticed.as_millis() as u64, "away_ms": after.as_millis() as u64,
        "from": old, "to": back.node,
    }))
}

pub fn refusals() -> Outcome {
    let keyboard = Virtual::build("test keyboard", |b| b.with_keys([Key::KEY_A]))?;
    let screen = Virtual::screen("test screen")?;
    let options = TouchOptions::default();
    let refused = |address: &str, words: &str| match open(address, &options) {
        Ok(_) => Err(format!("{address} is opened")),
        Err(text) if text.contains(words) => Ok(text),
        Err(text) => Err(format!("{address}: `{text}` does not say `{words}`")),
    };
    let keys = refused(&keyboard.address(), "neither a touch screen nor a pen nor a mouse")?;
    let missing = refused("touch:/dev/input/event999", "no such device")?;
    let other = refused("touch:/dev/null", "no input device")?;
    fs::set_permissions(&screen.node, fs::Permissions::from_mode(0o600)).map_err(|e| e.to_string())?;
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(program);
    let output = command.args(["probe", &screen.address()]).uid(1000).gid(1000).output().map_err(|e| e.to_string())?;
    let forbidden = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if !forbidden.contains("no permission") || !forbidden.contains("`input`") {
        return Err(format!("as another user: `{forbidden}`"));
    }
    drop(screen);
    let none = refused("touch:auto", "no touch screen")?;
    Ok(json!({"keyboard": keys, "missing": missing, "other": other, "forbidden": forbidden, "none": none}))
}

/// Opens a device and says what comes of it.
pub fn probe(address: &str) -> ExitCode {
    match open(address, &TouchOptions::default()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}
