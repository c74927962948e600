//! Four lanes in plain Rust: what every processor runs, and what the baseline of x86-64 and aarch64 makes vectors of.

use super::super::task::{Task, run_task};
use super::super::vector::Vector;

#[derive(Clone, Copy)]
pub(super) struct Lanes([f32; 4]);

impl Lanes {
    #[inline(always)]
    fn with(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Lanes(std::array::from_fn(|ix| f(self.0[ix], other.0[ix])))
    }
}

// SAFETY: plain Rust, no instruction beyond the baseline.
unsafe impl Vector for Lanes {
    const LANES: usize = 4;
    const PIXELS: usize = 4;

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
        self.with(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.with(other, |a, b| if a < b { a } else { b })
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
}

/// # Safety
/// As [`run_task`].
pub(in super::super) unsafe fn run(task: &Task<'_>) {
    // SAFETY: the caller's promise; no instructions are needed.
    unsafe { run_task::<Lanes>(task) }
}
