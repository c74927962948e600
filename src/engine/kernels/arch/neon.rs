//! Four lanes with NEON: 32 registers.

use std::arch::aarch64::*;

use super::super::task::{Task, run_task};
use super::super::vector::{Vector, lanes};

lanes!(
    float32x4_t, 4, 8,
    splat vdupq_n_f32, load vld1q_f32, store vst1q_f32, add vaddq_f32, sub vsubq_f32, mul vmulq_f32,
    div vdivq_f32, max vmaxq_f32, min vminq_f32, mul_add |sum, a, b| vfmaq_f32(sum, a, b),
    zip |p, q| (vzip1q_f32(p, q), vzip2q_f32(p, q))
);

/// # Safety
/// As [`run_task`], on a processor with NEON.
#[target_feature(enable = "neon")]
pub(in super::super) unsafe fn run(task: &Task<'_>) {
    // SAFETY: the caller's promise; this is compiled for the instructions.
    unsafe { run_task::<Lanes>(task) }
}
