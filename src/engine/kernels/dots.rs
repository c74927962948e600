//! Sums of products of bytes: what the instruction sets have for them.

use std::fmt;
use std::ops::Range;

use super::arch;
use super::finish::Finish;
use super::quantized::QuantizedConvolution;
use super::variant::Variant;
use super::vector::Vector;

/// Channels of a step: every instruction set can be brought to products of four.
pub(super) const STEP: usize = 4;

/// `LANES` sums of 32-bit integers, one an output channel, to which four products each are added at a time.
///
/// # Safety
/// The contract of [`Vector`].
pub(super) unsafe trait Sums: Copy {
    type Vector: Vector;
    /// Weights of [`STEP`] input channels and `LANES` output channels, in registers.
    type Weights: Copy;
    /// [`STEP`] stored bytes of a pixel, for every output channel.
    type Pixel: Copy;
    /// Bytes of packed [`Self::Weights`].
    const WEIGHTS: usize;

    unsafe fn load(at: *const i32) -> Self;
    unsafe fn weights(at: *const u8) -> Self::Weights;
    unsafe fn pixel(at: *const u8) -> Self::Pixel;
    unsafe fn dot(self, pixel: Self::Pixel, weights: Self::Weights) -> Self;
    unsafe fn floats(self) -> Self::Vector;

    /// Adds a step's products to the sums of `P` pixels, `step` bytes apart from `at` on.
    #[inline(always)]
    unsafe fn add_products<const P: usize, const Q: usize>(
        sums: &mut [[Self; Q]; P],
        at: *const u8,
        step: usize,
        weights: [Self::Weights; Q],
    ) {
        for (p, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the contract of the trait.
            unsafe {
                let pixel = Self::pixel(at.add(p * step));
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = sum.dot(pixel, weights);
                }
            }
        }
    }
}

/// How bytes are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Dots {
    /// Plain Rust.
    Portable,
    /// Pairs of 16-bit products, which cannot saturate (`vpmaddwd`).
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Four products of unsigned by signed bytes (`vpdpbusd`).
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    /// As [`Dots::Avx2`], with 16 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// As [`Dots::AvxVnni`], with 16 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    /// 16-bit products, added in pairs (`smull`, `saddlp`).
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// Four products of signed bytes (`sdot`).
    #[cfg(target_arch = "aarch64")]
    NeonDot,
}

impl Dots {
    const ALL: &[Dots] = &[
        Dots::Portable,
        #[cfg(target_arch = "x86_64")]
        Dots::Avx2,
        #[cfg(target_arch = "x86_64")]
        Dots::AvxVnni,
        #[cfg(target_arch = "x86_64")]
        Dots::Avx512,
        #[cfg(target_arch = "x86_64")]
        Dots::Avx512Vnni,
        #[cfg(target_arch = "aarch64")]
        Dots::Neon,
        #[cfg(target_arch = "aarch64")]
        Dots::NeonDot,
    ];

    /// Those that go with `variant`'s vectors and that this processor can run, the fastest last.
    pub fn available(variant: Variant) -> impl Iterator<Item = Dots> {
        Self::ALL.iter().copied().filter(move |dots| dots.variant() == variant && dots.is_available())
    }

    /// The fastest here.
    pub fn best(variant: Variant) -> Option<Dots> {
        Self::available(variant).last()
    }

    pub const fn name(self) -> &'static str {
        match self {
            Dots::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Dots::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Dots::AvxVnni => "avx-vnni",
            #[cfg(target_arch = "x86_64")]
            Dots::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Dots::Avx512Vnni => "avx512-vnni",
            #[cfg(target_arch = "aarch64")]
            Dots::Neon => "neon",
            #[cfg(target_arch = "aarch64")]
            Dots::NeonDot => "neon-dot",
        }
    }

    /// Whose vectors the sums become.
    pub const fn variant(self) -> Variant {
        match self {
            Dots::Portable => Variant::Portable,
            #[cfg(target_arch = "x86_64")]
            Dots::Avx2 | Dots::AvxVnni => Variant::Avx2,
            #[cfg(target_arch = "x86_64")]
            Dots::Avx512 | Dots::Avx512Vnni => Variant::Avx512,
            #[cfg(target_arch = "aarch64")]
            Dots::Neon | Dots::NeonDot => Variant::Neon,
        }
    }

    fn is_available(self) -> bool {
        self.variant().is_available()
            && match self {
                #[cfg(target_arch = "x86_64")]
                Dots::AvxVnni => is_x86_feature_detected!("avxvnni"),
                #[cfg(target_arch = "x86_64")]
                Dots::Avx512Vnni => is_x86_feature_detected!("avx512vnni"),
                #[cfg(target_arch = "aarch64")]
                Dots::NeonDot => std::arch::is_aarch64_feature_detected!("dotprod"),
                _ => true,
            }
    }

    /// What is stored for the byte 0.
    pub(super) const fn lowest(self) -> i32 {
        match self {
            #[cfg(target_arch = "aarch64")]
            Dots::Neon | Dots::NeonDot => -128,
            _ => 0,
        }
    }

    /// Blocks of output channels whose sums, with pixels and weights, find room in the registers.
    pub(super) const fn most_blocks(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Dots::Avx2 => 2,
            _ => 3,
        }
    }

    /// Appends the weights of [`STEP`] input channels for each output channel of a block.
    pub(super) fn pack(self, weights: &[[i8; STEP]], packed: &mut Vec<u8>) {
        let pairs = match self {
            #[cfg(target_arch = "x86_64")]
            Dots::Avx2 | Dots::Avx512 => true,
            _ => false,
        };
        if pairs {
            // 16-bit words: even channels of all outputs, then odd ones.
            for first in 0..2 {
                for of_output in weights {
                    for channel in [first, first + 2] {
                        packed.extend(i16::from(of_output[channel]).to_ne_bytes());
                    }
                }
            }
        } else {
            packed.extend(weights.as_flattened().iter().map(|weight| *weight as u8));
        }
    }

    /// Computes `units` of `plan`.
    ///
    /// # Safety
    /// As [`QuantizedConvolution::unit`], with the vectors of [`Self::variant`]; this processor can run it.
    pub(super) unsafe fn run(
        self,
        plan: &QuantizedConvolution,
        input: *const u8,
        finish: &Finish,
        units: Range<usize>,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Dots::Portable => arch::portable::run_dots(plan, input, finish, units),
                #[cfg(target_arch = "x86_64")]
                Dots::Avx2 => arch::avx2::run_dots(plan, input, finish, units),
                #[cfg(target_arch = "x86_64")]
                Dots::AvxVnni => arch::avx_vnni::run_dots(plan, input, finish, units),
                #[cfg(target_arch = "x86_64")]
                Dots::Avx512 => arch::avx512::run_dots(plan, input, finish, units),
                #[cfg(target_arch = "x86_64")]
                Dots::Avx512Vnni => arch::avx512_vnni::run_dots(plan, input, finish, units),
                #[cfg(target_arch = "aarch64")]
                Dots::Neon => arch::neon::run_dots(plan, input, finish, units),
                #[cfg(target_arch = "aarch64")]
                Dots::NeonDot => arch::neon_dot::run_dots(plan, input, finish, units),
            }
        }
    }
}

impl fmt::Display for Dots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Implements [`Sums`] by an expression a method, and the function that is compiled for the features.
macro_rules! sums {
    (
        $features:literal, $vector:ty, $register:ty,
        load |$from:ident| $load:expr, floats |$sums:ident| $floats:expr,
        weights ($weights:ty) |$packed:ident| $take:expr, bytes $bytes:literal,
        pixel ($pixel:ty) |$at:ident| $spread:expr,
        dot |$sum:ident, $p:ident, $w:ident| $dot:expr
        $(, $($other:item)+)?
    ) => {
        #[derive(Clone, Copy)]
        struct Dot($register);

        // SAFETY: every method is made of instructions of the set, on valid pointers by the trait's contract.
        unsafe impl Sums for Dot {
            type Vector = $vector;
            type Weights = $weights;
            type Pixel = $pixel;
            const WEIGHTS: usize = $bytes;

            #[inline(always)]
            unsafe fn load($from: *const i32) -> Self {
                // SAFETY: the contract of the trait, here and below.
                unsafe { Dot($load) }
            }

            #[inline(always)]
            unsafe fn weights($packed: *const u8) -> Self::Weights {
                unsafe { $take }
            }

            #[inline(always)]
            unsafe fn pixel($at: *const u8) -> Self::Pixel {
                unsafe { $spread }
            }

            #[inline(always)]
            unsafe fn dot(self, $p: Self::Pixel, $w: Self::Weights) -> Self {
                let $sum = self.0;
                unsafe { Dot($dot) }
            }

            #[inline(always)]
            unsafe fn floats(self) -> $vector {
                let $sums = self.0;
                unsafe { $floats }
            }

            $($($other)+)?
        }

        run_dots!(#[target_feature(enable = $features)]);
    };
}
pub(super) use sums;

/// The function that computes units with the sums `Dot`, compiled for the features of the attribute.
macro_rules! run_dots {
    ($(#[$features:meta])?) => {
        /// # Safety
        /// As [`QuantizedConvolution::unit`], on a processor with the features that this is compiled for.
        $(#[$features])?
        pub(in super::super) unsafe fn run_dots(
            plan: &QuantizedConvolution,
            input: *const u8,
            finish: &Finish,
            units: Range<usize>,
        ) {
            for unit in units {
                // SAFETY: the caller's promise; this is compiled for the instructions.
                unsafe { plan.unit::<Dot>(input, finish, unit) }
            }
        }
    };
}
pub(super) use run_dots;
