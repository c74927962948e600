use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use evdevil::event::{Abs, InputEvent as RawEvent, Key, Rel};
use evdevil::{AbsInfo, Evdev, InputProp};

use super::inventory::{Capabilities, Identity, Kind, entries, written};
use super::screen::{Axis, ScreenMap};
use super::tracker::{NONE, Next, POINTER_STEPS, Protocol, State, Tracker};
use crate::address::{self, AddressError};
use crate::error::{DeviceError, Result};
use crate::input::{InputEvent, PromptAddress, TouchOptions, TouchSource};
use crate::select::touch::Contact;
use crate::time::{Clock, Timestamp};

/// How often a lost device is looked for.
const RETRY: Duration = Duration::from_millis(500);
/// Events that are read before the caller has its turn again; the kernel's buffer holds some hundred.
const READ_LIMIT: usize = 1024;
/// Events in one read.
const BATCH: usize = 64;
/// Slots that are followed; more fingers than these are no hand's.
const MAX_SLOTS: usize = 32;
/// Events that nobody took yet; beyond that the oldest go.
const EVENT_LIMIT: usize = 32;

/// Reads the place of `touch:PATH` or `touch:auto`.
pub fn address(place: Option<&str>) -> Result<PromptAddress, AddressError> {
    let path = PathBuf::from(address::path(place)?);
    let text = written(&path);
    if path.as_os_str() == "auto" {
        return Ok(PromptAddress::touch(text, |options, clock| {
            let path = first_touch_screen(Path::new("/"))?;
            Ok(EvdevTouch::open(&path, *options, clock)?)
        }));
    }
    Ok(PromptAddress::touch(text, move |options, clock| Ok(EvdevTouch::open(&path, *options, clock)?)))
}

/// A touch screen, a pen or a mouse: what `touch:PATH` opens.
///
/// Contacts carry the kernel's time on the monotonic clock. A device that goes away is looked for twice a second, first at
/// its node, then by its name and place at any other.
pub struct EvdevTouch {
    address: String,
    path: PathBuf,
    identity: Identity,
    options: TouchOptions,
    clock: Arc<dyn Clock>,
    size_mm: Option<[f32; 2]>,
    device: Connection,
    events: VecDeque<InputEvent>,
}

enum Connection {
    Open(Box<Device>),
    Lost { since: Timestamp, retry_at: Timestamp },
}

/// An opened device.
struct Device {
    evdev: Evdev,
    protocol: Protocol,
    tracker: Tracker,
    map: ScreenMap,
    /// False on a kernel that stamps by the wall clock alone.
    kernel_time: bool,
    identity: Identity,
}

impl EvdevTouch {
    /// Opens a device for the first time.
    ///
    /// # Errors
    /// No such device, no permission, held by another program, or one that makes no contacts.
    pub fn open(path: &Path, options: TouchOptions, clock: Arc<dyn Clock>) -> Result<Self, DeviceError> {
        let device = Device::open(path, &options)?;
        Ok(EvdevTouch {
            address: written(path),
            identity: device.identity.clone(),
            size_mm: device.map.size_mm(),
            path: path.to_path_buf(),
            options,
            clock,
            device: Connection::Open(Box::new(device)),
            events: VecDeque::new(),
        })
    }

    fn emit(&mut self, event: InputEvent) {
        if self.events.len() == EVENT_LIMIT {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Looks for a device that is known, and opens it.
    fn find(&self) -> Option<(PathBuf, Device)> {
        let listed = entries(Path::new("/"));
        let mut same: Vec<_> = listed.into_iter().filter(|e| e.identity == self.identity).map(|e| e.path).collect();
        // Its own node first; a link or a machine without sysfs is tried by its path alone.
        same.sort_by_key(|path| *path != self.path);
        if same.first() != Some(&self.path) {
            same.push(self.path.clone());
        }
        same.into_iter().find_map(|path| {
            let device = Device::open(&path, &self.options).ok()?;
            (device.identity == self.identity).then_some((path, device))
        })
    }
}

impl TouchSource for EvdevTouch {
    fn name(&self) -> &str {
        &self.address
    }

    fn size_mm(&self) -> Option<[f32; 2]> {
        self.size_mm
    }

    fn poll(&mut self, now: Timestamp, out: &mut Vec<Contact>) {
        match &mut self.device {
            Connection::Open(device) => match device.read(self.clock.as_ref(), out) {
                Ok(false) => {}
                Ok(true) => self.emit(InputEvent::Overflowed),
                Err(error) => {
                    device.tracker.cancel_all(now, out);
                    self.device = Connection::Lost { since: now, retry_at: now + RETRY };
                    self.emit(InputEvent::Lost { reason: error.to_string() });
                }
            },
            Connection::Lost { retry_at, .. } if now < *retry_at => {}
            Connection::Lost { since, .. } => {
                let since = *since;
                match self.find() {
                    Some((path, device)) => {
                        self.path = path;
                        self.device = Connection::Open(Box::new(device));
                        self.emit(InputEvent::Returned { after: now.since(since) });
                    }
                    None => self.device = Connection::Lost { since, retry_at: now + RETRY },
                }
            }
        }
    }

    fn take_event(&mut self) -> Option<InputEvent> {
        self.events.pop_front()
    }
}

/// The first touch screen, by the number of its node.
fn first_touch_screen(root: &Path) -> Result<PathBuf, DeviceError> {
    let mut screens = entries(root).into_iter().filter(|entry| entry.kind == Kind::TouchScreen);
    let none = || DeviceError::Missing { device: "touch:auto: no touch screen is plugged in".to_owned() };
    screens.next().map(|entry| entry.path).ok_or_else(none)
}

impl Device {
    fn open(path: &Path, options: &TouchOptions) -> Result<Device, DeviceError> {
        let name = path.display().to_string();
        let refused = |error: io::Error| refusal(&name, &error);
        let evdev = Evdev::open(path).map_err(refused)?;
        let (protocol, x, y) = survey(&evdev).map_err(refused)?.ok_or_else(|| DeviceError::Unsupported {
            device: name.clone(),
            reason: "neither a touch screen nor a pen nor a mouse".to_owned(),
        })?;
        evdev.set_nonblocking(true).map_err(refused)?;
        if options.grab {
            evdev.grab().map_err(refused)?;
        }
        let kernel_time = evdev.set_clockid(libc::CLOCK_MONOTONIC).is_ok();
        let map = ScreenMap::new(x, y, options);
        let identity =
            Identity { name: evdev.name().unwrap_or_default(), phys: evdev.phys().ok().flatten().unwrap_or_default() };
        let tracker = Tracker::new(protocol, map);
        let mut device = Device { evdev, protocol, tracker, map, kernel_time, identity };
        // The kernel reports only what changes, so its state has to be known from the start. What touches already is not reported
        // to anybody and therefore means nothing.
        device.adopt(Timestamp::ZERO, &mut Vec::new()).map_err(refused)?;
        Ok(device)
    }

    /// Reads what there is; true if events were lost on the way.
    fn read(&mut self, clock: &dyn Clock, out: &mut Vec<Contact>) -> io::Result<bool> {
        let mut overflowed = false;
        let mut batch = [RawEvent::zeroed(); BATCH];
        for _ in 0..READ_LIMIT / BATCH {
            let count = match self.evdev.read_events(&mut batch) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            for event in batch.iter().take(count) {
                let at = if self.kernel_time { kernel_time(event) } else { clock.now() };
                if self.tracker.take(event, at, out) == Next::Resync {
                    overflowed = true;
                    self.adopt(clock.now(), out)?;
                    break;
                }
            }
        }
        Ok(overflowed)
    }

    /// Takes over the state that the kernel knows, dropping what waits to be read.
    fn adopt(&mut self, at: Timestamp, out: &mut Vec<Contact>) -> io::Result<()> {
        let state = snapshot(&self.evdev, self.protocol)?;
        self.tracker.adopt(&state, at, out);
        Ok(())
    }
}

/// How a device reports its contacts, and its axes; `None` if it makes none.
fn survey(evdev: &Evdev) -> io::Result<Option<(Protocol, Axis, Axis)>> {
    let (abs, rel) = (evdev.supported_abs_axes()?, evdev.supported_rel_axes()?);
    let (keys, props) = (evdev.supported_keys()?, evdev.props()?);
    let slots = [Abs::MT_SLOT, Abs::MT_TRACKING_ID, Abs::MT_POSITION_X, Abs::MT_POSITION_Y];
    let capabilities = Capabilities {
        slots: slots.into_iter().all(|axis| abs.contains(axis)),
        absolute: abs.contains(Abs::X) && abs.contains(Abs::Y),
        relative: rel.contains(Rel::X) && rel.contains(Rel::Y),
        touch: keys.contains(Key::BTN_TOUCH),
        finger: keys.contains(Key::BTN_TOOL_FINGER),
        pen: keys.contains(Key::BTN_TOOL_PEN),
        left: keys.contains(Key::BTN_LEFT),
        direct: props.contains(InputProp::DIRECT),
        pointer: props.contains(InputProp::POINTER),
    };
    let axes = |protocol, x, y| Ok(Some((protocol, axis(&evdev.abs_info(x)?), axis(&evdev.abs_info(y)?))));
    let single = if capabilities.touch { Key::BTN_TOUCH } else { Key::BTN_LEFT };
    match capabilities.kind() {
        None => Ok(None),
        Some(_) if capabilities.slots => {
            let count = evdev.abs_info(Abs::MT_SLOT)?.maximum().saturating_add(1);
            let count = usize::try_from(count).unwrap_or(1).clamp(1, MAX_SLOTS);
            axes(Protocol::Slots(count), Abs::MT_POSITION_X, Abs::MT_POSITION_Y)
        }
        Some(Kind::Mouse) => {
            let steps = |most| Axis { least: 0, most, resolution: 0 };
            Ok(Some((Protocol::Relative, steps(POINTER_STEPS.0), steps(POINTER_STEPS.1))))
        }
        Some(_) => axes(Protocol::Single { touch: single }, Abs::X, Abs::Y),
    }
}

fn axis(info: &AbsInfo) -> Axis {
    Axis { least: info.minimum(), most: info.maximum(), resolution: info.resolution() }
}

/// The device's state as the kernel knows it now.
fn snapshot(evdev: &Evdev, protocol: Protocol) -> io::Result<State> {
    let touch = match protocol {
        Protocol::Slots(count) => {
            // A reader fetches every slot when it is made, which is all that it is made for.
            let reader = evdev.try_clone()?.into_reader()?;
            let value = |slot: usize, axis| reader.slot_state(slot as u16, axis);
            let slot = |slot| {
                let tracking = value(slot, Abs::MT_TRACKING_ID).unwrap_or(NONE);
                let place = [Abs::MT_POSITION_X, Abs::MT_POSITION_Y].map(|axis| value(slot, axis).unwrap_or(0));
                (tracking.max(NONE), place[0], place[1])
            };
            let current = usize::try_from(evdev.abs_info(Abs::MT_SLOT)?.raw_value()).unwrap_or(0);
            return Ok(State { slot: current, slots: (0..count).map(slot).collect() });
        }
        Protocol::Single { touch } => touch,
        Protocol::Relative => Key::BTN_LEFT,
    };
    let tracking = if evdev.key_state()?.contains(touch) { 0 } else { NONE };
    let place = |axis| match protocol {
        Protocol::Relative => Ok(0),
        _ => evdev.abs_info(axis).map(|info| info.raw_value()),
    };
    Ok(State { slot: 0, slots: vec![(tracking, place(Abs::X)?, place(Abs::Y)?)] })
}

/// When the kernel saw an event, on the monotonic clock.
fn kernel_time(event: &RawEvent) -> Timestamp {
    let since = event.time().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(since.as_nanos() as u64)
}

fn refusal(device: &str, error: &io::Error) -> DeviceError {
    let device = device.to_owned();
    match error.kind() {
        ErrorKind::NotFound => DeviceError::Missing { device },
        ErrorKind::PermissionDenied => DeviceError::Permission { device },
        ErrorKind::ResourceBusy => DeviceError::Busy { device },
        ErrorKind::InvalidInput => {
            DeviceError::Unsupported { device, reason: "no input device (/dev/input/event*)".to_owned() }
        }
        _ if error.raw_os_error() == Some(libc::ENODEV) => DeviceError::Missing { device },
        _ => DeviceError::Unsupported { device, reason: error.to_string() },
    }
}
