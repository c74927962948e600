use std::fmt;

use serde::{Deserialize, Serialize};

/// What a camera's controls are set to whenever it is opened. What is not given stays as the camera has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Controls {
    /// The time that one image is exposed, in microseconds.
    pub exposure: Option<Setting>,
    /// Gain of the sensor, in the camera's own steps.
    pub gain: Option<Setting>,
    /// Distance of the focus, in the camera's own steps.
    pub focus: Option<Setting>,
    /// Colour temperature of the light, in kelvin.
    pub white_balance: Option<Setting>,
    /// Against the flicker of lamps on alternating current.
    pub power_line_frequency: Option<PowerLine>,
}

/// A control that the camera can see to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Setting {
    /// The camera chooses, image by image.
    Auto,
    /// In the unit of the control.
    Value(i32),
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Auto => f.write_str("\"auto\""),
            Setting::Value(value) => value.fmt(f),
        }
    }
}

/// A setting as a file has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "give \"auto\" or a whole number")]
enum Written {
    Number(i32),
    Word(String),
}

impl TryFrom<Written> for Setting {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Number(value) => Ok(Setting::Value(value)),
            Written::Word(word) if word == "auto" => Ok(Setting::Auto),
            Written::Word(word) => Err(format!("\"{word}\" is no setting: give \"auto\" or a whole number")),
        }
    }
}

impl From<Setting> for Written {
    fn from(setting: Setting) -> Self {
        match setting {
            Setting::Auto => Written::Word("auto".into()),
            Setting::Value(value) => Written::Number(value),
        }
    }
}

/// How a camera shows bright and dark at once (high dynamic range).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Hdr {
    /// Pictures as they are exposed.
    Off,
    /// As the camera's program finds best.
    Auto,
    /// By the sensor itself.
    Sensor,
    /// Out of pictures of one exposure.
    SingleExp,
}

impl Hdr {
    /// Every way.
    pub const ALL: [Hdr; 4] = [Hdr::Off, Hdr::Auto, Hdr::Sensor, Hdr::SingleExp];

    /// As a board's file and addresses have it.
    pub const fn name(self) -> &'static str {
        match self {
            Hdr::Off => "off",
            Hdr::Auto => "auto",
            Hdr::Sensor => "sensor",
            Hdr::SingleExp => "single-exp",
        }
    }
}

/// The frequency of the mains, whose lamps flicker at twice that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PowerLine {
    /// No filter.
    Off,
    /// 50 Hz, as in Europe.
    #[serde(rename = "50hz")]
    Hz50,
    /// 60 Hz, as in North America.
    #[serde(rename = "60hz")]
    Hz60,
    /// The camera finds out.
    Auto,
}

impl fmt::Display for PowerLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PowerLine::Off => "\"off\"",
            PowerLine::Hz50 => "\"50hz\"",
            PowerLine::Hz60 => "\"60hz\"",
            PowerLine::Auto => "\"auto\"",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_auto_or_a_number() {
        let parse = |text: &str| toml::from_str::<Controls>(text);
        let controls = parse("exposure = 10000\ngain = \"auto\"\npower_line_frequency = \"50hz\"").unwrap();
        let expected = Controls {
            exposure: Some(Setting::Value(10_000)),
            gain: Some(Setting::Auto),
            power_line_frequency: Some(PowerLine::Hz50),
            ..Controls::default()
        };
        assert_eq!(controls, expected);
        let written = serde_json::to_string(&expected).unwrap();
        assert_eq!(serde_json::from_str::<Controls>(&written).unwrap(), expected);
        for hdr in Hdr::ALL {
            assert_eq!(serde_json::to_value(hdr).unwrap(), hdr.name());
        }
        for wrong in ["gain = \"much\"", "gain = 0.5", "power_line_frequency = 50", "zoom = 1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("gain = 0.5").unwrap_err().to_string().contains("\"auto\" or a whole number"));
    }
}
