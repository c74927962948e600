//! Products of bytes with AVX-VNNI, on [`super::avx2`]'s vectors.

use std::arch::x86_64::*;
use std::ops::Range;

use super::super::dots::{Sums, run_dots, sums};
use super::super::finish::Finish;
use super::super::quantized::QuantizedConvolution;
use super::avx2::Lanes;

sums!(
    "avx2,fma,avxvnni", Lanes, __m256i,
    load |from| _mm256_loadu_si256(from.cast()), floats |sums| Lanes(_mm256_cvtepi32_ps(sums)),
    weights (__m256i) |packed| _mm256_loadu_si256(packed.cast()),
    bytes 32,
    pixel (__m256i) |at| _mm256_set1_epi32(at.cast::<i32>().read_unaligned()),
    dot |sum, p, w| _mm256_dpbusd_avx_epi32(sum, p, w)
);
