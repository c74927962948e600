//! Virtual input devices, and what the crate reads from them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use evdevil::event::{Abs, AbsEvent, InputEvent, Key, KeyEvent, KeyState};
use evdevil::uinput::{AbsSetup, Builder, UinputDevice};
use evdevil::{AbsInfo, InputProp};
use foveate::geometry::Size;
use foveate::input::{OpenedPrompts, PromptAddress, TouchOptions, TouchSource};
use foveate::select::touch::{Contact, Phase};
use foveate::time::{Clock, MonotonicClock};

/// The screen's coordinates run from 0 to these.
pub const WIDTH: i32 = 4000;
pub const HEIGHT: i32 = 2400;
/// Units a millimetre: a screen of 160 by 96 mm.
const RESOLUTION: i32 = 25;
pub const SLOTS: i32 = 10;

/// A device made by uinput. Dropping it unplugs it.
pub struct Virtual {
    device: UinputDevice,
    pub node: PathBuf,
}

impl Virtual {
    /// A multi-touch screen.
    pub fn screen(name: &str) -> Result<Self, String> {
        Self::build(name, |builder| {
            builder.with_props([InputProp::DIRECT])?.with_keys([Key::BTN_TOUCH])?.with_abs_axes([
                axis(Abs::X, WIDTH, RESOLUTION),
                axis(Abs::Y, HEIGHT, RESOLUTION),
                axis(Abs::MT_SLOT, SLOTS - 1, 0),
                axis(Abs::MT_TRACKING_ID, 65535, 0),
                axis(Abs::MT_POSITION_X, WIDTH, RESOLUTION),
                axis(Abs::MT_POSITION_Y, HEIGHT, RESOLUTION),
            ])
        })
    }

    /// Any device, once its node is there.
    pub fn build(name: &str, set_up: impl FnOnce(Builder) -> io::Result<Builder>) -> Result<Self, String> {
        let failed = |error: io::Error| format!("uinput: {error}");
        let builder = UinputDevice::builder().map_err(failed)?;
        let device = set_up(builder).map_err(failed)?.build(name).map_err(failed)?;
        let sysname = device.sysname().map_err(failed)?;
        let dir = Path::new("/sys/devices/virtual/input").join(sysname);
        let node = wait_for("the device's node", || {
            let name = fs::read_dir(&dir).ok()?.find_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                name.starts_with("event").then_some(name)
            })?;
            Some(Path::new("/dev/input").join(name)).filter(|node| node.exists())
        })?;
        Ok(Virtual { device, node })
    }

    /// Writes events and the end of their report.
    pub fn report(&self, events: &[InputEvent]) -> Result<(), String> {
        let written = self.device.writer().write_events(events).and_then(|writer| writer.finish());
        written.map_err(|error| format!("cannot write events: {error}"))
    }

    pub fn address(&self) -> String {
        format!("touch:{}", self.node.display())
    }

    /// Opens the device as the program does.
    pub fn open(&self, options: &TouchOptions) -> Result<Box<dyn TouchSource>, String> {
        open(&self.address(), options)
    }
}

pub fn open(address: &str, options: &TouchOptions) -> Result<Box<dyn TouchSource>, String> {
    let parsed: PromptAddress = address.parse().map_err(|error| format!("{error}"))?;
    // Contacts count in parts of the screen: no frame plays a part.
    match parsed.open(options, Size::default(), Arc::new(MonotonicClock)).map_err(|error| error.to_string())? {
        OpenedPrompts::Touch(source) => Ok(source),
        _ => Err(format!("{address} is no touch source")),
    }
}

pub fn axis(axis: Abs, most: i32, resolution: i32) -> AbsSetup {
    AbsSetup::new(axis, AbsInfo::new(0, most).with_resolution(resolution))
}

pub fn abs(axis: Abs, value: i32) -> InputEvent {
    AbsEvent::new(axis, value).into()
}

pub fn key(key: Key, pressed: bool) -> InputEvent {
    KeyEvent::new(key, if pressed { KeyState::PRESSED } else { KeyState::RELEASED }).into()
}

/// A finger in a slot.
pub fn finger(slot: i32, id: i32, x: i32, y: i32) -> [InputEvent; 4] {
    [abs(Abs::MT_SLOT, slot), abs(Abs::MT_TRACKING_ID, id), abs(Abs::MT_POSITION_X, x), abs(Abs::MT_POSITION_Y, y)]
}

pub fn lift(slot: i32) -> [InputEvent; 2] {
    [abs(Abs::MT_SLOT, slot), abs(Abs::MT_TRACKING_ID, -1)]
}

/// Waits up to ten seconds for something.
pub fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> Result<T, String> {
    let began = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return Ok(found);
        }
        if began.elapsed() > Duration::from_secs(10) {
            return Err(format!("{what} did not come within 10 s"));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// What a source has to say now, events delivered: uinput passes them on before it returns.
pub fn read(source: &mut dyn TouchSource) -> Vec<Contact> {
    let mut contacts = Vec::new();
    source.poll(MonotonicClock.now(), &mut contacts);
    contacts
}

/// Contacts as phase, id and place in the screen's own coordinates.
pub fn brief(contacts: &[Contact]) -> Vec<(Phase, u32, i32, i32)> {
    let place = |v: f32, most: i32| (v * most as f32).round() as i32;
    contacts.iter().map(|c| (c.phase, c.id, place(c.position.x, WIDTH), place(c.position.y, HEIGHT))).collect()
}

/// Fails with both sides if they differ.
pub fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, found {found:?}")) }
}

/// The mode `tap`: for whole-system runs that need an operator.
pub fn tap(x: &str, y: &str, after_ms: &str) -> io::Result<ExitCode> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("`{what}` is no number"));
    let place = |text: &str, most: i32| text.parse::<f32>().map(|v| (v * most as f32) as i32).map_err(|_| wrong(text));
    let (x, y) = (place(x, WIDTH)?, place(y, HEIGHT)?);
    let after = Duration::from_millis(after_ms.parse().map_err(|_| wrong(after_ms))?);
    let screen = Virtual::screen("foveate test screen").map_err(io::Error::other)?;
    println!("{}", screen.node.display());
    thread::sleep(after);
    screen.report(&finger(0, 1, x, y)).map_err(io::Error::other)?;
    thread::sleep(Duration::from_millis(80));
    screen.report(&lift(0)).map_err(io::Error::other)?;
    eprintln!("tapped at {x},{y} of {WIDTH}x{HEIGHT}");
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}
