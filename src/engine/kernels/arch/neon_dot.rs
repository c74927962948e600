//! Products of bytes with the dot product of ARMv8.2, on [`super::neon`]'s vectors.

use std::arch::aarch64::*;
use std::arch::asm;
use std::ops::Range;

use super::super::dots::{Sums, sums};
use super::super::finish::Finish;
use super::super::quantized::QuantizedConvolution;
use super::neon::Lanes;

sums!(
    "neon,dotprod", Lanes, int32x4_t,
    load |from| vld1q_s32(from), floats |sums| Lanes(vcvtq_f32_s32(sums)),
    weights (int8x16_t) |packed| vld1q_s8(packed.cast()),
    bytes 16,
    pixel (int8x16_t) |at| vreinterpretq_s8_s32(vdupq_n_s32(at.cast::<i32>().read_unaligned())),
    dot |sum, p, w| {
        // The intrinsic is not stable.
        let mut sum = sum;
        asm!(
            "sdot {sum:v}.4s, {w:v}.16b, {p:v}.16b",
            sum = inout(vreg) sum, w = in(vreg) w, p = in(vreg) p,
            options(pure, nomem, nostack, preserves_flags)
        );
        sum
    }
);
