//! `--model`, `--precision`, `--threads` and their kin, shared by every command that runs a model.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::engine::{Device, Precision};
use crate::error::ConfigError;
use crate::frame::MAX_SIDE;
use crate::geometry::Size;
use crate::model::{LoadedModel, ModelOptions, Registry, TimedEncoder};

/// The model when none is named and none is installed; it makes the message that nothing was found.
const BUNDLED: &str = "foveate";

/// Which model, and how it runs.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// A name that `foveate models list` shows; the first of them unless given
    #[arg(long = "model", value_name = "NAME")]
    pub name: Option<String>,
    /// int8: convolutions on integers; f16: half the weights, and half-float arithmetic where the processor has it; auto
    /// takes what is fastest here of int8 where the model has it, f32, and f16 on the GPU
    #[arg(long, value_name = "auto|f32|f16|int8", default_value = "auto")]
    pub precision: PrecisionChoice,
    /// What the encoder runs on: the processor, or an NVIDIA GPU in a build with the feature `cuda`; auto takes the GPU where
    /// there is one and it is faster, in f16
    #[arg(long, value_name = "auto|cpu|cuda", default_value = "auto")]
    pub device: DeviceChoice,
    /// Threads that encoder and decoder compute with
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_threads)]
    pub threads: usize,
    /// This input size; without it photos are seen at the model's own, and frames that are followed, or photos with everything in them, at one of their form with
    /// about twice as many pixels as 256x256, where the model allows that
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub input_size: Option<Size>,
    /// The folder with manifest.toml and the model files, instead of the bundled one
    #[arg(long, value_name = "DIR")]
    pub models_dir: Option<PathBuf>,
}

/// Pixels of the model's input, about, for frames that are followed on a machine of which no board says it: twice those of 256x256.
/// What is followed has more cells, and the work stays within that of two photos.
pub const FOLLOWED_PIXELS: u32 = 119_000;

impl ModelArgs {
    /// Loads the model that the arguments name, at its own input size unless they name another.
    pub fn load(&self) -> anyhow::Result<LoadedModel> {
        self.load_for(None)
    }

    /// As [`Self::load`], for frames of the size `frame` that are followed: at about [`FOLLOWED_PIXELS`].
    pub fn load_for(&self, frame: Option<Size>) -> anyhow::Result<LoadedModel> {
        let registry = Registry::discover(self.models_dir.as_deref())?;
        let first = registry.list().first().map_or(BUNDLED, |installed| installed.spec.name.as_str());
        let name = self.name.as_deref().unwrap_or(first);
        let options = ModelOptions {
            precision: self.precision.0,
            device: self.device.0,
            threads: self.threads,
            input_size: self.input_size,
            frame,
            pixels: frame.map(|_| FOLLOWED_PIXELS),
            ..ModelOptions::default()
        };
        Ok(registry.load(name, &options)?)
    }
}

/// A precision, or `auto` for `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrecisionChoice(pub Option<Precision>);

impl FromStr for PrecisionChoice {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Ok(PrecisionChoice(if text == AUTO { None } else { Some(text.parse()?) }))
    }
}

const AUTO: &str = "auto";

impl fmt::Display for PrecisionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.map_or(AUTO, Precision::name))
    }
}

/// A device, or `auto` for `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceChoice(pub Option<Device>);

impl FromStr for DeviceChoice {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Ok(DeviceChoice(if text == AUTO { None } else { Some(text.parse()?) }))
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.map_or(AUTO, Device::name))
    }
}

/// What the model computes in and, where that was chosen, by what.
pub fn precision_text(model: &LoadedModel) -> String {
    let way = |precision: Precision, device: Device| match device {
        Device::Cpu => precision.name().to_owned(),
        Device::Cuda => format!("{} on the GPU", precision.name()),
    };
    let name = match (model.precision(), model.audit().0) {
        (Precision::Int8, audit) if audit.int8_macs * 2 < audit.macs => {
            let share = audit.int8_macs as f64 / audit.macs as f64 * 100.0;
            format!("int8, but {share:.0} % of the encoder's products are of integers here, the rest of f32")
        }
        (precision, _) => way(precision, model.device()),
    };
    let timed = model.timed().iter();
    let timed: Vec<String> = timed
        .map(|TimedEncoder { precision, device, time, .. }| {
            format!("{:.1} ms in {}", time.as_secs_f64() * 1e3, way(*precision, *device))
        })
        .collect();
    if timed.is_empty() { name } else { format!("{name} (measured: the encoder takes {})", timed.join(", ")) }
}

/// Most threads; a slip of the hand shall not make thousands.
const MAX_THREADS: usize = 256;

pub(super) fn parse_threads(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|n| (1..=MAX_THREADS).contains(n));
    count.ok_or_else(|| format!("`{text}` is not a number of threads: give 1 to {MAX_THREADS}"))
}

/// `WxH`, or one number for a square.
pub(super) fn parse_size(text: &str) -> Result<Size, String> {
    let side = |t: &str| t.parse().ok().filter(|v| (1..=MAX_SIDE).contains(v));
    let size = match text.split_once('x') {
        Some((width, height)) => side(width).zip(side(height)),
        None => side(text).map(|s| (s, s)),
    };
    size.map(|(width, height)| Size::new(width, height))
        .ok_or_else(|| format!("`{text}` is not a size: give WxH, sides of 1 to {MAX_SIDE} pixels, as in 512x384, or one number for a square"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_two_numbers_or_a_square() {
        assert_eq!(parse_size("512x384"), Ok(Size::new(512, 384)));
        assert_eq!(parse_size("256"), Ok(Size::new(256, 256)));
        for text in ["", "x", "0x5", "-1x5", "5x", "axb", "1x2x3", "4294967295x2", "16385"] {
            assert!(parse_size(text).is_err_and(|e| e.contains("WxH")), "{text}");
        }
    }
}
