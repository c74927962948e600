//! RGB pictures in the formats that video devices take; YUV by BT.601 in limited range.

use crate::frame::{PixelFormat, Plane};
use crate::geometry::Size;

/// Fraction bits of the sums.
const FRACTION: u32 = 16;
/// A code's share of red, green and blue. Luma has 219 codes from 16 on, chroma 224 about 128; a grey's chroma is exactly 128.
const Y: [i32; 3] = [16829, 33039, 6416];
const CB: [i32; 3] = [-9714, -19070, 28784];
const CR: [i32; 3] = [28784, -24103, -4681];

/// Both sides made even, as pictures of subsampled chroma have them.
pub(super) const fn even(size: Size) -> Size {
    Size { width: size.width.next_multiple_of(2), height: size.height.next_multiple_of(2) }
}

/// Writes a picture of RGB, rows from top to bottom without padding, into `out` as one of [`even`] sides in `format`, whose first
/// plane has rows of `stride` bytes. The last column and the last row are repeated where there was none.
///
/// # Panics
/// If `rgb` is not a picture of `size`, or `stride` is too short for a row.
pub(super) fn encode(rgb: &[u8], size: Size, format: PixelFormat, stride: usize, out: &mut Vec<u8>) {
    let picture = Picture { pixels: rgb.as_chunks().0, size };
    let even = even(size);
    let planes = format.planes(even, stride);
    out.resize(format.buffer_len(even, stride), 0);
    match format {
        PixelFormat::Yuyv => rows(out, planes[0], |y, row| yuyv(picture.row(y), row)),
        PixelFormat::I420 => {
            rows(out, planes[0], |y, row| {
                let levels = repeated(picture.row(y)).map(luma);
                row.iter_mut().zip(levels).for_each(|(byte, level)| *byte = level);
            });
            for (plane, weights) in [(planes[1], CB), (planes[2], CR)] {
                rows(out, plane, |y, row| {
                    let (above, below) = (picture.row(2 * y), picture.row(2 * y + 1));
                    let sums = pairs(above).zip(pairs(below)).map(|(a, b)| sum([a[0], a[1], b[0], b[1]]));
                    row.iter_mut().zip(sums).for_each(|(byte, sum)| *byte = chroma(sum, weights, 4));
                });
            }
        }
        _ => rows(out, planes[0], |y, row| {
            let pixels = repeated(picture.row(y));
            row.as_chunks_mut().0.iter_mut().zip(pixels).for_each(|(to, pixel)| *to = pixel);
        }),
    }
}

struct Picture<'a> {
    pixels: &'a [[u8; 3]],
    size: Size,
}

impl<'a> Picture<'a> {
    /// The row of this number, the last one below the picture.
    fn row(&self, y: usize) -> &'a [[u8; 3]] {
        let width = self.size.width as usize;
        let y = y.min(self.size.height as usize - 1);
        &self.pixels[y * width..(y + 1) * width]
    }
}

/// Fills each row of a plane, by its number.
fn rows(out: &mut [u8], plane: Plane, mut fill: impl FnMut(usize, &mut [u8])) {
    for y in 0..plane.rows {
        let start = plane.start + y * plane.stride;
        fill(y, &mut out[start..start + plane.row_bytes]);
    }
}

/// The pixels of a row, and the last once more.
fn repeated(row: &[[u8; 3]]) -> impl Iterator<Item = [u8; 3]> {
    row.iter().chain(row.last()).copied()
}

/// The pixels of a row, two by two, the last one with itself if it is alone.
fn pairs(row: &[[u8; 3]]) -> impl Iterator<Item = [[u8; 3]; 2]> {
    let (pairs, rest) = row.as_chunks::<2>();
    pairs.iter().copied().chain(rest.first().map(|&pixel| [pixel; 2]))
}

fn yuyv(pixels: &[[u8; 3]], row: &mut [u8]) {
    for ([a, b], to) in pairs(pixels).zip(row.as_chunks_mut().0) {
        let sum = sum([a, b]);
        *to = [luma(a), chroma(sum, CB, 2), luma(b), chroma(sum, CR, 2)];
    }
}

fn sum<const N: usize>(pixels: [[u8; 3]; N]) -> [i32; 3] {
    pixels.iter().fold([0; 3], |sum, pixel| [0, 1, 2].map(|i| sum[i] + i32::from(pixel[i])))
}

fn weighted(weights: [i32; 3], levels: [i32; 3]) -> i32 {
    weights[0] * levels[0] + weights[1] * levels[1] + weights[2] * levels[2]
}

fn luma(pixel: [u8; 3]) -> u8 {
    ((weighted(Y, pixel.map(i32::from)) + (16 << FRACTION) + (1 << (FRACTION - 1))) >> FRACTION) as u8
}

/// The code of the mean of so many pixels' `sum`.
fn chroma(sum: [i32; 3], weights: [i32; 3], count: i32) -> u8 {
    let (fraction, one) = (FRACTION + count.trailing_zeros(), count << FRACTION);
    ((weighted(weights, sum) + 128 * one + one / 2) >> fraction) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{ColorEncoding, ColorRange, Colorimetry, Frame, to_rgb};

    /// Luma and chroma of a mean colour, by the standard's formula in real numbers.
    fn formula(pixels: &[[u8; 3]]) -> [f64; 3] {
        let mean = [0, 1, 2].map(|i| pixels.iter().map(|p| f64::from(p[i])).sum::<f64>() / pixels.len() as f64);
        let [r, g, b] = mean.map(|level| level / 255.0);
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        [16.0 + 219.0 * luma, 128.0 + 224.0 * (b - luma) / 1.772, 128.0 + 224.0 * (r - luma) / 1.402]
    }

    /// The pixel at a place, those at the edge beyond it.
    fn pixel(rgb: &[u8], size: Size, x: usize, y: usize) -> [u8; 3] {
        let (x, y) = (x.min(size.width as usize - 1), y.min(size.height as usize - 1));
        let at = 3 * (y * size.width as usize + x);
        [rgb[at], rgb[at + 1], rgb[at + 2]]
    }

    /// Whether a code is the number rounded, but for the arithmetic's last digits.
    fn is_near(code: u8, exact: f64) -> bool {
        (f64::from(code) - exact).abs() <= 0.51
    }

    fn picture() -> impl Strategy<Value = (Size, Vec<u8>, usize)> {
        (1..9u32, 1..7u32, 0..5usize).prop_flat_map(|(width, height, padding)| {
            let size = Size::new(width, height);
            (Just(size), prop::collection::vec(any::<u8>(), 3 * size.area()), Just(4 * padding))
        })
    }

    proptest! {
        #[test]
        fn yuyv_is_the_formula((size, rgb, padding) in picture()) {
            let (even, mut out) = (even(size), Vec::new());
            let stride = PixelFormat::Yuyv.min_stride(even.width) + padding;
            encode(&rgb, size, PixelFormat::Yuyv, stride, &mut out);
            prop_assert_eq!(out.len(), stride * (even.height as usize - 1) + 2 * even.width as usize);
            for (x, y) in (0..even.height as usize).flat_map(|y| (0..even.width as usize / 2).map(move |x| (2 * x, y))) {
                let pair = [pixel(&rgb, size, x, y), pixel(&rgb, size, x + 1, y)];
                let code = &out[y * stride + 2 * x..][..4];
                prop_assert!(is_near(code[0], formula(&pair[..1])[0]) && is_near(code[2], formula(&pair[1..])[0]));
                prop_assert!(is_near(code[1], formula(&pair)[1]) && is_near(code[3], formula(&pair)[2]), "{:?}", code);
            }
        }

        #[test]
        fn i420_is_the_formula((size, rgb, padding) in picture()) {
            let (even, mut out) = (even(size), Vec::new());
            let stride = even.width as usize + padding;
            encode(&rgb, size, PixelFormat::I420, stride, &mut out);
            let [luma, cb, cr] = PixelFormat::I420.planes(even, stride);
            for (x, y) in (0..even.height as usize).flat_map(|y| (0..even.width as usize).map(move |x| (x, y))) {
                prop_assert!(is_near(out[luma.start + y * luma.stride + x], formula(&[pixel(&rgb, size, x, y)])[0]));
                let (x, y) = (x / 2, y / 2);
                let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| pixel(&rgb, size, 2 * x + i, 2 * y + j));
                prop_assert!(is_near(out[cb.start + y * cb.stride + x], formula(&four)[1]));
                prop_assert!(is_near(out[cr.start + y * cr.stride + x], formula(&four)[2]));
            }
        }

        #[test]
        fn rgb_stays_as_it_is((size, rgb, padding) in picture()) {
            let (even, mut out) = (even(size), Vec::new());
            let stride = 3 * even.width as usize + padding;
            encode(&rgb, size, PixelFormat::Rgb24, stride, &mut out);
            for (x, y) in (0..even.height as usize).flat_map(|y| (0..even.width as usize).map(move |x| (x, y))) {
                prop_assert_eq!(&out[y * stride + 3 * x..][..3], &pixel(&rgb, size, x, y));
            }
        }
    }

    #[test]
    fn what_comes_back_is_what_went_in() {
        let size = Size::new(4, 2);
        for level in [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [12, 200, 90]] {
            for format in [PixelFormat::Yuyv, PixelFormat::I420, PixelFormat::Rgb24] {
                let stride = format.min_stride(size.width);
                let colorimetry = Colorimetry { encoding: ColorEncoding::Bt601, range: ColorRange::Limited };
                let mut frame = Frame { size, format, stride, colorimetry, ..Frame::default() };
                encode(&level.repeat(size.area()), size, format, stride, frame.data.own_mut());
                let mut rgb = Vec::new();
                to_rgb(&frame, &mut rgb).unwrap();
                let off = rgb.iter().zip(level.iter().cycle()).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(off.is_some_and(|off| off <= 2), "{format} {level:?}: {rgb:?}");
            }
        }
    }

    #[test]
    fn a_grey_has_no_colour() {
        for level in 0..=255 {
            let (sum, grey) = (sum([[level; 3]; 2]), luma([level; 3]));
            assert_eq!((chroma(sum, CB, 2), chroma(sum, CR, 2)), (128, 128));
            assert!((16..=235).contains(&grey));
        }
    }
}
