//! Wider vector instructions than the build's baseline, where the processor has them.

/// Runs `f`, compiled for AVX2 and FMA too where the build is for plain x86-64 and the processor has them. `f` and what
/// it calls must be `#[inline(always)]`: only what is inlined here is compiled anew. On other architectures the baseline
/// has the vectors already.
#[inline(always)]
pub(in crate::engine) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(all(target_arch = "x86_64", not(target_feature = "fma")))]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the processor has the features that the function is compiled for.
        return unsafe { with_avx2(f) };
    }
    f()
}

#[cfg(all(target_arch = "x86_64", not(target_feature = "fma")))]
#[target_feature(enable = "avx2,fma")]
unsafe fn with_avx2<R>(f: impl FnOnce() -> R) -> R {
    f()
}
