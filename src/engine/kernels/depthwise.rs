//! Depthwise convolution: each channel has a kernel of its own, so lanes never meet; or two of them, which make two channels that
//! lie side by side.

use super::blocked::Blocked;
use super::convolution::{Window, padded};
use super::finish::Finish;
use super::grid::{Element, by_element};
use super::vector::{Vector, tiles};

/// A depthwise convolution with its weights packed [blocks, kernel height * kernel width, lanes]. Bytes are multiplied as
/// they are stored; the weights hold their scale, and what their zero adds up to is taken off at the beginning.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Depthwise {
    input: Blocked,
    output: Blocked,
    window: Window,
    weights: Vec<f32>,
    bias: Vec<f32>,
    /// Each channel's sum of weights, where the input is of bytes.
    zeros: Vec<f32>,
}

impl Depthwise {
    /// Packs `weights` [channels, 1, kernel height, kernel width] and `bias` [channels] of as many channels as the output has,
    /// which are those of the input or twice as many. `None` where the shapes do not fit or the input's border is too small for
    /// the window.
    pub fn new(input: Blocked, output: Blocked, window: Window, weights: &[f32], bias: &[f32]) -> Option<Self> {
        let places = window.kernel[0] * window.kernel[1];
        let channels = output.channels;
        let same = [input.channels, 2 * input.channels].contains(&channels)
            && weights.len() == channels * places
            && bias.len() == channels;
        if [places, window.stride, output.height, output.width, channels].contains(&0)
            || !same
            || input.lanes != output.lanes
            || !window.fits(&input, &output)
        {
            return None;
        }
        let lanes = input.lanes;
        let scale = match input.element {
            Element::Float => 1.0,
            Element::Byte(grid) => grid.scale(),
        };
        let mut packed = vec![0.0; output.blocks() * places * lanes];
        let mut zeros = vec![0.0; output.blocks() * lanes];
        for (channel, kernel) in weights.chunks_exact(places).enumerate() {
            for (place, weight) in kernel.iter().enumerate() {
                packed[(channel / lanes * places + place) * lanes + channel % lanes] = weight * scale;
                zeros[channel] += weight * scale;
            }
        }
        let bias = padded(bias, output.blocks() * lanes);
        Some(Depthwise { input, output, window, weights: packed, bias, zeros })
    }

    pub fn input(&self) -> Blocked {
        self.input
    }

    pub fn output(&self) -> Blocked {
        self.output
    }

    /// Multiply-accumulates.
    pub fn macs(&self) -> u64 {
        let [height, width] = self.window.kernel;
        (height * width * self.output.channels * self.output.height * self.output.width) as u64
    }

    /// Pieces of work: rows of each block.
    pub fn units(&self) -> usize {
        self.output.rows()
    }

    /// # Safety
    /// As [`super::convolution::Convolution::run`].
    #[inline(always)]
    pub(super) unsafe fn run<V: Vector>(&self, input: *const f32, finish: &Finish, unit: usize) {
        let [block, y] = self.output.row_of(unit);
        // SAFETY: the caller's promise.
        unsafe {
            tiles!(V, 0..self.output.width, |x, COUNT| self.tile::<V, COUNT>(input, finish, [block, y, x]));
        }
    }

    #[inline(always)]
    unsafe fn tile<V: Vector, const P: usize>(&self, input: *const f32, finish: &Finish, at: [usize; 3]) {
        // SAFETY: the caller's promise.
        unsafe {
            // One end for every way: it is long.
            let sums = by_element!(self.input.element, |BYTES| self.sums_of::<V, P, BYTES>(input, finish, at));
            finish.store(sums, &self.output, at);
        }
    }

    #[inline(always)]
    unsafe fn sums_of<V: Vector, const P: usize, const BYTES: bool>(
        &self,
        input: *const f32,
        finish: &Finish,
        at: [usize; 3],
    ) -> [[V; 1]; P] {
        // SAFETY: the caller's promise.
        unsafe {
            if self.output.channels != self.input.channels {
                return self.sums::<V, BYTES, true, P, 0, 0>(input, finish, at);
            }
            match (self.window.kernel, self.window.stride) {
                ([3, 3], 1) => self.sums::<V, BYTES, false, P, 3, 1>(input, finish, at),
                ([3, 3], 2) => self.sums::<V, BYTES, false, P, 3, 2>(input, finish, at),
                ([5, 5], 1) => self.sums::<V, BYTES, false, P, 5, 1>(input, finish, at),
                ([5, 5], 2) => self.sums::<V, BYTES, false, P, 5, 2>(input, finish, at),
                _ => self.sums::<V, BYTES, false, P, 0, 0>(input, finish, at),
            }
        }
    }

    /// The sums of `P` pixels. `TWICE` says that every channel of the input makes two of the output; `K` is the kernel's side and `S` the stride where they are known when this is compiled, else
    /// 0: then neighbouring pixels share what they load.
    #[inline(always)]
    unsafe fn sums<V: Vector, const BYTES: bool, const TWICE: bool, const P: usize, const K: usize, const S: usize>(
        &self,
        input: *const f32,
        finish: &Finish,
        [block, y, x]: [usize; 3],
    ) -> [[V; 1]; P] {
        let Window { kernel, stride, padding: [top, left] } = self.window;
        let (stride, [kh, kw]) = if K > 0 { (S, [K, K]) } else { (stride, kernel) };
        let row = y * stride + self.input.before - top;
        let column = x * stride + self.input.before - left;
        // SAFETY: the caller's promise; `new` has checked that the border holds what the window reads around the input.
        unsafe {
            let of_input = if TWICE { block / 2 } else { block };
            let corner = of_input * self.input.plane() + row * self.input.row() + column * V::LANES;
            let mut start = finish.start::<V>(&self.bias, block);
            if let Element::Byte(grid) = self.input.element {
                let sum = V::load(self.zeros.as_ptr().add(block * V::LANES));
                start = start.mul_add(sum, V::splat(-(grid.stored_zero::<V>() as f32)));
            }
            let weights = self.weights.as_ptr().add(block * kh * kw * V::LANES);
            let mut sums = [[start]; P];
            for ky in 0..kh {
                let line = corner + ky * self.input.row();
                for kx in 0..kw {
                    let weight = V::load(weights.add((ky * kw + kx) * V::LANES));
                    for (p, [sum]) in sums.iter_mut().enumerate() {
                        let at = line + (p * stride + kx) * V::LANES;
                        let mut value =
                            if BYTES { V::load_bytes(input.cast::<u8>().add(at)) } else { V::load(input.add(at)) };
                        if TWICE {
                            // Every channel of one half of the block, twice.
                            let (first, second) = value.zip(value);
                            value = if block % 2 == 0 { first } else { second };
                        }
                        *sum = sum.mul_add(value, weight);
                    }
                }
            }
            sums
        }
    }
}
