use crate::mask::{Between, LowResLogits, MASK_PROMPT_LOGIT};

/// A shift and a growth about a centre, on some grid, places counted from its near edges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Growth about the centre; 1 keeps the size.
    pub scale: f32,
    /// The place that growth leaves where it is, x and y in cells.
    pub center: [f32; 2],
    /// How far the centre moves, x and y in cells.
    pub shift: [f32; 2],
}

impl Similarity {
    /// No motion.
    pub const NONE: Self = Similarity { scale: 1.0, center: [0.0; 2], shift: [0.0; 2] };

    /// Where `place` goes.
    pub fn apply(&self, place: [f32; 2]) -> [f32; 2] {
        [0, 1].map(|axis| self.center[axis] + (place[axis] - self.center[axis]) * self.scale + self.shift[axis])
    }

    /// This motion and then `next`.
    pub fn then(&self, next: &Similarity) -> Similarity {
        let [from, to] = [self.center, next.apply(self.apply(self.center))];
        Similarity { scale: self.scale * next.scale, center: from, shift: [to[0] - from[0], to[1] - from[1]] }
    }

    /// The same for an image whose pixels, counted from the centre of the first, are `per_cell` in a cell of another grid.
    pub(super) fn in_cells(&self, per_cell: [f32; 2]) -> Similarity {
        let cells = |axis: usize, pixels: f32| pixels / per_cell[axis];
        Similarity {
            scale: self.scale,
            center: [0, 1].map(|axis| cells(axis, self.center[axis] + 0.5)),
            shift: [0, 1].map(|axis| cells(axis, self.shift[axis])),
        }
    }

    /// Writes `logits` as they lie after the motion into `out`, bilinear; what comes in from beyond the grid is outside.
    pub fn warp(&self, logits: &LowResLogits, out: &mut LowResLogits) {
        out.size = logits.size;
        out.data.clear();
        let (width, height) = (logits.size.width as usize, logits.size.height as usize);
        if logits.data.is_empty() || logits.data.len() != width * height {
            return out.data.resize(logits.size.area(), -MASK_PROMPT_LOGIT);
        }
        // Where the centre of a cell was before.
        let before = |axis: usize, cell: usize| {
            (cell as f32 + 0.5 - self.center[axis] - self.shift[axis]) / self.scale + self.center[axis]
        };
        for y in 0..height {
            let v = before(1, y);
            if !(0.0..height as f32).contains(&v) {
                out.data.resize(out.data.len() + width, -MASK_PROMPT_LOGIT);
                continue;
            }
            let down = Between::cells(v, height);
            let (upper, lower) =
                (&logits.data[down.first * width..][..width], &logits.data[down.second * width..][..width]);
            out.data.extend((0..width).map(|x| {
                let u = before(0, x);
                if !(0.0..width as f32).contains(&u) {
                    return -MASK_PROMPT_LOGIT;
                }
                let across = Between::cells(u, width);
                down.value(across.of(upper), across.of(lower))
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn motions_follow_each_other() {
        let a = Similarity { scale: 1.2, center: [3.0, 4.0], shift: [1.0, -2.0] };
        let b = Similarity { scale: 0.8, center: [10.0, 0.0], shift: [0.5, 0.25] };
        for place in [[0.0, 0.0], [5.0, 9.0], [-3.0, 7.5]] {
            let ([x, y], [u, v]) = (b.apply(a.apply(place)), a.then(&b).apply(place));
            assert!((x - u).abs() < 1e-4 && (y - v).abs() < 1e-4);
        }
        assert_eq!(Similarity::NONE.apply([2.0, 3.0]), [2.0, 3.0]);
    }

    #[test]
    fn a_mask_goes_where_the_motion_says() {
        let size = Size::new(16, 12);
        let inside = |i: usize| (4..8).contains(&(i % 16)) && (3..6).contains(&(i / 16));
        let logits =
            LowResLogits { size, data: (0..size.area()).map(|i| if inside(i) { 4.0 } else { -4.0 }).collect() };
        let mut out = LowResLogits::default();
        Similarity { scale: 1.0, center: [0.0, 0.0], shift: [3.0, 2.0] }.warp(&logits, &mut out);
        let moved = |i: usize| (7..11).contains(&(i % 16)) && (5..8).contains(&(i / 16));
        for (i, logit) in out.data.iter().enumerate() {
            assert_eq!(*logit > 0.0, moved(i), "cell {i}");
        }
        Similarity { scale: 2.0, center: [6.0, 4.5], shift: [0.0, 0.0] }.warp(&logits, &mut out);
        let area = out.data.iter().filter(|v| **v > 0.0).count();
        assert_eq!(area, 40, "four times the area of 12, but for two cells that the blend takes off each corner");
        Similarity { scale: 1.0, center: [0.0, 0.0], shift: [-40.0, 0.0] }.warp(&logits, &mut out);
        assert!(out.data.iter().all(|v| *v < 0.0) && out.data.len() == size.area());
        Similarity::NONE.warp(&LowResLogits::default(), &mut out);
        assert!(out.data.is_empty());
    }
}
