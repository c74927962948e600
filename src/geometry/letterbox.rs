use serde::{Deserialize, Serialize};

use super::{BoundingBox, Point, Region, Size};

/// How what is shown fills the model's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Scaled by one factor, placed at the top-left corner, the rest padded (Segment Anything's `ResizeLongestSide` followed
    /// by padding at the right and bottom).
    #[default]
    Letterbox,
    /// Scaled to the whole input, each axis by its own factor, as Segment Anything 2 does.
    Stretch,
}

/// How a frame, or a region of it, lies in the model's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Letterbox {
    /// The original frame.
    pub frame: Size,
    /// The part of it that the input shows.
    pub region: Region,
    /// The model's input, padding included.
    pub input: Size,
    /// The part of the input that shows the region, in whole input pixels.
    pub content: Size,
    /// By which rule.
    pub fit: Fit,
}

impl Letterbox {
    /// The largest placement of all of `frame` inside `input`. Both need an area.
    pub fn new(frame: Size, input: Size) -> Self {
        Letterbox::of_region(frame, Region::of_frame(frame), input)
    }

    /// The largest placement of `region` of `frame` inside `input`. All need an area.
    pub fn of_region(frame: Size, region: Region, input: Size) -> Self {
        let Size { width, height } = region.size;
        let scale = f64::min(input.width as f64 / width.max(1) as f64, input.height as f64 / height.max(1) as f64);
        let fit = |side: u32, limit: u32| ((side as f64 * scale + 0.5).floor() as u32).clamp(1, limit);
        let content = Size::new(fit(width, input.width), fit(height, input.height));
        Letterbox { frame, region, input, content, fit: Fit::Letterbox }
    }

    /// `region` of `frame` inside `input` by the rule `fit`. All need an area.
    pub fn placed(frame: Size, region: Region, input: Size, fit: Fit) -> Self {
        match fit {
            Fit::Letterbox => Letterbox::of_region(frame, region, input),
            Fit::Stretch => Letterbox { frame, region, input, content: input, fit },
        }
    }

    /// Another `region` of the same frame in the same input, by the same rule.
    pub fn of_part(&self, region: Region) -> Letterbox {
        Letterbox::placed(self.frame, region, self.input, self.fit)
    }

    /// The same share of another `frame`, in the same part of the input: to place points, not to encode.
    pub fn on_frame(&self, frame: Size) -> Letterbox {
        if frame == self.frame {
            return *self;
        }
        let (x, y) = self.frame.ratio_to(frame);
        let Region { x: left, y: top, size } = self.region;
        let scaled = |pixels: u32, ratio: f32| (pixels as f32 * ratio).round() as u32;
        let (left, top) = (scaled(left, x), scaled(top, y));
        let size = Size::new(scaled(size.width, x).max(1), scaled(size.height, y).max(1));
        Letterbox { frame, region: Region { x: left, y: top, size }, ..*self }
    }

    /// Whether the same share of a frame is shown, and fills the same part of an equal input.
    pub fn shows_alike(&self, other: &Letterbox) -> bool {
        (self.input, self.content) == (other.input, other.content) && self.on_frame(other.frame).region == other.region
    }

    /// Input pixels per frame pixel along x. In a letterbox it differs from [`Self::scale_y`] only by the rounding of `content`.
    pub fn scale_x(&self) -> f32 {
        self.content.width as f32 / self.region.size.width as f32
    }

    /// Input pixels per frame pixel along y.
    pub fn scale_y(&self) -> f32 {
        self.content.height as f32 / self.region.size.height as f32
    }

    /// Frame pixels to input pixels. What lies outside the region lands outside the content.
    pub fn to_input(&self, p: Point) -> Point {
        let (x, y) = (self.region.x as f32, self.region.y as f32);
        Point::new((p.x - x) * self.scale_x(), (p.y - y) * self.scale_y())
    }

    /// Input pixels to frame pixels.
    pub fn to_frame(&self, p: Point) -> Point {
        let (x, y) = (self.region.x as f32, self.region.y as f32);
        Point::new(p.x / self.scale_x() + x, p.y / self.scale_y() + y)
    }

    /// A box in frame pixels to input pixels.
    pub fn box_to_input(&self, b: BoundingBox) -> BoundingBox {
        let (from, to) = (self.to_input(Point::new(b.x0, b.y0)), self.to_input(Point::new(b.x1, b.y1)));
        BoundingBox::new(from.x, from.y, to.x, to.y)
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
    fn a_stretched_region_fills_the_input() {
        let (frame, input) = (Size::new(640, 480), Size::new(256, 256));
        let l = Letterbox::placed(frame, Region::of_frame(frame), input, Fit::Stretch);
        assert_eq!((l.content, l.scale_x(), l.scale_y()), (input, 0.4, 256.0 / 480.0));
        assert_eq!(l.to_input(Point::new(640.0, 480.0)), Point::new(256.0, 256.0));
        let p = Point::new(123.4, 56.7);
        assert!(p.distance(l.to_frame(l.to_input(p))) < 1e-3);
        assert_eq!(Letterbox::placed(frame, l.region, input, Fit::Letterbox), Letterbox::new(frame, input));
        assert!(!l.shows_alike(&Letterbox::new(frame, input)));
    }

    #[test]
    fn points_come_back() {
        let (frame, input) = (Size::new(481, 321), Size::new(256, 256));
        let p = Point::new(123.4, 56.7);
        let l = Letterbox::new(frame, input);
        assert!(p.distance(l.to_frame(l.to_input(p))) < 1e-3);
        let region = Region { x: 100, y: 40, size: Size::new(64, 32) };
        let l = Letterbox::of_region(frame, region, input);
        assert!(p.distance(l.to_frame(l.to_input(p))) < 1e-3);
        assert_eq!(l.content, Size::new(256, 128));
        assert_eq!(l.box_to_input(region.as_box()), BoundingBox::new(0.0, 0.0, 256.0, 128.0));
    }
}
