//! Procedural textures. Colours are perceptual (about sRGB), 0 to 1; the second value of a texel is its share of the
//! material's shine.

use super::noise::{cell, fractal, lerp, noise, smoothstep};
use super::random::Random;
use super::texture::Texture;

pub(super) type Colour = [f32; 3];

/// Texels (log2 of the side) of objects, and of surfaces that fill much of the image.
const FINE: u32 = 8;
const BROAD: u32 = 9;

pub(super) fn mix(a: Colour, b: Colour, t: f32) -> Colour {
    [0, 1, 2].map(|i| lerp(a[i], b[i], t))
}

pub(super) fn shade(c: Colour, k: f32) -> Colour {
    c.map(|v| v * k)
}

/// Hue in turns, saturation and value, 0 to 1.
pub(super) fn hsv(hue: f32, saturation: f32, value: f32) -> Colour {
    let channel = |offset: f32| {
        let k = (offset + hue * 6.0).rem_euclid(6.0);
        value * (1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0))
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

/// A colour as paint, cloth and plastic have it: any hue, seldom fully saturated.
pub(super) fn pigment(random: &mut Random) -> Colour {
    if random.chance(0.18) {
        let value = random.range(0.16, 0.92);
        let tint = random.unit();
        return hsv(tint, 0.06, value);
    }
    // Reds, ochres and blues are commoner than pure greens, cyans and magentas.
    let hue = random.pick([0.0, 0.02, 0.04, 0.07, 0.10, 0.13, 0.20, 0.30, 0.42, 0.52, 0.57, 0.60, 0.64, 0.75, 0.93]);
    let (saturation, value) = (random.range(0.22, 0.72), random.range(0.30, 0.84));
    hsv(hue + random.range(-0.025, 0.025), saturation, value)
}

/// A colour as carpets and other large surfaces have it.
pub(super) fn muted(random: &mut Random) -> Colour {
    let colour = pigment(random);
    let grey = (colour[0] + colour[1] + colour[2]) / 3.0;
    mix(colour, [grey; 3], 0.5)
}

/// A light, nearly neutral colour.
pub(super) fn pale(random: &mut Random) -> Colour {
    let warmth = random.range(0.06, 0.14);
    let (saturation, value) = (random.range(0.02, 0.16), random.range(0.74, 0.93));
    hsv(warmth, saturation, value)
}

pub(super) fn timber(random: &mut Random) -> Colour {
    random.pick([
        [0.80, 0.66, 0.48],
        [0.70, 0.53, 0.36],
        [0.58, 0.40, 0.26],
        [0.44, 0.29, 0.19],
        [0.86, 0.77, 0.63],
        [0.33, 0.23, 0.17],
        [0.62, 0.56, 0.49],
    ])
}

fn seed(random: &mut Random) -> u32 {
    random.next_u64() as u32
}

/// Paint or plastic: one colour, faintly uneven, with a few scuffs.
pub(super) fn paint(random: &mut Random, colour: Colour) -> Texture {
    let (s, scuffs) = (seed(random), random.range(0.0, 0.5));
    Texture::bake(FINE - 1, |u, v| {
        let n = fractal(u, v, [4, 4], 4, s);
        let scuff = smoothstep(0.55, 0.75, fractal(u, v, [6, 24], 3, s ^ 1)) * scuffs;
        (shade(mix(colour, [0.6; 3], scuff * 0.35), 1.0 + 0.05 * n), 1.0 - 0.6 * scuff)
    })
}

/// Wood with the grain along `v`; `planks` boards side by side along `u`, none for one piece.
pub(super) fn wood(random: &mut Random, colour: Colour, planks: u32, broad: bool) -> Texture {
    let (s, contrast) = (seed(random), random.range(0.10, 0.36));
    let rings = random.pick([5.0, 8.0, 12.0]);
    Texture::bake(if broad { BROAD } else { FINE }, |u, v| {
        let board = if planks > 0 { (u * planks as f32) as u32 } else { 0 };
        let tone = 0.22 * (cell(board, 7, s) - 0.5) * (planks > 0) as u32 as f32;
        let shift = cell(board, 3, s) * (planks > 0) as u32 as f32;
        let v = v + shift;
        let bend = fractal(u, v, [3, 1], 2, s + board) * 0.14 + noise(u, v, [12, 3], s + board) * 0.012;
        let ring = ((u + bend) * rings * if planks > 0 { 2.0 } else { 1.0 }).rem_euclid(1.0);
        let strength = 0.5 + 0.5 * noise(u, v, [6, 1], s ^ 11);
        let band = smoothstep(0.0, 0.8, ring) * (1.0 - smoothstep(0.8, 1.0, ring)) * strength;
        let fibre = fractal(u + 0.3 * bend, v, [40, 2], 3, s ^ 5) * 1.5;
        let pore = smoothstep(0.45, 0.8, noise(u, v, [128, 12], s ^ 9));
        let mut k = 1.0 + tone - contrast * band * 0.55 + 0.10 * fibre - 0.16 * pore;
        if planks > 0 {
            let across = (u * planks as f32).rem_euclid(1.0);
            let along = (v * 2.0).rem_euclid(1.0);
            let gap = (across.min(1.0 - across) * 26.0 / planks as f32 * 4.0).min(along.min(1.0 - along) * 90.0);
            k *= lerp(0.45, 1.0, smoothstep(0.1, 0.8, gap));
        }
        (shade(mix(colour, [0.45, 0.27, 0.14], band * 0.2), k), 1.0 - 0.5 * pore)
    })
}

/// Veined stone.
pub(super) fn marble(random: &mut Random, colour: Colour, broad: bool) -> Texture {
    let (s, vein) = (seed(random), random.range(0.3, 0.75));
    Texture::bake(if broad { BROAD } else { FINE }, |u, v| {
        let warp = fractal(u, v, [4, 4], 5, s);
        let line = ((u + v) * std::f32::consts::TAU + warp * 4.5).sin().abs();
        let cloud = fractal(u, v, [3, 3], 5, s ^ 3);
        let fade = smoothstep(-0.35, 0.4, fractal(u, v, [5, 5], 3, s ^ 5));
        let t = ((1.0 - smoothstep(0.0, 0.16, line)) * 0.8 + (1.0 - smoothstep(0.0, 0.6, line)) * 0.45) * vein * fade;
        (mix(shade(colour, 0.95 + 0.12 * cloud), shade(colour, 0.5), t.min(1.0)), 1.0)
    })
}

/// Stone, cork, terrazzo or earthenware: a colour with grains of others.
pub(super) fn speckle(random: &mut Random, colour: Colour, grain: Colour, cells: u32, broad: bool) -> Texture {
    let (s, amount) = (seed(random), random.range(0.12, 0.4));
    Texture::bake(if broad { BROAD } else { FINE }, |u, v| {
        let n = noise(u, v, [cells, cells], s);
        let fine = noise(u, v, [cells * 3, cells * 3], s ^ 4);
        let broad = fractal(u, v, [4, 4], 3, s ^ 6);
        let t = smoothstep(1.0 - amount * 1.6, 1.0 - amount, n + 0.35 * fine);
        (shade(mix(colour, grain, t * 0.65), 1.0 + 0.10 * fine + 0.08 * broad), 0.6 + 0.4 * t)
    })
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Weave {
    Plain,
    Stripes,
    Check,
    Dots,
}

/// Cloth of two colours with visible threads.
pub(super) fn fabric(random: &mut Random, weave: Weave, a: Colour, b: Colour, repeats: u32, broad: bool) -> Texture {
    let s = seed(random);
    let width = random.range(0.3, 0.6);
    let threads = if broad { 128.0 } else { 64.0 };
    Texture::bake(if broad { BROAD } else { FINE }, |u, v| {
        let n = repeats as f32;
        let wobble = 0.012 * fractal(u, v, [8, 8], 2, s);
        let stripe = |x: f32| {
            let x = ((x + wobble) * n).rem_euclid(1.0);
            smoothstep(0.0, 0.04, x) * (1.0 - smoothstep(width, width + 0.04, x))
        };
        let t = match weave {
            Weave::Plain => 0.25 * fractal(u, v, [8, 8], 3, s ^ 2),
            Weave::Stripes => stripe(u),
            Weave::Check => 0.5 * (stripe(u) + stripe(v)),
            Weave::Dots => {
                let row = (v * n).floor();
                let x = (u * n + 0.5 * (row as i32 & 1) as f32).rem_euclid(1.0) - 0.5;
                let y = (v * n).rem_euclid(1.0) - 0.5;
                1.0 - smoothstep(0.22, 0.27, x.hypot(y))
            }
        };
        let thread = (u * threads * std::f32::consts::TAU).sin() * (v * threads * std::f32::consts::TAU).sin();
        let fold = fractal(u, v, [3, 3], 3, s ^ 7);
        (shade(mix(a, b, t), 0.94 + 0.10 * thread + 0.07 * fold), 0.15)
    })
}

/// Bands about a vase or toy, each of its own colour.
pub(super) fn bands(random: &mut Random, colours: [Colour; 3]) -> Texture {
    let s = seed(random);
    let count = random.pick([3, 5, 6, 8]);
    Texture::bake(FINE, |u, v| {
        let v = v + 0.006 * fractal(u, v, [8, 4], 2, s);
        let at = (v * count as f32).rem_euclid(count as f32);
        let (i, f) = (at as u32, at.fract());
        let pick = |i: u32| colours[(cell(i % count, 1, s) * 3.0) as usize];
        (shade(mix(pick(i), pick(i + 1), smoothstep(0.94, 1.0, f)), 1.0 + 0.04 * fractal(u, v, [6, 6], 3, s)), 1.0)
    })
}

/// A checkerboard, `n` by `n`.
pub(super) fn checker(random: &mut Random, a: Colour, b: Colour, n: u32) -> Texture {
    let s = seed(random);
    Texture::bake(FINE, |u, v| {
        let odd = ((u * n as f32) as u32 + (v * n as f32) as u32) & 1;
        (shade(if odd == 1 { a } else { b }, 1.0 + 0.05 * fractal(u, v, [4, 4], 4, s)), 1.0)
    })
}

/// A printed label: a ground colour, a panel with a mark, a title and lines of small print.
pub(super) fn label(random: &mut Random, ground: Colour, panel: Colour, ink: Colour) -> Texture {
    let s = seed(random);
    let (top, bottom) = (random.range(0.2, 0.34), random.range(0.62, 0.8));
    let (mark_x, mark_size) = (random.range(0.2, 0.3), random.range(0.05, 0.10));
    let accent = pigment(random);
    let round = random.chance(0.6);
    let middle = (top + bottom) / 2.0;
    Texture::bake(FINE, |u, v| {
        // The print is there twice round, so that one is in view from most sides.
        let x = (u * 2.0).rem_euclid(1.0);
        let mut colour = shade(ground, 1.0 + 0.05 * fractal(u, v, [4, 4], 3, s));
        let edge = smoothstep(top - 0.008, top, v) * (1.0 - smoothstep(bottom, bottom + 0.008, v));
        colour = mix(colour, panel, edge);
        if v > top && v < bottom {
            let trim = (v - top).min(bottom - v);
            if (0.015..0.03).contains(&trim) {
                colour = accent;
            }
            let (dx, dy) = ((x - mark_x).abs(), (v - middle).abs() * 2.0);
            let inside = if round { dx.hypot(dy) } else { dx.max(dy) };
            if inside < mark_size * 1.6 {
                colour = if inside < mark_size * 0.8 { panel } else { accent };
            }
            let (tx, line) = (x - 0.42, (v - top - 0.05) / (bottom - top - 0.1));
            if (0.0..0.5).contains(&tx) && (0.0..1.0).contains(&line) {
                let (height, letters) = if line < 0.4 { (0.4, 12.0) } else { (0.12, 40.0) };
                let row = (line / height) as u32;
                let within = (line / height).fract();
                let letter = cell((tx * letters) as u32, row, s);
                let stroke = (tx * letters * 3.0) as u32;
                if (0.2..0.75).contains(&within)
                    && letter > 0.2
                    && cell(stroke, row * 3 + (within * 5.0) as u32, s) > 0.35
                {
                    colour = ink;
                }
            }
        }
        (colour, 1.0)
    })
}

/// The back or side of printed matter: pages of a closed book.
pub(super) fn pages(random: &mut Random) -> Texture {
    let s = seed(random);
    Texture::bake(FINE - 1, |u, v| {
        (shade([0.89, 0.86, 0.78], 0.9 + 0.12 * noise(u, v, [4, 64], s) + 0.05 * noise(u, v, [16, 8], s)), 0.0)
    })
}

/// A written or printed sheet.
pub(super) fn sheet(random: &mut Random) -> Texture {
    let (s, paper) = (seed(random), pale(random));
    let lines = random.pick([18, 26, 34]);
    Texture::bake(FINE, |u, v| {
        let (x, y) = ((u - 0.12) / 0.76, (v - 0.1) / 0.8);
        let mut colour = shade(paper, 1.0 + 0.02 * fractal(u, v, [4, 4], 2, s));
        if (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y) {
            let row = (y * lines as f32) as u32;
            let word = noise(x, row as f32 / 64.0, [22, 64], s) > -0.45;
            let ends = x < 0.55 + 0.45 * cell(row, 1, s);
            if (y * lines as f32).fract() < 0.5 && word && ends && cell((x * 110.0) as u32, row, s) > 0.25 {
                colour = mix(colour, [0.2, 0.2, 0.25], 0.6);
            }
        }
        (colour, 0.1)
    })
}

/// The skin of a fruit: two colours in blotches, fine spots, paler at the poles.
pub(super) fn skin(random: &mut Random, a: Colour, b: Colour) -> Texture {
    let s = seed(random);
    Texture::bake(FINE, |u, v| {
        let blush = smoothstep(-0.4, 0.5, fractal(u, v, [3, 2], 4, s));
        let streak = fractal(u, v, [48, 3], 2, s ^ 2);
        let spot = smoothstep(0.72, 0.86, noise(u, v, [48, 32], s ^ 3));
        let pole = smoothstep(0.86, 1.0, v) + smoothstep(0.14, 0.0, v);
        let colour = mix(mix(a, b, (blush + 0.25 * streak).clamp(0.0, 1.0)), [0.72, 0.66, 0.36], 0.5 * pole);
        (mix(colour, [0.85, 0.8, 0.6], 0.4 * spot), 1.0)
    })
}

/// Long hair or fur, short.
pub(super) fn plush(random: &mut Random, colour: Colour) -> Texture {
    let s = seed(random);
    Texture::bake(FINE, |u, v| {
        let tuft = fractal(u, v, [24, 24], 3, s);
        let broad = fractal(u, v, [4, 4], 3, s ^ 1);
        (shade(colour, 0.92 + 0.26 * tuft + 0.12 * broad), 0.1)
    })
}

/// Brushed metal, the brush along `u`.
pub(super) fn metal(random: &mut Random, colour: Colour) -> Texture {
    let s = seed(random);
    Texture::bake(FINE - 1, |u, v| {
        (shade(colour, 0.92 + 0.12 * noise(u, v, [2, 128], s) + 0.06 * noise(u, v, [3, 16], s)), 1.0)
    })
}

/// Corrugated cardboard with a strip of tape.
pub(super) fn cardboard(random: &mut Random) -> Texture {
    let s = seed(random);
    let tape = random.chance(0.7);
    Texture::bake(FINE, |u, v| {
        let flute = 0.03 * (u * 300.0).sin();
        let fibre = 0.06 * noise(u, v, [96, 24], s) + 0.06 * fractal(u, v, [4, 4], 3, s);
        let colour = shade([0.72, 0.56, 0.38], 0.96 + flute + fibre);
        let on_tape = tape && (v - 0.5).abs() < 0.07;
        let print =
            (0.62..0.9).contains(&u) && (0.12..0.3).contains(&v) && cell((u * 40.0) as u32, (v * 25.0) as u32, s) > 0.5;
        if on_tape {
            (mix(colour, [0.75, 0.68, 0.5], 0.5), 1.0)
        } else if print {
            (shade(colour, 0.5), 0.1)
        } else {
            (colour, 0.1)
        }
    })
}

/// Keys or buttons in a grid on a dark ground.
pub(super) fn keys(random: &mut Random, ground: Colour, key: Colour, columns: u32, rows: u32) -> Texture {
    let s = seed(random);
    Texture::bake(FINE, |u, v| {
        let (x, y) = ((u * 1.08 - 0.04) * columns as f32, (v * 1.16 - 0.08) * rows as f32);
        if x < 0.0 || y < 0.0 || x >= columns as f32 || y >= rows as f32 {
            return (ground, 0.6);
        }
        let (fx, fy) = (x.fract() - 0.5, y.fract() - 0.5);
        let on = 1.0 - smoothstep(0.36, 0.42, fx.abs().max(fy.abs()));
        let glyph = fx.abs() < 0.12 && fy.abs() < 0.16 && cell((u * 512.0) as u32 / 3, (v * 512.0) as u32 / 5, s) > 0.4;
        let key = if cell(x as u32, y as u32, s) > 0.93 { [0.75, 0.35, 0.2] } else { key };
        (if glyph && on > 0.9 { mix(key, [0.9; 3], 0.8) } else { mix(ground, key, on) }, 0.8)
    })
}

/// Plaster or wallpaper with uneven light, as a wall has it.
pub(super) fn plaster(random: &mut Random, colour: Colour) -> Texture {
    let s = seed(random);
    let papered = random.chance(0.3);
    let stripe = random.pick([8.0, 16.0, 24.0]);
    Texture::bake(BROAD - 1, |u, v| {
        let broad = fractal(u, v, [2, 2], 3, s);
        let grain = noise(u, v, [128, 128], s ^ 2);
        let line = if papered { 0.06 * smoothstep(-0.2, 0.2, (u * stripe * std::f32::consts::TAU).sin()) } else { 0.0 };
        (shade(colour, 0.95 + 0.07 * broad + 0.025 * grain - line), 0.2)
    })
}

/// Courses of brick, tile or paving, `columns` by `rows`; every other row is shifted by `bond` of a stone.
pub(super) fn masonry(
    random: &mut Random,
    stone: Colour,
    joint: Colour,
    columns: u32,
    rows: u32,
    bond: f32,
) -> Texture {
    let s = seed(random);
    let (gap, variety) = (random.range(0.02, 0.05), random.range(0.08, 0.3));
    Texture::bake(BROAD, |u, v| {
        let y = v * rows as f32;
        let row = y as u32;
        let x = u * columns as f32 + bond * (row & 1) as f32;
        let column = x as u32 % columns;
        let ratio = rows as f32 / columns as f32;
        let wobble = 0.01 * fractal(u, v, [16, 16], 3, s);
        let (dx, dy) = (x.fract().min(1.0 - x.fract()), y.fract().min(1.0 - y.fract()));
        let on = smoothstep(gap * 0.6, gap * 1.2, (dx * ratio.max(1.0)).min(dy / ratio.min(1.0)) + wobble);
        let tone = 1.0 + variety * (cell(column, row, s) - 0.5) * 1.4;
        let warm = cell(row, column, s ^ 5) * variety * 0.6;
        let stone = mix(shade(stone, tone + 0.10 * fractal(u, v, [16, 16], 4, s ^ 1)), [0.45, 0.28, 0.22], warm);
        (mix(shade(joint, 1.0 + 0.1 * noise(u, v, [128, 128], s)), stone, on), on)
    })
}

/// Grass or a hedge seen from a few paces.
pub(super) fn grass(random: &mut Random) -> Texture {
    let s = seed(random);
    let hue = random.range(0.20, 0.30);
    let (light, dark) = (hsv(hue, 0.55, 0.60), hsv(hue + 0.03, 0.62, 0.26));
    Texture::bake(BROAD, |u, v| {
        let blade = fractal(u, v, [96, 40], 3, s);
        let patch = fractal(u, v, [5, 5], 4, s ^ 2);
        let dry = smoothstep(0.2, 0.7, fractal(u, v, [9, 9], 3, s ^ 3));
        let colour = mix(dark, light, (0.5 + 0.55 * blade + 0.25 * patch).clamp(0.0, 1.0));
        (mix(colour, [0.62, 0.55, 0.35], 0.45 * dry), 0.1)
    })
}

/// Pile carpet, or a rug with a border when `border` is given.
pub(super) fn carpet(random: &mut Random, colour: Colour, border: Option<Colour>) -> Texture {
    let s = seed(random);
    let motif = random.pick([4.0, 6.0, 8.0]);
    Texture::bake(BROAD, |u, v| {
        let pile = noise(u, v, [160, 160], s) * 0.6 + noise(u, v, [64, 64], s ^ 1) * 0.4;
        let worn = fractal(u, v, [4, 4], 3, s ^ 2);
        let mut ground = colour;
        if let Some(edge) = border {
            let inset = u.min(1.0 - u).min(v).min(1.0 - v);
            let diamond = ((u * motif).fract() - 0.5).abs() + ((v * motif).fract() - 0.5).abs();
            if (0.04..0.10).contains(&inset) || (inset > 0.14 && (0.28..0.36).contains(&diamond)) {
                ground = edge;
            }
        }
        (shade(ground, 0.92 + 0.24 * pile + 0.08 * worn), 0.0)
    })
}

/// A painting or photograph for the wall: a sky, a ground and some blobs.
pub(super) fn painting(random: &mut Random) -> Texture {
    let s = seed(random);
    let colours = [pigment(random), pigment(random), pigment(random), pale(random)];
    let horizon = random.range(0.35, 0.7);
    Texture::bake(FINE - 1, |u, v| {
        if u.min(1.0 - u).min(v).min(1.0 - v) < 0.09 {
            return ([0.9, 0.89, 0.86], 0.3);
        }
        let n = fractal(u, v, [3, 3], 4, s);
        let ground = smoothstep(-0.02, 0.02, v - horizon + 0.1 * n);
        let blob = smoothstep(0.25, 0.35, fractal(u, v, [4, 4], 3, s ^ 8));
        (mix(mix(mix(colours[3], colours[0], v), colours[1], ground), colours[2], blob * 0.8), 0.5)
    })
}

/// What a window shows: bright sky over blurred green, in panes.
pub(super) fn window(random: &mut Random) -> Texture {
    let s = seed(random);
    Texture::bake(FINE - 1, |u, v| {
        let frame = u.min(1.0 - u).min(v).min(1.0 - v).min((u - 0.5).abs() * 1.4);
        let trees = smoothstep(-0.12, 0.12, v - 0.55 + 0.3 * fractal(u, v, [4, 3], 3, s));
        let outside = mix([0.97, 0.98, 1.0], [0.62, 0.72, 0.55], trees * 0.8);
        (mix([0.72, 0.71, 0.69], outside, smoothstep(0.03, 0.045, frame)), 0.3)
    })
}

/// A sky with soft clouds, brightest at the horizon (`v` = 1).
pub(super) fn sky(random: &mut Random) -> Texture {
    let s = seed(random);
    Texture::bake(FINE, |u, v| {
        let cloud = smoothstep(-0.1, 0.6, fractal(u, v, [5, 6], 5, s));
        (mix(mix([0.50, 0.66, 0.88], [0.84, 0.89, 0.95], v), [0.97, 0.97, 0.97], 0.7 * cloud), 0.0)
    })
}
