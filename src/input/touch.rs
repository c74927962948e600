use serde::Serialize;

use super::InputEvent;
use crate::select::touch::{Contact, Rotation};
use crate::time::Timestamp;

/// Where contacts come from: a touch screen, a pen, a mouse.
pub trait TouchSource: Send {
    /// The address it was opened by, such as `touch:/dev/input/event0`.
    fn name(&self) -> &str;

    /// Width and height of the screen in millimetres, as it is seen; `None` if neither the device nor the options say.
    fn size_mm(&self) -> Option<[f32; 2]>;

    /// Appends the contacts reported up to `now` that were not given out yet, in the order of their time; those of one
    /// report have one time. Never waits for a contact.
    fn poll(&mut self, now: Timestamp, out: &mut Vec<Contact>);

    /// The oldest event not taken yet.
    fn take_event(&mut self) -> Option<InputEvent> {
        None
    }
}

/// How a touch device is used. The board profile sets it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TouchOptions {
    /// Width and height of the screen in millimetres, as it is seen; what the device says if not given.
    pub size_mm: Option<[f32; 2]>,
    /// The device's coordinates are turned clockwise by this to those of the screen as it is seen.
    pub rotation: Rotation,
    /// `[a, b, c, d, e, f]` of x' = a x + b y + c, y' = d x + e y + f on coordinates from 0 to 1, before the rotation:
    /// libinput's calibration matrix.
    pub calibration: Option<[f32; 6]>,
    /// Keeps other programs from seeing the device.
    pub grab: bool,
}

/// An input device of this machine that can make contacts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TouchDeviceInfo {
    /// What `--prompt` takes.
    pub address: String,
    /// What the device calls itself.
    pub name: String,
    /// `touch screen`, `pen`, `absolute pointer`, `touch pad` or `mouse`.
    pub kind: &'static str,
    /// False when this user may not read it.
    pub readable: bool,
}

/// The touch screens, pens and mice of this machine; empty where the build cannot read any.
#[cfg_attr(not(all(feature = "touch", target_os = "linux")), allow(unused_mut))]
pub fn list_touch_devices() -> Vec<TouchDeviceInfo> {
    let mut devices = Vec::new();
    #[cfg(all(feature = "touch", target_os = "linux"))]
    devices.extend(super::evdev::list());
    devices
}
