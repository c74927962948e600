//! Eight lanes with AVX2 and FMA: 16 registers, so that a tile has half as many pixels.

use std::arch::x86_64::*;

use super::super::task::{Task, run_task};
use super::super::vector::{Vector, lanes};

lanes!(
    __m256, 8, 4,
    splat _mm256_set1_ps, load _mm256_loadu_ps, store _mm256_storeu_ps, add _mm256_add_ps, sub _mm256_sub_ps, mul _mm256_mul_ps,
    div _mm256_div_ps, max _mm256_max_ps, min _mm256_min_ps, mul_add |sum, a, b| _mm256_fmadd_ps(a, b, sum),
    zip |p, q| {
        let (low, high) = (_mm256_unpacklo_ps(p, q), _mm256_unpackhi_ps(p, q));
        (_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
    }
);

/// # Safety
/// As [`run_task`], on a processor with AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(in super::super) unsafe fn run(task: &Task<'_>) {
    // SAFETY: the caller's promise; this is compiled for the instructions.
    unsafe { run_task::<Lanes>(task) }
}
