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
}

impl RowWork {
    pub fn inputs(&self) -> usize {
        match self {
            RowWork::Linear(linear) => linear.inputs,
            RowWork::Normalize(norm) => norm.channels,
        }
    }

    pub fn outputs(&self) -> usize {
        match self {
            RowWork::Linear(linear) => linear.outputs,
            RowWork::Normalize(norm) => norm.channels,
        }
    }

    fn units(&self, rows: usize) -> usize {
        let groups = if let RowWork::Linear(linear) = self { linear.groups.len() } else { 1 };
        groups * rows.div_ceil(ROWS)
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
        let chunks = rows.div_ceil(ROWS);
        let first = unit % chunks * ROWS;
        let of_unit = first..(first + ROWS).min(rows);
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                RowWork::Linear(linear) => linear.run::<V>(input, output, of_unit, linear.groups[unit / chunks]),
                RowWork::Normalize(norm) => norm.run::<V>(input, output, of_unit),
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
    /// Packs `weights` [inputs, outputs] and `bias` [outputs] for vectors of `lanes`. `None` where the sizes do not fit, or
    /// the outputs are no whole number of vectors.
    pub fn new(
        lanes: usize,
        [inputs, outputs]: [usize; 2],
        weights: &[f32],
        bias: &[f32],
        activation: Activation,
    ) -> Option<Self> {
        let fits = inputs > 0 && outputs > 0 && outputs.is_multiple_of(lanes) && bias.len() == outputs;
        if !fits || weights.len() != inputs * outputs {
            return None;
        }
        let groups = groups(outputs / lanes, inputs, lanes);
        let (taps, bias) = ([Tap { offset: 0, depth: inputs }], padded(bias, outputs));
        let packed = Vec::with_capacity(weights.len());
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
                self.weights.extend_from_slice(&row[group.first * lanes..(group.first + group.blocks) * lanes]);
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
                    sum.store(to.add(p * self.outputs + q * V::LANES));
                }
            }
            // What is long goes over what was stored: its code, once for every sum in registers, would not fit.
            if self.activation.is_long() {
                for ix in 0..P * Q {
                    let at = to.add(ix / Q * self.outputs + ix % Q * V::LANES);
                    self.activation.apply_long(V::load(at)).store(at);
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
    /// For rows of `channels`, a whole number of vectors of `lanes`.
    pub fn new(lanes: usize, channels: usize, epsilon: f32) -> Option<Self> {
        (channels > 0 && channels.is_multiple_of(lanes)).then_some(LayerNorm { channels, epsilon })
    }

    #[inline(always)]
    unsafe fn run<V: Vector>(&self, input: *const f32, output: *mut f32, rows: Range<usize>) {
        let share = 1.0 / self.channels as f32;
        for row in rows {
            // SAFETY: the caller's promise.
            unsafe {
                let (from, to) = (input.add(row * self.channels), output.add(row * self.channels));
                let mut sum = V::splat(0.0);
                for at in (0..self.channels).step_by(V::LANES) {
                    sum = sum.add(V::load(from.add(at)));
                }
                let mean = V::splat(total(sum) * share);
                let mut squares = V::splat(0.0);
                for at in (0..self.channels).step_by(V::LANES) {
                    let apart = V::load(from.add(at)).sub(mean);
                    squares = squares.mul_add(apart, apart);
                }
                let factor = V::splat(1.0 / (total(squares) * share + self.epsilon).sqrt());
                for at in (0..self.channels).step_by(V::LANES) {
                    V::load(from.add(at)).sub(mean).mul(factor).store(to.add(at));
                }
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
