use crate::geometry::Point;

/// Douglas-Peucker on closed polygons, with reused buffers and without recursion.
#[derive(Clone, Debug, Default)]
pub(super) struct Simplifier {
    keep: Vec<bool>,
    /// Chains still to be split, as indices of their ends; an end of `len` is the first corner again.
    chains: Vec<(usize, usize)>,
}

impl Simplifier {
    /// Moves the corners to keep to the front, in order, and returns their number: at least three if three were given.
    pub(super) fn simplify(&mut self, points: &mut [Point], tolerance: f32) -> usize {
        let len = points.len();
        if len <= 3 {
            return len;
        }
        // The outline is split at its first corner and at the one furthest from it.
        let (opposite, _) = furthest(points, 0, len);
        self.keep.clear();
        self.keep.resize(len, false);
        self.keep[0] = true;
        self.keep[opposite] = true;
        self.chains.clear();
        self.chains.extend([(0, opposite), (opposite, len)]);
        let mut kept = 2;
        while let Some((start, end)) = self.chains.pop() {
            if end - start < 2 {
                continue;
            }
            let (split, distance) = furthest(points, start, end);
            if distance > tolerance * tolerance {
                self.keep[split] = true;
                kept += 1;
                self.chains.extend([(start, split), (split, end)]);
            }
        }
        if kept == 2 {
            // Two corners enclose nothing: the one furthest from the line between them makes a triangle.
            let candidates = [(0, opposite), (opposite, len)].into_iter().filter(|(start, end)| end - start >= 2);
            let third = candidates.map(|(start, end)| furthest(points, start, end)).max_by(|a, b| a.1.total_cmp(&b.1));
            if let Some((third, _)) = third {
                self.keep[third] = true;
            }
        }
        let mut count = 0;
        for at in 0..len {
            if self.keep[at] {
                points[count] = points[at];
                count += 1;
            }
        }
        count
    }
}

/// The corner between `start` and `end` furthest from the line between those two, and its squared distance.
fn furthest(points: &[Point], start: usize, end: usize) -> (usize, f32) {
    let (from, to) = (points[start], points[end % points.len()]);
    let mut best = (start + 1, -1.0);
    for (offset, point) in points[start + 1..end].iter().enumerate() {
        let distance = squared_distance(*point, from, to);
        if distance > best.1 {
            best = (start + 1 + offset, distance);
        }
    }
    best
}

/// Squared distance of `p` from the line segment `a` to `b`.
pub(super) fn squared_distance(p: Point, a: Point, b: Point) -> f32 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { (((p.x - a.x) * dx + (p.y - a.y) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    let (ex, ey) = (p.x - a.x - along * dx, p.y - a.y - along * dy);
    ex * ex + ey * ey
}
