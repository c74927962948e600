use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::input::TouchDeviceInfo;

/// What a device can report, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Multi-touch protocol B: slots, tracking ids and positions.
    pub slots: bool,
    /// `ABS_X` and `ABS_Y`.
    pub absolute: bool,
    /// `REL_X` and `REL_Y`.
    pub relative: bool,
    /// `BTN_TOUCH`, `BTN_TOOL_FINGER`, `BTN_TOOL_PEN`, `BTN_LEFT`.
    pub touch: bool,
    pub finger: bool,
    pub pen: bool,
    pub left: bool,
    /// `INPUT_PROP_DIRECT`: it lies on the screen; `INPUT_PROP_POINTER`: it moves a pointer.
    pub direct: bool,
    pub pointer: bool,
}

/// The address of a device.
pub(super) fn written(path: &Path) -> String {
    format!("touch:{}", path.display())
}

/// What kind of device makes contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    TouchScreen,
    Pen,
    /// A tablet, or the mouse of a virtual machine.
    AbsolutePointer,
    TouchPad,
    Mouse,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::TouchScreen => "touch screen",
            Kind::Pen => "pen",
            Kind::AbsolutePointer => "absolute pointer",
            Kind::TouchPad => "touch pad",
            Kind::Mouse => "mouse",
        }
    }
}

impl Capabilities {
    /// What the device is, by the rules of udev's `input_id`; `None` if it makes no contacts.
    pub fn kind(&self) -> Option<Kind> {
        let surface = self.slots || (self.absolute && self.touch);
        // Old drivers set neither property: a surface for fingers that is not on a screen has a tool for them.
        let off_screen = self.pointer || (!self.direct && self.finger && !self.pen);
        match self {
            Capabilities { pen: true, touch: true, absolute: true, .. } => Some(Kind::Pen),
            _ if surface && off_screen => Some(Kind::TouchPad),
            _ if surface => Some(Kind::TouchScreen),
            Capabilities { absolute: true, left: true, .. } => Some(Kind::AbsolutePointer),
            Capabilities { relative: true, left: true, .. } => Some(Kind::Mouse),
            _ => None,
        }
    }
}

/// What a device is known by when it comes back, perhaps under another node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub name: String,
    /// Where it is plugged in; empty for virtual devices.
    pub phys: String,
}

/// A device of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub path: PathBuf,
    pub identity: Identity,
    pub kind: Kind,
}

/// Every device under `root` (`/` but for tests) that makes contacts, by the number of its node. It is read from sysfs:
/// opening devices needs permission, and closing them takes the kernel long.
pub fn entries(root: &Path) -> Vec<Entry> {
    let Ok(listed) = fs::read_dir(root.join("sys/class/input")) else { return Vec::new() };
    let names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut numbers: Vec<u32> = names.filter_map(|name| name.strip_prefix("event")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.into_iter().filter_map(|number| entry(root, number)).collect()
}

fn entry(root: &Path, number: u32) -> Option<Entry> {
    let device = root.join(format!("sys/class/input/event{number}/device"));
    let text = |name: &str| fs::read_to_string(device.join(name)).unwrap_or_default().trim_end_matches('\n').to_owned();
    let bits = |name: &str| Bits::parse(&text(name));
    let (abs, rel, key) = (bits("capabilities/abs"), bits("capabilities/rel"), bits("capabilities/key"));
    let properties = bits("properties");
    // Numbers of linux/input-event-codes.h.
    let capabilities = Capabilities {
        slots: [0x2f, 0x35, 0x36, 0x39].into_iter().all(|code| abs.has(code)),
        absolute: abs.has(0) && abs.has(1),
        relative: rel.has(0) && rel.has(1),
        touch: key.has(0x14a),
        finger: key.has(0x145),
        pen: key.has(0x140),
        left: key.has(0x110),
        pointer: properties.has(0),
        direct: properties.has(1),
    };
    let identity = Identity { name: text("name"), phys: text("phys") };
    let path = root.join(format!("dev/input/event{number}"));
    capabilities.kind().map(|kind| Entry { path, identity, kind })
}

/// A bit set as sysfs writes it: words in hexadecimal, the highest first.
struct Bits(Vec<u64>);

impl Bits {
    fn parse(text: &str) -> Self {
        Bits(text.split_whitespace().rev().map(|word| u64::from_str_radix(word, 16).unwrap_or(0)).collect())
    }

    fn has(&self, bit: usize) -> bool {
        // The kernel prints words of the reader's own size.
        const WORD: usize = usize::BITS as usize;
        self.0.get(bit / WORD).is_some_and(|word| word >> (bit % WORD) & 1 == 1)
    }
}

/// The touch devices of this machine.
pub fn list() -> Vec<TouchDeviceInfo> {
    let info = |entry: Entry| TouchDeviceInfo {
        address: written(&entry.path),
        name: entry.identity.name,
        kind: entry.kind.name(),
        readable: !fs::File::open(&entry.path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied),
    };
    entries(Path::new("/")).into_iter().map(info).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device in a made-up sysfs, its bits written as a kernel with words of our own size writes them.
    fn plug(root: &Path, number: u32, name: &str, bits: [(&str, &[usize]); 4]) {
        let device = root.join(format!("sys/class/input/event{number}/device"));
        fs::create_dir_all(device.join("capabilities")).unwrap();
        fs::write(device.join("name"), format!("{name}\n")).unwrap();
        fs::write(device.join("phys"), "usb-1/input0\n").unwrap();
        for (file, set) in bits {
            let mut words = vec![0usize; 0x300 / usize::BITS as usize];
            for bit in set {
                words[bit / usize::BITS as usize] |= 1 << (bit % usize::BITS as usize);
            }
            let words: Vec<String> = words.iter().rev().map(|word| format!("{word:x}")).collect();
            fs::write(device.join(file), words.join(" ")).unwrap();
        }
    }

    #[test]
    fn devices_are_distinguished_and_sorted_by_number() {
        let root = tempfile::tempdir().unwrap();
        let (abs, rel, key, prop) = ("capabilities/abs", "capabilities/rel", "capabilities/key", "properties");
        let slots: &[usize] = &[0, 1, 0x2f, 0x35, 0x36, 0x39];
        plug(root.path(), 10, "panel", [(abs, slots), (rel, &[]), (key, &[0x14a]), (prop, &[1])]);
        plug(root.path(), 2, "pad", [(abs, slots), (rel, &[]), (key, &[0x14a, 0x145, 0x110]), (prop, &[0])]);
        plug(root.path(), 3, "old pad", [(abs, &[0, 1]), (rel, &[]), (key, &[0x14a, 0x145]), (prop, &[])]);
        plug(root.path(), 4, "resistive", [(abs, &[0, 1]), (rel, &[]), (key, &[0x14a]), (prop, &[])]);
        plug(root.path(), 5, "pen", [(abs, &[0, 1]), (rel, &[]), (key, &[0x14a, 0x140]), (prop, &[1])]);
        plug(root.path(), 6, "mouse", [(abs, &[]), (rel, &[0, 1, 8]), (key, &[0x110]), (prop, &[])]);
        plug(root.path(), 7, "tablet", [(abs, &[0, 1]), (rel, &[8]), (key, &[0x110]), (prop, &[])]);
        plug(root.path(), 8, "keyboard", [(abs, &[]), (rel, &[]), (key, &[1, 30]), (prop, &[])]);
        plug(root.path(), 9, "accelerometer", [(abs, &[0, 1, 2]), (rel, &[]), (key, &[]), (prop, &[6])]);
        fs::create_dir_all(root.path().join("sys/class/input/mouse0")).unwrap();
        let found: Vec<_> = entries(root.path()).into_iter().map(|e| (e.identity.name, e.kind)).collect();
        let expected = [
            ("pad", Kind::TouchPad),
            ("old pad", Kind::TouchPad),
            ("resistive", Kind::TouchScreen),
            ("pen", Kind::Pen),
            ("mouse", Kind::Mouse),
            ("tablet", Kind::AbsolutePointer),
            ("panel", Kind::TouchScreen),
        ];
        assert_eq!(found, expected.map(|(name, kind)| (name.to_owned(), kind)));
        let panel = entries(root.path()).pop().unwrap();
        assert_eq!(panel.identity.phys, "usb-1/input0");
        assert!(panel.path.ends_with("dev/input/event10"));
    }

    #[test]
    fn nothing_and_nonsense_are_no_devices() {
        let root = tempfile::tempdir().unwrap();
        assert!(entries(root.path()).is_empty());
        let device = root.path().join("sys/class/input/event0/device/capabilities");
        fs::create_dir_all(&device).unwrap();
        fs::write(device.join("abs"), "zz ffffffffffffffffffff \u{fffd}").unwrap();
        assert!(entries(root.path()).is_empty());
    }
}
