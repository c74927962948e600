use super::bilinear::Between;
use super::{LowResLogits, Mask};
use crate::geometry::{Letterbox, Point};

/// Logits between minus and plus this are an edge: opacity rises from 0 to 1 over them.
const EDGE: f32 = 1.5;

/// How much each pixel of `mask` belongs to the object, 0 to 255, written row by row over `out`: the mask with the soft edge of the
/// `logits` that it comes from, which lie on the frame as `letterbox` says. Pixels of the mask are 128 or more, the others less.
/// A mask without logits (`None`) has hard edges, and so has what lies beyond the part of the frame that the logits show.
pub fn matte(mask: &Mask, logits: Option<(&LowResLogits, &Letterbox)>, out: &mut Vec<u8>) {
    out.clear();
    let Some((logits, letterbox)) = logits.filter(|(logits, _)| logits.size.area() > 0) else {
        out.extend(mask.data().iter().map(|inside| inside * 255));
        return;
    };
    let (size, grid) = (mask.size(), logits.size);
    let (columns, rows) = (grid.width as usize, grid.height as usize);
    let scale = (grid.width as f32 / letterbox.input.width as f32, grid.height as f32 / letterbox.input.height as f32);
    let place = |x: u32, y: u32| {
        let p = letterbox.to_input(Point::new(x as f32 + 0.5, y as f32 + 0.5));
        (p.x * scale.0, p.y * scale.1)
    };
    let across: Vec<Between> = (0..size.width).map(|x| Between::cells(place(x, 0).0, columns)).collect();
    let region = letterbox.region;
    let columns_shown = region.x..region.x + region.size.width;
    let mut row = vec![0.0; columns];
    for y in 0..size.height {
        let down = Between::cells(place(0, y).1, rows);
        let (above, below) = (&logits.data[down.first * columns..], &logits.data[down.second * columns..]);
        for ((value, a), b) in row.iter_mut().zip(above).zip(below) {
            *value = down.value(*a, *b);
        }
        let opacities = across.iter().map(|between| opacity(between.of(&row)));
        let shown = (region.y..region.y + region.size.height).contains(&y);
        out.extend(mask.row(y).iter().zip(opacities).zip(0..).map(|((inside, opacity), x)| match inside {
            // Logits of a part of the frame say nothing of the rest.
            _ if !(shown && columns_shown.contains(&x)) => inside * 255,
            0 => opacity.min(127),
            _ => opacity.max(128),
        }));
    }
}

/// A smooth step over the edge.
fn opacity(logit: f32) -> u8 {
    let t = ((logit + EDGE) / (2.0 * EDGE)).clamp(0.0, 1.0);
    (t * t * (3.0 - 2.0 * t) * 255.0 + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Region, Size};

    #[test]
    fn edges_are_soft_and_the_mask_stays_the_mask() {
        let size = Size::new(40, 20);
        let letterbox = Letterbox::new(size, Size::new(40, 20));
        let data = (0..50).map(|i| if i % 10 < 5 { -2.0 } else { 2.0 }).collect();
        let logits = LowResLogits { size: Size::new(10, 5), data };
        let mask = Mask::from_fn(size, |x, y| x >= 20 && y != 3);
        let mut out = vec![9; 3];
        matte(&mask, Some((&logits, &letterbox)), &mut out);
        assert_eq!(out.len(), size.area());
        let row = &out[10 * 40..11 * 40];
        assert!(row.is_sorted() && row[0] == 0 && row[39] == 255);
        assert!(row.iter().filter(|v| (1..255).contains(*v)).count() >= 2, "{row:?}");
        assert!(out.iter().zip(mask.data()).all(|(opacity, inside)| (*opacity >= 128) == (*inside > 0)));
    }

    #[test]
    fn logits_of_a_part_say_nothing_of_the_rest() {
        let size = Size::new(40, 20);
        let region = Region { x: 10, y: 4, size: Size::new(20, 10) };
        let letterbox = Letterbox::of_region(size, region, Size::new(40, 20));
        let logits = LowResLogits { size: Size::new(10, 5), data: vec![0.0; 50] };
        let mask = Mask::from_fn(size, |x, _| x < 3);
        let mut out = Vec::new();
        matte(&mask, Some((&logits, &letterbox)), &mut out);
        for (at, opacity) in (0u32..).zip(&out) {
            let (x, y) = (at % 40, at / 40);
            let soft = (10..30).contains(&x) && (4..14).contains(&y);
            assert_eq!((1..255).contains(opacity), soft, "{x},{y}: {opacity}");
            assert!(soft || (*opacity == 255) == (x < 3));
        }
    }

    #[test]
    fn without_logits_edges_are_hard() {
        let mask = Mask::from_fn(Size::new(4, 1), |x, _| x > 1);
        let mut out = Vec::new();
        matte(&mask, None, &mut out);
        assert_eq!(out, [0, 0, 255, 255]);
    }
}
