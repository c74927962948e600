use super::{BoundingBox, Size};

/// A rectangle of whole frame pixels, inside its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Region {
    /// Column of the left-most pixel; even, so that formats that share chroma between two pixels can be cut there.
    pub x: u32,
    /// Row of the topmost pixel; even for the same reason.
    pub y: u32,
    /// Width and height, at least one pixel each.
    pub size: Size,
}

impl Region {
    /// All of a frame.
    pub const fn of_frame(frame: Size) -> Self {
        Region { x: 0, y: 0, size: frame }
    }

    /// The least region of `frame` that covers what of `bbox` lies in it; `None` where that is nothing.
    pub fn covering(bbox: BoundingBox, frame: Size) -> Option<Self> {
        let b = bbox.intersect(BoundingBox::of_frame(frame));
        if !bbox.is_finite() || b.area() <= 0.0 {
            return None;
        }
        let even = |v: f32| v as u32 / 2 * 2;
        let (x, y) = (even(b.x0), even(b.y0));
        let (right, bottom) = ((b.x1.ceil() as u32).min(frame.width), (b.y1.ceil() as u32).min(frame.height));
        Some(Region { x, y, size: Size::new(right.saturating_sub(x), bottom.saturating_sub(y)) })
    }

    /// Whether it has an area, lies inside `frame` and begins at even pixels.
    pub fn fits(&self, frame: Size) -> bool {
        let inside = |from: u32, side: u32, limit: u32| {
            side > 0 && from.is_multiple_of(2) && from.checked_add(side).is_some_and(|end| end <= limit)
        };
        inside(self.x, self.size.width, frame.width) && inside(self.y, self.size.height, frame.height)
    }

    /// The same as a box.
    pub fn as_box(&self) -> BoundingBox {
        let (x, y) = (self.x as f32, self.y as f32);
        BoundingBox::new(x, y, x + self.size.width as f32, y + self.size.height as f32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn covers_what_lies_in_the_frame(
            b in (-50f32..150.0, -50f32..150.0, 0.5f32..200.0, 0.5f32..200.0),
            frame in (1u32..120, 1u32..120),
        ) {
            let bbox = BoundingBox::new(b.0, b.1, b.0 + b.2, b.1 + b.3);
            let frame = Size::new(frame.0, frame.1);
            let inside = bbox.intersect(BoundingBox::of_frame(frame));
            match Region::covering(bbox, frame) {
                Some(region) => {
                    prop_assert!(region.fits(frame), "{region:?}");
                    prop_assert_eq!(region.as_box().intersect(inside), inside);
                    prop_assert!(region.size.width as f32 <= inside.width() + 4.0);
                    prop_assert!(region.size.height as f32 <= inside.height() + 4.0);
                }
                None => prop_assert!(inside.area() <= 0.0),
            }
        }
    }

    #[test]
    fn hostile_boxes_have_no_region() {
        let frame = Size::new(64, 48);
        assert_eq!(Region::covering(BoundingBox::new(f32::NAN, 0.0, 5.0, 5.0), frame), None);
        assert_eq!(Region::covering(BoundingBox::new(70.0, 0.0, 90.0, 5.0), frame), None);
        assert_eq!(Region::covering(BoundingBox::new(-1e30, -1e30, 1e30, 1e30), frame), Some(Region::of_frame(frame)));
        assert!(!Region { x: 2, y: 0, size: Size::new(63, 48) }.fits(frame));
        assert!(!Region { x: 1, y: 0, size: Size::new(8, 8) }.fits(frame));
        assert!(!Region { x: u32::MAX - 1, y: 0, size: Size::new(8, 8) }.fits(frame));
    }
}
