//! From a float file and images to an 8-bit one: post-training quantisation of image encoders.
//!
//! 1. *Calibration* runs the float model on images and keeps a histogram of every tensor that a convolution reads.
//! 2. Each histogram gives a range ([`Method`]) and the range a grid of 256 levels that has zero among them,
//!    so that padding is exact.
//! 3. *Equalisation* multiplies each channel between convolutions by a factor that the convolutions after it take back, so
//!    that no channel is lost between the levels of a tensor whose other channels are a hundred times larger (Nagel et al.,
//!    "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019). It is kept if it lowers the error
//!    of the outputs.
//! 4. The rewritten model runs beside the float one. *Bias correction* takes the mean error that quantising a convolution
//!    makes on the float model's tensors out of its bias, channel by channel (the same authors). It is kept if it lowers
//!    the error of the outputs.
//! 5. What is left is measured ([`Report`]): signal-to-quantisation-noise ratios of tensors and outputs.

mod calibration;
mod comparison;
mod correction;
mod driver;
mod entropy;
mod equalization;
mod grid;
mod histogram;
mod images;
mod range;
mod report;

pub use driver::{QuantizeOptions, Quantized, measure, quantize};
pub use images::{Images, Stage, Watch, input_size};
pub use range::Method;
pub use report::{OutputReport, Report, Snr, TensorReport, Trial};

#[cfg(test)]
mod tests;
