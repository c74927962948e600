//! Convolution of bytes with signed bytes to 32-bit sums: an implicit matrix product as [`super::convolution`]'s.
//!
//! With pictures `(q - z) s` and weights `w t` for each output channel (Jacob et al., "Quantization and Training of Neural
//! Networks for Efficient Integer-Arithmetic-Only Inference", 2018), a sum is
//!
//! ```text
//! s t ( sum of q w  -  z * sum of w ) + bias
//! ```
//!
//! 1. The sums begin with the second term, which is exact and known beforehand; the border holds z, so that padding needs
//!    no care.
//! 2. A step multiplies four input channels of a pixel with weights of as many output channels as a register holds.
//! 3. What follows the sums (scale, bias, residual, activation, the output's grid) is done once in floats, in registers.

use std::ops::Range;

use super::blocked::Blocked;
use super::convolution::{Group, Window, groups_of, padded};
use super::dots::{Dots, STEP, Sums};
use super::finish::Finish;
use super::grid::Element;
use super::layout::PACKED;
use super::vector::{Vector, tiles};

/// A kernel place and a block of input channels.
#[derive(Clone, Copy, Debug)]
struct Tap {
    /// Bytes from the first input pixel of an output pixel.
    offset: usize,
    /// Steps of input channels.
    steps: usize,
}

/// A convolution of a picture of bytes, with its weights packed for one way of multiplying.
#[derive(Clone, Debug)]
pub(in crate::engine) struct QuantizedConvolution {
    input: Blocked,
    output: Blocked,
    stride: usize,
    padding: [usize; 2],
    dots: Dots,
    taps: Vec<Tap>,
    groups: Vec<Group>,
    weights: Weights,
    /// What the sums begin with.
    start: Vec<i32>,
    /// A sum's step in real numbers.
    scale: Vec<f32>,
    bias: Vec<f32>,
}

/// Packed weights from the beginning of a cache line on.
#[derive(Clone, Debug)]
struct Weights(Vec<Line>);

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl Weights {
    fn new(bytes: &[u8]) -> Self {
        let line = |bytes: &[u8]| {
            let mut line = Line([0; 64]);
            line.0[..bytes.len()].copy_from_slice(bytes);
            line
        };
        Weights(bytes.chunks(64).map(line).collect())
    }

    fn as_ptr(&self) -> *const u8 {
        self.0.as_ptr().cast()
    }
}

impl QuantizedConvolution {
    /// Packs `weights` [outputs, inputs, kernel height, kernel width], whose real values are times `scale` [outputs], and
    /// `bias` [outputs]. `None` where the shapes do not fit, the input is not of bytes, its border is too small for the
    /// window, or the sums could leave 32 bits.
    pub fn new(
        dots: Dots,
        [input, output]: [Blocked; 2],
        window: Window,
        weights: &[i8],
        [scale, bias]: [&[f32]; 2],
    ) -> Option<Self> {
        let Window { kernel: [kh, kw], stride, padding } = window;
        let Element::Byte(grid) = input.element else { return None };
        let sizes = [kh, kw, stride, output.height, output.width, input.channels, output.channels];
        let terms = input.channels * kh * kw;
        let same = weights.len() == output.channels * terms && [scale, bias].iter().all(|v| v.len() == output.channels);
        let lanes = output.lanes;
        let known = lanes == dots.variant().lanes() && (input.lanes == lanes || input.lanes == PACKED);
        if sizes.contains(&0)
            || !same
            || !known
            || terms > (i32::MAX / (128 * 256)) as usize
            || !window.fits(&input, &output)
        {
            return None;
        }
        let mut taps = Vec::new();
        for block in 0..input.blocks() {
            for (y, x) in (0..kh * kw).map(|k| (k / kw, k % kw)) {
                let offset = block * input.plane() + y * input.row() + x * input.lanes;
                taps.push(Tap { offset, steps: input.depth(block).div_ceil(STEP) });
            }
        }
        let at = |out: usize, channel: usize, k: usize| {
            let known = out < output.channels && channel < input.channels;
            if known { weights[(out * input.channels + channel) * kh * kw + k] } else { 0 }
        };
        let mut groups = groups_of(output.blocks(), dots.most_blocks());
        let mut packed = Vec::new();
        for group in &mut groups {
            group.weights = packed.len();
            for block in 0..input.blocks() {
                let first = block * input.lanes;
                for k in 0..kh * kw {
                    for channel in (first..first + input.depth(block)).step_by(STEP) {
                        for out in (group.first..group.first + group.blocks).map(|block| block * lanes) {
                            let of_block: Vec<[i8; STEP]> = (out..out + lanes)
                                .map(|out| std::array::from_fn(|next| at(out, channel + next, k)))
                                .collect();
                            dots.pack(&of_block, &mut packed);
                        }
                    }
                }
            }
        }
        let zero = grid.zero() + dots.lowest();
        let sum = |of_output: &[i8]| of_output.iter().map(|w| i32::from(*w)).sum::<i32>();
        let mut start: Vec<i32> = weights.chunks_exact(terms).map(|of_output| -zero * sum(of_output)).collect();
        start.resize(output.blocks() * lanes, 0);
        let step: Vec<f32> = scale.iter().map(|scale| scale * grid.scale()).collect();
        let [scale, bias] = [&step, bias].map(|values| padded(values, output.blocks() * lanes));
        let weights = Weights::new(&packed);
        Some(QuantizedConvolution { input, output, stride, padding, dots, taps, groups, weights, start, scale, bias })
    }

    pub fn input(&self) -> Blocked {
        self.input
    }

    pub fn output(&self) -> Blocked {
        self.output
    }

    pub fn dots(&self) -> Dots {
        self.dots
    }

    /// Multiply-accumulates.
    pub fn macs(&self) -> u64 {
        let terms: usize = self.taps.iter().map(|tap| tap.steps * STEP).sum();
        let taps = self.taps.len() / self.input.blocks();
        let terms = terms.min(taps * self.input.channels);
        (terms * self.output.channels * self.output.height * self.output.width) as u64
    }

    /// Independent pieces of work.
    pub fn units(&self) -> usize {
        self.groups.len() * self.output.height
    }

    /// Computes `units`.
    ///
    /// # Safety
    /// `input` and `finish` point to pictures of this plan's layouts, no other thread touches the same output rows and
    /// groups, and this processor can run [`Self::dots`].
    pub(super) unsafe fn run(&self, input: *const f32, finish: &Finish, units: Range<usize>) {
        // SAFETY: the caller's promise.
        unsafe { self.dots.run(self, input.cast(), finish, units) }
    }

    /// Computes unit `unit`.
    ///
    /// # Safety
    /// As [`Self::run`], with the sums of [`Self::dots`], from code that is compiled for them.
    #[inline(always)]
    pub(super) unsafe fn unit<S: Sums>(&self, input: *const u8, finish: &Finish, unit: usize) {
        let (group, y) = (self.groups[unit / self.output.height], unit % self.output.height);
        // SAFETY: the caller's promise.
        unsafe {
            match group.blocks {
                1 => self.row::<S, 1>(input, finish, group, y),
                2 => self.row::<S, 2>(input, finish, group, y),
                _ => self.row::<S, 3>(input, finish, group, y),
            }
        }
    }

    #[inline(always)]
    unsafe fn row<S: Sums, const Q: usize>(&self, input: *const u8, finish: &Finish, group: Group, y: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            tiles!(S::Vector, 0..self.output.width, |x, COUNT| self.tile::<S, COUNT, Q>(input, finish, group, [y, x]));
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Sums, const P: usize, const Q: usize>(
        &self,
        input: *const u8,
        finish: &Finish,
        group: Group,
        [y, x]: [usize; 2],
    ) {
        let [top, left] = self.padding;
        let row = y * self.stride + self.input.before - top;
        let column = x * self.stride + self.input.before - left;
        let lanes = S::Vector::LANES;
        // SAFETY: the caller's promise; `new` has checked that the border holds what the window reads around the input.
        unsafe {
            let pixel = input.add(row * self.input.row() + column * self.input.lanes);
            // Loops, not closures: those are functions of their own until they are inlined, without the instructions.
            let first = group.first * lanes;
            let mut start = [S::load(self.start.as_ptr().add(first)); Q];
            let mut scale = [S::Vector::load(self.scale.as_ptr().add(first)); Q];
            let mut bias = [finish.start::<S::Vector>(&self.bias, group.first); Q];
            for q in 1..Q {
                start[q] = S::load(self.start.as_ptr().add(first + q * lanes));
                scale[q] = S::Vector::load(self.scale.as_ptr().add(first + q * lanes));
                bias[q] = finish.start(&self.bias, group.first + q);
            }
            let weights = self.weights.as_ptr().add(group.weights);
            let sums = sums::<S, P, Q>(&self.taps, pixel, self.stride * self.input.lanes, weights, start);
            let mut real = [bias; P];
            for (real, sums) in real.iter_mut().zip(sums) {
                for q in 0..Q {
                    real[q] = bias[q].mul_add(scale[q], sums[q].floats());
                }
            }
            finish.store::<S::Vector, P, Q>(real, &self.output, [group.first, y, x]);
        }
    }
}

/// The sums of `P` pixels, `step` bytes apart from `pixel` on, and `Q` blocks: `start` plus every tap's products.
///
/// # Safety
/// The contract of [`Vector`]; every tap of every pixel is valid memory, and `weights` holds the steps of all taps times
/// `Q` packed weights.
#[inline(always)]
unsafe fn sums<S: Sums, const P: usize, const Q: usize>(
    taps: &[Tap],
    pixel: *const u8,
    step: usize,
    mut weights: *const u8,
    start: [S; Q],
) -> [[S; Q]; P] {
    let mut sums = [start; P];
    for tap in taps {
        // SAFETY: the caller's promise.
        unsafe {
            let first = pixel.add(tap.offset);
            for channels in 0..tap.steps {
                let mut registers = [S::weights(weights); Q];
                for (q, register) in registers.iter_mut().enumerate().skip(1) {
                    *register = S::weights(weights.add(q * S::WEIGHTS));
                }
                weights = weights.add(Q * S::WEIGHTS);
                S::add_products(&mut sums, first.add(channels * STEP), step, registers);
            }
        }
    }
    sums
}
