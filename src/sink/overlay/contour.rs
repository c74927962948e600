use crate::mask::Mask;

use super::canvas::{Canvas, Rgb, blend};

/// Darkness of the line's outer shadow, of 256.
const SHADOW: u32 = 110;

/// Draws the border of a mask as a smooth line.
///
/// The mask is blurred by a triangle of `4r + 1` pixels in both directions (two boxes of `2r + 1`, close to a Gaussian);
/// the blurred value crosses one half on the border and gives the distance from it, so that a band of values around one
/// half is a line of `2r` pixels, anti-aliased and free of the mask's stairs. Parts thinner than the blur, which never
/// reach one half, are drawn whole. The image's own edge is no border: the mask continues there as at its last pixel.
#[derive(Debug, Default)]
pub struct ContourPen {
    radius: usize,
    /// Weights of the triangle, summing to `(2r + 1)^2`.
    triangle: Vec<u16>,
    /// By blurred value, 0 to `(2r + 1)^4`: cover of the line and of its shadow, each of 256.
    line: Vec<u16>,
    shadow: Vec<u16>,
    /// One row blurred down the columns, with `2r` pixels of the edge's value on either side.
    columns: Vec<u16>,
    blurred: Vec<u16>,
}

impl ContourPen {
    /// Makes ready for images of `width` pixels and lines of `2 * radius`; does nothing if it is already.
    pub fn prepare(&mut self, width: usize, radius: usize) {
        self.columns.resize(width + 4 * radius, 0);
        self.blurred.resize(width, 0);
        if self.radius == radius {
            return;
        }
        self.radius = radius;
        let side = 2 * radius + 1;
        self.triangle.clear();
        self.triangle.extend((1..=side).chain((1..side).rev()).map(|w| w as u16));

        // Of a straight border, the part of the triangle that lies beyond it weighs (side-j)(side-j+1)/2 at the j-th
        // pixel: full cover up to j = r, none from j = r + 1.
        let full = side.pow(4);
        let beyond = |j: usize| ((side - j) * (side - j + 1) / 2 * side * side) as f32;
        let (solid, clear) = (beyond(radius), beyond(radius + 1));
        self.line.clear();
        self.shadow.clear();
        for value in 0..=full {
            let rest = value.min(full - value) as f32;
            self.line.push((((rest - clear) / (solid - clear)).clamp(0.0, 1.0) * 256.0) as u16);
            let outside = if value * 2 < full { (value as f32 / clear).min(1.0) } else { 0.0 };
            self.shadow.push((outside * SHADOW as f32) as u16);
        }
    }

    /// Draws the border of `mask`, which has the size of the image.
    pub fn stroke(&mut self, canvas: &mut Canvas, mask: &Mask, color: Rgb) {
        let Some(bounds) = mask.bounding_box() else { return };
        let reach = 2 * self.radius;
        let (width, height) = (mask.size().width as usize, mask.size().height as usize);
        let (x0, x1) = ((bounds.x0 as usize).saturating_sub(reach), (bounds.x1 as usize + reach).min(width));
        let (y0, y1) = ((bounds.y0 as usize).saturating_sub(reach), (bounds.y1 as usize + reach).min(height));
        let half = (self.line.len() / 2) as u16;
        for y in y0..y1 {
            self.blur_row(mask, y, x0, x1);
            let inside = &mask.row(y as u32)[x0..x1];
            let pixels = canvas.run_mut(x0, x1, y).chunks_exact_mut(3);
            for ((pixel, value), set) in pixels.zip(&self.blurred).zip(inside) {
                let thin = *set != 0 && *value < half;
                let cover = if thin { 256 } else { self.line[*value as usize] as u32 };
                let shade = self.shadow[*value as usize] as u32;
                if cover | shade != 0 {
                    blend(pixel, [0, 0, 0], shade);
                    blend(pixel, color, cover);
                }
            }
        }
    }

    /// Blurs pixels `x0..x1` of row `y` into the start of `self.blurred`.
    fn blur_row(&mut self, mask: &Mask, y: usize, x0: usize, x1: usize) {
        let reach = 2 * self.radius;
        let width = x1 - x0;
        let last = mask.size().height as usize - 1;
        let columns = &mut self.columns[..width + 2 * reach];
        let middle = &mut columns[reach..reach + width];
        middle.fill(0);
        for (k, weight) in self.triangle.iter().enumerate() {
            let row = (y + k).saturating_sub(reach).min(last);
            for (sum, v) in middle.iter_mut().zip(&mask.row(row as u32)[x0..x1]) {
                *sum += *v as u16 * weight;
            }
        }
        let (first, end) = (columns[reach], columns[reach + width - 1]);
        columns[..reach].fill(first);
        columns[reach + width..].fill(end);
        let out = &mut self.blurred[..width];
        out.fill(0);
        for (k, weight) in self.triangle.iter().enumerate() {
            for (sum, v) in out.iter_mut().zip(&columns[k..k + width]) {
                *sum += v * weight;
            }
        }
    }
}

#[cfg(test)]
impl ContourPen {
    /// Where the line table lies, to see that it is kept.
    pub fn line_address(&self) -> *const u16 {
        self.line.as_ptr()
    }
}
