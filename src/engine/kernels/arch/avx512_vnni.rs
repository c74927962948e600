//! Products of bytes with AVX-512 VNNI, on [`super::avx512`]'s vectors.

use std::arch::x86_64::*;
use std::ops::Range;

use super::super::dots::{Sums, run_dots, sums};
use super::super::finish::Finish;
use super::super::quantized::QuantizedConvolution;
use super::avx512::Lanes;

sums!(
    "avx512f,avx512bw,avx512vnni", Lanes, __m512i,
    load |from| _mm512_loadu_si512(from.cast()), floats |sums| Lanes(_mm512_cvtepi32_ps(sums)),
    weights (__m512i) |packed| _mm512_loadu_si512(packed.cast()),
    bytes 64,
    pixel (__m512i) |at| _mm512_set1_epi32(at.cast::<i32>().read_unaligned()),
    dot |sum, p, w| _mm512_dpbusd_epi32(sum, p, w)
);
