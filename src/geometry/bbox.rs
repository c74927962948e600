use serde::{Deserialize, Serialize};

use super::{Point, Size};

/// An axis-aligned box in pixels: `x0 <= x < x1`, `y0 <= y < y1`. JSON form is `[x0, y0, x1, y1]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f32; 4]", into = "[f32; 4]")]
pub struct BoundingBox {
    /// Left edge.
    pub x0: f32,
    /// Top edge.
    pub y0: f32,
    /// Right edge, exclusive.
    pub x1: f32,
    /// Bottom edge, exclusive.
    pub y1: f32,
}

impl BoundingBox {
    /// A box by its edges, unchecked: `x1 < x0` makes an inverted one.
    pub const fn new(x0: f32, y0: f32, x1: f32, y1: f32) -> Self {
        BoundingBox { x0, y0, x1, y1 }
    }

    /// The whole of a frame.
    pub fn of_frame(size: Size) -> Self {
        BoundingBox::new(0.0, 0.0, size.width as f32, size.height as f32)
    }

    /// Width in pixels, negative for an inverted box.
    pub fn width(self) -> f32 {
        self.x1 - self.x0
    }

    /// Height in pixels, negative for an inverted box.
    pub fn height(self) -> f32 {
        self.y1 - self.y0
    }

    /// Area in square pixels, zero for an inverted box.
    pub fn area(self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// The middle.
    pub fn center(self) -> Point {
        Point::new((self.x0 + self.x1) / 2.0, (self.y0 + self.y1) / 2.0)
    }

    /// Whether no edge is infinite or NaN.
    pub fn is_finite(self) -> bool {
        self.x0.is_finite() && self.y0.is_finite() && self.x1.is_finite() && self.y1.is_finite()
    }

    /// Whether `p` lies inside; the right and bottom edges do not.
    pub fn contains(self, p: Point) -> bool {
        p.x >= self.x0 && p.x < self.x1 && p.y >= self.y0 && p.y < self.y1
    }

    /// The least box around both.
    pub fn hull(self, other: BoundingBox) -> BoundingBox {
        BoundingBox::new(self.x0.min(other.x0), self.y0.min(other.y0), self.x1.max(other.x1), self.y1.max(other.y1))
    }

    /// The common part; of no area if the boxes are apart.
    pub fn intersect(self, other: BoundingBox) -> BoundingBox {
        BoundingBox::new(self.x0.max(other.x0), self.y0.max(other.y0), self.x1.min(other.x1), self.y1.min(other.y1))
    }

    /// Intersection over union, 0 when both are empty.
    pub fn iou(self, other: BoundingBox) -> f32 {
        let shared = self.intersect(other).area();
        let total = self.area() + other.area() - shared;
        if total > 0.0 { shared / total } else { 0.0 }
    }

    /// Moved by (`dx`, `dy`) pixels.
    pub fn translate(self, dx: f32, dy: f32) -> BoundingBox {
        BoundingBox::new(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)
    }

    /// Grown on every side by `margin` times the box's own width and height.
    pub fn expand(self, margin: f32) -> BoundingBox {
        let (dx, dy) = (self.width() * margin, self.height() * margin);
        BoundingBox::new(self.x0 - dx, self.y0 - dy, self.x1 + dx, self.y1 + dy)
    }
}

impl From<[f32; 4]> for BoundingBox {
    fn from([x0, y0, x1, y1]: [f32; 4]) -> Self {
        BoundingBox::new(x0, y0, x1, y1)
    }
}

impl From<BoundingBox> for [f32; 4] {
    fn from(b: BoundingBox) -> Self {
        [b.x0, b.y0, b.x1, b.y1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_halves_and_strangers() {
        let a = BoundingBox::new(0.0, 0.0, 4.0, 4.0);
        assert_eq!(a.iou(a), 1.0);
        assert_eq!(a.iou(a.translate(2.0, 0.0)), 8.0 / 24.0);
        assert_eq!(a.iou(a.translate(9.0, 0.0)), 0.0);
    }

    #[test]
    fn expand_keeps_the_center() {
        let b = BoundingBox::new(10.0, 20.0, 30.0, 60.0).expand(0.1);
        assert_eq!(b, BoundingBox::new(8.0, 16.0, 32.0, 64.0));
    }

    #[test]
    fn json_is_a_list_of_four() {
        let b = BoundingBox::new(1.0, 2.0, 3.5, 4.0);
        assert_eq!(serde_json::to_string(&b).unwrap(), "[1.0,2.0,3.5,4.0]");
    }
}
