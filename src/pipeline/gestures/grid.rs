use crate::geometry::Point;
use crate::mask::{LowResLogits, SURE};

/// Centre of the cells inside the mask, in cells; `None` for an empty mask.
pub fn centre(logits: &LowResLogits) -> Option<Point> {
    let width = logits.size.width.max(1) as usize;
    let (mut x, mut y, mut count) = (0usize, 0usize, 0usize);
    for (i, _) in logits.data.iter().enumerate().filter(|(_, v)| **v > 0.0) {
        x += i % width;
        y += i / width;
        count += 1;
    }
    (count > 0).then(|| Point::new(x as f32 / count as f32, y as f32 / count as f32))
}

/// The way from one centre to another, in whole cells; none if either is unknown.
pub fn offset(from: Option<Point>, to: Option<Point>) -> (i32, i32) {
    match (from, to) {
        (Some(from), Some(to)) => ((to.x - from.x).round() as i32, (to.y - from.y).round() as i32),
        _ => (0, 0),
    }
}

/// `logits` moved by whole cells; what comes in from beyond the grid is outside the mask.
pub fn shifted(logits: &LowResLogits, (dx, dy): (i32, i32)) -> LowResLogits {
    let (width, height) = (i64::from(logits.size.width), i64::from(logits.size.height));
    let value = |x: i64, y: i64| {
        let (x, y) = (x - i64::from(dx), y - i64::from(dy));
        let inside = (0..width).contains(&x) && (0..height).contains(&y);
        logits.data.get((y * width + x) as usize).filter(|_| inside).copied().unwrap_or(-SURE)
    };
    let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect();
    LowResLogits { size: logits.size, data }
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
        assert_eq!(centre(&logits), Some(Point::new(2.5, 2.0)));
        let moved = shifted(&logits, (3, -1));
        assert_eq!(centre(&moved), Some(Point::new(5.5, 1.0)));
        assert_eq!(offset(centre(&logits), centre(&moved)), (3, -1));
        assert_eq!(shifted(&logits, (0, 0)), logits);
        assert_eq!(centre(&shifted(&logits, (i32::MAX, i32::MIN))), None);
        assert_eq!(centre(&LowResLogits::default()), None);
    }
}
