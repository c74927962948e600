//! Products of bytes with the dot product of ARMv8.2, on [`super::neon`]'s vectors.

use std::arch::aarch64::*;
use std::arch::asm;
use std::ops::Range;

use super::super::dots::{STEP, Sums, run_dots, sums};
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
    },

    /// Four pixels that lie side by side are one register, of whose words the instruction takes one.
    #[inline(always)]
    unsafe fn add_products<const P: usize, const Q: usize>(
        sums: &mut [[Self; Q]; P],
        at: *const u8,
        step: usize,
        weights: [int8x16_t; Q],
    ) {
        // SAFETY: the contract of the trait.
        unsafe {
            if P % 4 == 0 && step == STEP {
                for (four, sums) in sums.chunks_exact_mut(4).enumerate() {
                    let pixels = vld1q_s8(at.add(4 * STEP * four).cast());
                    for (q, weights) in weights.into_iter().enumerate() {
                        sums[0][q].0 = with_word::<0>(sums[0][q].0, weights, pixels);
                        sums[1][q].0 = with_word::<1>(sums[1][q].0, weights, pixels);
                        sums[2][q].0 = with_word::<2>(sums[2][q].0, weights, pixels);
                        sums[3][q].0 = with_word::<3>(sums[3][q].0, weights, pixels);
                    }
                }
            } else {
                for (p, sums) in sums.iter_mut().enumerate() {
                    let pixel = Self::pixel(at.add(p * step));
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = sum.dot(pixel, weights);
                    }
                }
            }
        }
    }
);

/// `sum` and the products of the weights with word `WORD` of `pixels`.
#[inline(always)]
unsafe fn with_word<const WORD: i32>(mut sum: int32x4_t, weights: int8x16_t, pixels: int8x16_t) -> int32x4_t {
    // SAFETY: only registers are touched; the processor has the instruction by the contract of `Sums`.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {w:v}.16b, {p:v}.4b[{word}]",
            sum = inout(vreg) sum, w = in(vreg) weights, p = in(vreg) pixels, word = const WORD,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}
