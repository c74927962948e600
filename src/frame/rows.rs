//! Source rows to planar RGB.

use super::{ColorEncoding, ColorRange, Colorimetry, Frame, PixelFormat};
use crate::error::ImageError;
use crate::geometry::Size;

/// Coefficients from YUV codes to RGB codes (0 to 255): `y = gain_y * (Y - black)`, then
/// `R = y + rv * V`, `G = y + gu * U + gv * V`, `B = y + bu * U`, with U and V counted from 128.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct YuvToRgb {
    black: f32,
    gain_y: f32,
    rv: f32,
    gu: f32,
    gv: f32,
    bu: f32,
}

impl YuvToRgb {
    /// From the luma weights of ITU-R BT.601 and BT.709.
    pub fn new(colorimetry: Colorimetry) -> Self {
        let (kr, kb) = match colorimetry.encoding {
            ColorEncoding::Bt601 => (0.299, 0.114),
            ColorEncoding::Bt709 => (0.2126, 0.0722),
        };
        let kg = 1.0 - kr - kb;
        let (black, gain_y, gain_c) = match colorimetry.range {
            ColorRange::Limited => (16.0, 255.0 / 219.0, 255.0 / 224.0),
            ColorRange::Full => (0.0, 1.0, 1.0),
        };
        YuvToRgb {
            black,
            gain_y,
            rv: gain_c * 2.0 * (1.0 - kr),
            gu: -gain_c * 2.0 * (1.0 - kb) * kb / kg,
            gv: -gain_c * 2.0 * (1.0 - kr) * kr / kg,
            bu: gain_c * 2.0 * (1.0 - kb),
        }
    }

    #[inline(always)]
    fn convert(&self, y: f32, u: f32, v: f32) -> [f32; 3] {
        let y = (y - self.black) * self.gain_y;
        let (u, v) = (u - 128.0, v - 128.0);
        [y + self.rv * v, y + self.gu * u + self.gv * v, y + self.bu * u].map(|c| c.clamp(0.0, 255.0))
    }
}

/// The pixels of a frame, ready to be read row by row.
pub(super) struct Rows<'a> {
    pub size: Size,
    format: PixelFormat,
    stride: usize,
    data: &'a [u8],
    yuv: YuvToRgb,
}

impl<'a> Rows<'a> {
    /// Rows of a frame that holds pixels; MJPEG frames are decoded first (see [`super::mjpeg`]).
    ///
    /// # Errors
    /// [`ImageError::ShortBuffer`] when the buffer does not hold every row.
    pub fn of(frame: &'a Frame) -> Result<Self, ImageError> {
        frame.check()?;
        Ok(Rows {
            size: frame.size,
            format: frame.format,
            stride: frame.stride,
            data: &frame.data,
            yuv: YuvToRgb::new(frame.colorimetry),
        })
    }

    /// Rows of a packed RGB picture.
    pub fn of_rgb(size: Size, data: &'a [u8]) -> Self {
        let yuv = YuvToRgb::new(Colorimetry::default());
        Rows { size, format: PixelFormat::Rgb24, stride: size.width as usize * 3, data, yuv }
    }

    /// Writes row `y` as three runs of `width` values from 0 to 255: red, green, blue.
    pub fn read(&self, y: usize, out: &mut [f32]) {
        let w = self.size.width as usize;
        let (r, rest) = out.split_at_mut(w);
        let (g, b) = rest.split_at_mut(w);
        let b = &mut b[..w];
        let row = &self.data[y * self.stride..];
        match self.format {
            PixelFormat::Rgb24 => planes(row, r, g, b),
            PixelFormat::Bgr24 => planes(row, b, g, r),
            PixelFormat::Grey => {
                for (((v, r), g), b) in row.iter().zip(r).zip(g).zip(b) {
                    (*r, *g, *b) = (*v as f32, *v as f32, *v as f32);
                }
            }
            PixelFormat::Yuyv => self.yuyv(row, r, g, b),
            PixelFormat::Nv12 => {
                let chroma = &self.data[(self.size.height as usize + y / 2) * self.stride..];
                self.nv12(row, chroma, r, g, b);
            }
            // `Rows` is made of decoded pictures only.
            PixelFormat::Mjpeg => out.fill(0.0),
        }
    }

    /// Writes row `y` as packed RGB bytes. Only YUV rows come here; the other formats are copied byte by byte.
    pub fn read_rgb(&self, y: usize, out: &mut [u8]) {
        let row = &self.data[y * self.stride..];
        let rounded = |rgb: [f32; 3]| rgb.map(|c| (c + 0.5) as u8);
        if self.format == PixelFormat::Yuyv {
            for (quad, pair) in row.chunks_exact(4).zip(out.chunks_mut(6)) {
                for (y, pixel) in [quad[0], quad[2]].into_iter().zip(pair.chunks_exact_mut(3)) {
                    pixel.copy_from_slice(&rounded(self.yuv.convert(y as f32, quad[1] as f32, quad[3] as f32)));
                }
            }
        } else {
            let chroma = &self.data[(self.size.height as usize + y / 2) * self.stride..];
            for ((ys, uv), pair) in row.chunks(2).zip(chroma.chunks_exact(2)).zip(out.chunks_mut(6)) {
                for (y, pixel) in ys.iter().zip(pair.chunks_exact_mut(3)) {
                    pixel.copy_from_slice(&rounded(self.yuv.convert(*y as f32, uv[0] as f32, uv[1] as f32)));
                }
            }
        }
    }

    fn yuyv(&self, row: &[u8], r: &mut [f32], g: &mut [f32], b: &mut [f32]) {
        for (((quad, r), g), b) in row.chunks_exact(4).zip(r.chunks_mut(2)).zip(g.chunks_mut(2)).zip(b.chunks_mut(2)) {
            let (u, v) = (quad[1] as f32, quad[3] as f32);
            for (i, y) in [quad[0], quad[2]].into_iter().enumerate().take(r.len()) {
                [r[i], g[i], b[i]] = self.yuv.convert(y as f32, u, v);
            }
        }
    }

    fn nv12(&self, luma: &[u8], chroma: &[u8], r: &mut [f32], g: &mut [f32], b: &mut [f32]) {
        let pairs = luma.chunks(2).zip(chroma.chunks_exact(2));
        for (((( ys, uv), r), g), b) in pairs.zip(r.chunks_mut(2)).zip(g.chunks_mut(2)).zip(b.chunks_mut(2)) {
            let (u, v) = (uv[0] as f32, uv[1] as f32);
            for (i, y) in ys.iter().enumerate().take(r.len()) {
                [r[i], g[i], b[i]] = self.yuv.convert(*y as f32, u, v);
            }
        }
    }
}

fn planes(row: &[u8], first: &mut [f32], second: &mut [f32], third: &mut [f32]) {
    for (((pixel, a), b), c) in row.chunks_exact(3).zip(first).zip(second).zip(third) {
        (*a, *b, *c) = (pixel[0] as f32, pixel[1] as f32, pixel[2] as f32);
    }
}
