use super::limit::{at_least, at_most};

/// A z-buffer that remembers which surface is seen through each pixel.
#[derive(Clone, Debug, Default)]
pub(super) struct Visibility {
    pub width: usize,
    pub height: usize,
    /// Larger is nearer; 1/depth for a perspective view. 0 where nothing was drawn.
    pub nearness: Vec<f32>,
    /// What the caller gave with the triangle; [`NOTHING`] where nothing was drawn.
    pub surface: Vec<u32>,
}

/// The surface of a pixel that no triangle covers.
pub(super) const NOTHING: u32 = u32::MAX;

/// A corner on the image: x, y in pixels and its nearness.
pub(super) type Corner = [f32; 3];

impl Visibility {
    /// Empties the buffer at a size.
    pub fn reset(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.nearness.clear();
        self.nearness.resize(width * height, 0.0);
        self.surface.clear();
        self.surface.resize(width * height, NOTHING);
    }

    /// Draws a triangle over what is farther away. A pixel belongs to the triangle that holds its centre; triangles
    /// that share an edge leave no gap and no double pixel.
    pub fn fill(&mut self, corners: &[Corner; 3], surface: u32) {
        let [mut a, mut b, mut c] = *corners;
        // From top to bottom. Both neighbours of an edge see its ends in this order and so compute the same crossings.
        let below = |p: &Corner, q: &Corner| (p[1], p[0]) > (q[1], q[0]);
        if below(&a, &b) {
            (a, b) = (b, a);
        }
        if below(&b, &c) {
            (b, c) = (c, b);
        }
        if below(&a, &b) {
            (a, b) = (b, a);
        }
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
        let (top, bottom) = (pixel_after(a[1], self.height), pixel_after(c[1], self.height));
        if top >= bottom || area == 0.0 || !area.is_finite() {
            return;
        }
        let ([bx, by, bn], [cx, cy, cn]) = ([0, 1, 2].map(|i| b[i] - a[i]), [0, 1, 2].map(|i| c[i] - a[i]));
        let across = (bn * cy - cn * by) / area;
        let down = (cn * bx - bn * cx) / area;

        let slope = |p: &Corner, q: &Corner| if q[1] > p[1] { (q[0] - p[0]) / (q[1] - p[1]) } else { 0.0 };
        let (long, upper, lower) = (slope(&a, &c), slope(&a, &b), slope(&b, &c));
        for y in top..bottom {
            let yc = y as f32 + 0.5;
            let far = a[0] + (yc - a[1]) * long;
            let near = if yc < b[1] { a[0] + (yc - a[1]) * upper } else { b[0] + (yc - b[1]) * lower };
            let start = pixel_after(far.min(near), self.width);
            let end = pixel_after(far.max(near), self.width);
            if start >= end {
                continue;
            }
            let row = y * self.width;
            let first = a[2] + (start as f32 + 0.5 - a[0]) * across + (yc - a[1]) * down;
            let nearness = &mut self.nearness[row + start..row + end];
            let surfaces = &mut self.surface[row + start..row + end];
            for (i, (seen, which)) in nearness.iter_mut().zip(surfaces).enumerate() {
                let here = first + across * i as i32 as f32;
                let wins = here > *seen;
                *seen = if wins { here } else { *seen };
                *which = if wins { surface } else { *which };
            }
        }
    }
}

/// The first pixel whose centre is at or after `x`, kept within `0..=limit`.
#[inline(always)]
fn pixel_after(x: f32, limit: usize) -> usize {
    let x = at_most(at_least(x - 0.5, 0.0), limit as f32);
    let whole = x as i32;
    (whole + (x > whole as f32) as i32) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn corner() -> impl Strategy<Value = Corner> {
        (-20.0f32..40.0, -20.0f32..40.0, 0.1f32..4.0).prop_map(|(x, y, n)| [x, y, n])
    }

    /// Signed distances of a pixel's centre from the three edges, scaled by edge length; all of one sign inside.
    fn edges(t: &[Corner; 3], x: usize, y: usize) -> [f64; 3] {
        let (px, py) = (x as f64 + 0.5, y as f64 + 0.5);
        [0, 1, 2].map(|i| {
            let [a, b] = [t[i], t[(i + 1) % 3]].map(|c| [c[0] as f64, c[1] as f64]);
            ((b[0] - a[0]) * (py - a[1]) - (b[1] - a[1]) * (px - a[0])) / (b[0] - a[0]).hypot(b[1] - a[1]).max(1e-9)
        })
    }

    proptest! {
        #[test]
        fn agrees_with_edge_functions(t in [corner(), corner(), corner()], w in 1usize..24, h in 1usize..24) {
            let mut drawn = Visibility::default();
            drawn.reset(w, h);
            drawn.fill(&t, 5);
            for y in 0..h {
                for x in 0..w {
                    let e = edges(&t, x, y);
                    let inside = e.iter().all(|&d| d > 1e-3) || e.iter().all(|&d| d < -1e-3);
                    let outside = e.iter().any(|&d| d > 1e-3) && e.iter().any(|&d| d < -1e-3);
                    let is_drawn = drawn.surface[y * w + x] == 5;
                    let wrong = if is_drawn { outside } else { inside };
                    prop_assert!(!wrong, "{x} {y} {e:?} {is_drawn}");
                }
            }
        }

        #[test]
        fn a_split_quad_has_no_gap_and_no_double_pixel(q in [corner(), corner(), corner(), corner()]) {
            // Two triangles on either side of the edge q0-q1, if q2 and q3 are on either side of it.
            let side = |p: &Corner| (q[1][0] - q[0][0]) * (p[1] - q[0][1]) - (q[1][1] - q[0][1]) * (p[0] - q[0][0]);
            prop_assume!(side(&q[2]) * side(&q[3]) < 0.0);
            let draw = |t: [Corner; 3]| {
                let mut v = Visibility::default();
                v.reset(32, 32);
                v.fill(&t, 1);
                v.surface
            };
            let (one, two) = (draw([q[0], q[1], q[2]]), draw([q[1], q[0], q[3]]));
            prop_assert!(one.iter().zip(&two).all(|(a, b)| *a == NOTHING || *b == NOTHING));
        }

        #[test]
        fn hostile_corners_do_not_panic(t in [[any::<f32>(), any::<f32>(), any::<f32>()], [any::<f32>(), any::<f32>(), any::<f32>()], [any::<f32>(), any::<f32>(), any::<f32>()]]) {
            let mut v = Visibility::default();
            v.reset(7, 5);
            v.fill(&t, 0);
        }
    }

    #[test]
    fn the_nearer_triangle_is_seen() {
        let full = |n: f32| [[-9.0, -9.0, n], [30.0, -9.0, n], [-9.0, 30.0, n]];
        let mut v = Visibility::default();
        v.reset(3, 3);
        v.fill(&full(1.0), 1);
        v.fill(&full(2.0), 2);
        v.fill(&full(1.5), 3);
        assert!(v.surface.iter().all(|&s| s == 2) && v.nearness.iter().all(|&n| (n - 2.0).abs() < 1e-5));
    }
}
