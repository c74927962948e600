//! Convolution as an implicit matrix product on the blocked layout.
//!
//! A register tile holds the sums of up to [`Vector::PIXELS`] neighbouring pixels of an output row and up to
//! [`MAX_BLOCKS`] blocks of output channels. It walks once through its weights, which are packed in just the order of the
//! walk: for every tap (a place in the kernel and a block of input channels), for every input channel of the tap, one
//! vector for each block of outputs. A step multiplies these with one input value of each pixel, spread over a register:
//! with 8 pixels and 3 blocks, 24 multiply-adds for 11 loads.
//!
//! 1. Padding is the input's border, so that no tile is special at the rim. A tap is an offset from the first pixel.
//! 2. A block of input channels is walked only as far as it is filled: three colours cost three steps, not a register's
//!    width.
//! 3. The sums begin with the bias; residual, activation and store follow while they are in registers.
//! 4. A unit of work is one output row of one group of output blocks. Rows of a group follow each other, so that the
//!    group's weights stay in the cache; where all weights do, groups of a row, so that the row's input does too.

use super::blocked::Blocked;
use super::finish::Finish;
use super::grid::Element;
use super::vector::{Vector, tiles};

/// Blocks of output channels in a register tile at most.
pub(super) const MAX_BLOCKS: usize = 3;

/// A kernel place and a block of input channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    /// Floats from the first input pixel of an output pixel.
    pub offset: usize,
    /// Input channels.
    pub depth: usize,
}

/// Blocks of output channels that are computed together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub first: usize,
    pub blocks: usize,
    /// Where its weights begin.
    pub weights: usize,
}

/// Splits `blocks` into groups of nearly equal size, at most `most` each. Where their weights begin is left open.
pub(super) fn groups_of(blocks: usize, most: usize) -> Vec<Group> {
    let count = blocks.div_ceil(most);
    let bound = |ix: usize| ix * blocks / count;
    (0..count).map(|ix| Group { first: bound(ix), blocks: bound(ix + 1) - bound(ix), weights: 0 }).collect()
}

/// Groups of at most [`MAX_BLOCKS`] blocks, whose weights take `depth` vectors a block.
pub(super) fn groups(blocks: usize, depth: usize, lanes: usize) -> Vec<Group> {
    let mut groups = groups_of(blocks, MAX_BLOCKS);
    for group in &mut groups {
        group.weights = group.first * depth * lanes;
    }
    groups
}

/// A convolution with its weights packed for one kernel variant.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Convolution {
    input: Blocked,
    output: Blocked,
    stride: usize,
    padding: [usize; 2],
    taps: Vec<Tap>,
    groups: Vec<Group>,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// Sizes of a convolution: kernel, stride (the same for both axes) and the rows above and columns left that count as
/// zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Window {
    pub kernel: [usize; 2],
    pub stride: usize,
    pub padding: [usize; 2],
}

impl Window {
    /// Border that the input needs before and after its pixels for an output of `out` pixels along an axis of `len`.
    fn border(&self, axis: usize, len: usize, out: usize) -> (usize, usize) {
        let last = (out - 1) * self.stride + self.kernel[axis];
        (self.padding[axis], last.saturating_sub(self.padding[axis] + len))
    }

    /// Border that `input` needs on all sides alike for `output`.
    pub fn borders(&self, input: &Blocked, output: &Blocked) -> (usize, usize) {
        let rows = self.border(0, input.height, output.height);
        let columns = self.border(1, input.width, output.width);
        (rows.0.max(columns.0), rows.1.max(columns.1))
    }

    /// Whether `input` has the border.
    pub(super) fn fits(&self, input: &Blocked, output: &Blocked) -> bool {
        let (before, after) = self.borders(input, output);
        before <= input.before && after <= input.after
    }
}

impl Convolution {
    /// Packs `weights` [outputs, inputs, kernel height, kernel width] and `bias` [outputs]. The input may be planar (one
    /// lane), as pictures of few channels come from outside. `None` where the shapes do not fit or the input's border is
    /// too small for the window.
    pub fn new(input: Blocked, output: Blocked, window: Window, weights: &[f32], bias: &[f32]) -> Option<Self> {
        let Window { kernel: [kh, kw], stride, padding } = window;
        let sizes = [kh, kw, stride, output.height, output.width, input.channels, output.channels];
        let same = weights.len() == output.channels * input.channels * kh * kw && bias.len() == output.channels;
        if sizes.contains(&0)
            || !same
            || !(input.lanes == output.lanes || input.lanes == 1)
            || input.element != Element::Float
            || !window.fits(&input, &output)
        {
            return None;
        }
        let lanes = output.lanes;
        let mut taps = Vec::new();
        for block in 0..input.blocks() {
            for (y, x) in (0..kh * kw).map(|k| (k / kw, k % kw)) {
                let offset = block * input.plane() + y * input.row() + x * input.lanes;
                taps.push(Tap { offset, depth: input.depth(block) });
            }
        }
        let groups = groups(output.blocks(), kh * kw * input.channels, lanes);
        let mut packed = Vec::with_capacity(output.blocks() * lanes * kh * kw * input.channels);
        for group in &groups {
            for block in 0..input.blocks() {
                for k in 0..kh * kw {
                    for channel in block * input.lanes..block * input.lanes + input.depth(block) {
                        for out in group.first * lanes..(group.first + group.blocks) * lanes {
                            let known = out < output.channels;
                            packed.push(if known {
                                weights[(out * input.channels + channel) * kh * kw + k]
                            } else {
                                0.0
                            });
                        }
                    }
                }
            }
        }
        let bias = padded(bias, output.blocks() * lanes);
        Some(Convolution { input, output, stride, padding, taps, groups, weights: packed, bias })
    }

    pub fn input(&self) -> Blocked {
        self.input
    }

    pub fn output(&self) -> Blocked {
        self.output
    }

    /// Whether the groups of a row follow each other, rather than the rows of a group: where all weights stay in the cache, so
    /// does a row's input, and a wide picture is read once.
    fn by_rows(&self) -> bool {
        const CACHED: usize = 1 << 16;
        self.weights.len() <= CACHED && self.input.floats() > CACHED
    }

    /// Independent pieces of work.
    pub fn units(&self) -> usize {
        self.groups.len() * self.output.height
    }
}

/// `values` and zeros up to `len`.
pub(super) fn padded(values: &[f32], len: usize) -> Vec<f32> {
    let mut all = values.to_vec();
    all.resize(len, 0.0);
    all
}

/// The sums of `P` pixels, `step` floats apart from `pixel` on, and `Q` blocks: `start` plus every tap's products. `S` is
/// `step` in input pixels where that is known when this is compiled, else 0; `PLANAR` says that a pixel is one float and
/// every tap one deep.
///
/// # Safety
/// The contract of [`Vector`]; every tap of every pixel is valid memory, and `weights` holds the depths of all taps times
/// `Q` vectors.
#[inline(always)]
pub(super) unsafe fn tile<V: Vector, const P: usize, const Q: usize, const S: usize, const PLANAR: bool>(
    taps: &[Tap],
    pixel: *const f32,
    step: usize,
    weights: *const f32,
    start: [V; Q],
) -> [[V; Q]; P] {
    let lanes = if PLANAR { 1 } else { V::LANES };
    let step = if S > 0 { S * lanes } else { step };
    let mut sums = [start; P];
    let mut weights = weights;
    for tap in taps {
        // SAFETY: the caller's promise.
        unsafe {
            let first = pixel.add(tap.offset);
            for channel in 0..if PLANAR { 1 } else { tap.depth } {
                let mut vectors = start;
                for (q, vector) in vectors.iter_mut().enumerate() {
                    *vector = V::load(weights.add(q * V::LANES));
                }
                weights = weights.add(Q * V::LANES);
                for (p, sums) in sums.iter_mut().enumerate() {
                    let value = V::splat(*first.add(p * step + channel));
                    for (sum, vector) in sums.iter_mut().zip(vectors) {
                        *sum = sum.mul_add(value, vector);
                    }
                }
            }
        }
    }
    sums
}

impl Convolution {
    /// Computes unit `unit`.
    ///
    /// # Safety
    /// The contract of [`Vector`] with `V::LANES` the pictures' lanes; `input` and `finish` point to pictures of this
    /// plan's layouts, and no other thread touches the same output row and group.
    #[inline(always)]
    pub(super) unsafe fn run<V: Vector>(&self, input: *const f32, finish: &Finish, unit: usize) {
        let (group, y) = match self.by_rows() {
            true => (self.groups[unit % self.groups.len()], unit / self.groups.len()),
            false => (self.groups[unit / self.output.height], unit % self.output.height),
        };
        // SAFETY: the caller's promise.
        unsafe {
            match group.blocks {
                1 => self.row::<V, 1>(input, finish, group, y),
                2 => self.row::<V, 2>(input, finish, group, y),
                _ => self.row::<V, 3>(input, finish, group, y),
            }
        }
    }

    #[inline(always)]
    unsafe fn row<V: Vector, const Q: usize>(&self, input: *const f32, finish: &Finish, group: Group, y: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            tiles!(V, 0..self.output.width, |x, COUNT| self.tile::<V, COUNT, Q>(input, finish, group, [y, x]));
        }
    }

    #[inline(always)]
    unsafe fn tile<V: Vector, const P: usize, const Q: usize>(
        &self,
        input: *const f32,
        finish: &Finish,
        group: Group,
        [y, x]: [usize; 2],
    ) {
        let [top, left] = self.padding;
        let row = y * self.stride + self.input.before - top;
        let column = x * self.stride + self.input.before - left;
        // SAFETY: the caller's promise; `new` has checked that the border holds what the window reads around the input.
        unsafe {
            let lanes = self.input.lanes;
            let pixel = input.add(row * self.input.row() + column * lanes);
            let mut start = [V::splat(0.0); Q];
            for (q, start) in start.iter_mut().enumerate() {
                *start = finish.start(&self.bias, group.first + q);
            }
            let weights = self.weights.as_ptr().add(group.weights);
            let step = self.stride * lanes;
            // One end for every way: it is long.
            let sums = match (self.stride, lanes == V::LANES) {
                (1, true) => tile::<V, P, Q, 1, false>(&self.taps, pixel, step, weights, start),
                (2, true) => tile::<V, P, Q, 2, false>(&self.taps, pixel, step, weights, start),
                (_, true) => tile::<V, P, Q, 0, false>(&self.taps, pixel, step, weights, start),
                (2, false) => tile::<V, P, Q, 2, true>(&self.taps, pixel, step, weights, start),
                (_, false) => tile::<V, P, Q, 0, true>(&self.taps, pixel, step, weights, start),
            };
            finish.store(sums, &self.output, [group.first, y, x]);
        }
    }
}
