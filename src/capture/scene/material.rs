//! Procedural surfaces.

use super::noise::{fractal, lerp, smoothstep};
use super::random::Random;

/// A colour, linear enough for shading, each channel from 0 to 1.
pub(super) type Color = [f32; 3];

pub(super) fn mix(a: Color, b: Color, t: f32) -> Color {
    [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)]
}

/// Side of the noise table, a power of two.
const SIDE: usize = 256;

/// Smooth noise in a table, so that a texel costs one look-up and not an octave sum.
#[derive(Debug)]
pub(super) struct NoiseTable(Vec<f32>);

impl NoiseTable {
    pub fn new(seed: u32) -> Self {
        let at = |i: usize| i as f32 / SIDE as f32;
        let texel = |i: usize| fractal(at(i % SIDE), at(i / SIDE), [8, 8], 5, seed);
        NoiseTable((0..SIDE * SIDE).map(texel).collect())
    }

    /// Noise in about `[-1, 1]` that repeats with period 1 in both coordinates.
    fn at(&self, u: f32, v: f32) -> f32 {
        let place = |x: f32| ((x - x.floor()) * SIDE as f32) as usize & (SIDE - 1);
        self.0[place(v) * SIDE + place(u)]
    }
}

/// What a surface is painted with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pattern {
    Plain,
    /// Cloudy veins.
    Marble,
    /// Long grain along u.
    Wood,
    Checker,
    Stripes,
    Dots,
    /// A printed band around the middle with blocks of "text".
    Label,
}

/// A surface: two colours, a pattern of a size, and how it shines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Material {
    pub base: Color,
    pub second: Color,
    pub pattern: Pattern,
    /// Size of the pattern in metres.
    pub scale: f32,
    /// Strength of the highlight, 0 (cloth) to 1 (glaze).
    pub gloss: f32,
    /// Shifts the noise, so that no two surfaces are alike.
    pub phase: f32,
}

impl Material {
    /// A random material for a thing.
    pub fn random(random: &mut Random) -> Self {
        let base = thing_color(random);
        let second = match random.below(3) {
            0 => base.map(|c| c * random.range(0.45, 0.75)),
            1 => mix(base, [0.93, 0.91, 0.86], 0.75),
            _ => thing_color(random),
        };
        let pattern = [
            Pattern::Plain,
            Pattern::Plain,
            Pattern::Marble,
            Pattern::Wood,
            Pattern::Checker,
            Pattern::Stripes,
            Pattern::Dots,
            Pattern::Label,
        ][random.below(8)];
        Material {
            base,
            second,
            pattern,
            scale: random.range(0.03, 0.09),
            gloss: random.pick([0.05, 0.2, 0.5, 0.8]),
            phase: random.range(0.0, 10.0),
        }
    }

    /// The colour at (`u`, `v`) metres; `blur` is the size of a pixel there in metres, beyond which detail fades.
    pub fn color(&self, u: f32, v: f32, blur: f32, noise: &NoiseTable) -> Color {
        let (x, y) = (u / self.scale, v / self.scale);
        let detail = 1.0 - smoothstep(0.25, 1.0, blur / self.scale);
        let n = noise.at(x * 0.11 + self.phase, y * 0.11);
        let speckle = 1.0 + 0.06 * detail * noise.at(x * 0.9, y * 0.9 + self.phase);
        let t = match self.pattern {
            Pattern::Plain => 0.12 * n,
            Pattern::Marble => smoothstep(-0.15, 0.5, (n * 3.0 + x * 0.35 + y * 0.2).sin() * 0.5 + n),
            Pattern::Wood => 0.5 + 0.5 * noise.at(x * 0.02 + self.phase, y * 0.33 + 0.05 * n),
            Pattern::Checker => ((x.floor() + y.floor()) as i32 & 1) as f32,
            Pattern::Stripes => (x.floor() as i32 & 1) as f32,
            Pattern::Dots => {
                let (fx, fy) = (x - x.floor() - 0.5, y - y.floor() - 0.5);
                1.0 - smoothstep(0.09, 0.12, fx * fx + fy * fy)
            }
            Pattern::Label => {
                let band = smoothstep(-1.1, -1.0, -(y.abs()));
                let text = ((x * 3.0).floor() as i32).wrapping_mul(7).wrapping_add((y * 4.0).floor() as i32 * 3) & 3;
                band * if text == 0 && y.abs() < 0.7 { 0.35 } else { 1.0 }
            }
        };
        let mean = 0.4;
        mix(self.base, self.second, lerp(mean, t.clamp(0.0, 1.0), detail)).map(|c| c * speckle)
    }
}

/// Colours of things: mostly muted, some bright.
fn thing_color(random: &mut Random) -> Color {
    let hue = random.range(0.0, 6.0);
    let saturation = random.range(0.15, 0.85);
    let value = random.range(0.25, 0.9);
    let channel = |shift: f32| {
        let k = (hue + shift).rem_euclid(6.0);
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

/// A wooden, stone or cloth table top, or a plain wall.
pub(super) fn surface(random: &mut Random, wall: bool) -> Material {
    let (base, second, pattern) = if wall {
        let tint = random.range(0.55, 0.85);
        let warm = [tint, tint * random.range(0.9, 1.0), tint * random.range(0.8, 1.0)];
        (warm, warm.map(|c| c * 0.86), random.pick([Pattern::Plain, Pattern::Marble, Pattern::Stripes]))
    } else {
        match random.below(4) {
            0 => ([0.52, 0.36, 0.22], [0.38, 0.24, 0.13], Pattern::Wood),
            1 => ([0.74, 0.62, 0.46], [0.62, 0.48, 0.33], Pattern::Wood),
            2 => ([0.62, 0.62, 0.60], [0.45, 0.45, 0.46], Pattern::Marble),
            _ => ([0.80, 0.79, 0.75], [0.66, 0.68, 0.72], Pattern::Checker),
        }
    };
    let scale = if wall { random.range(0.15, 0.4) } else { random.range(0.08, 0.16) };
    Material { base, second, pattern, scale, gloss: if wall { 0.0 } else { 0.15 }, phase: random.range(0.0, 10.0) }
}
