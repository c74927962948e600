//! Row-major matrices: products with a constant matrix, and layer normalisation. What transformers are made of, between the
//! convolutions.
//!
//! A row of a product's input is read like a pixel of as many channels, so the register tile is that of convolutions and
//! nothing has to be packed but the weights. A unit of work is a few rows, and for a product one group of output blocks.

use std::ops::Range;

use super::activation::Activation;
use super::convolution::{Group, Tap, groups, padded, tile};
use super::single::Single;
use super::task::Work;
use super::team::Team;
use super::variant::Variant;
use super::vector::{Vector, tiles};

/// Rows of a unit: their inputs stay in the cache.
const ROWS: usize = 48;

/// What is done to each row.
#[derive(Clone, Debug)]
pub(in crate::engine) enum RowWork {
    Linear(Linear),
    Normalize(LayerNorm),
    NormalizePixels(PixelNorm),
}

impl RowWork {
    /// Floats of a row.
    pub fn inputs(&self) -> usize {
        match self {
            RowWork::Linear(linear) => linear.inputs,
            RowWork::Normalize(norm) => norm.channels,
            RowWork::NormalizePixels(norm) => norm.channels * norm.pixels,
        }
    }

    pub fn outputs(&self) -> usize {
        match self {
            RowWork::Linear(linear) => linear.outputs,
            RowWork::Normalize(_) | RowWork::NormalizePixels(_) => self.inputs(),
        }
    }

    fn units(&self, rows: usize) -> usize {
        match self {
            RowWork::Linear(linear) => linear.groups.len() * rows.div_ceil(ROWS),
            RowWork::Normalize(_) => rows.div_ceil(ROWS),
            RowWork::NormalizePixels(norm) => rows * norm.pixels.div_ceil(PIXELS),
        }
    }

    /// Computes the rows of `input` [rows, inputs] into `output` [rows, outputs] on `variant`, for which it was planned.
    ///
    /// # Panics
    /// If the lengths do not fit, or this processor does not run the variant.
    pub fn run(&self, variant: Variant, input: &[f32], output: &mut [f32], team: &Team) {
        let rows = input.len() / self.inputs();
        assert!(input.len() == rows * self.inputs() && output.len() == rows * self.outputs() && variant.is_available());
        let single = Single {
            work: Work::Rows(self, rows),
            input: input.as_ptr(),
            output: output.as_mut_ptr(),
            scratch: (std::ptr::null_mut(), 0),
            units: self.units(rows),
        };
        // SAFETY: the variant is available, the lengths were checked, and no two units write the same.
        unsafe { single.run(variant, team) }
    }

    /// Computes unit `unit`.
    ///
    /// # Safety
    /// The contract of [`Vector`] with the lanes that this was planned for; the pointers hold `rows` rows, and no other
    /// thread works on the same unit.
    #[inline(always)]
    pub(super) unsafe fn unit<V: Vector>(&self, input: *const f32, output: *mut f32, rows: usize, unit: usize) {
        if let RowWork::NormalizePixels(norm) = self {
            // SAFETY: the caller's promise.
            return unsafe { norm.run::<V>(input, output, unit) };
        }
        let chunks = rows.div_ceil(ROWS);
        let first = unit % chunks * ROWS;
        let of_unit = first..(first + ROWS).min(rows);
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                RowWork::Linear(linear) => linear.run::<V>(input, output, of_unit, linear.groups[unit / chunks]),
                RowWork::Normalize(norm) => norm.run::<V>(input, output, of_unit),
                RowWork::NormalizePixels(_) => {}
            }
        }
    }
}

/// Rows times a constant matrix, plus a bias, and an activation.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Linear {
    inputs: usize,
    outputs: usize,
    taps: [Tap; 1],
    groups: Vec<Group>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    activation: Activation,
}

impl Linear {
    /// Packs `weights` [inputs, outputs] and `bias` [outputs] for vectors of `lanes`. `None` where the sizes do not fit.
    pub fn new(
        lanes: usize,
        [inputs, outputs]: [usize; 2],
        weights: &[f32],
        bias: &[f32],
        activation: Activation,
    ) -> Option<Self> {
        let fits = inputs > 0 && outputs > 0 && bias.len() == outputs;
        if !fits || weights.len() != inputs * outputs {
            return None;
        }
        let blocks = outputs.div_ceil(lanes);
        let groups = groups(blocks, inputs, lanes);
        let (taps, bias) = ([Tap { offset: 0, depth: inputs }], padded(bias, blocks * lanes));
        let packed = Vec::with_capacity(inputs * blocks * lanes);
        let mut linear = Linear { inputs, outputs, taps, groups, weights: packed, bias, activation };
        linear.repack(lanes, weights);
        Some(linear)
    }

    /// Packs other `weights` [inputs, outputs] of the same sizes, for vectors of the same number of `lanes`.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn repack(&mut self, lanes: usize, weights: &[f32]) {
        assert_eq!(weights.len(), self.inputs * self.outputs, "weights of the same sizes");
        self.weights.clear();
        for group in &self.groups {
            for row in weights.chunks_exact(self.outputs) {
                let (first, end) = (group.first * lanes, (group.first + group.blocks) * lanes);
                self.weights.extend_from_slice(&row[first..end.min(self.outputs)]);
                // What a block has beyond the last output is nothing.
                self.weights.resize(self.weights.len() + end.saturating_sub(self.outputs), 0.0);
            }
        }
    }

    #[inline(always)]
    unsafe fn run<V: Vector>(&self, input: *const f32, output: *mut f32, rows: Range<usize>, group: Group) {
        // SAFETY: the caller's promise.
        unsafe {
            match group.blocks {
                1 => self.rows::<V, 1>(input, output, rows, group),
                2 => self.rows::<V, 2>(input, output, rows, group),
                _ => self.rows::<V, 3>(input, output, rows, group),
            }
        }
    }

    #[inline(always)]
    unsafe fn rows<V: Vector, const Q: usize>(
        &self,
        input: *const f32,
        output: *mut f32,
        rows: Range<usize>,
        group: Group,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            tiles!(V, rows, |row, COUNT| self.tile::<V, COUNT, Q>(input, output, row, group));
        }
    }

    #[inline(always)]
    unsafe fn tile<V: Vector, const P: usize, const Q: usize>(
        &self,
        input: *const f32,
        output: *mut f32,
        row: usize,
        group: Group,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut start = [V::splat(0.0); Q];
            for (q, start) in start.iter_mut().enumerate() {
                *start = V::load(self.bias.as_ptr().add((group.first + q) * V::LANES));
            }
            let weights = self.weights.as_ptr().add(group.weights);
            let from = input.add(row * self.inputs);
            let sums = tile::<V, P, Q, 0, false>(&self.taps, from, self.inputs, weights, start);
            let to = output.add(row * self.outputs + group.first * V::LANES);
            for (p, sums) in sums.into_iter().enumerate() {
                for (q, sum) in sums.into_iter().enumerate() {
                    let sum = if self.activation == Activation::Relu { sum.max(V::splat(0.0)) } else { sum };
                    let left = self.outputs - (group.first + q) * V::LANES;
                    sum.store_some(to.add(p * self.outputs + q * V::LANES), left);
                }
            }
            // What is long goes over what was stored: its code, once for every sum in registers, would not fit.
            if self.activation.is_long() {
                for ix in 0..P * Q {
                    let at = to.add(ix / Q * self.outputs + ix % Q * V::LANES);
                    let left = self.outputs - (group.first + ix % Q) * V::LANES;
                    self.activation.apply_long(V::load_some(at, left)).store_some(at, left);
                }
            }
        }
    }
}

/// Layer normalisation (Ba et al. 2016) without scale and shift: rows of mean 0 and variance 1.
#[derive(Clone, Debug)]
pub(in crate::engine) struct LayerNorm {
    channels: usize,
    epsilon: f32,
}

impl LayerNorm {
    /// For rows of `channels`, which are not 0.
    pub fn new(channels: usize, epsilon: f32) -> Self {
        LayerNorm { channels, epsilon }
    }

    #[inline(always)]
    unsafe fn run<V: Vector>(&self, input: *const f32, output: *mut f32, rows: Range<usize>) {
        let share = 1.0 / self.channels as f32;
        let whole = self.channels - self.channels % V::LANES;
        for row in rows {
            // SAFETY: the caller's promise.
            unsafe {
                let (from, to) = (input.add(row * self.channels), output.add(row * self.channels));
                let mut sum = V::splat(0.0);
                for at in (0..whole).step_by(V::LANES) {
                    sum = sum.add(V::load(from.add(at)));
                }
                let rest: f32 = (whole..self.channels).map(|at| *from.add(at)).sum();
                let middle = (total(sum) + rest) * share;
                let mean = V::splat(middle);
                let mut squares = V::splat(0.0);
                for at in (0..whole).step_by(V::LANES) {
                    let apart = V::load(from.add(at)).sub(mean);
                    squares = squares.mul_add(apart, apart);
                }
                let rest: f32 = (whole..self.channels).map(|at| (*from.add(at) - middle).powi(2)).sum();
                let scale = 1.0 / ((total(squares) + rest) * share + self.epsilon).sqrt();
                let factor = V::splat(scale);
                for at in (0..whole).step_by(V::LANES) {
                    V::load(from.add(at)).sub(mean).mul(factor).store(to.add(at));
                }
                for at in whole..self.channels {
                    *to.add(at) = (*from.add(at) - middle) * scale;
                }
            }
        }
    }
}

/// As [`LayerNorm`], of every pixel's channels in planar pictures [channels, pixels].
#[derive(Clone, Debug)]
pub(in crate::engine) struct PixelNorm {
    channels: usize,
    pixels: usize,
    epsilon: f32,
}

/// Pixels of a unit of [`PixelNorm`]: a page of each channel.
const PIXELS: usize = 1024;

impl PixelNorm {
    /// For pictures of `pixels` of `channels`, neither of them 0.
    pub fn new(channels: usize, pixels: usize, epsilon: f32) -> Self {
        PixelNorm { channels, pixels, epsilon }
    }

    #[inline(always)]
    unsafe fn run<V: Vector>(&self, input: *const f32, output: *mut f32, unit: usize) {
        let pieces = self.pixels.div_ceil(PIXELS);
        let first = unit % pieces * PIXELS;
        let count = PIXELS.min(self.pixels - first);
        let offset = unit / pieces * self.channels * self.pixels + first;
        let whole = count - count % V::LANES;
        // SAFETY: the caller's promise.
        unsafe {
            let (from, to) = (input.add(offset), output.add(offset));
            for at in (0..whole).step_by(V::LANES) {
                self.vector::<V>(from.add(at), to.add(at), V::LANES);
            }
            if whole < count {
                self.vector::<V>(from.add(whole), to.add(whole), count - whole);
            }
        }
    }

    /// `left` pixels, a vector of them at most.
    #[inline(always)]
    unsafe fn vector<V: Vector>(&self, from: *const f32, to: *mut f32, left: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let share = V::splat(1.0 / self.channels as f32);
            let mut sum = V::splat(0.0);
            for channel in 0..self.channels {
                sum = sum.add(V::load_some(from.add(channel * self.pixels), left));
            }
            let mean = sum.mul(share);
            let mut squares = V::splat(0.0);
            for channel in 0..self.channels {
                let apart = V::load_some(from.add(channel * self.pixels), left).sub(mean);
                squares = squares.mul_add(apart, apart);
            }
            let mut factors = [0.0f32; 16];
            squares.mul(share).add(V::splat(self.epsilon)).store(factors.as_mut_ptr());
            factors.iter_mut().for_each(|factor| *factor = 1.0 / factor.sqrt());
            let factor = V::load(factors.as_ptr());
            for channel in 0..self.channels {
                let at = channel * self.pixels;
                V::load_some(from.add(at), left).sub(mean).mul(factor).store_some(to.add(at), left);
            }
        }
    }
}

/// The sum over the lanes.
///
/// # Safety
/// The contract of [`Vector`].
#[inline(always)]
unsafe fn total<V: Vector>(vector: V) -> f32 {
    let mut lanes = [0.0f32; 16];
    // SAFETY: the caller's promise; no vector has more lanes.
    unsafe { vector.store(lanes.as_mut_ptr()) }
    lanes.iter().sum()
}
