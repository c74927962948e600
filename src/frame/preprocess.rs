use serde::{Deserialize, Serialize};

use super::jpeg::JpegDecoder;
use super::resample::{HorizontalFilter, SUM_PER_LEVEL, VerticalFilter, sum_rows};
use super::yuv::YuvToRgb;
use super::{Frame, MAX_SIDE, PixelFormat};
use crate::error::ImageError;
use crate::geometry::{Fit, Letterbox, Region, Size};

/// What an encoder expects of its pixels: `(level / 255 - mean) / std`, in the order red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalization {
    /// Of levels from 0 to 1.
    pub mean: [f32; 3],
    /// Greater than zero.
    pub std: [f32; 3],
}

impl Normalization {
    /// ImageNet's statistics, which the Segment Anything family uses.
    pub const IMAGENET: Self = Normalization { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
}

/// Turns frames into the encoder's tensor: colour conversion, resampling, letterbox and normalisation in one pass.
///
/// Rows are converted to RGB bytes as they are needed, summed vertically into one row of the output, then horizontally;
/// no full image lies between (except what MJPEG decodes to). A second frame of the same size and format allocates
/// nothing here; the JPEG decoder allocates on its own.
///
/// Downscaling uses a triangle filter over all source pixels (bilinear with antialiasing, as Pillow and torchvision do),
/// upscaling is bilinear. The result is within one level of the same computed in real numbers.
#[derive(Debug)]
pub struct Preprocessor {
    input: Size,
    fit: Fit,
    normalization: Normalization,
    plan: Plan,
    /// Decoded rows of YUV frames, a ring of as many as one output row needs.
    ring: Vec<u8>,
    /// One vertically resampled row, [`SUM_PER_LEVEL`] a level.
    sums: Vec<i32>,
    /// The same in floats, pixel by pixel, with the padding that [`HorizontalFilter`] reads.
    pixels: Vec<f32>,
    /// One output row, pixel by pixel.
    resampled: Vec<[f32; 4]>,
    /// The same normalised, in planes: red, green, blue.
    line: Vec<f32>,
    jpeg: JpegDecoder,
    /// What MJPEG decodes to.
    image: Vec<u8>,
}

/// What follows from the size of what is read, and its format; the default is nothing's.
#[derive(Debug, Default)]
struct Plan {
    size: Size,
    format: PixelFormat,
    /// Width of the content in the output.
    width: usize,
    vertical: VerticalFilter,
    horizontal: HorizontalFilter,
    /// Samples of a source row.
    samples: usize,
}

impl Preprocessor {
    /// For a model input of `input`, in a letterbox.
    pub fn new(input: Size, normalization: Normalization) -> Self {
        Preprocessor::fitting(input, Fit::Letterbox, normalization)
    }

    /// For a model input of `input` that frames fill by the rule `fit`.
    pub fn fitting(input: Size, fit: Fit, normalization: Normalization) -> Self {
        Preprocessor {
            input,
            fit,
            normalization,
            plan: Plan::default(),
            ring: Vec::new(),
            sums: Vec::new(),
            pixels: Vec::new(),
            resampled: Vec::new(),
            line: Vec::new(),
            jpeg: JpegDecoder::default(),
            image: Vec::new(),
        }
    }

    /// The model input this was made for.
    pub fn input(&self) -> Size {
        self.input
    }

    /// Writes `frame` into `out`: `1x3xHxW` of the model input, planes red, green, blue. The frame's content lies at the
    /// top left as the returned letterbox says; the rest is 0, the mean colour.
    ///
    /// # Errors
    /// A buffer too short for its frame, an `out` that is not `3 * H * W` long, a side of zero or beyond [`MAX_SIDE`], a
    /// JPEG image that is broken or of another size. `out` may be partly written then.
    pub fn run(&mut self, frame: &Frame, out: &mut [f32]) -> Result<Letterbox, ImageError> {
        self.run_region(frame, Region::of_frame(frame.size), out)
    }

    /// [`Self::run`] on one region of the frame, as if it were a frame of its own; what surrounds it does not bleed in.
    ///
    /// # Errors
    /// As [`Self::run`], and [`ImageError::Region`] for a region that does not lie in the frame.
    pub fn run_region(&mut self, frame: &Frame, region: Region, out: &mut [f32]) -> Result<Letterbox, ImageError> {
        frame.check()?;
        if !region.fits(frame.size) {
            return Err(ImageError::Region { region, size: frame.size });
        }
        if self.input.area() == 0 {
            return Err(ImageError::AbsurdSize { what: "model input".into(), size: self.input, limit: MAX_SIDE });
        }
        let needed = 3 * self.input.area();
        if out.len() != needed {
            return Err(ImageError::TensorLength { size: self.input, needed, given: out.len() });
        }
        if frame.format == PixelFormat::Mjpeg {
            self.jpeg.decode(&frame.data, frame.size, &mut self.image)?;
        }
        let letterbox = Letterbox::placed(frame.size, region, self.input, self.fit);
        self.prepare(frame.format, &letterbox);
        let plan = &self.plan;
        let (left, top) = (region.x as usize, region.y as usize);

        let converter = YuvToRgb::new(frame.colorimetry);
        let slots = plan.vertical.longest();
        let mut converted = 0;
        let width = self.input.width as usize;
        let (red, rest) = out.split_at_mut(self.input.area());
        let (green, blue) = rest.split_at_mut(self.input.area());
        let mut planes =
            red.chunks_exact_mut(width).zip(green.chunks_exact_mut(width)).zip(blue.chunks_exact_mut(width));

        for ((first, weights), ((red, green), blue)) in plan.vertical.rows().zip(&mut planes) {
            match plan.format {
                PixelFormat::Mjpeg => {
                    let row = |y: usize| &self.image[(y * frame.size.width as usize + left) * 3..];
                    sum_rows(&mut self.sums, weights, |k| row(top + first + k));
                }
                PixelFormat::Rgb24 | PixelFormat::Bgr24 => {
                    sum_rows(&mut self.sums, weights, |k| &frame.row(top + first + k)[left * 3..]);
                }
                PixelFormat::Grey => {
                    sum_rows(&mut self.sums, weights, |k| &frame.row(top + first + k)[left..]);
                }
                // YUV.
                _ => {
                    for y in converted.max(first)..first + weights.len() {
                        let row = &mut self.ring[y % slots * plan.samples..][..plan.samples];
                        let (r, rest) = row.split_at_mut(plan.samples / 3);
                        let (g, b) = rest.split_at_mut(plan.samples / 3);
                        converter.convert_row(frame, top + y, left / 2, [r, g, b]);
                    }
                    converted = first + weights.len();
                    let ring = &self.ring;
                    sum_rows(&mut self.sums, weights, |k| &ring[(first + k) % slots * plan.samples..]);
                }
            }
            plan.resample_row(&self.sums, &mut self.pixels, &mut self.resampled);
            plan.normalize_row(&self.normalization, &self.resampled, &mut self.line);
            let (r, rest) = self.line.split_at(plan.width);
            let (g, b) = rest.split_at(r.len());
            for (target, line) in [(red, r), (green, g), (blue, b)] {
                let (content, padding) = target.split_at_mut(line.len());
                content.copy_from_slice(line);
                padding.fill(0.0);
            }
        }
        for ((red, green), blue) in planes {
            for padding in [red, green, blue] {
                padding.fill(0.0);
            }
        }
        Ok(letterbox)
    }

    /// Makes tables and buffers fit the size of what is read, and its format.
    fn prepare(&mut self, format: PixelFormat, letterbox: &Letterbox) {
        let size = letterbox.region.size;
        if self.plan.size == size && self.plan.format == format {
            return;
        }
        let vertical = VerticalFilter::new(size.height, letterbox.content.height);
        let horizontal = HorizontalFilter::new(size.width, letterbox.content.width);
        let width = size.width as usize;
        let content_width = letterbox.content.width as usize;
        let (samples, rows, pixels) = match format {
            PixelFormat::Mjpeg | PixelFormat::Rgb24 | PixelFormat::Bgr24 => {
                (width * 3, 0, horizontal.padded_len::<3>())
            }
            PixelFormat::Grey => (width, 0, horizontal.padded_len::<1>()),
            // YUV: planes of whole pixel pairs.
            _ => (width.div_ceil(2) * 2 * 3, vertical.longest(), horizontal.padded_len::<4>()),
        };
        self.ring.clear();
        self.ring.resize(rows * samples, 0);
        self.sums.clear();
        self.sums.resize(samples, 0);
        self.pixels.clear();
        self.pixels.resize(pixels, 0.0);
        self.resampled.clear();
        self.resampled.resize(content_width, [0.0; 4]);
        self.line.clear();
        self.line.resize(3 * content_width, 0.0);
        self.plan = Plan { size, format, width: content_width, vertical, horizontal, samples };
    }
}

impl Plan {
    /// Resamples one row horizontally; `pixels` is scratch.
    fn resample_row(&self, sums: &[i32], pixels: &mut [f32], resampled: &mut [[f32; 4]]) {
        match self.format {
            PixelFormat::Mjpeg | PixelFormat::Rgb24 | PixelFormat::Bgr24 | PixelFormat::Grey => {
                for (pixel, &sum) in pixels.iter_mut().zip(sums) {
                    *pixel = sum as f32;
                }
                match self.format {
                    PixelFormat::Grey => self.horizontal.run::<1>(pixels, resampled),
                    _ => self.horizontal.run::<3>(pixels, resampled),
                }
            }
            // YUV.
            _ => {
                let (red, rest) = sums.split_at(self.samples / 3);
                let (green, blue) = rest.split_at(self.samples / 3);
                let planes = red.iter().zip(green).zip(blue).take(self.size.width as usize);
                for (pixel, ((&r, &g), &b)) in pixels.as_chunks_mut::<4>().0.iter_mut().zip(planes) {
                    *pixel = [r as f32, g as f32, b as f32, 0.0];
                }
                self.horizontal.run::<4>(pixels, resampled);
            }
        }
    }

    /// Splits a resampled row into normalised planes.
    fn normalize_row(&self, normalization: &Normalization, resampled: &[[f32; 4]], line: &mut [f32]) {
        match self.format {
            PixelFormat::Grey => split::<0, 0, 0>(normalization, resampled, line),
            PixelFormat::Bgr24 => split::<2, 1, 0>(normalization, resampled, line),
            _ => split::<0, 1, 2>(normalization, resampled, line),
        }
    }
}

/// `R`, `G` and `B` are the lanes of red, green and blue.
fn split<const R: usize, const G: usize, const B: usize>(
    Normalization { mean, std }: &Normalization,
    resampled: &[[f32; 4]],
    line: &mut [f32],
) {
    let gain = std.map(|s| 1.0 / (SUM_PER_LEVEL * 255.0 * s));
    let offset = [0, 1, 2].map(|c| -mean[c] / std[c]);
    let (red, rest) = line.split_at_mut(resampled.len());
    let (green, blue) = rest.split_at_mut(resampled.len());
    for (((r, g), b), pixel) in red.iter_mut().zip(green).zip(blue).zip(resampled) {
        *r = pixel[R] * gain[0] + offset[0];
        *g = pixel[G] * gain[1] + offset[1];
        *b = pixel[B] * gain[2] + offset[2];
    }
}
