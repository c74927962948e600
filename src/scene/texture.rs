/// A square image with its mipmap levels, sampled bilinearly and repeated in both directions.
///
/// Texels are R, G, B in the low to high bytes, coded as the square root of linear light, and in the top byte how much
/// of the material's shine the texel has.
#[derive(Debug)]
pub(super) struct Texture {
    levels: Vec<Vec<u32>>,
}

impl Texture {
    /// A texture of `2^log2` texels a side; `texel` is given the position in the unit square and answers colour and
    /// shine, each 0 to 1.
    pub fn bake(log2: u32, mut texel: impl FnMut(f32, f32) -> ([f32; 3], f32)) -> Self {
        let side = 1usize << log2;
        let step = 1.0 / side as f32;
        let mut base = Vec::with_capacity(side * side);
        for y in 0..side {
            for x in 0..side {
                let ([r, g, b], shine) = texel((x as f32 + 0.5) * step, (y as f32 + 0.5) * step);
                let byte = |v: f32| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u32;
                base.push(byte(r) | byte(g) << 8 | byte(b) << 16 | byte(shine) << 24);
            }
        }
        let mut levels = vec![base];
        for level in 0..log2 {
            let smaller = halve(&levels[level as usize], side >> level);
            levels.push(smaller);
        }
        Texture { levels }
    }

    /// Texels along a side of the finest level.
    pub fn side(&self) -> f32 {
        (1u32 << (self.levels.len() - 1)) as f32
    }

    /// The level at which one step on the screen crosses about one texel, for a step of `texels` of the finest level.
    pub fn level(&self, texels: f32) -> usize {
        // The exponent bits are the floor of the base-2 logarithm; the factor rounds it to the nearest level.
        let exponent = ((texels * std::f32::consts::SQRT_2).max(1.0).to_bits() >> 23) as usize - 127;
        exponent.min(self.levels.len() - 1)
    }

    pub fn at_level(&self, level: usize) -> Sampler<'_> {
        let level = level.min(self.levels.len() - 1);
        let log2 = (self.levels.len() - 1 - level) as u32;
        Sampler { texels: &self.levels[level], log2, scale: (256u32 << log2) as f32 }
    }
}

/// One level of a texture.
#[derive(Clone, Copy)]
pub(super) struct Sampler<'a> {
    texels: &'a [u32],
    log2: u32,
    scale: f32,
}

impl Sampler<'_> {
    /// The four texels about each `(u, v)`, blended, into planes of red, green, blue and shine, each 0 to 1. `|u|` and
    /// `|v|` up to 16 repetitions; at most [`STRETCH`] positions, as many as each plane of `out` takes.
    pub fn sample(&self, u: &[f32], v: &[f32], work: &mut Stretch, out: [&mut [f32]; 4]) {
        let n = u.len().min(v.len()).min(STRETCH);
        let (u, v) = (&u[..n], &v[..n]);
        // Fixed point with eight bits of fraction: between 2^23 and 2^24 a float's low mantissa bits are the rounded
        // integer. 2^22 is a whole number of repetitions and keeps the sum in that range; half a texel comes off
        // because texels are sampled at their centres.
        const OFFSET: f32 = ((1 << 23) + (1 << 22) - 128) as f32;
        let (mask, log2) = ((1u32 << self.log2) - 1, self.log2);
        let Stretch { index: [i00, i01, i10, i11], weight: [w00, w01, w10, w11], texel: [t00, t01, t10, t11] } = work;
        for i in 0..n {
            let (x, y) = ((u[i] * self.scale + OFFSET).to_bits(), (v[i] * self.scale + OFFSET).to_bits());
            let (x0, y0) = ((x >> 8) & mask, ((y >> 8) & mask) << log2);
            let (x1, y1) = (((x >> 8) + 1) & mask, (((y >> 8) + 1) & mask) << log2);
            (i00[i], i01[i], i10[i], i11[i]) = (y0 | x0, y0 | x1, y1 | x0, y1 | x1);
            const UNIT: f32 = 1.0 / 256.0;
            let (fx, fy) = ((x & 255) as i32 as f32 * UNIT, (y & 255) as i32 as f32 * UNIT);
            let (gx, gy) = ((1.0 - fx) * (1.0 / 255.0), 1.0 - fy);
            let fx = fx * (1.0 / 255.0);
            (w00[i], w01[i], w10[i], w11[i]) = (gx * gy, fx * gy, gx * fy, fx * fy);
        }
        for (texels, indices) in [(&mut *t00, i00), (&mut *t01, i01), (&mut *t10, i10), (&mut *t11, i11)] {
            for (texel, &index) in texels[..n].iter_mut().zip(&indices[..n]) {
                *texel = self.texels[index as usize];
            }
        }
        for (shift, plane) in [0, 8, 16, 24].into_iter().zip(out) {
            let plane = &mut plane[..n];
            let byte = |texel: u32| ((texel >> shift) & 255) as i32 as f32;
            for i in 0..n {
                plane[i] =
                    byte(t00[i]) * w00[i] + byte(t01[i]) * w01[i] + byte(t10[i]) * w10[i] + byte(t11[i]) * w11[i];
            }
        }
    }
}

/// Most positions that are sampled together.
pub(super) const STRETCH: usize = 32;

/// What sampling keeps of a stretch of pixels between its steps: texel indices, weights and texels.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    index: [[u32; STRETCH]; 4],
    weight: [[f32; STRETCH]; 4],
    texel: [[u32; STRETCH]; 4],
}

/// The mean of each 2x2 block.
fn halve(texels: &[u32], side: usize) -> Vec<u32> {
    let half = side / 2;
    let mut out = Vec::with_capacity(half * half);
    for y in 0..half {
        for x in 0..half {
            let at = 2 * y * side + 2 * x;
            let block = [texels[at], texels[at + 1], texels[at + side], texels[at + side + 1]];
            let mean = |shift: u32| (block.iter().map(|t| t >> shift & 255).sum::<u32>() + 2) / 4;
            out.push(mean(0) | mean(8) << 8 | mean(16) << 16 | mean(24) << 24);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_hit_texel_centres_blend_between_and_wrap() {
        let texture = Texture::bake(2, |u, _| ([u, 0.5, 1.0], 0.0));
        let at = |level: usize, u: f32, v: f32| {
            let mut planes = [[0.0; 1]; 4];
            texture.at_level(level).sample(&[u], &[v], &mut Stretch::default(), planes.each_mut().map(|p| &mut p[..]));
            planes.map(|[value]| (value * 255.0).round())
        };
        let red = |u: f32| at(0, u, 0.3)[0];
        assert_eq!([0.125, 0.375, 0.25, 0.125 - 3.0].map(red), [32.0, 96.0, 64.0, 32.0]);
        assert_eq!(at(0, 0.4, 0.4)[1..], [128.0, 255.0, 0.0]);
        assert_eq!(at(2, 0.7, 0.2)[0], 128.0);
    }

    #[test]
    fn levels_follow_the_step() {
        let texture = Texture::bake(4, |_, _| ([0.0; 3], 0.0));
        assert_eq!(texture.side(), 16.0);
        assert_eq!([0.0, 0.5, 1.0, 2.0, 4.1, 1e9].map(|t| texture.level(t)), [0, 0, 0, 1, 2, 4]);
    }
}
