//! Temperatures, cooling and throttling, read from `/sys` under a root that tests replace. What cannot be read, or is
//! plainly no measurement, is left out.

use std::path::{Path, PathBuf};

use serde::Serialize;

/// A temperature sensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Temperature {
    /// The kernel's name of it, such as `cpu-thermal`.
    pub zone: String,
    /// Degrees Celsius.
    pub celsius: f64,
}

/// A way in which the system cools a processor down: by a fan, or by running it slower.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cooling {
    /// The kernel's name of it, such as `pwm-fan` or `cpufreq-cpu0`.
    pub kind: String,
    /// How much it is in use: 0 is not at all.
    pub state: u32,
    /// The state of full use.
    pub max: u32,
}

impl Cooling {
    /// Whether it slows the processor down at present.
    pub fn throttles(&self) -> bool {
        self.state > 0 && (self.kind.contains("cpufreq") || self.kind == "Processor")
    }
}

/// What a Raspberry Pi's firmware says of its own limits (`vcgencmd get_throttled`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Firmware {
    /// Bits 0 to 3 are of now, bits 16 to 19 of the time since power-on.
    pub flags: u32,
}

impl Firmware {
    const CAUSES: [&str; 4] = ["under-voltage", "frequency capped", "throttled", "soft temperature limit"];

    /// What holds now.
    pub fn now(self) -> Vec<&'static str> {
        Self::named(self.flags)
    }

    /// What has held since power-on.
    pub fn since_power_on(self) -> Vec<&'static str> {
        Self::named(self.flags >> 16)
    }

    fn named(flags: u32) -> Vec<&'static str> {
        Self::CAUSES.iter().enumerate().filter(|(bit, _)| flags >> bit & 1 == 1).map(|(_, name)| *name).collect()
    }
}

/// Every thermal zone, by name.
pub(super) fn temperatures(root: &Path) -> Vec<Temperature> {
    let zone = |path: PathBuf| {
        let millidegrees: f64 = read(&path.join("temp"))?.parse().ok()?;
        // A sensor that sleeps or is not there reads as absolute zero or far above boiling.
        let celsius = Some(millidegrees / 1000.0).filter(|c| (-40.0..=150.0).contains(c))?;
        Some(Temperature { zone: read(&path.join("type"))?, celsius })
    };
    let mut zones: Vec<_> =
        children(&root.join("sys/class/thermal"), |name| name.starts_with("thermal_zone")).filter_map(zone).collect();
    zones.sort_by(|a, b| a.zone.cmp(&b.zone));
    zones
}

/// Every cooling device, by name.
pub(super) fn coolings(root: &Path) -> Vec<Cooling> {
    let device = |path: PathBuf| {
        let number = |file: &str| read(&path.join(file))?.parse().ok();
        Some(Cooling { kind: read(&path.join("type"))?, state: number("cur_state")?, max: number("max_state")? })
    };
    let mut devices: Vec<_> = children(&root.join("sys/class/thermal"), |name| name.starts_with("cooling_device"))
        .filter_map(device)
        .collect();
    devices.sort_by(|a, b| a.kind.cmp(&b.kind));
    devices
}

/// The firmware's limits, where there is such a firmware.
pub(super) fn firmware(root: &Path) -> Option<Firmware> {
    let buses: Vec<_> = children(&root.join("sys/devices/platform"), |name| name.starts_with("soc")).collect();
    let mut devices = buses.iter().flat_map(|bus| children(bus, |name| name.ends_with("firmware")));
    devices.find_map(|dir| {
        let text = read(&dir.join("get_throttled"))?;
        let flags = u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()?;
        Some(Firmware { flags })
    })
}

/// What a look at the sensors finds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Of the sensors at the processor, in degrees Celsius; `None` where there is none.
    pub celsius: Option<f64>,
    /// Why the processor runs slower than it could at present, if it does.
    pub throttled: Option<String>,
}

/// Where temperatures come from while a stream runs.
pub trait Thermometer: Send {
    /// Looks at the sensors now.
    fn read(&mut self) -> Reading;
}

/// The machine's own sensors. A look opens some ten small files: once a second is plenty.
#[derive(Clone, Debug)]
pub struct Sensors {
    root: PathBuf,
}

impl Sensors {
    /// `root` is `/` but for tests.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Sensors { root: root.into() }
    }
}

impl Thermometer for Sensors {
    fn read(&mut self) -> Reading {
        let zones = temperatures(&self.root);
        let near = zones.iter().filter(|t| !is_elsewhere(&t.zone)).map(|t| t.celsius);
        let firmware = firmware(&self.root).map(Firmware::now).filter(|causes| !causes.is_empty());
        let by_firmware = firmware.map(|causes| causes.join(", "));
        let by_kernel = || coolings(&self.root).into_iter().find(Cooling::throttles).map(|c| c.kind);
        Reading { celsius: near.max_by(f64::total_cmp), throttled: by_firmware.or_else(by_kernel) }
    }
}

/// Zones that say nothing of the processor.
fn is_elsewhere(zone: &str) -> bool {
    let zone = zone.to_ascii_lowercase();
    ["battery", "wifi", "wlan", "nvme", "ambient", "skin"].iter().any(|other| zone.contains(other))
}

/// Entries of a folder whose name is `wanted`.
pub(super) fn children<F: Fn(&str) -> bool>(dir: &Path, wanted: F) -> impl Iterator<Item = PathBuf> + use<F> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter(move |entry| entry.file_name().to_str().is_some_and(&wanted)).map(|entry| entry.path())
}

/// The text of a file, without the white space around it.
pub(super) fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::testing::FakeRoot;

    fn pi() -> FakeRoot {
        FakeRoot::new(&[
            ("sys/class/thermal/thermal_zone0/temp", "48312\n"),
            ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            ("sys/class/thermal/thermal_zone1/temp", "61000\n"),
            ("sys/class/thermal/thermal_zone1/type", "iwlwifi_1\n"),
            ("sys/class/thermal/thermal_zone2/temp", "-274000\n"),
            ("sys/class/thermal/thermal_zone2/type", "gpu-thermal\n"),
            ("sys/class/thermal/cooling_device0/type", "pwm-fan\n"),
            ("sys/class/thermal/cooling_device0/cur_state", "3\n"),
            ("sys/class/thermal/cooling_device0/max_state", "4\n"),
            ("sys/class/thermal/cooling_device1/type", "cpufreq-cpu0\n"),
            ("sys/class/thermal/cooling_device1/cur_state", "0\n"),
            ("sys/class/thermal/cooling_device1/max_state", "9\n"),
            ("sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n"),
        ])
    }

    #[test]
    fn a_cool_board_is_not_throttled() {
        let root = pi();
        let reading = Sensors::new(root.path()).read();
        assert_eq!(reading, Reading { celsius: Some(48.312), throttled: None }, "a turning fan slows nothing down");
        let firmware = firmware(root.path()).unwrap();
        assert_eq!((firmware.now(), firmware.since_power_on()), (vec![], vec!["under-voltage", "throttled"]));
        assert_eq!(temperatures(root.path()).len(), 2, "absolute zero is no measurement");
    }

    #[test]
    fn firmware_and_kernel_report_throttling() {
        let root = pi();
        root.write("sys/class/thermal/cooling_device1/cur_state", "2\n");
        assert_eq!(Sensors::new(root.path()).read().throttled.as_deref(), Some("cpufreq-cpu0"));
        root.write("sys/devices/platform/soc/soc:firmware/get_throttled", "0x8\n");
        assert_eq!(Sensors::new(root.path()).read().throttled.as_deref(), Some("soft temperature limit"));
        // The Raspberry Pi 5 names its bus by address.
        let five =
            FakeRoot::new(&[("sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled", "1\n")]);
        assert_eq!(Sensors::new(five.path()).read().throttled.as_deref(), Some("under-voltage"));
    }

    #[test]
    fn a_machine_without_sensors_reads_as_nothing() {
        let root = FakeRoot::new(&[("sys/class/thermal/thermal_zone0/temp", "nonsense")]);
        assert_eq!(Sensors::new(root.path()).read(), Reading::default());
    }
}
