//! Smooth noise that repeats without a seam, for textures.

/// A pseudo-random number in `[-1, 1]` for a lattice point.
fn lattice(x: u32, y: u32, seed: u32) -> f32 {
    let mut h = x.wrapping_mul(0x8da6_b343) ^ y.wrapping_mul(0xd816_3841) ^ seed.wrapping_mul(0xcb1a_b31f);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    (h ^ (h >> 15)) as i32 as f32 / 2_147_483_648.0
}

/// Value noise in `[-1, 1]` at `(u, v)` of the unit square, with `cells` lattice cells along each axis; repeats with
/// period 1.
pub(super) fn noise(u: f32, v: f32, cells: [u32; 2], seed: u32) -> f32 {
    let (x, y) = (u * cells[0] as f32, v * cells[1] as f32);
    // Truncation and a correction: without SSE 4.1, `floor` is a call.
    let floor = |x: f32| x as i32 - (x < 0.0) as i32;
    let (ix, iy) = (floor(x), floor(y));
    let (fx, fy) = (ix as f32, iy as f32);
    let wrap = |i: i32, n: u32| if (0..n as i32).contains(&i) { i as u32 } else { i.rem_euclid(n as i32) as u32 };
    let (x0, y0) = (wrap(ix, cells[0]), wrap(iy, cells[1]));
    let (x1, y1) = (wrap(ix + 1, cells[0]), wrap(iy + 1, cells[1]));
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (ease(x - fx), ease(y - fy));
    let top = lerp(lattice(x0, y0, seed), lattice(x1, y0, seed), tx);
    let bottom = lerp(lattice(x0, y1, seed), lattice(x1, y1, seed), tx);
    lerp(top, bottom, ty)
}

/// Octaves of [`noise`], each twice as fine and half as strong; about `[-1, 1]`.
pub(super) fn fractal(u: f32, v: f32, cells: [u32; 2], octaves: u32, seed: u32) -> f32 {
    (0..octaves)
        .map(|o| noise(u, v, cells.map(|c| c << o), seed.wrapping_add(o * 101)) / (1u32 << o) as f32)
        .sum::<f32>()
        * 0.62
}

/// An unrelated value in `[0, 1)` for each cell.
pub(super) fn cell(x: u32, y: u32, seed: u32) -> f32 {
    (lattice(x, y, seed) * 0.5 + 0.5).clamp(0.0, 0.999_999)
}

pub(super) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_repeats_without_a_seam_and_stays_in_range() {
        for i in 0..200 {
            let (u, v) = (i as f32 * 0.013, i as f32 * 0.029);
            let n = noise(u, v, [8, 5], 3);
            assert!((-1.0..=1.0).contains(&n));
            assert!((n - noise(u + 1.0, v - 1.0, [8, 5], 3)).abs() < 1e-3);
        }
    }
}
