//! 3x3 convolutions with a quarter of the multiplications, on the blocked layout.
//!
//! Winograd's minimal filtering F(4x4, 3x3), as in Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks"
//! (2016): a tile of 4x4 outputs depends on 6x6 inputs d and 3x3 weights g by
//!
//! ```text
//! Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
//! ```
//!
//! so that the sum over input channels becomes 36 independent matrix products, one for each position of the 6x6 tile,
//! with 36/16 multiplications for each output, input channel and output channel instead of 9.
//!
//! 1. `G g Gᵀ` is computed once, in double precision, and packed like a convolution's weights.
//! 2. [`Winograd::transform`]: the lanes of a register are channels, so a tile is 36 registers and `Bᵀ d B` is plain
//!    arithmetic on them. The result is [36, blocks of channels, tiles, lanes].
//! 3. [`Winograd::multiply`]: for one group of output blocks and a few tiles, the 36 products by the same register tile
//!    that convolutions use, into a scratch of the thread's own; then `Aᵀ M A`, bias, residual, activation.
//!
//! The transformed weights are four times as large. Where there are few tiles, reading them takes longer than
//! multiplying, and a plain convolution is faster.

use super::blocked::Blocked;
use super::convolution::{Group, Tap, Window, groups, padded, tile};
use super::finish::Finish;
use super::grid::Element;
use super::vector::{Vector, tiles};

/// Outputs along a tile's side.
const OUT: usize = 4;
/// Inputs along a tile's side.
const IN: usize = 6;
const POSITIONS: usize = IN * IN;
/// Tiles of a unit of multiplication at most: their products stay in the second-level cache.
const CHUNK: usize = 32;

/// A 3x3 convolution with stride 1 and its transformed weights.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Winograd {
    input: Blocked,
    output: Blocked,
    padding: [usize; 2],
    /// Tiles down and across.
    tiles: [usize; 2],
    taps: Vec<Tap>,
    groups: Vec<Group>,
    /// Floats of one group block's weights at one position.
    depth: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Winograd {
    /// Transforms `weights` [outputs, inputs, 3, 3]. `None` where the shapes do not fit or the input's border is smaller
    /// than [`Self::border`].
    pub fn new(input: Blocked, output: Blocked, padding: [usize; 2], weights: &[f32], bias: &[f32]) -> Option<Self> {
        let (before, after) = Self::border(&input, &output, padding);
        let same = weights.len() == output.channels * input.channels * 9 && bias.len() == output.channels;
        let floats = input.element == Element::Float && input.lanes == output.lanes;
        if !same || weights.is_empty() || !floats || before > input.before || after > input.after {
            return None;
        }
        let lanes = input.lanes;
        let tiles = [output.height.div_ceil(OUT), output.width.div_ceil(OUT)];
        let taps = (0..input.blocks())
            .map(|block| Tap { offset: block * tiles[0] * tiles[1] * lanes, depth: input.depth(block) })
            .collect();
        let depth = input.channels * lanes;
        let groups = groups(output.blocks(), POSITIONS * input.channels, lanes);
        let transformed = transform_weights(weights);
        let mut packed = Vec::with_capacity(POSITIONS * output.blocks() * depth);
        for group in &groups {
            for position in 0..POSITIONS {
                for channel in 0..input.channels {
                    for out in group.first * lanes..(group.first + group.blocks) * lanes {
                        let at = (out * input.channels + channel) * POSITIONS + position;
                        packed.push(if out < output.channels { transformed[at] } else { 0.0 });
                    }
                }
            }
        }
        let bias = padded(bias, output.blocks() * lanes);
        Some(Winograd { input, output, padding, tiles, taps, groups, depth, weights: packed, bias })
    }

    /// Border that the input needs: whole tiles are read.
    pub fn border(input: &Blocked, output: &Blocked, padding: [usize; 2]) -> (usize, usize) {
        let window = Window { kernel: [3, 3], stride: 1, padding };
        let whole = |out: usize| out.next_multiple_of(OUT);
        let tiles = Blocked { height: whole(output.height), width: whole(output.width), ..*output };
        window.borders(input, &tiles)
    }

    /// Floats that the transformed input takes.
    pub fn transformed_len(&self) -> usize {
        POSITIONS * self.position()
    }

    /// Floats of scratch that a thread needs to multiply.
    pub fn scratch_len(&self) -> usize {
        let blocks = self.groups.iter().map(|g| g.blocks).max().unwrap_or(0);
        POSITIONS * self.chunk() * blocks * self.input.lanes
    }

    /// Pieces of work of the transformation: rows of tiles of each block of channels.
    pub fn transform_units(&self) -> usize {
        self.input.blocks() * self.tiles[0]
    }

    /// Pieces of work of the multiplication.
    pub fn multiply_units(&self) -> usize {
        self.groups.len() * self.chunks()
    }

    pub fn input(&self) -> Blocked {
        self.input
    }

    pub fn output(&self) -> Blocked {
        self.output
    }

    fn tile_count(&self) -> usize {
        self.tiles[0] * self.tiles[1]
    }

    fn chunks(&self) -> usize {
        self.tile_count().div_ceil(CHUNK)
    }

    /// Tiles of a unit of multiplication.
    fn chunk(&self) -> usize {
        self.tile_count().div_ceil(self.chunks()).next_multiple_of(4).min(self.tile_count())
    }

    /// Floats of one position of the transformed input.
    fn position(&self) -> usize {
        self.input.blocks() * self.tile_count() * self.input.lanes
    }

    /// Bᵀ d B of one row of tiles of one block of channels.
    ///
    /// # Safety
    /// The contract of [`Vector`] with `V::LANES` the pictures' lanes; `input` points to a picture of this plan's layout,
    /// `transformed` to [`Self::transformed_len`] floats, and no other thread works on the same unit.
    #[expect(clippy::needless_range_loop, reason = "columns of an array of rows")]
    #[inline(always)]
    pub(super) unsafe fn transform<V: Vector>(&self, input: *const f32, transformed: *mut f32, unit: usize) {
        let (block, row) = (unit / self.tiles[0], unit % self.tiles[0]);
        let [top, left] = self.padding;
        let line = self.input.row();
        let corner = block * self.input.plane()
            + (row * OUT + self.input.before - top) * line
            + (self.input.before - left) * V::LANES;
        let position = self.position();
        let out = (block * self.tile_count() + row * self.tiles[1]) * V::LANES;
        for column in 0..self.tiles[1] {
            // SAFETY: the caller's promise; `new` has checked that the border holds whole tiles.
            unsafe {
                let from = input.add(corner + column * OUT * V::LANES);
                let to = transformed.add(out + column * V::LANES);
                let mut half = [[V::splat(0.0); IN]; IN];
                for x in 0..IN {
                    let mut d = [V::splat(0.0); IN];
                    for (y, d) in d.iter_mut().enumerate() {
                        *d = V::load(from.add(y * line + x * V::LANES));
                    }
                    for (y, value) in input_side(d).into_iter().enumerate() {
                        half[y][x] = value;
                    }
                }
                for (y, half) in half.into_iter().enumerate() {
                    for (x, value) in input_side(half).into_iter().enumerate() {
                        value.store(to.add((y * IN + x) * position));
                    }
                }
            }
        }
    }

    /// The products of one group of output blocks and one chunk of tiles, transformed back and finished.
    ///
    /// # Safety
    /// As [`Self::transform`]; `scratch` points to [`Self::scratch_len`] floats of this thread's own, and `finish` to
    /// pictures of the output's layout.
    #[inline(always)]
    pub(super) unsafe fn multiply<V: Vector>(
        &self,
        transformed: *const f32,
        scratch: *mut f32,
        finish: &Finish,
        unit: usize,
    ) {
        let (group, chunk) = (self.groups[unit / self.chunks()], unit % self.chunks());
        let first = chunk * self.chunk();
        let count = self.chunk().min(self.tile_count().saturating_sub(first));
        // SAFETY: the caller's promise.
        unsafe {
            match group.blocks {
                1 => self.group::<V, 1>(transformed, scratch, finish, group, [first, count]),
                2 => self.group::<V, 2>(transformed, scratch, finish, group, [first, count]),
                _ => self.group::<V, 3>(transformed, scratch, finish, group, [first, count]),
            }
        }
    }

    #[inline(always)]
    unsafe fn group<V: Vector, const Q: usize>(
        &self,
        transformed: *const f32,
        scratch: *mut f32,
        finish: &Finish,
        group: Group,
        [first, count]: [usize; 2],
    ) {
        let position = self.position();
        // SAFETY: the caller's promise: `first + count` tiles at most, in a scratch of `chunk` tiles.
        unsafe {
            for at in 0..POSITIONS {
                let from = transformed.add(at * position + first * V::LANES);
                let weights = self.weights.as_ptr().add(group.weights + at * self.depth * Q);
                let to = scratch.add(at * count * Q * V::LANES);
                tiles!(V, 0..count, |t, COUNT| self.product::<V, COUNT, Q>(from, weights, to, t));
            }
            for t in 0..count {
                let at = [(first + t) / self.tiles[1] * OUT, (first + t) % self.tiles[1] * OUT];
                for q in 0..Q {
                    let products = scratch.add((t * Q + q) * V::LANES);
                    self.output_tile::<V>(products, count * Q * V::LANES, finish, group.first + q, at);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn product<V: Vector, const P: usize, const Q: usize>(
        &self,
        from: *const f32,
        weights: *const f32,
        to: *mut f32,
        t: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let start = [V::splat(0.0); Q];
            let sums = tile::<V, P, Q, 1, false>(&self.taps, from.add(t * V::LANES), 0, weights, start);
            for (p, sums) in sums.into_iter().enumerate() {
                for (q, sum) in sums.into_iter().enumerate() {
                    sum.store(to.add(((t + p) * Q + q) * V::LANES));
                }
            }
        }
    }

    /// Aᵀ M A of one tile and block, finished, where it lies in the picture. `step` floats lie between the positions.
    #[expect(clippy::needless_range_loop, reason = "columns of an array of rows")]
    #[inline(always)]
    unsafe fn output_tile<V: Vector>(
        &self,
        products: *const f32,
        step: usize,
        finish: &Finish,
        block: usize,
        [top, left]: [usize; 2],
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let bias: V = finish.start(&self.bias, block);
            let mut half = [[bias; IN]; OUT];
            for x in 0..IN {
                let mut m = [bias; IN];
                for (y, m) in m.iter_mut().enumerate() {
                    *m = V::load(products.add((y * IN + x) * step));
                }
                for (y, value) in output_side(m).into_iter().enumerate() {
                    half[y][x] = value;
                }
            }
            let (rows, columns) = ((self.output.height - top).min(OUT), (self.output.width - left).min(OUT));
            for (y, half) in half.into_iter().enumerate().take(rows) {
                let sums = output_side(half).map(|value| [value.add(bias)]);
                if columns == OUT {
                    finish.store(sums, &self.output, [block, top + y, left]);
                } else {
                    for (x, sum) in sums.into_iter().enumerate().take(columns) {
                        finish.store([sum], &self.output, [block, top + y, left + x]);
                    }
                }
            }
        }
    }
}

/// Bᵀ of six inputs.
#[inline(always)]
unsafe fn input_side<V: Vector>(d: [V; IN]) -> [V; IN] {
    // SAFETY: the contract of `Vector`, which the callers hold.
    unsafe {
        let (four, five, two) = (V::splat(-4.0), V::splat(-5.0), V::splat(2.0));
        let (a, b) = (d[4].mul_add(four, d[2]), d[3].mul_add(four, d[1]));
        let (c, e) = (d[4].sub(d[2]), d[3].sub(d[1]).mul(two));
        let first = d[4].mul_add(five, d[2]).mul_add(V::splat(4.0), d[0]);
        let last = d[5].mul_add(five, d[3]).mul_add(V::splat(4.0), d[1]);
        [first, a.add(b), a.sub(b), c.add(e), c.sub(e), last]
    }
}

/// Aᵀ of six products.
#[inline(always)]
unsafe fn output_side<V: Vector>(m: [V; IN]) -> [V; OUT] {
    // SAFETY: the contract of `Vector`, which the callers hold.
    unsafe {
        let (a, b) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (c, d) = (m[3].add(m[4]), m[3].sub(m[4]));
        [
            m[0].add(a).add(c),
            b.mul_add(V::splat(2.0), d),
            a.mul_add(V::splat(4.0), c),
            b.mul_add(V::splat(8.0), d).add(m[5]),
        ]
    }
}

/// G, row by row.
const WEIGHT_SIDE: [[f64; 3]; IN] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// G g Gᵀ of weights [pairs, 3, 3]: [pairs, 36].
fn transform_weights(weights: &[f32]) -> Vec<f32> {
    let mut transformed = Vec::with_capacity(weights.len() * 4);
    for g in weights.chunks_exact(9) {
        for (down, across) in WEIGHT_SIDE.iter().flat_map(|d| WEIGHT_SIDE.iter().map(move |a| (d, a))) {
            let sum: f64 = (0..9).map(|ix| down[ix / 3] * g[ix] as f64 * across[ix % 3]).sum();
            transformed.push(sum as f32);
        }
    }
    transformed
}
