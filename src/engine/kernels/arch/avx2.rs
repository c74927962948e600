//! Eight lanes with AVX2 and FMA: 16 registers, so that a tile has half as many pixels.

use std::arch::x86_64::*;
use std::ops::Range;

use super::super::dots::{Sums, run_dots, sums};
use super::super::finish::Finish;
use super::super::quantized::QuantizedConvolution;
use super::super::task::{Task, run_task};
use super::super::vector::{FAR, Vector, lanes};

lanes!(
    __m256, 8, 4,
    splat _mm256_set1_ps, load _mm256_loadu_ps, store _mm256_storeu_ps, add _mm256_add_ps, sub _mm256_sub_ps, mul _mm256_mul_ps,
    div _mm256_div_ps, max _mm256_max_ps, min _mm256_min_ps, mul_add |sum, a, b| _mm256_fmadd_ps(a, b, sum),
    zip |p, q| {
        let (low, high) = (_mm256_unpacklo_ps(p, q), _mm256_unpackhi_ps(p, q));
        (_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
    },
    lowest 0, load_bytes |from| _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))),
    store_bytes |bytes, zero, to| {
        let steps = _mm256_cvtps_epi32(_mm256_min_ps(bytes, _mm256_set1_ps(FAR)));
        let stored = _mm256_add_epi32(steps, _mm256_set1_epi32(zero));
        let words = _mm_packs_epi32(_mm256_castsi256_si128(stored), _mm256_extracti128_si256::<1>(stored));
        _mm_storel_epi64(to.cast(), _mm_packus_epi16(words, words));
    },
    store_words |words, flip, into| {
        _mm256_storeu_si256(into.cast(), _mm256_xor_si256(_mm256_cvtps_epi32(words), _mm256_set1_epi32(flip)));
    }
);

/// # Safety
/// As [`run_task`], on a processor with AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(in super::super) unsafe fn run(task: &Task<'_>) {
    // SAFETY: the caller's promise; this is compiled for the instructions.
    unsafe { run_task::<Lanes>(task) }
}

// Even and odd channels apart, as pairs of 16-bit words: their products cannot saturate.
sums!(
    "avx2,fma", Lanes, __m256i,
    load |from| _mm256_loadu_si256(from.cast()), floats |sums| Lanes(_mm256_cvtepi32_ps(sums)),
    weights ([__m256i; 2]) |packed| [_mm256_loadu_si256(packed.cast()), _mm256_loadu_si256(packed.add(32).cast())],
    bytes 64,
    pixel ([__m256i; 2]) |at| {
        let four = _mm256_set1_epi32(at.cast::<i32>().read_unaligned());
        [_mm256_and_si256(four, _mm256_set1_epi16(0xff)), _mm256_srli_epi16::<8>(four)]
    },
    dot |sum, p, w| {
        let sum = _mm256_add_epi32(sum, _mm256_madd_epi16(p[0], w[0]));
        _mm256_add_epi32(sum, _mm256_madd_epi16(p[1], w[1]))
    }
);
