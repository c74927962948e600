//! Depthwise convolution: each channel has a kernel of its own, so lanes never meet.

use super::blocked::Blocked;
use super::convolution::{Finish, Window, padded};
use super::vector::Vector;

/// A depthwise convolution with its weights packed [blocks, kernel height * kernel width, lanes].
#[derive(Clone, Debug)]
pub(in crate::engine) struct Depthwise {
    input: Blocked,
    output: Blocked,
    window: Window,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Depthwise {
    /// Packs `weights` [channels, 1, kernel height, kernel width] and `bias` [channels]. `None` where the shapes do not fit
    /// or the input's border is too small for the window.
    pub fn new(input: Blocked, output: Blocked, window: Window, weights: &[f32], bias: &[f32]) -> Option<Self> {
        let places = window.kernel[0] * window.kernel[1];
        let channels = input.channels;
        let same = channels == output.channels && weights.len() == channels * places && bias.len() == channels;
        if [places, window.stride, output.height, output.width, channels].contains(&0)
            || !same
            || input.lanes != output.lanes
            || !window.fits(&input, &output)
        {
            return None;
        }
        let lanes = input.lanes;
        let mut packed = vec![0.0; input.blocks() * places * lanes];
        for (channel, kernel) in weights.chunks_exact(places).enumerate() {
            for (place, weight) in kernel.iter().enumerate() {
                packed[(channel / lanes * places + place) * lanes + channel % lanes] = *weight;
            }
        }
        let bias = padded(bias, input.blocks() * lanes);
        Some(Depthwise { input, output, window, weights: packed, bias })
    }

    pub fn input(&self) -> Blocked {
        self.input
    }

    pub fn output(&self) -> Blocked {
        self.output
    }

    /// Pieces of work: rows of each block.
    pub fn units(&self) -> usize {
        self.output.rows()
    }

    /// # Safety
    /// As [`super::convolution::Convolution::run`].
    #[inline(always)]
    pub(super) unsafe fn run<V: Vector>(&self, input: *const f32, finish: &Finish, unit: usize) {
        let place = self.output.row_of(unit);
        // SAFETY: the caller's promise.
        unsafe {
            match (self.window.kernel, self.window.stride) {
                ([3, 3], 1) => self.row::<V, 3, 1>(input, finish, place),
                ([3, 3], 2) => self.row::<V, 3, 2>(input, finish, place),
                ([5, 5], 1) => self.row::<V, 5, 1>(input, finish, place),
                ([5, 5], 2) => self.row::<V, 5, 2>(input, finish, place),
                _ => self.row::<V, 0, 0>(input, finish, place),
            }
        }
    }

    #[inline(always)]
    unsafe fn row<V: Vector, const K: usize, const S: usize>(
        &self,
        input: *const f32,
        finish: &Finish,
        [block, y]: [usize; 2],
    ) {
        let width = self.output.width;
        let mut x = 0;
        // SAFETY: the caller's promise.
        unsafe {
            if V::PIXELS == 8 {
                while x + 8 <= width {
                    self.tile::<V, 8, K, S>(input, finish, [block, y, x]);
                    x += 8;
                }
            }
            while x + 4 <= width {
                self.tile::<V, 4, K, S>(input, finish, [block, y, x]);
                x += 4;
            }
            while x < width {
                self.tile::<V, 1, K, S>(input, finish, [block, y, x]);
                x += 1;
            }
        }
    }

    /// `P` pixels. `K` is the kernel's side and `S` the stride where they are known when this is compiled, else 0: then
    /// neighbouring pixels share what they load.
    #[inline(always)]
    unsafe fn tile<V: Vector, const P: usize, const K: usize, const S: usize>(
        &self,
        input: *const f32,
        finish: &Finish,
        [block, y, x]: [usize; 3],
    ) {
        let Window { kernel, stride, padding: [top, left] } = self.window;
        let (stride, [kh, kw]) = if K > 0 { (S, [K, K]) } else { (stride, kernel) };
        let row = y * stride + self.input.before - top;
        let column = x * stride + self.input.before - left;
        // SAFETY: the caller's promise; `new` has checked that the border holds what the window reads around the input.
        unsafe {
            let corner = input.add(block * self.input.plane() + row * self.input.row() + column * V::LANES);
            let weights = self.weights.as_ptr().add(block * kh * kw * V::LANES);
            let mut sums = [[finish.start::<V>(&self.bias, block)]; P];
            for ky in 0..kh {
                let line = corner.add(ky * self.input.row());
                for kx in 0..kw {
                    let weight = V::load(weights.add((ky * kw + kx) * V::LANES));
                    for (p, [sum]) in sums.iter_mut().enumerate() {
                        let value = V::load(line.add((p * stride + kx) * V::LANES));
                        *sum = sum.mul_add(value, weight);
                    }
                }
            }
            finish.store(sums, &self.output, [block, y, x]);
        }
    }
}
