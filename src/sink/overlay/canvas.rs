use crate::geometry::{BoundingBox, Point, Size};

/// A colour, sRGB bytes.
pub type Rgb = [u8; 3];

/// An RGB image to draw on. Shapes are anti-aliased by their signed distance: a pixel whose centre lies `d` pixels
/// outside a shape is covered by `0.5 - d`, from 0 to 1. What lies outside the image is clipped.
pub struct Canvas<'a> {
    rgb: &'a mut [u8],
    size: Size,
}

impl<'a> Canvas<'a> {
    /// # Panics
    /// If `rgb` is not `size.area() * 3` bytes long.
    pub fn new(rgb: &'a mut [u8], size: Size) -> Self {
        assert_eq!(rgb.len(), size.area() * 3, "an RGB image has three bytes a pixel");
        Canvas { rgb, size }
    }

    pub fn size(&self) -> Size {
        self.size
    }

    /// Pixels `x0..x1` of row `y`, three bytes each, clipped to the image.
    pub fn run_mut(&mut self, x0: usize, x1: usize, y: usize) -> &mut [u8] {
        let width = self.size.width as usize;
        let (x0, x1) = (x0.min(width), x1.min(width));
        if y >= self.size.height as usize || x0 >= x1 {
            return &mut [];
        }
        &mut self.rgb[(y * width + x0) * 3..(y * width + x1) * 3]
    }

    /// Blends `color` into pixels `x0..x1` of row `y`.
    pub fn blend_run(&mut self, x0: usize, x1: usize, y: usize, color: Rgb, opacity: f32) {
        let alpha = weight(opacity);
        for pixel in self.run_mut(x0, x1, y).chunks_exact_mut(3) {
            blend(pixel, color, alpha);
        }
    }

    /// A filled disc.
    pub fn disc(&mut self, center: Point, radius: f32, color: Rgb, opacity: f32) {
        self.shade(around(center, radius, radius), color, opacity, |p| p.distance(center) - radius);
    }

    /// A circle of `radius`, drawn `width` pixels wide.
    pub fn ring(&mut self, center: Point, radius: f32, width: f32, color: Rgb, opacity: f32) {
        let reach = radius + width / 2.0;
        self.shade(around(center, reach, reach), color, opacity, |p| (p.distance(center) - radius).abs() - width / 2.0);
    }

    /// A plus with arms of length `arm` and thickness `2 * half`, or only its horizontal bar; grown by `rim` on all sides.
    #[allow(clippy::too_many_arguments)]
    pub fn cross(&mut self, center: Point, arm: f32, half: f32, plus: bool, rim: f32, color: Rgb, opacity: f32) {
        let bar = |dx: f32, dy: f32| rect_distance(dx, dy, arm, half);
        self.shade(around(center, arm + rim, arm + rim), color, opacity, |p| {
            let (dx, dy) = (p.x - center.x, p.y - center.y);
            let d = if plus { bar(dx, dy).min(bar(dy, dx)) } else { bar(dx, dy) };
            d - rim
        });
    }

    /// A filled rectangle with corners of `radius`.
    pub fn rounded_rect(&mut self, rect: BoundingBox, radius: f32, color: Rgb, opacity: f32) {
        let center = rect.center();
        let radius = radius.min(rect.width() / 2.0).min(rect.height() / 2.0);
        let (half_w, half_h) = (rect.width() / 2.0 - radius, rect.height() / 2.0 - radius);
        self.shade(rect, color, opacity, |p| rect_distance(p.x - center.x, p.y - center.y, half_w, half_h) - radius);
    }

    /// The border of a rectangle, `width` pixels wide and centred on its edges.
    pub fn outline(&mut self, rect: BoundingBox, width: f32, color: Rgb) {
        let h = width / 2.0;
        let (x0, y0, x1, y1) = (rect.x0 - h, rect.y0 - h, rect.x1 + h, rect.y1 + h);
        for side in [
            BoundingBox::new(x0, y0, x1, y0 + width),
            BoundingBox::new(x0, y1 - width, x1, y1),
            BoundingBox::new(x0, y0 + width, x0 + width, y1 - width),
            BoundingBox::new(x1 - width, y0 + width, x1, y1 - width),
        ] {
            self.rounded_rect(side, 0.0, color, 1.0);
        }
    }

    /// Blends `color` into one pixel by `coverage`, 0 to 1; outside the image nothing happens.
    pub fn cover(&mut self, x: i32, y: i32, color: Rgb, coverage: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if let Some(pixel) = self.run_mut(x, x + 1, y).first_chunk_mut::<3>() {
            blend(pixel, color, weight(coverage));
        }
    }

    /// Fills the shape of signed distance `distance` (pixels, negative inside) that lies within `bounds`.
    fn shade(&mut self, bounds: BoundingBox, color: Rgb, opacity: f32, distance: impl Fn(Point) -> f32) {
        if !bounds.is_finite() {
            return;
        }
        // A pixel of margin holds the half-covered rim; the casts saturate, so far-away shapes clip to nothing.
        let clip = |from: f32, to: f32, side: u32| {
            let from = (from - 1.0).floor().max(0.0) as usize;
            (from, ((to + 1.0).ceil().max(0.0) as usize).min(side as usize))
        };
        let (x0, x1) = clip(bounds.x0, bounds.x1, self.size.width);
        let (y0, y1) = clip(bounds.y0, bounds.y1, self.size.height);
        for y in y0..y1 {
            for (i, pixel) in self.run_mut(x0, x1, y).chunks_exact_mut(3).enumerate() {
                let coverage = 0.5 - distance(Point::new((x0 + i) as f32 + 0.5, y as f32 + 0.5));
                if coverage > 0.0 {
                    blend(pixel, color, weight(coverage.min(1.0) * opacity));
                }
            }
        }
    }
}

fn around(center: Point, rx: f32, ry: f32) -> BoundingBox {
    BoundingBox::new(center.x - rx, center.y - ry, center.x + rx, center.y + ry)
}

/// Signed distance from the rectangle of half sides `half_w`, `half_h` around the origin.
fn rect_distance(dx: f32, dy: f32, half_w: f32, half_h: f32) -> f32 {
    let (qx, qy) = (dx.abs() - half_w, dy.abs() - half_h);
    qx.max(0.0).hypot(qy.max(0.0)) + qx.max(qy).min(0.0)
}

/// An opacity of 0 to 1 as the fixed-point weight of [`blend`], 0 to 256.
fn weight(opacity: f32) -> u32 {
    (opacity.clamp(0.0, 1.0) * 256.0 + 0.5) as u32
}

/// `pixel` moves towards `color` by `alpha` of 256.
pub fn blend(pixel: &mut [u8], color: Rgb, alpha: u32) {
    for (p, c) in pixel.iter_mut().zip(color) {
        *p = ((*p as u32 * (256 - alpha) + c as u32 * alpha + 128) >> 8) as u8;
    }
}
