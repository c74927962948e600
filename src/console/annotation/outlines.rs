use crate::mask::{Contours, Mask};

/// Outlines of fewer square pixels are left out where there is a larger one: no tool shows them.
const LEAST_AREA: f64 = 16.0;
/// Most corners are dropped that lie so near to the outline, in pixels: a stairs of pixels is none.
const STAIRS: f32 = 0.7;

/// The outlines of `mask` as polygons, the largest first: corners x, y in pixels, the first not repeated. Holes are filled: the tools'
/// polygons have none. `fineness` is how far a dropped corner may lie from the outline, as a share of the longest one's length.
pub fn polygons(mask: &Mask, fineness: f32, contours: &mut Contours) -> Vec<Vec<[f32; 2]>> {
    contours.trace(mask);
    let longest = contours.iter().map(|outline| length(outline.points)).fold(0.0, f32::max);
    contours.simplify((fineness.clamp(0.0, 0.1) * longest).max(STAIRS));
    let mut outlines: Vec<_> = contours.iter().filter(|outline| !outline.is_hole).collect();
    outlines.sort_by(|a, b| b.signed_area().total_cmp(&a.signed_area()));
    let large = outlines.iter().enumerate().filter(|(at, outline)| *at == 0 || outline.signed_area() >= LEAST_AREA);
    large.map(|(_, outline)| outline.points.iter().map(|point| [point.x, point.y]).collect()).collect()
}

fn length(points: &[crate::geometry::Point]) -> f32 {
    let next = points.iter().cycle().skip(1);
    points.iter().zip(next).map(|(a, b)| a.distance(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn outlines_come_by_size_without_holes_and_specks() {
        let mask = Mask::from_fn(Size::new(60, 40), |x, y| {
            let large =
                (10..40).contains(&x) && (5..35).contains(&y) && !((20..25).contains(&x) && (15..20).contains(&y));
            large || ((50..56).contains(&x) && (10..16).contains(&y)) || (x, y) == (2, 2)
        });
        let found = polygons(&mask, 0.001, &mut Contours::default());
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].len(), found[1].len()), (4, 4));
        assert!(found[0].contains(&[10.0, 5.0]) && found[0].contains(&[40.0, 35.0]), "{found:?}");
        assert!(polygons(&Mask::new(Size::new(4, 4)), 0.001, &mut Contours::default()).is_empty());
    }
}
