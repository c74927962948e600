use super::pyramid::{ImagePyramid, Level};

/// Half the side of the window that is compared.
const REACH: usize = 3;
const WINDOW: usize = 2 * REACH + 1;
const STEPS: usize = 8;
/// A step shorter than this, in pixels, ends the search on a level.
const SETTLED: f32 = 0.03;
/// Least eigenvalue of the window's gradients, per pixel: below it the window has no texture to hold on to in some direction.
const MIN_TEXTURE: f32 = 2.0;
/// Most mean difference of the window between the two images, in levels of 255.
const MAX_DIFFERENCE: f32 = 22.0;

/// Follows single points; keeps its buffers.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    /// The window and one pixel around it.
    patch: [[f32; WINDOW + 2]; WINDOW + 2],
    across: [[f32; WINDOW]; WINDOW],
    down: [[f32; WINDOW]; WINDOW],
    shifted: [[f32; WINDOW]; WINDOW],
}

impl Tracker {
    /// Where the point at `start` of `from` lies in `to`, in pixels of the finest level from the centre of the first; `None` if
    /// it cannot be found. Levels too small for the window are left out.
    pub fn follow(&mut self, from: &ImagePyramid, to: &ImagePyramid, start: [f32; 2]) -> Option<[f32; 2]> {
        let mut moved = [0.0f32; 2];
        let mut known = false;
        for (level, (a, b)) in from.levels().iter().zip(to.levels()).enumerate().rev() {
            let size = (1 << level) as f32;
            // Centres of pixels: the first of a coarser level lies between those of a finer one.
            let place = start.map(|p| (p + 0.5) / size - 0.5);
            let guess = moved.map(|m| m / size);
            match self.refine(a, b, place, guess) {
                Some(found) => (moved, known) = (found.map(|m| m * size), true),
                None if level == 0 => return None,
                // The window reaches over the edge, or has no texture at this size: a finer one may have.
                None => {}
            }
        }
        known.then(|| [start[0] + moved[0], start[1] + moved[1]])
    }

    /// The shift on one level, from `guess` on.
    fn refine(&mut self, from: &Level, to: &Level, place: [f32; 2], guess: [f32; 2]) -> Option<[f32; 2]> {
        let reach = REACH as f32;
        if !from.sample(place[0] - reach - 1.0, place[1] - reach - 1.0, &mut self.patch) {
            return None;
        }
        let (mut xx, mut xy, mut yy) = (0.0f32, 0.0f32, 0.0f32);
        for y in 0..WINDOW {
            for x in 0..WINDOW {
                let gx = (self.patch[y + 1][x + 2] - self.patch[y + 1][x]) / 2.0;
                let gy = (self.patch[y + 2][x + 1] - self.patch[y][x + 1]) / 2.0;
                (self.across[y][x], self.down[y][x]) = (gx, gy);
                (xx, xy, yy) = (xx + gx * gx, xy + gx * gy, yy + gy * gy);
            }
        }
        let count = (WINDOW * WINDOW) as f32;
        let least = ((xx + yy) - ((xx - yy).powi(2) + 4.0 * xy * xy).sqrt()) / 2.0;
        let determinant = xx * yy - xy * xy;
        if least / count < MIN_TEXTURE || determinant <= 0.0 {
            return None;
        }
        let mut shift = guess;
        let mut difference = 0.0;
        for _ in 0..STEPS {
            if !to.sample(place[0] + shift[0] - reach, place[1] + shift[1] - reach, &mut self.shifted) {
                return None;
            }
            let (mut bx, mut by) = (0.0f32, 0.0f32);
            difference = 0.0;
            for y in 0..WINDOW {
                for x in 0..WINDOW {
                    let error = self.patch[y + 1][x + 1] - self.shifted[y][x];
                    (bx, by) = (bx + error * self.across[y][x], by + error * self.down[y][x]);
                    difference += error.abs();
                }
            }
            let step = [(yy * bx - xy * by) / determinant, (xx * by - xy * bx) / determinant];
            shift = [shift[0] + step[0], shift[1] + step[1]];
            if step[0].hypot(step[1]) < SETTLED {
                break;
            }
        }
        (difference / count < MAX_DIFFERENCE).then_some(shift)
    }
}
