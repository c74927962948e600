//! Four lanes with NEON: 32 registers.

use std::arch::aarch64::*;
use std::ops::Range;

use super::super::dots::{Sums, run_dots, sums};
use super::super::finish::Finish;
use super::super::quantized::QuantizedConvolution;
use super::super::task::{Task, run_task};
use super::super::vector::{FAR, Vector, lanes};

lanes!(
    float32x4_t, 4, 8,
    splat vdupq_n_f32, load vld1q_f32, store vst1q_f32, add vaddq_f32, sub vsubq_f32, mul vmulq_f32,
    div vdivq_f32, max vmaxq_f32, min vminq_f32, mul_add |sum, a, b| vfmaq_f32(sum, a, b),
    zip |p, q| (vzip1q_f32(p, q), vzip2q_f32(p, q)),
    lowest -128, load_bytes |from| {
        let four = vreinterpret_s8_s32(vdup_n_s32(from.cast::<i32>().read_unaligned()));
        vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(four))))
    },
    store_bytes |bytes, zero, to| {
        let steps = vcvtnq_s32_f32(vminq_f32(bytes, vdupq_n_f32(FAR)));
        let words = vqmovn_s32(vaddq_s32(steps, vdupq_n_s32(zero)));
        let stored = vqmovn_s16(vcombine_s16(words, words));
        to.cast::<i32>().write_unaligned(vget_lane_s32::<0>(vreinterpret_s32_s8(stored)));
    },
    store_words |words, flip, into| vst1q_s32(into, veorq_s32(vcvtnq_s32_f32(words), vdupq_n_s32(flip)))
);

/// # Safety
/// As [`run_task`], on a processor with NEON.
#[target_feature(enable = "neon")]
pub(in super::super) unsafe fn run(task: &Task<'_>) {
    // SAFETY: the caller's promise; this is compiled for the instructions.
    unsafe { run_task::<Lanes>(task) }
}

sums!(
    "neon", Lanes, int32x4_t,
    load |from| vld1q_s32(from), floats |sums| Lanes(vcvtq_f32_s32(sums)),
    weights (int8x16_t) |packed| vld1q_s8(packed.cast()),
    bytes 16,
    pixel (int8x8_t) |at| vreinterpret_s8_s32(vdup_n_s32(at.cast::<i32>().read_unaligned())),
    dot |sum, p, w| {
        let first = vpaddlq_s16(vmull_s8(p, vget_low_s8(w)));
        let second = vpaddlq_s16(vmull_s8(p, vget_high_s8(w)));
        vaddq_s32(sum, vpaddq_s32(first, second))
    }
);
