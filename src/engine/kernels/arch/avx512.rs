//! Sixteen lanes with AVX-512: 32 registers.

use std::arch::x86_64::*;
use std::ops::Range;

use super::super::dots::{Sums, run_dots, sums};
use super::super::finish::Finish;
use super::super::quantized::QuantizedConvolution;
use super::super::task::{Task, run_task};
use super::super::vector::{FAR, Vector, lanes};

lanes!(
    __m512, 16, 8,
    splat _mm512_set1_ps, load _mm512_loadu_ps, store _mm512_storeu_ps, add _mm512_add_ps, sub _mm512_sub_ps, mul _mm512_mul_ps,
    div _mm512_div_ps, max _mm512_max_ps, min _mm512_min_ps, mul_add |sum, a, b| _mm512_fmadd_ps(a, b, sum),
    zip |p, q| {
        let first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        let second = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        (_mm512_permutex2var_ps(p, first, q), _mm512_permutex2var_ps(p, second, q))
    },
    lowest 0, load_bytes |from| _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))),
    store_bytes |bytes, zero, to| {
        let steps = _mm512_cvtps_epi32(_mm512_min_ps(bytes, _mm512_set1_ps(FAR)));
        let stored = _mm512_max_epi32(_mm512_add_epi32(steps, _mm512_set1_epi32(zero)), _mm512_setzero_si512());
        _mm_storeu_si128(to.cast(), _mm512_cvtusepi32_epi8(stored));
    },
    store_words |words, flip, into| {
        _mm512_storeu_si512(into.cast(), _mm512_xor_si512(_mm512_cvtps_epi32(words), _mm512_set1_epi32(flip)));
    }
);

/// # Safety
/// As [`run_task`], on a processor with AVX-512F.
#[target_feature(enable = "avx512f")]
pub(in super::super) unsafe fn run(task: &Task<'_>) {
    // SAFETY: the caller's promise; this is compiled for the instructions.
    unsafe { run_task::<Lanes>(task) }
}

// Even and odd channels apart, as pairs of 16-bit words: their products cannot saturate.
sums!(
    "avx512f,avx512bw", Lanes, __m512i,
    load |from| _mm512_loadu_si512(from.cast()), floats |sums| Lanes(_mm512_cvtepi32_ps(sums)),
    weights ([__m512i; 2]) |packed| [_mm512_loadu_si512(packed.cast()), _mm512_loadu_si512(packed.add(64).cast())],
    bytes 128,
    pixel ([__m512i; 2]) |at| {
        let four = _mm512_set1_epi32(at.cast::<i32>().read_unaligned());
        [_mm512_and_si512(four, _mm512_set1_epi16(0xff)), _mm512_srli_epi16::<8>(four)]
    },
    dot |sum, p, w| {
        let sum = _mm512_add_epi32(sum, _mm512_madd_epi16(p[0], w[0]));
        _mm512_add_epi32(sum, _mm512_madd_epi16(p[1], w[1]))
    }
);
