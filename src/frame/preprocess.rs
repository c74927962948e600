use half::f16;

use super::mjpeg::MjpegDecoder;
use super::resample::Taps;
use super::rows::Rows;
use super::{Frame, PixelFormat};
use crate::error::ImageError;
use crate::geometry::{Letterbox, Size};

/// Mean and standard deviation of each channel (red, green, blue) of pixels from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// Turns frames into the encoder's tensor: colour conversion, antialiased resize, letterbox and normalisation in one
/// pass over the source rows.
///
/// Vertical comes before horizontal: the blend of source rows runs over contiguous memory at full width, and the short
/// horizontal dot products are left for the few output rows. A ring of decoded rows is all that is kept of the source.
/// Tables and buffers live on between frames of one geometry, so that a running stream allocates nothing here.
#[derive(Debug)]
pub struct Preprocessor {
    input: Size,
    normalization: Normalization,
    plan: Option<Plan>,
    mjpeg: MjpegDecoder,
}

/// Tables and buffers for one frame size.
#[derive(Debug)]
struct Plan {
    letterbox: Letterbox,
    columns: Taps,
    rows: Taps,
    /// The last `rows.width()` decoded source rows; source row `y` lies in place `y % rows.width()`.
    ring: Vec<Vec<f32>>,
    /// One output row at source width.
    blended: Vec<f32>,
}

/// An element of the encoder's tensor.
trait Element: Copy {
    const ZERO: Self;
    fn of(value: f32) -> Self;
}

impl Element for f32 {
    const ZERO: Self = 0.0;
    fn of(value: f32) -> Self {
        value
    }
}

impl Element for f16 {
    const ZERO: Self = f16::ZERO;
    fn of(value: f32) -> Self {
        f16::from_f32(value)
    }
}

impl Preprocessor {
    /// For an encoder whose input is `input` pixels.
    pub fn new(input: Size, normalization: Normalization) -> Self {
        Preprocessor { input, normalization, plan: None, mjpeg: MjpegDecoder::default() }
    }

    /// Writes `frame` into `out`, `[3, H, W]` in red, green, blue planes of the input's size, and gives back where it
    /// lies. Padding is 0, the mean colour.
    ///
    /// # Errors
    /// A frame without area, a buffer too short for its format, a JPEG that does not decode; `out` is then unspecified.
    ///
    /// # Panics
    /// If `out` is not of the input's size.
    pub fn run(&mut self, frame: &Frame, out: &mut [f32]) -> Result<Letterbox, ImageError> {
        self.fill(frame, out)
    }

    /// As [`Self::run`], rounded to half floats.
    pub fn run_f16(&mut self, frame: &Frame, out: &mut [f16]) -> Result<Letterbox, ImageError> {
        self.fill(frame, out)
    }

    fn fill<T: Element>(&mut self, frame: &Frame, out: &mut [T]) -> Result<Letterbox, ImageError> {
        let area = self.input.area();
        assert_eq!(out.len(), 3 * area, "the tensor has the input's size");
        super::check_size(frame.size, "frame")?;
        let rows = match frame.format {
            PixelFormat::Mjpeg => Rows::of_rgb(frame.size, self.mjpeg.decode(&frame.data, frame.size)?),
            _ => Rows::of(frame)?,
        };
        let plan = match self.plan.take() {
            Some(plan) if plan.letterbox.frame == frame.size => plan,
            _ => Plan::new(frame.size, self.input),
        };
        let plan = self.plan.insert(plan);
        plan.resize(&rows, &self.normalization, out);
        Ok(plan.letterbox)
    }
}

impl Plan {
    fn new(frame: Size, input: Size) -> Self {
        let letterbox = Letterbox::new(frame, input);
        let axis = |from: u32, to: u32| Taps::new(from as usize, to as usize);
        let columns = axis(frame.width, letterbox.content.width);
        let rows = axis(frame.height, letterbox.content.height);
        let width = 3 * frame.width as usize;
        let ring = vec![vec![0.0; width]; rows.width()];
        Plan { letterbox, columns, rows, ring, blended: vec![0.0; width] }
    }

    fn resize<T: Element>(&mut self, source: &Rows, normalization: &Normalization, out: &mut [T]) {
        let Size { width, height } = self.letterbox.input;
        let (width, height) = (width as usize, height as usize);
        let content = self.letterbox.content.width as usize;
        let from_width = source.size.width as usize;
        let mut decoded = 0;
        for (y, (start, weights)) in self.rows.runs().enumerate() {
            let places = self.ring.len();
            while decoded < start + weights.len() {
                source.read(decoded, &mut self.ring[decoded % places]);
                decoded += 1;
            }
            blend(&self.ring, start, weights, &mut self.blended);
            for channel in 0..3 {
                let scale = 1.0 / (255.0 * normalization.std[channel]);
                let offset = -normalization.mean[channel] / normalization.std[channel];
                let row = &mut out[(channel * height + y) * width..][..width];
                let (shown, padding) = row.split_at_mut(content);
                let line = &self.blended[channel * from_width..][..from_width];
                for (value, (start, weights)) in shown.iter_mut().zip(self.columns.runs()) {
                    let sum: f32 = line[start..].iter().zip(weights).map(|(v, w)| v * w).sum();
                    *value = T::of(sum * scale + offset);
                }
                padding.fill(T::ZERO);
            }
        }
        let below = self.letterbox.content.height as usize * width;
        for plane in out.chunks_exact_mut(height * width) {
            plane[below..].fill(T::ZERO);
        }
    }
}

/// The weighted sum of ring rows `start..start + weights.len()` into `out`.
fn blend(ring: &[Vec<f32>], start: usize, weights: &[f32], out: &mut [f32]) {
    let mut first = true;
    for (i, weight) in weights.iter().enumerate().filter(|(_, w)| **w != 0.0) {
        let row = &ring[(start + i) % ring.len()];
        if std::mem::take(&mut first) {
            for (out, v) in out.iter_mut().zip(row) {
                *out = v * weight;
            }
        } else {
            for (out, v) in out.iter_mut().zip(row) {
                *out += v * weight;
            }
        }
    }
}
