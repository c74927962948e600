use super::{BoundingBox, Point, Size};

/// How a frame lies in the model's input: scaled by one factor so that it fits, placed at the top-left corner, the rest
/// padded (Segment Anything's `ResizeLongestSide` followed by padding at the right and bottom).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Letterbox {
    /// The original frame.
    pub frame: Size,
    /// The model's input, padding included.
    pub input: Size,
    /// The part of the input that shows the frame, in whole input pixels.
    pub content: Size,
}

impl Letterbox {
    /// The largest placement of `frame` inside `input`. Both need an area.
    pub fn new(frame: Size, input: Size) -> Self {
        let scale =
            f64::min(input.width as f64 / frame.width.max(1) as f64, input.height as f64 / frame.height.max(1) as f64);
        let fit = |side: u32, limit: u32| ((side as f64 * scale + 0.5).floor() as u32).clamp(1, limit);
        let content = Size::new(fit(frame.width, input.width), fit(frame.height, input.height));
        Letterbox { frame, input, content }
    }

    /// Input pixels per frame pixel along x. Differs from [`Self::scale_y`] only by the rounding of `content`.
    pub fn scale_x(&self) -> f32 {
        self.content.width as f32 / self.frame.width as f32
    }

    /// Input pixels per frame pixel along y.
    pub fn scale_y(&self) -> f32 {
        self.content.height as f32 / self.frame.height as f32
    }

    /// Frame pixels to input pixels.
    pub fn to_input(&self, p: Point) -> Point {
        Point::new(p.x * self.scale_x(), p.y * self.scale_y())
    }

    /// Input pixels to frame pixels.
    pub fn to_frame(&self, p: Point) -> Point {
        Point::new(p.x / self.scale_x(), p.y / self.scale_y())
    }

    /// A box in frame pixels to input pixels.
    pub fn box_to_input(&self, b: BoundingBox) -> BoundingBox {
        let (sx, sy) = (self.scale_x(), self.scale_y());
        BoundingBox::new(b.x0 * sx, b.y0 * sy, b.x1 * sx, b.y1 * sy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_side_fills_the_input() {
        let wide = Letterbox::new(Size::new(640, 480), Size::new(256, 256));
        assert_eq!(wide.content, Size::new(256, 192));
        let tall = Letterbox::new(Size::new(480, 640), Size::new(256, 256));
        assert_eq!(tall.content, Size::new(192, 256));
        let sliver = Letterbox::new(Size::new(10_000, 2), Size::new(256, 256));
        assert_eq!(sliver.content, Size::new(256, 1));
    }

    #[test]
    fn points_come_back() {
        let l = Letterbox::new(Size::new(481, 321), Size::new(256, 256));
        let p = Point::new(123.4, 56.7);
        let q = l.to_frame(l.to_input(p));
        assert!(p.distance(q) < 1e-3);
    }
}
