//! What every step does to its sums at the end: bias, residual, activation, and the store.

use super::activation::Activation;
use super::blocked::Blocked;
use super::grid::{Element, Grid, Reader, by_element};
use super::vector::Vector;

/// Where a step that ends in an output picture reads and writes, and what it does before it stores.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finish {
    pub output: *mut f32,
    /// A picture that is added, null for none.
    pub residual: *const f32,
    /// Its layout.
    pub residual_picture: Blocked,
    /// One value a channel that is added, null for none.
    pub shift: *const f32,
    pub activation: Activation,
    /// The grid to which floats are rounded; bytes have their picture's.
    pub rounding: Option<Grid>,
}

impl Finish {
    /// Nothing but the store.
    pub(super) fn plain(output: *mut f32, picture: Blocked) -> Self {
        Finish {
            output,
            residual: std::ptr::null(),
            residual_picture: picture,
            shift: std::ptr::null(),
            activation: Activation::None,
            rounding: None,
        }
    }

    /// What the sums of `block` begin with.
    ///
    /// # Safety
    /// The contract of [`Vector`]; `bias` and `shift` hold the block.
    #[inline(always)]
    pub(super) unsafe fn start<V: Vector>(&self, bias: &[f32], block: usize) -> V {
        // SAFETY: the caller's promise.
        unsafe {
            let bias = V::load(bias.as_ptr().add(block * V::LANES));
            if self.shift.is_null() { bias } else { bias.add(V::load(self.shift.add(block * V::LANES))) }
        }
    }

    /// As [`Self::start`] for what has no bias.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub(super) unsafe fn start_without_bias<V: Vector>(&self, block: usize) -> V {
        // SAFETY: the caller's promise.
        unsafe { if self.shift.is_null() { V::splat(0.0) } else { V::load(self.shift.add(block * V::LANES)) } }
    }

    /// Adds the residual to, activates and stores `P` pixels of `Q` blocks from pixel (`x`, `y`) of `block` on.
    ///
    /// # Safety
    /// The contract of [`Vector`]; the pixels lie in both pictures.
    #[inline(always)]
    pub(super) unsafe fn store<V: Vector, const P: usize, const Q: usize>(
        &self,
        mut sums: [[V; Q]; P],
        picture: &Blocked,
        [block, y, x]: [usize; 3],
    ) {
        // What is to be done is asked once a tile, not once a pixel.
        // SAFETY: the caller's promise.
        unsafe {
            if !self.residual.is_null() {
                by_element!(self.residual_picture.element, |BYTES| {
                    self.add_residual::<V, BYTES, P, Q>(&mut sums, [block, y, x]);
                });
            }
            match self.activation {
                Activation::Relu => each(&mut sums, |sum| sum.max(V::splat(0.0))),
                Activation::Clamp(low, high) => {
                    let (low, high) = (V::splat(low), V::splat(high));
                    each(&mut sums, |sum| sum.max(low).min(high));
                }
                _ => {}
            }
            match picture.element {
                Element::Float => self.store_floats(sums, picture, [block, y, x]),
                Element::Byte(grid) => self.store_bytes(sums, picture, grid, [block, y, x]),
            }
        }
    }

    #[inline(always)]
    unsafe fn add_residual<V: Vector, const BYTES: bool, const P: usize, const Q: usize>(
        &self,
        sums: &mut [[V; Q]; P],
        [block, y, x]: [usize; 3],
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let reader = Reader::<V, BYTES>::new(self.residual, self.residual_picture.element);
            for q in 0..Q {
                let from = self.residual_picture.at(block + q, y, x);
                for (p, sums) in sums.iter_mut().enumerate() {
                    sums[q] = sums[q].add(reader.load(from + p * V::LANES));
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn store_floats<V: Vector, const P: usize, const Q: usize>(
        &self,
        sums: [[V; Q]; P],
        picture: &Blocked,
        [block, y, x]: [usize; 3],
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            for q in 0..Q {
                let to = self.output.add(picture.at(block + q, y, x));
                for (p, sums) in sums.iter().enumerate() {
                    sums[q].store(to.add(p * V::LANES));
                }
            }
            // What is long goes over what was stored: its code, once for every sum in registers, would not fit.
            if self.activation.is_long() || self.rounding.is_some() {
                for ix in 0..P * Q {
                    let at = self.output.add(picture.at(block + ix / P, y, x + ix % P));
                    let value = self.activation.apply_long(V::load(at));
                    let value = if let Some(grid) = self.rounding { grid.round(value) } else { value };
                    value.store(at);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn store_bytes<V: Vector, const P: usize, const Q: usize>(
        &self,
        mut sums: [[V; Q]; P],
        picture: &Blocked,
        grid: Grid,
        [block, y, x]: [usize; 3],
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            if self.activation.is_long() {
                for sum in sums.as_flattened_mut() {
                    *sum = self.activation.apply_long(*sum);
                }
            }
            for q in 0..Q {
                let to = self.output.cast::<u8>().add(picture.at(block + q, y, x));
                for (p, sums) in sums.iter().enumerate() {
                    grid.store(sums[q], to.add(p * V::LANES));
                }
            }
        }
    }
}

/// Changes every sum.
#[inline(always)]
fn each<V: Copy, const P: usize, const Q: usize>(sums: &mut [[V; Q]; P], change: impl Fn(V) -> V) {
    for sum in sums.iter_mut().flatten() {
        *sum = change(*sum);
    }
}
