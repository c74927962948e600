//! Setting the camera's controls. A control that is missing or refused is reported, never an error: a stream with the camera's
//! own exposure is better than none.

use v4l::v4l_sys as sys;

use crate::capture::{Controls, Hdr, PowerLine, Setting, SourceOptions};
use crate::v4l2::{Control, Node};

/// What [`apply`] needs of a camera.
pub(super) trait Panel {
    fn control(&self, id: u32) -> std::io::Result<Option<Control>>;
    fn set_control(&self, id: u32, value: i32) -> std::io::Result<()>;
}

impl Panel for Node {
    fn control(&self, id: u32) -> std::io::Result<Option<Control>> {
        Node::control(self, id)
    }

    fn set_control(&self, id: u32, value: i32) -> std::io::Result<()> {
        Node::set_control(self, id, value)
    }
}

/// The two controls behind one setting.
struct Pair {
    key: &'static str,
    /// The one that says who chooses: its id, the values for "the camera" and those for "we", best first.
    mode: u32,
    auto: &'static [i32],
    manual: &'static [i32],
    /// The one that holds the value, and what one of its units is in the setting's.
    value: u32,
    unit: i32,
}

const EXPOSURE: Pair = Pair {
    key: "exposure",
    mode: sys::V4L2_CID_EXPOSURE_AUTO,
    // Automatic or aperture priority; manual or shutter priority.
    auto: &[0, 3],
    manual: &[1, 2],
    value: sys::V4L2_CID_EXPOSURE_ABSOLUTE,
    // V4L2 counts in steps of 100 microseconds.
    unit: 100,
};
const GAIN: Pair =
    Pair { key: "gain", mode: sys::V4L2_CID_AUTOGAIN, auto: &[1], manual: &[0], value: sys::V4L2_CID_GAIN, unit: 1 };
const FOCUS: Pair = Pair { key: "focus", mode: sys::V4L2_CID_FOCUS_AUTO, value: sys::V4L2_CID_FOCUS_ABSOLUTE, ..GAIN };
const WHITE_BALANCE: Pair = Pair {
    key: "white_balance",
    mode: sys::V4L2_CID_AUTO_WHITE_BALANCE,
    value: sys::V4L2_CID_WHITE_BALANCE_TEMPERATURE,
    ..GAIN
};

/// Sets what `options` give; one message for each that could not be set, with its range and the remedy.
pub(super) fn apply(panel: &impl Panel, options: &SourceOptions) -> Vec<String> {
    let SourceOptions { controls, hflip, vflip, hdr, .. } = options;
    let Controls { exposure, gain, focus, white_balance, power_line_frequency } = controls;
    let mut reported = Vec::new();
    for (key, id, wanted) in [("hflip", sys::V4L2_CID_HFLIP, *hflip), ("vflip", sys::V4L2_CID_VFLIP, *vflip)] {
        let Some(wanted) = wanted else { continue };
        let set = find(panel, id, "one that can be set").and_then(|c| set(panel, id, &c, &[wanted.into()], 1));
        reported.extend(set.err().map(|why| message("capture", key, wanted, &why)));
    }
    if let Some(hdr) = hdr.filter(|hdr| *hdr != Hdr::Off) {
        reported.push(message(
            "capture",
            "hdr",
            format!("\"{}\"", hdr.name()),
            "V4L2 does not know it; take the key out",
        ));
    }
    let pairs = [(EXPOSURE, exposure), (GAIN, gain), (FOCUS, focus), (WHITE_BALANCE, white_balance)];
    for (pair, setting) in pairs.into_iter().filter_map(|(pair, setting)| Some((pair, (*setting)?))) {
        reported.extend(
            set_pair(panel, &pair, setting).err().map(|why| message("capture.controls", pair.key, setting, &why)),
        );
    }
    if let Some(frequency) = *power_line_frequency {
        let value = match frequency {
            PowerLine::Off => 0,
            PowerLine::Hz50 => 1,
            PowerLine::Hz60 => 2,
            PowerLine::Auto => 3,
        };
        let set = find(panel, sys::V4L2_CID_POWER_LINE_FREQUENCY, "the power line frequency")
            .and_then(|control| set(panel, sys::V4L2_CID_POWER_LINE_FREQUENCY, &control, &[value], 1));
        reported.extend(set.err().map(|why| message("capture.controls", "power_line_frequency", frequency, &why)));
    }
    reported
}

fn message(table: &str, key: &str, setting: impl std::fmt::Display, why: &str) -> String {
    format!("the camera keeps its own {key}, `{key} = {setting}` is not set: {why} (board profile, [{table}])")
}

fn set_pair(panel: &impl Panel, pair: &Pair, setting: Setting) -> Result<(), String> {
    match setting {
        Setting::Auto => {
            let mode = find(panel, pair.mode, "an automatic one")?;
            set(panel, pair.mode, &mode, pair.auto, 1)
        }
        Setting::Value(value) => {
            let control = find(panel, pair.value, "one that can be set")?;
            // The automatic would overwrite the value.
            if let Ok(mode) = find(panel, pair.mode, "") {
                set(panel, pair.mode, &mode, pair.manual, 1)?;
            }
            let steps = value.checked_add(pair.unit / 2).unwrap_or(value) / pair.unit;
            set(panel, pair.value, &control, &[steps], pair.unit)
        }
    }
}

fn find(panel: &impl Panel, id: u32, what: &str) -> Result<Control, String> {
    match panel.control(id) {
        Ok(Some(control)) => Ok(control),
        Ok(None) => Err(format!("the camera does not have {what}; take the key out")),
        Err(e) => Err(format!("the camera cannot be asked for its range: {e}")),
    }
}

/// Sets the first of `values` that the control has; `unit` is what one step is in the setting's unit.
fn set(panel: &impl Panel, id: u32, control: &Control, values: &[i32], unit: i32) -> Result<(), String> {
    let has = |value: &&i32| match control.menu[..] {
        [] => (control.minimum..=control.maximum).contains(*value),
        ref menu => menu.iter().any(|(known, _)| known == *value),
    };
    if control.read_only {
        return Err(format!("\"{}\" can only be read; take the key out", control.name));
    }
    let range = range(control, unit);
    match values.iter().find(has) {
        None => Err(format!("\"{}\" takes {range}; give one of these", control.name)),
        Some(&value) => panel.set_control(id, value).map_err(|e| {
            format!(
                "\"{}\", which takes {range}, is refused: {e}; give another value or take the key out",
                control.name
            )
        }),
    }
}

fn range(control: &Control, unit: i32) -> String {
    if !control.menu.is_empty() {
        return control.menu.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ");
    }
    let in_units = |steps: i32| i64::from(steps) * i64::from(unit);
    let (from, to, step) = (in_units(control.minimum), in_units(control.maximum), in_units(control.step));
    if step == 1 { format!("{from} to {to}") } else { format!("{from} to {to} in steps of {step}") }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io;

    use super::*;

    /// A camera with the usual exposure menu of a webcam, a gain that it keeps to itself, and nothing else.
    #[derive(Default)]
    struct Webcam(RefCell<Vec<(u32, i32)>>);

    impl Panel for Webcam {
        fn control(&self, id: u32) -> io::Result<Option<Control>> {
            let control = |name: &str, minimum, maximum, menu: &[i32]| Control {
                name: name.into(),
                minimum,
                maximum,
                step: 1,
                menu: menu.iter().map(|&v| (v, format!("mode {v}"))).collect(),
                read_only: false,
            };
            Ok(match id {
                sys::V4L2_CID_EXPOSURE_AUTO => Some(control("Auto Exposure", 0, 3, &[1, 3])),
                sys::V4L2_CID_EXPOSURE_ABSOLUTE => Some(control("Exposure Time, Absolute", 3, 2047, &[])),
                sys::V4L2_CID_GAIN => Some(control("Gain", 0, 100, &[])),
                sys::V4L2_CID_VFLIP => Some(control("Vertical Flip", 0, 1, &[])),
                sys::V4L2_CID_POWER_LINE_FREQUENCY => Some(control("Power Line Frequency", 0, 2, &[0, 1, 2])),
                _ => None,
            })
        }

        fn set_control(&self, id: u32, value: i32) -> io::Result<()> {
            if id == sys::V4L2_CID_GAIN {
                return Err(io::Error::from_raw_os_error(libc::EBUSY));
            }
            self.0.borrow_mut().push((id, value));
            Ok(())
        }
    }

    fn run(text: &str) -> (Vec<(u32, i32)>, Vec<String>) {
        let webcam = Webcam::default();
        let options = SourceOptions { controls: toml::from_str(text).unwrap(), ..SourceOptions::default() };
        let reported = apply(&webcam, &options);
        (webcam.0.into_inner(), reported)
    }

    #[test]
    fn a_value_switches_the_automatic_off_first() {
        let expected = vec![(sys::V4L2_CID_EXPOSURE_AUTO, 1), (sys::V4L2_CID_EXPOSURE_ABSOLUTE, 101)];
        assert_eq!(run("exposure = 10050"), (expected, vec![]));
        assert_eq!(run("exposure = \"auto\""), (vec![(sys::V4L2_CID_EXPOSURE_AUTO, 3)], vec![]));
        assert_eq!(run("power_line_frequency = \"60hz\""), (vec![(sys::V4L2_CID_POWER_LINE_FREQUENCY, 2)], vec![]));
        assert_eq!(run(""), (vec![], vec![]));
    }

    #[test]
    fn pictures_are_turned_where_the_camera_can_turn_them() {
        let webcam = Webcam::default();
        let (yes, hdr) = (Some(true), Some(Hdr::Auto));
        let options = SourceOptions { hflip: yes, vflip: yes, hdr, ..SourceOptions::default() };
        let reported = apply(&webcam, &options);
        assert_eq!(webcam.0.into_inner(), [(sys::V4L2_CID_VFLIP, 1)]);
        assert!(reported.len() == 2 && reported.iter().all(|said| said.ends_with("[capture])")), "{reported:?}");
        assert!(reported[0].contains("`hflip = true`") && reported[1].contains("`hdr = \"auto\"`"), "{reported:?}");
        let options = SourceOptions { vflip: Some(false), hdr: Some(Hdr::Off), ..SourceOptions::default() };
        assert_eq!(apply(&Webcam::default(), &options), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_set_is_reported_with_its_range_and_the_remedy() {
        let rows = [
            ("exposure = 1000000", "`exposure = 1000000`", "300 to 204700 in steps of 100", "give one of these"),
            ("gain = 40", "`gain = 40`", "0 to 100", "take the key out"),
            ("focus = \"auto\"", "`focus = \"auto\"`", "does not have an automatic one", "take the key out"),
            ("white_balance = 5000", "`white_balance = 5000`", "does not have", "take the key out"),
            ("power_line_frequency = \"auto\"", "= \"auto\"`", "mode 0, mode 1, mode 2", "give one of these"),
        ];
        for (text, setting, range, remedy) in rows {
            let (_, reported) = run(text);
            assert!(
                matches!(&reported[..], [one] if [setting, range, remedy].iter().all(|p| one.contains(p))),
                "{reported:?}"
            );
        }
    }
}
