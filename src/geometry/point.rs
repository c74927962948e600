use serde::{Deserialize, Serialize};

/// A position in pixels, x right, y down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Pixels from the left edge.
    pub x: f32,
    /// Pixels from the top edge.
    pub y: f32,
}

impl Point {
    /// A point by its coordinates.
    pub const fn new(x: f32, y: f32) -> Self {
        Point { x, y }
    }

    /// Whether neither coordinate is infinite or NaN.
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }

    /// Euclidean distance in pixels.
    pub fn distance(self, other: Point) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// A size by its sides.
    pub const fn new(width: u32, height: u32) -> Self {
        Size { width, height }
    }

    /// Number of pixels.
    pub const fn area(self) -> usize {
        self.width as usize * self.height as usize
    }

    /// How many pixels of a picture of the size `to` one pixel of this size is, across and down.
    pub fn ratio_to(self, to: Size) -> (f32, f32) {
        let ratio = |to: u32, from: u32| to as f32 / from.max(1) as f32;
        (ratio(to.width, self.width), ratio(to.height, self.height))
    }

    /// True for points on the frame, its right and bottom edges included.
    pub fn contains(self, p: Point) -> bool {
        p.x >= 0.0 && p.y >= 0.0 && p.x <= self.width as f32 && p.y <= self.height as f32
    }
}

/// Whether a point marks the object or what is not the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// Not the object.
    Background,
    /// The object.
    Foreground,
}

/// A point prompt: a position in frame pixels and what it marks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabeledPoint {
    /// Where it lies.
    pub point: Point,
    /// What lies there.
    pub label: Label,
}

impl LabeledPoint {
    /// A point on the object.
    pub const fn foreground(x: f32, y: f32) -> Self {
        LabeledPoint { point: Point::new(x, y), label: Label::Foreground }
    }

    /// A point beside the object.
    pub const fn background(x: f32, y: f32) -> Self {
        LabeledPoint { point: Point::new(x, y), label: Label::Background }
    }
}
