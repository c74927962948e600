use crate::geometry::Point;
use crate::mask::{LowResLogits, MASK_PROMPT_LOGIT};

impl LowResLogits {
    /// Centre of the cells inside the mask, in cells; `None` for an empty mask.
    pub fn centroid(&self) -> Option<Point> {
        let width = self.size.width.max(1) as usize;
        let (mut x, mut y, mut count) = (0usize, 0usize, 0usize);
        for (i, _) in self.data.iter().enumerate().filter(|(_, v)| **v > 0.0) {
            x += i % width;
            y += i / width;
            count += 1;
        }
        (count > 0).then(|| Point::new(x as f32 / count as f32, y as f32 / count as f32))
    }

    /// The mask moved by whole cells; what comes in from beyond the grid is outside it.
    pub fn shifted(&self, (dx, dy): (i32, i32)) -> LowResLogits {
        let (width, height) = (i64::from(self.size.width), i64::from(self.size.height));
        let value = |x: i64, y: i64| {
            let (x, y) = (x - i64::from(dx), y - i64::from(dy));
            let inside = (0..width).contains(&x) && (0..height).contains(&y);
            self.data.get((y * width + x) as usize).filter(|_| inside).copied().unwrap_or(-MASK_PROMPT_LOGIT)
        };
        let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect();
        LowResLogits { size: self.size, data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn a_mask_moves_with_its_centre() {
        let size = Size::new(8, 6);
        let inside = |x: i32, y: i32| (2..4).contains(&x) && (1..4).contains(&y);
        let data = (0..48).map(|i| if inside(i % 8, i / 8) { 3.0 } else { -3.0 }).collect();
        let logits = LowResLogits { size, data };
        assert_eq!(logits.centroid(), Some(Point::new(2.5, 2.0)));
        assert_eq!(logits.shifted((3, -1)).centroid(), Some(Point::new(5.5, 1.0)));
        assert_eq!(logits.shifted((0, 0)), logits);
        assert_eq!(logits.shifted((i32::MAX, i32::MIN)).centroid(), None);
        assert_eq!(LowResLogits::default().centroid(), None);
    }
}
