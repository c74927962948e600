//! Outlines of a mask as polygons along its pixels' edges.

mod simplify;

use simplify::Simplifier;

use super::{Mask, runs};
use crate::geometry::Point;

/// One closed outline. The last corner is joined to the first.
///
/// Corners are pixel corners, with the inside always to the right of the way: outer outlines turn clockwise on the
/// screen, holes counter-clockwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contour<'a> {
    /// Corners in order, in pixels of the mask; (0, 0) is the corner of the first pixel.
    pub points: &'a [Point],
    /// Whether it bounds a hole.
    pub is_hole: bool,
}

impl Contour<'_> {
    /// Area in square pixels: positive for outer outlines, negative for holes. Before simplification the areas of all
    /// outlines of a mask add up to its number of pixels.
    pub fn signed_area(&self) -> f64 {
        signed_area(self.points)
    }
}

/// The outlines of a mask. Keep it between calls: its buffers are reused.
///
/// The cracks between set and clear pixels are followed from corner to corner, so that a polygon covers exactly its
/// pixels and even a single pixel has an area. Pixels that share a corner belong together (8-connectivity); there an
/// outline touches itself.
#[derive(Clone, Debug, Default)]
pub struct Contours {
    points: Vec<Point>,
    outlines: Vec<Outline>,
    /// 1 for each set pixel whose upper edge is an outline not followed yet.
    top_edges: Vec<u8>,
    simplifier: Simplifier,
}

#[derive(Clone, Copy, Debug)]
struct Outline {
    start: usize,
    end: usize,
    is_hole: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Heading {
    East,
    South,
    West,
    North,
}

impl Heading {
    fn right(self) -> Self {
        match self {
            Heading::East => Heading::South,
            Heading::South => Heading::West,
            Heading::West => Heading::North,
            Heading::North => Heading::East,
        }
    }

    fn left(self) -> Self {
        self.right().right().right()
    }

    fn step(self) -> (i64, i64) {
        match self {
            Heading::East => (1, 0),
            Heading::South => (0, 1),
            Heading::West => (-1, 0),
            Heading::North => (0, -1),
        }
    }

    /// From a corner, the pixels ahead on the left and on the right, relative to the pixel right below the corner.
    fn ahead(self) -> ((i64, i64), (i64, i64)) {
        match self {
            Heading::East => ((0, -1), (0, 0)),
            Heading::South => ((0, 0), (-1, 0)),
            Heading::West => ((-1, 0), (-1, -1)),
            Heading::North => ((-1, -1), (0, -1)),
        }
    }
}

impl Contours {
    /// Finds all outlines of `mask`, outer ones and holes, ordered by their first pixel from the top-left. Only corners
    /// where the way turns are kept.
    pub fn trace(&mut self, mask: &Mask) {
        self.points.clear();
        self.outlines.clear();
        self.mark_top_edges(mask);
        let width = mask.size().width as usize;
        for y in 0..mask.size().height as usize {
            let mut from = 0;
            while let Some(x) = runs::find(&self.top_edges[y * width..][..width], from, 1) {
                self.follow(mask, x, y);
                from = x + 1;
            }
        }
    }

    /// The outlines found last.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Contour<'_>> {
        self.outlines.iter().map(|o| Contour { points: &self.points[o.start..o.end], is_hole: o.is_hole })
    }

    /// How many outlines there are.
    pub fn len(&self) -> usize {
        self.outlines.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.outlines.is_empty()
    }

    /// Drops corners as long as no dropped corner lies further than `tolerance` pixels from the outline that is left
    /// (Douglas and Peucker, 1973). Every outline keeps at least three corners.
    pub fn simplify(&mut self, tolerance: f32) {
        let mut end = 0;
        for outline in &mut self.outlines {
            let kept = self.simplifier.simplify(&mut self.points[outline.start..outline.end], tolerance);
            self.points.copy_within(outline.start..outline.start + kept, end);
            (outline.start, outline.end) = (end, end + kept);
            end += kept;
        }
        self.points.truncate(end);
    }

    fn mark_top_edges(&mut self, mask: &Mask) {
        let width = mask.size().width as usize;
        self.top_edges.clear();
        self.top_edges.extend_from_slice(mask.data());
        for (pixel, above) in self.top_edges.iter_mut().skip(width).zip(mask.data()) {
            *pixel &= above ^ 1;
        }
    }

    /// Follows the outline that begins along the upper edge of pixel (`x`, `y`), and unmarks its upper edges.
    fn follow(&mut self, mask: &Mask, x: usize, y: usize) {
        let (width, height) = (mask.size().width as i64, mask.size().height as i64);
        let set = |x: i64, y: i64| {
            (0..width).contains(&x) && (0..height).contains(&y) && mask.data()[(y * width + x) as usize] != 0
        };
        let start = self.points.len();
        let (start_x, start_y) = (x as i64, y as i64);
        let (mut x, mut y, mut heading) = (start_x, start_y, Heading::East);
        loop {
            if heading == Heading::East {
                self.top_edges[(y * width + x) as usize] = 0;
            }
            let (dx, dy) = heading.step();
            (x, y) = (x + dx, y + dy);
            let (left, right) = heading.ahead();
            let turned = if set(x + left.0, y + left.1) {
                heading.left()
            } else if set(x + right.0, y + right.1) {
                heading
            } else {
                heading.right()
            };
            if turned != heading {
                self.points.push(Point::new(x as f32, y as f32));
            }
            heading = turned;
            if (x, y, heading) == (start_x, start_y, Heading::East) {
                break;
            }
        }
        let is_hole = signed_area(&self.points[start..]) < 0.0;
        self.outlines.push(Outline { start, end: self.points.len(), is_hole });
    }
}

/// Area inside a closed polygon, positive when it turns clockwise on the screen.
fn signed_area(points: &[Point]) -> f64 {
    let Some(last) = points.last() else { return 0.0 };
    let mut before = last;
    let mut twice = 0.0;
    for point in points {
        twice += before.x as f64 * point.y as f64 - point.x as f64 * before.y as f64;
        before = point;
    }
    twice / 2.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::masks;
    use super::super::{Components, Connectivity};
    use super::*;
    use crate::geometry::Size;

    /// Fills by the even-odd rule at pixel centres.
    fn fill(contours: &Contours, size: Size) -> Mask {
        Mask::from_fn(size, |x, y| {
            let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
            let mut crossings = 0;
            for contour in contours.iter() {
                for (i, a) in contour.points.iter().enumerate() {
                    let b = contour.points[(i + 1) % contour.points.len()];
                    crossings += ((a.y > y) != (b.y > y) && a.x > x) as u32;
                }
            }
            crossings % 2 == 1
        })
    }

    proptest! {
        #[test]
        fn outlines_cover_exactly_the_pixels(mask in masks()) {
            let mut contours = Contours::default();
            contours.trace(&mask);
            prop_assert_eq!(fill(&contours, mask.size()), mask.clone());
            let area: f64 = contours.iter().map(|c| c.signed_area()).sum();
            prop_assert_eq!(area, mask.area() as f64);
            for contour in contours.iter() {
                prop_assert!(contour.points.len() >= 4);
                prop_assert_eq!(contour.is_hole, contour.signed_area() < 0.0);
                for (i, a) in contour.points.iter().enumerate() {
                    let b = contour.points[(i + 1) % contour.points.len()];
                    prop_assert!((a.x == b.x) != (a.y == b.y), "edges run along one axis");
                }
            }
            let mut parts = Components::default();
            parts.find(&mask, Connectivity::Eight);
            prop_assert_eq!(contours.iter().filter(|c| !c.is_hole).count(), parts.components().len());
        }

        #[test]
        fn simplified_outlines_stay_near(mask in masks(), tolerance in 0.0f32..4.0) {
            let mut contours = Contours::default();
            contours.trace(&mask);
            let before: Vec<Vec<Point>> = contours.iter().map(|c| c.points.to_vec()).collect();
            contours.simplify(tolerance);
            prop_assert_eq!(contours.len(), before.len());
            for (contour, before) in contours.iter().zip(&before) {
                prop_assert!(contour.points.len() >= 3);
                prop_assert!(contour.points.iter().all(|p| before.contains(p)));
                let n = contour.points.len();
                for p in before {
                    let near = (0..n)
                        .map(|i| simplify::squared_distance(*p, contour.points[i], contour.points[(i + 1) % n]))
                        .fold(f32::INFINITY, f32::min);
                    prop_assert!(near.sqrt() <= tolerance + 1e-3);
                }
            }
        }
    }

    #[test]
    fn a_ring_has_an_outline_and_a_hole() {
        let ring =
            Mask::from_fn(Size::new(5, 5), |x, y| (1..4).contains(&x) && (1..4).contains(&y) && (x, y) != (2, 2));
        let mut contours = Contours::default();
        contours.trace(&ring);
        let found: Vec<_> = contours.iter().map(|c| (c.is_hole, c.signed_area(), c.points.len())).collect();
        assert_eq!(found, [(false, 9.0, 4), (true, -1.0, 4)]);
        contours.trace(&Mask::new(Size::new(3, 3)));
        assert!(contours.is_empty());
        contours.trace(&Mask::default());
        assert_eq!(contours.len(), 0);
    }

    #[test]
    fn a_staircase_becomes_a_slope() {
        let stairs = Mask::from_fn(Size::new(40, 40), |x, y| x <= y);
        let mut contours = Contours::default();
        contours.trace(&stairs);
        assert!(contours.iter().next().unwrap().points.len() > 70);
        contours.simplify(1.0);
        assert!(contours.iter().next().unwrap().points.len() <= 5);
    }
}
