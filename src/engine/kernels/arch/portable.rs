//! Four lanes in plain Rust: what every processor runs, and what the baseline of x86-64 and aarch64 makes vectors of.

use std::ops::Range;

use super::super::dots::{STEP, Sums, run_dots};
use super::super::finish::Finish;
use super::super::quantized::QuantizedConvolution;
use super::super::task::{Task, run_task};
use super::super::vector::{FAR, Vector};

#[derive(Clone, Copy)]
pub(super) struct Lanes([f32; 4]);

impl Lanes {
    #[inline(always)]
    fn with(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Lanes(std::array::from_fn(|ix| f(self.0[ix], other.0[ix])))
    }

    /// The nearest whole numbers, ties to even; what lies beyond [`FAR`] goes there.
    #[inline(always)]
    fn whole(self) -> [i32; 4] {
        // From here on neighbouring floats are 1 apart.
        const WHOLE: f32 = 12_582_912.0;
        self.0.map(|value| (value.clamp(-FAR, FAR) + WHOLE - WHOLE) as i32)
    }
}

// SAFETY: plain Rust, no instruction beyond the baseline.
unsafe impl Vector for Lanes {
    const LANES: usize = 4;
    const PIXELS: usize = 4;
    const LOWEST: i32 = 0;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Lanes([value; 4])
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Lanes(unsafe { at.cast::<[f32; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[f32; 4]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.with(other, |a, b| a / b)
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.with(other, |a, b| if a < b { b } else { a })
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.with(other, |a, b| if a > b { b } else { a })
    }

    #[inline(always)]
    unsafe fn zip(self, other: Self) -> (Self, Self) {
        let (p, q) = (self.0, other.0);
        (Lanes([p[0], q[0], p[1], q[1]]), Lanes([p[2], q[2], p[3], q[3]]))
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        Lanes(std::array::from_fn(|ix| self.0[ix] + a.0[ix] * b.0[ix]))
    }

    #[inline(always)]
    unsafe fn load_bytes(at: *const u8) -> Self {
        // SAFETY: the caller's promise.
        Lanes(unsafe { at.cast::<[u8; 4]>().read_unaligned() }.map(f32::from))
    }

    #[inline(always)]
    unsafe fn store_bytes(self, zero: i32, at: *mut u8) {
        let stored = self.whole().map(|step| (step + zero).clamp(0, 255) as u8);
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[u8; 4]>().write_unaligned(stored) }
    }

    #[inline(always)]
    unsafe fn store_words(self, flip: i32, at: *mut i32) {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[i32; 4]>().write_unaligned(self.0.map(|word| word as i32 ^ flip)) }
    }
}

/// # Safety
/// As [`run_task`].
pub(in super::super) unsafe fn run(task: &Task<'_>) {
    // SAFETY: the caller's promise; no instructions are needed.
    unsafe { run_task::<Lanes>(task) }
}

#[derive(Clone, Copy)]
struct Dot([i32; 4]);

// SAFETY: plain Rust, no instruction beyond the baseline.
unsafe impl Sums for Dot {
    type Vector = Lanes;
    type Weights = [[i8; STEP]; 4];
    type Pixel = [u8; STEP];
    const WEIGHTS: usize = 4 * STEP;

    #[inline(always)]
    unsafe fn load(at: *const i32) -> Self {
        // SAFETY: the caller's promise, here and below.
        Dot(unsafe { at.cast::<[i32; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn weights(at: *const u8) -> Self::Weights {
        unsafe { at.cast::<Self::Weights>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn pixel(at: *const u8) -> Self::Pixel {
        unsafe { at.cast::<Self::Pixel>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn dot(self, pixel: Self::Pixel, weights: Self::Weights) -> Self {
        let products =
            |lane: usize| (0..STEP).map(|ix| i32::from(pixel[ix]) * i32::from(weights[lane][ix])).sum::<i32>();
        Dot(std::array::from_fn(|lane| self.0[lane] + products(lane)))
    }

    #[inline(always)]
    unsafe fn floats(self) -> Lanes {
        Lanes(self.0.map(|sum| sum as f32))
    }
}

run_dots!();
