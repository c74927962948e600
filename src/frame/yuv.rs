//! YUV rows to planar RGB rows, in 16-bit fixed point.
//!
//! Every product is the high half of a 16x16 multiply, which all SIMD sets have; sums are in 1/32 of a level. The result
//! is within 0.65 levels of the real formula. Chroma is replicated, not interpolated.

use super::{ColorRange, Colorimetry, Frame, PixelFormat};

/// Fraction bits of the sums.
const FRACTION: u32 = 5;

/// One colorimetry's conversion. Gains have 13 fraction bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct YuvToRgb {
    luma: i16,
    red_v: i16,
    green_u: i16,
    green_v: i16,
    blue_u: i16,
    /// What a luma code of 128 gives, half a level to round, and half a unit for each product's truncation.
    red_blue_base: i16,
    green_base: i16,
}

impl YuvToRgb {
    pub(super) fn new(colorimetry: Colorimetry) -> Self {
        let (kr, kb) = colorimetry.encoding.luma_weights();
        let (black, luma, chroma) = match colorimetry.range {
            ColorRange::Limited => (16.0, 255.0 / 219.0, 255.0 / 224.0),
            ColorRange::Full => (0.0, 1.0, 1.0),
        };
        let kg = 1.0 - kr - kb;
        let gain = |v: f64| (v * f64::from(1 << 13)).round() as i16;
        let base =
            |products: f64| (((128.0 - black) * luma + 0.5) * f64::from(1 << FRACTION) + 0.5 * products).round() as i16;
        YuvToRgb {
            luma: gain(luma),
            red_v: gain(chroma * 2.0 * (1.0 - kr)),
            green_u: gain(chroma * -2.0 * (1.0 - kb) * kb / kg),
            green_v: gain(chroma * -2.0 * (1.0 - kr) * kr / kg),
            blue_u: gain(chroma * 2.0 * (1.0 - kb)),
            red_blue_base: base(2.0),
            green_base: base(3.0),
        }
    }

    /// Row `y` of a YUV frame that passed [`Frame::check`], from pixel pair `first_pair` on, into as many pairs as the
    /// planes hold. Other formats leave the planes alone.
    pub(super) fn convert_row(&self, frame: &Frame, y: usize, first_pair: usize, planes: [&mut [u8]; 3]) {
        let row = frame.row(y);
        let packed = || row.as_chunks::<4>().0.get(first_pair..).unwrap_or_default().iter();
        let luma = || row.as_chunks::<2>().0.get(first_pair..).unwrap_or_default().iter();
        let chroma = || frame.plane_row(1, y).as_chunks::<2>().0.get(first_pair..).unwrap_or_default();
        let half = |plane| frame.plane_row(plane, y).get(first_pair..).unwrap_or_default();
        match frame.format {
            PixelFormat::Yuyv => self.convert(packed().copied(), planes),
            PixelFormat::Uyvy => self.convert(packed().map(|&[u, y0, v, y1]| [y0, u, y1, v]), planes),
            PixelFormat::Yvyu => self.convert(packed().map(|&[y0, v, y1, u]| [y0, u, y1, v]), planes),
            PixelFormat::Nv12 | PixelFormat::Nv16 => {
                self.convert(luma().zip(chroma()).map(|(&[y0, y1], &[u, v])| [y0, u, y1, v]), planes);
            }
            PixelFormat::Nv21 => {
                self.convert(luma().zip(chroma()).map(|(&[y0, y1], &[v, u])| [y0, u, y1, v]), planes);
            }
            PixelFormat::I420 => {
                let pairs = luma().zip(half(1)).zip(half(2));
                self.convert(pairs.map(|((&[y0, y1], &u), &v)| [y0, u, y1, v]), planes);
            }
            PixelFormat::Mjpeg | PixelFormat::Rgb24 | PixelFormat::Bgr24 | PixelFormat::Grey => {}
        }
    }

    /// `pairs` are Y0 U Y1 V.
    #[inline(always)]
    fn convert(&self, pairs: impl Iterator<Item = [u8; 4]>, [red, green, blue]: [&mut [u8]; 3]) {
        let YuvToRgb { luma, red_v, green_u, green_v, blue_u, red_blue_base, green_base } = *self;
        let (red, green, blue) =
            (red.as_chunks_mut::<2>().0, green.as_chunks_mut::<2>().0, blue.as_chunks_mut::<2>().0);
        for ((([y0, u, y1, v], r), g), b) in pairs.zip(red).zip(green).zip(blue) {
            let (y0, u, y1, v) = (centered(y0), centered(u), centered(y1), centered(v));
            let dr = multiply_high(v, red_v) + red_blue_base;
            let dg = multiply_high(u, green_u) + multiply_high(v, green_v) + green_base;
            let db = multiply_high(u, blue_u) + red_blue_base;
            let (l0, l1) = (multiply_high(y0, luma), multiply_high(y1, luma));
            *r = [to_level(l0 + dr), to_level(l1 + dr)];
            *g = [to_level(l0 + dg), to_level(l1 + dg)];
            *b = [to_level(l0 + db), to_level(l1 + db)];
        }
    }
}

/// `(code - 128) * 256`. Flipping the sign bit rather than subtracting keeps the compiler from moving the shift to the
/// gain, whose product would no longer be a 16-bit one.
#[inline(always)]
fn centered(code: u8) -> i16 {
    ((u16::from(code) << 8) ^ 0x8000) as i16
}

#[inline(always)]
fn multiply_high(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

#[inline(always)]
fn to_level(sum: i16) -> u8 {
    (sum >> FRACTION).clamp(0, 255) as u8
}
