use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{ConfigError, Result};
use crate::geometry::Size;
use crate::time::Clock;

use super::{GazeAddress, GazeSource, PromptSource, Script, TouchOptions, TouchSource};

/// Where prompts come from, as the command line writes it. Only what is compiled in can be named.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PromptAddress {
    /// `script:FILE`, an NDJSON file, see [`Script`].
    Script(PathBuf),
    /// `touch:PATH` or `touch:auto`, a touch screen, a pen or a mouse.
    #[cfg(all(feature = "touch", target_os = "linux"))]
    Touch(TouchDevice),
    /// `gaze:…`, an eye tracker or its recording.
    Gaze(GazeAddress),
}

/// Which input device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TouchDevice {
    /// The first touch screen.
    Auto,
    /// A device node such as `/dev/input/event0`, or a link to one.
    Path(PathBuf),
}

impl fmt::Display for TouchDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TouchDevice::Auto => f.write_str("touch:auto"),
            TouchDevice::Path(path) => write!(f, "touch:{}", path.display()),
        }
    }
}

/// An opened source of prompts, by how it names what it means.
pub enum OpenedPrompts {
    /// It names objects.
    Prompts(Box<dyn PromptSource>),
    /// It shows a place; a [`TouchSelector`](crate::select::touch::TouchSelector) makes gestures of it.
    Touch(Box<dyn TouchSource>),
    /// It shows where somebody looks; a [`DwellSelector`](crate::select::gaze::DwellSelector) makes selections of it.
    Gaze(Box<dyn GazeSource>),
}

const KNOWN: &str = match (cfg!(all(feature = "touch", target_os = "linux")), cfg!(feature = "console")) {
    (true, true) => {
        "console, script:FILE, touch:PATH, touch:auto, gaze:pupil://HOST, gaze:udp://ADDR:PORT, gaze:tcp://HOST:PORT, \
         gaze:file:PATH"
    }
    (true, false) => {
        "script:FILE, touch:PATH, touch:auto, gaze:pupil://HOST, gaze:udp://ADDR:PORT, gaze:tcp://HOST:PORT, gaze:file:PATH"
    }
    (false, true) => {
        "console, script:FILE, gaze:pupil://HOST, gaze:udp://ADDR:PORT, gaze:tcp://HOST:PORT, gaze:file:PATH"
    }
    (false, false) => "script:FILE, gaze:pupil://HOST, gaze:udp://ADDR:PORT, gaze:tcp://HOST:PORT, gaze:file:PATH",
};

impl PromptAddress {
    /// The forms that this build takes.
    pub const KNOWN: &'static str = KNOWN;

    /// Opens the source. Contacts and gaze carry the times of `clock`; the kernel's own count only if it is the monotonic
    /// one. Gaze is given in pixels of a frame of `frame`.
    ///
    /// # Errors
    /// A file that cannot be read or a line of it that is wrong; a device that is missing, forbidden, or makes no contacts; an
    /// eye tracker that cannot be reached.
    #[cfg_attr(not(all(feature = "touch", target_os = "linux")), allow(unused_variables))]
    pub fn open(&self, touch: &TouchOptions, frame: Size, clock: Arc<dyn Clock>) -> Result<OpenedPrompts> {
        match self {
            PromptAddress::Script(path) => Ok(OpenedPrompts::Prompts(Box::new(Script::read(path)?))),
            #[cfg(all(feature = "touch", target_os = "linux"))]
            PromptAddress::Touch(device) => {
                Ok(OpenedPrompts::Touch(Box::new(super::evdev::EvdevTouch::open(device, *touch, clock)?)))
            }
            PromptAddress::Gaze(address) => Ok(OpenedPrompts::Gaze(address.open(frame, clock)?)),
        }
    }
}

impl FromStr for PromptAddress {
    type Err = ConfigError;

    fn from_str(address: &str) -> Result<Self, ConfigError> {
        match address.split_once(':') {
            Some(("script", path)) if !path.is_empty() => Ok(PromptAddress::Script(path.into())),
            #[cfg(all(feature = "touch", target_os = "linux"))]
            Some(("touch", "auto")) => Ok(PromptAddress::Touch(TouchDevice::Auto)),
            #[cfg(all(feature = "touch", target_os = "linux"))]
            Some(("touch", path)) if !path.is_empty() && !path.contains('\0') => {
                Ok(PromptAddress::Touch(TouchDevice::Path(path.into())))
            }
            other => {
                let gaze = other.filter(|(kind, _)| *kind == "gaze").and_then(|(_, rest)| GazeAddress::parse(rest));
                let unknown =
                    || ConfigError::Address { what: "prompt source", address: address.to_owned(), known: KNOWN };
                gaze.map(PromptAddress::Gaze).ok_or_else(unknown)
            }
        }
    }
}

impl fmt::Display for PromptAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PromptAddress::Script(path) => write!(f, "script:{}", path.display()),
            #[cfg(all(feature = "touch", target_os = "linux"))]
            PromptAddress::Touch(device) => write!(f, "{device}"),
            PromptAddress::Gaze(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MonotonicClock;

    fn message(address: &str) -> String {
        let address: PromptAddress = address.parse().unwrap();
        address.open(&TouchOptions::default(), Size::new(640, 480), Arc::new(MonotonicClock)).err().unwrap().to_string()
    }

    #[test]
    fn addresses_parse_and_print() {
        let mut rows = vec![
            "script:a/b:c.ndjson",
            "gaze:file:a/b c",
            "gaze:udp://0.0.0.0:5005",
            "gaze:tcp://[::1]:5005",
            "gaze:pupil://neon.local",
            "gaze:pupil://10.0.0.2:8080?transport=tcp",
        ];
        if cfg!(all(feature = "touch", target_os = "linux")) {
            rows.extend(["touch:auto", "touch:/dev/input/event0"]);
        }
        for row in rows {
            assert_eq!(row.parse::<PromptAddress>().unwrap().to_string(), row);
        }
        let wrong = ["", "script", "script:", "touch", "touch:", "touch:a\0b", "mouse:0"];
        let gaze =
            ["gaze", "gaze:", "gaze:file:", "gaze:udp://", "gaze:udp://h", "gaze:tcp://:1", "gaze:tcp://h:99999"];
        let more = ["gaze:pupil://", "gaze:pupil://a b", "gaze:pupil://h?transport=x", "gaze:http://h"];
        for wrong in wrong.into_iter().chain(gaze).chain(more) {
            let message = wrong.parse::<PromptAddress>().unwrap_err().to_string();
            assert!(message.contains("script:FILE"), "{message}");
        }
    }

    #[test]
    fn a_missing_script_says_where() {
        let text = message("script:/nowhere/x.ndjson");
        assert!(text.contains("/nowhere/x.ndjson"), "{text}");
    }

    #[cfg(all(feature = "touch", target_os = "linux"))]
    #[test]
    fn devices_that_cannot_be_used_say_why_and_what_to_do() {
        let rows = [
            ("touch:/dev/input/event9999", "no such device"),
            ("touch:/nowhere", "no such device"),
            ("touch:/dev/null", "no input device"),
        ];
        for (address, expected) in rows {
            let text = message(address);
            assert!(text.contains(&address[6..]) && text.contains(expected), "{text}");
            assert!(text.contains("foveate doctor"), "{text}");
        }
    }
}
