use serde::Serialize;

use super::range::Method;

/// Sums for the signal-to-quantisation-noise ratio: the energy of the float values over that of the differences.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snr {
    signal: f64,
    noise: f64,
}

impl Snr {
    /// Adds pairs of a float value and what became of it.
    pub fn add(&mut self, pairs: impl Iterator<Item = (f32, f32)>) {
        for (exact, given) in pairs {
            self.signal += f64::from(exact) * f64::from(exact);
            self.noise += f64::from(given - exact) * f64::from(given - exact);
        }
    }

    /// In decibels; `None` where there is no noise at all, or nothing that it could disturb.
    pub fn decibels(&self) -> Option<f64> {
        (self.noise > 0.0 && self.signal > 0.0).then(|| 10.0 * (self.signal / self.noise).log10())
    }

    /// Noise for a unit of signal.
    pub fn relative_noise(&self) -> f64 {
        if self.signal > 0.0 { self.noise / self.signal } else { 0.0 }
    }
}

/// What became of a model, measured on the calibration images.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Images that could be read.
    pub images: usize,
    /// In the order of the graph.
    pub tensors: Vec<TensorReport>,
    /// In the order of the file.
    pub outputs: Vec<OutputReport>,
    /// Convolutions that compute in 8-bit integers.
    pub quantized_convolutions: usize,
    /// Names of those that stay float.
    pub float_convolutions: Vec<String>,
    /// Whether even channels paid; `None` if it was not asked for, or no channels can be made even.
    pub equalization: Option<Trial>,
    /// Whether correcting the biases paid; `None` if it was not asked for.
    pub bias_correction: Option<Trial>,
}

/// A tensor that is rounded to 8 bits.
#[derive(Clone, Debug, Serialize)]
pub struct TensorReport {
    /// As the file spells it.
    pub name: String,
    /// The convolutions that read it.
    pub convolutions: Vec<String>,
    /// Least and greatest value that its grid was made for.
    pub range: [f32; 2],
    /// The step of its grid.
    pub scale: f32,
    /// The code of zero.
    pub zero_point: u8,
    /// How the range was chosen; never [`Method::Auto`].
    pub method: Method,
    /// Of the tensor as the convolutions read it, against the float model's: its own rounding and all before it.
    pub sqnr_db: Option<f64>,
}

/// An output of the model.
#[derive(Clone, Debug, Serialize)]
pub struct OutputReport {
    /// As the file spells it.
    pub name: String,
    /// Against the float model's, in decibels; `None` where nothing differs.
    pub sqnr_db: Option<f64>,
}

/// A step of the work that stays only where it pays.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Trial {
    /// Whether it is in the model.
    pub kept: bool,
    /// Noise of the outputs for a unit of signal, the mean over the outputs, without it.
    pub noise_without: f64,
    /// The same with it.
    pub noise_with: f64,
}

impl Trial {
    /// Keeps what lowers the noise.
    pub(super) fn new(noise_without: f64, noise_with: f64) -> Trial {
        Trial { kept: noise_with < noise_without, noise_without, noise_with }
    }
}
