//! Cameras on a Raspberry Pi's own connectors, through `rpicam-vid` (`libcamera-vid` on older systems): V4L2 programs cannot read
//! them, and libcamera itself cannot be part of a static program.
//!
//! Arguments, the raw frames and the lines of metadata are those of rpicam-apps 1.4 to 1.9.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::child::{self, ChildDriver, Heard, Recipe};
use super::reopen::CameraSource;
use super::{CameraInfo, Choice, Controls, Hdr, PowerLine, Setting, SourceAddress, SourceOptions, Wish};
use crate::address::{self, AddressError};
use crate::error::{DeviceError, Result};
use crate::frame::{ColorEncoding, ColorRange, Colorimetry, PixelFormat};
use crate::geometry::Size;
use crate::process::{self, Program};
use crate::time::Clock;
use crate::video::{RawLayout, StreamFormat};

/// The program, by its names.
const PROGRAMS: [&str; 2] = ["rpicam-vid", "libcamera-vid"];
const INSTALL: &str = "neither rpicam-vid nor libcamera-vid is installed: sudo apt install rpicam-apps-lite";
/// Rows of raw frames are padded to this many bytes; widths of its multiples have none.
const ROW: u32 = 64;
/// How long no frame may come.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the list of cameras may take.
const LISTING: Duration = Duration::from_secs(5);

/// What `rpicam:` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Choices {
    camera: u32,
    hflip: Option<bool>,
    vflip: Option<bool>,
    hdr: Option<Hdr>,
}

impl Choices {
    /// What the address leaves open as the board has it.
    fn or(&self, options: &SourceOptions) -> Choices {
        Choices {
            camera: self.camera,
            hflip: self.hflip.or(options.hflip),
            vflip: self.vflip.or(options.vflip),
            hdr: self.hdr.or(options.hdr),
        }
    }
}

/// Reads the place of `rpicam[:N]`, options `hflip=true`, `vflip=true`, `hdr=off|auto|sensor|single-exp`.
pub(super) fn address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let choices = parse(place)?;
    let device = place.map_or_else(|| "rpicam".to_owned(), |place| format!("rpicam:{place}"));
    Ok(SourceAddress::new(device.clone(), move |options, clock| open(&device, &choices, options, clock)))
}

fn parse(place: Option<&str>) -> Result<Choices, AddressError> {
    let place = place.unwrap_or("0");
    let (camera, query) = place.split_once('?').unwrap_or((place, ""));
    let mut choices = Choices { camera: camera.parse().map_err(|_| AddressError::Form)?, ..Choices::default() };
    address::options(query, &["hflip", "vflip", "hdr"], |key, value| {
        match key {
            "hflip" => choices.hflip = Some(address::yes_or_no(key, value)?),
            "vflip" => choices.vflip = Some(address::yes_or_no(key, value)?),
            _ => {
                let known = Hdr::ALL.into_iter().find(|hdr| hdr.name() == value);
                let known = known.ok_or_else(|| format!("`hdr={value}`: give off, auto, sensor or single-exp"));
                choices.hdr = Some(known?);
            }
        }
        Ok(())
    })?;
    Ok(choices)
}

fn open(
    device: &str,
    choices: &Choices,
    options: &SourceOptions,
    clock: Arc<dyn Clock>,
) -> Result<CameraSource<ChildDriver>> {
    let wish = options.wish()?;
    let size = streamed_size(&wish);
    let failed = |reason: &str| DeviceError::Program { device: device.to_owned(), reason: reason.to_owned() };
    let program = program().ok_or_else(|| failed(INSTALL))?;
    let mut arguments = arguments(&choices.or(options), size, wish.fps);
    let ignored = add_controls(&mut arguments, &options.controls);
    if !ignored.is_empty() {
        tracing::warn!("{device}: {} cannot be set on this camera", ignored.join(", "));
    }
    let command = move || {
        let mut command = Command::new(program);
        command.args(&arguments);
        Ok(command)
    };
    let recipe = Recipe {
        device: device.to_owned(),
        command: Some(Box::new(command)),
        format: StreamFormat::Raw(layout(size)),
        colors_by_size: false,
        rate: Some(wish.fps),
        remedy: "Run `rpicam-hello --list-cameras` to see whether the system finds it",
        patience: Some(PATIENCE),
        ends: false,
        hear: Some(hear),
    };
    Ok(child::open(recipe, clock)?)
}

/// The program that reads a Raspberry Pi's own cameras, if it is installed.
pub fn program() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|name| process::find(name).is_some())
}

/// The size that is asked of a camera: rows without padding, whole pairs of them.
fn streamed_size(wish: &Wish) -> Size {
    Size::new(wish.size.width.next_multiple_of(ROW), wish.size.height.next_multiple_of(2))
}

/// Frames as `--codec yuv420` writes them. Their colours follow their size.
fn layout(size: Size) -> RawLayout {
    let encoding = if size.width >= 1280 || size.height >= 720 { ColorEncoding::Bt709 } else { ColorEncoding::Bt601 };
    let colorimetry = Colorimetry { encoding, range: ColorRange::Limited };
    RawLayout { colorimetry, ..RawLayout::tight(size, PixelFormat::I420) }
}

/// What the program is started with.
fn arguments(choices: &Choices, size: Size, fps: f64) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    let mut add = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
    add("camera", choices.camera.to_string());
    add("timeout", "0".into());
    add("codec", "yuv420".into());
    add("width", size.width.to_string());
    add("height", size.height.to_string());
    add("framerate", fps.to_string());
    add("output", "-".into());
    // Each frame's own time follows it, in a line of its own.
    add("metadata", "/dev/stderr".into());
    add("metadata-format", "txt".into());
    if let Some(hdr) = choices.hdr {
        add("hdr", hdr.name().to_owned());
    }
    let is_set = |flag: Option<bool>| flag.unwrap_or_default();
    let (hflip, vflip) = (is_set(choices.hflip), is_set(choices.vflip));
    for (flag, is_set) in [("nopreview", true), ("flush", true), ("hflip", hflip), ("vflip", vflip)] {
        if is_set {
            arguments.push(format!("--{flag}"));
        }
    }
    arguments
}

/// Adds the board's controls; gives the names of those that the program cannot set.
fn add_controls(arguments: &mut Vec<String>, controls: &Controls) -> Vec<String> {
    let mut add = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
    let mut ignored = Vec::new();
    if let Some(Setting::Value(micros)) = controls.exposure {
        add("shutter", micros.to_string());
    }
    if let Some(Setting::Value(gain)) = controls.gain {
        add("gain", gain.to_string());
    }
    match controls.focus {
        Some(Setting::Auto) => add("autofocus-mode", "continuous".into()),
        Some(Setting::Value(dioptres)) => {
            add("autofocus-mode", "manual".into());
            add("lens-position", dioptres.to_string());
        }
        None => {}
    }
    match controls.white_balance {
        Some(Setting::Auto) => add("awb", "auto".into()),
        Some(Setting::Value(_)) => ignored.push("white_balance in kelvin".to_owned()),
        None => {}
    }
    match controls.power_line_frequency {
        Some(PowerLine::Hz50) => add("flicker-period", "10000".into()),
        Some(PowerLine::Hz60) => add("flicker-period", "8333".into()),
        Some(PowerLine::Auto) => ignored.push("power_line_frequency = \"auto\"".to_owned()),
        Some(PowerLine::Off) | None => {}
    }
    ignored
}

/// What a line of its standard error is: metadata, libcamera's log, or a complaint.
fn hear(line: &str) -> Heard {
    if let Some(time) = line.strip_prefix("SensorTimestamp=") {
        return time.trim().parse().map_or(Heard::Nothing, Heard::Time);
    }
    let is_metadata = line.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if is_metadata || line.contains(" INFO ") { Heard::Nothing } else { Heard::Words }
}

/// The cameras that the program finds; none where it is not installed.
pub(super) fn list(wish: &Wish) -> Vec<CameraInfo> {
    let Some(path) = program() else { return Vec::new() };
    let mut command = Command::new(path);
    command.arg("--list-cameras").stdin(Stdio::null()).stdout(Stdio::piped());
    // A program that does not start has no cameras.
    let Ok(mut program) = Program::start(command, |_| false) else { return Vec::new() };
    let mut said = String::new();
    let Some(stdout) = program.take_stdout() else { return Vec::new() };
    let reader = std::thread::spawn(move || {
        use std::io::Read;
        let mut stdout = stdout.take(1 << 20);
        // What is no text lists no camera.
        let _ = stdout.read_to_string(&mut said);
        said
    });
    program.wait(LISTING);
    drop(program);
    parse_list(&reader.join().unwrap_or_default(), wish)
}

/// Reads lines such as `0 : imx708 [4608x2592 10-bit RGGB] (/base/axi/…)`.
fn parse_list(said: &str, wish: &Wish) -> Vec<CameraInfo> {
    let camera = |line: &str| {
        let (number, rest) = line.split_once(" : ")?;
        let number: u32 = number.trim().parse().ok()?;
        let (name, rest) = rest.split_once(" [")?;
        let bus = rest.split_once('(').map_or("", |(_, bus)| bus.trim_end_matches(')'));
        let size = streamed_size(wish);
        Some(CameraInfo {
            address: format!("rpicam:{number}"),
            name: name.trim().to_owned(),
            bus: bus.to_owned(),
            formats: Vec::new(),
            choice: Some(Choice { format: PixelFormat::I420, size, rate: Some(wish.fps), cost_ms: 0.0 }),
            problem: None,
        })
    };
    said.lines().filter_map(camera).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_camera_and_how_it_is_mounted() {
        assert_eq!(parse(None), Ok(Choices::default()));
        let turned = Choices { camera: 1, hflip: Some(true), vflip: Some(true), hdr: Some(Hdr::Auto) };
        assert_eq!(parse(Some("1?hflip=true&vflip=true&hdr=auto")), Ok(turned));
        for (place, expected) in
            [("0?hdr=max", "single-exp"), ("0?flip=true", "did you mean"), ("0?hflip=1", "true or false")]
        {
            assert!(matches!(parse(Some(place)), Err(AddressError::Value(r)) if r.contains(expected)), "{place}");
        }
        assert_eq!(parse(Some("front")), Err(AddressError::Form));
    }

    #[test]
    fn the_address_has_the_last_word_on_how_the_camera_is_mounted() {
        let options =
            SourceOptions { hflip: Some(true), vflip: Some(true), hdr: Some(Hdr::Auto), ..Default::default() };
        let said = |place: &str| {
            let arguments = arguments(&parse(Some(place)).unwrap().or(&options), Size::new(64, 64), 30.0).join(" ");
            ["--hflip", "--vflip", "--hdr auto", "--hdr off"].map(|argument| arguments.contains(argument))
        };
        assert_eq!(said("0"), [true, true, true, false]);
        assert_eq!(said("0?hflip=false&hdr=off"), [false, true, false, true]);
    }

    #[test]
    fn controls_of_the_board_become_arguments() {
        let controls = Controls {
            exposure: Some(Setting::Value(8000)),
            gain: Some(Setting::Auto),
            focus: Some(Setting::Value(2)),
            white_balance: Some(Setting::Value(4500)),
            power_line_frequency: Some(PowerLine::Hz50),
        };
        let mut arguments = Vec::new();
        assert_eq!(add_controls(&mut arguments, &controls), ["white_balance in kelvin"]);
        let expected = "--shutter 8000 --autofocus-mode manual --lens-position 2 --flicker-period 10000";
        assert_eq!(arguments.join(" "), expected);
    }

    #[test]
    fn times_are_heard_among_metadata_and_logs() {
        assert_eq!(hear("SensorTimestamp=123456789000"), Heard::Time(123_456_789_000));
        for line in
            ["ExposureTime=9999", "Lux=400.5", "[0:01:02.3] [12]  INFO Camera camera_manager.cpp:297 libcamera v0.3"]
        {
            assert_eq!(hear(line), Heard::Nothing, "{line}");
        }
        for line in ["ERROR: *** no cameras available ***", "[0:01] [12] ERROR V4L2 gone", "x=1"] {
            assert_eq!(hear(line), Heard::Words, "{line}");
        }
    }

    #[test]
    fn cameras_are_listed_as_the_program_does() {
        let said = "Available cameras\n-----------------\n\
            0 : imx708 [4608x2592 10-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a)\n    \
            Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]\n\
            1 : ov5647 [2592x1944 10-bit GBRG] (/base/soc/i2c0mux/i2c@1/ov5647@36)\n";
        let wish = Wish { size: Size::new(640, 480), fps: 30.0, format: None };
        let found = parse_list(said, &wish);
        let named: Vec<_> = found.iter().map(|c| (c.address.as_str(), c.name.as_str())).collect();
        assert_eq!(named, [("rpicam:0", "imx708"), ("rpicam:1", "ov5647")]);
        assert!(found[0].bus.ends_with("imx708@1a"));
        assert!(parse_list("No cameras available!\n", &wish).is_empty());
    }
}
