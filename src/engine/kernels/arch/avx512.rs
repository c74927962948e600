//! Sixteen lanes with AVX-512: 32 registers.

use std::arch::x86_64::*;

use super::super::task::{Task, run_task};
use super::super::vector::{Vector, lanes};

lanes!(
    __m512, 16, 8,
    splat _mm512_set1_ps, load _mm512_loadu_ps, store _mm512_storeu_ps, add _mm512_add_ps, sub _mm512_sub_ps, mul _mm512_mul_ps,
    div _mm512_div_ps, max _mm512_max_ps, min _mm512_min_ps, mul_add |sum, a, b| _mm512_fmadd_ps(a, b, sum),
    zip |p, q| {
        let first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        let second = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        (_mm512_permutex2var_ps(p, first, q), _mm512_permutex2var_ps(p, second, q))
    }
);

/// # Safety
/// As [`run_task`], on a processor with AVX-512F.
#[target_feature(enable = "avx512f")]
pub(in super::super) unsafe fn run(task: &Task<'_>) {
    // SAFETY: the caller's promise; this is compiled for the instructions.
    unsafe { run_task::<Lanes>(task) }
}
