//! What the algorithms ask of a vector of floats. One implementation an instruction set, in [`super::arch`].

/// `LANES` floats in a register.
///
/// # Safety
///
/// Every method needs the instructions of its implementation, so it may only be called from code that is compiled for
/// them: each is inlined into one of the entry points in [`super::arch`]. Pointers must be valid for `LANES` floats; they
/// need no alignment.
pub(super) unsafe trait Vector: Copy {
    const LANES: usize;
    /// Pixels of a register tile: with three blocks of output channels the sums fill most of the registers.
    const PIXELS: usize;
    /// What is stored for the byte 0: 0 where bytes are unsigned, -128 where the processor multiplies signed ones.
    const LOWEST: i32;

    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(at: *const f32) -> Self;
    unsafe fn store(self, at: *mut f32);
    /// The first `count` floats, zeros behind them; all where there are more.
    #[inline(always)]
    unsafe fn load_some(at: *const f32, count: usize) -> Self {
        // SAFETY: the contract of the trait, for as many floats; no vector has more lanes than 16.
        unsafe {
            if count >= Self::LANES {
                return Self::load(at);
            }
            let mut lanes = [0.0f32; 16];
            std::ptr::copy_nonoverlapping(at, lanes.as_mut_ptr(), count);
            Self::load(lanes.as_ptr())
        }
    }
    /// Stores the first `count`, all where there are more.
    #[inline(always)]
    unsafe fn store_some(self, at: *mut f32, count: usize) {
        // SAFETY: as above.
        unsafe {
            if count >= Self::LANES {
                return self.store(at);
            }
            let mut lanes = [0.0f32; 16];
            self.store(lanes.as_mut_ptr());
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), at, count);
        }
    }
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// The larger of the two, `self` where that is not a number: activations hand it on.
    unsafe fn max(self, other: Self) -> Self;
    /// As [`Self::max`].
    unsafe fn min(self, other: Self) -> Self;
    /// The first halves of the two in turn, and the second halves.
    unsafe fn zip(self, other: Self) -> (Self, Self);
    /// `self + a * b`, rounded once or twice as the instruction set has it.
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    /// The stored bytes as numbers, [`Self::LOWEST`] at least.
    unsafe fn load_bytes(at: *const u8) -> Self;
    /// Rounds to whole numbers, ties to even, adds `zero` and stores what lies in the range of stored bytes; what lies
    /// beyond goes to its ends.
    unsafe fn store_bytes(self, zero: i32, at: *mut u8);
    /// Stores whole numbers as integers, with the bits of `flip` inverted.
    unsafe fn store_words(self, flip: i32, at: *mut i32);
}

/// Calls `$tile` for every place of a range, as many at a time as a register tile of `$vector` has room for: with `$at` the
/// first place and the constant `$count` of 8, 4 or 1.
macro_rules! tiles {
    ($vector:ty, $range:expr, |$at:ident, $count:ident| $tile:expr) => {{
        let std::ops::Range { start: mut at, end } = $range;
        if <$vector>::PIXELS == 8 {
            while at + 8 <= end {
                const $count: usize = 8;
                let $at = at;
                $tile;
                at += $count;
            }
        }
        while at + 4 <= end {
            const $count: usize = 4;
            let $at = at;
            $tile;
            at += $count;
        }
        while at < end {
            const $count: usize = 1;
            let $at = at;
            $tile;
            at += $count;
        }
    }};
}
pub(super) use tiles;

/// Beyond the steps of any grid, and still far from the end of the integers: conversion does not saturate everywhere.
pub(super) const FAR: f32 = 1e6;

/// Implements [`Vector`] for `Lanes` by one instruction a method.
macro_rules! lanes {
    (
        $register:ty, $lanes:literal, $pixels:literal,
        splat $splat:ident, load $load:ident, store $store:ident, add $add:ident, sub $sub:ident, mul $mul:ident,
        div $div:ident, max $max:ident, min $min:ident, mul_add |$sum:ident, $a:ident, $b:ident| $mul_add:expr,
        zip |$p:ident, $q:ident| $zip:expr,
        lowest $lowest:literal, load_bytes |$from:ident| $load_bytes:expr,
        store_bytes |$bytes:ident, $zero:ident, $to:ident| $store_bytes:expr,
        store_words |$words:ident, $flip:ident, $into:ident| $store_words:expr
    ) => {
        #[derive(Clone, Copy)]
        pub(super) struct Lanes(pub(super) $register);

        // SAFETY: every method is one instruction of the set, on valid pointers by the trait's contract.
        unsafe impl Vector for Lanes {
            const LANES: usize = $lanes;
            const PIXELS: usize = $pixels;
            const LOWEST: i32 = $lowest;

            #[inline(always)]
            unsafe fn splat(value: f32) -> Self {
                // SAFETY: the contract of the trait, here and below.
                unsafe { Lanes($splat(value)) }
            }

            #[inline(always)]
            unsafe fn load(at: *const f32) -> Self {
                unsafe { Lanes($load(at)) }
            }

            #[inline(always)]
            unsafe fn store(self, at: *mut f32) {
                unsafe { $store(at, self.0) }
            }

            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                unsafe { Lanes($add(self.0, other.0)) }
            }

            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                unsafe { Lanes($sub(self.0, other.0)) }
            }

            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                unsafe { Lanes($mul(self.0, other.0)) }
            }

            #[inline(always)]
            unsafe fn div(self, other: Self) -> Self {
                unsafe { Lanes($div(self.0, other.0)) }
            }

            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                // x86 gives the second where either is not a number.
                unsafe { Lanes($max(other.0, self.0)) }
            }

            #[inline(always)]
            unsafe fn min(self, other: Self) -> Self {
                unsafe { Lanes($min(other.0, self.0)) }
            }

            #[inline(always)]
            unsafe fn zip(self, other: Self) -> (Self, Self) {
                let ($p, $q) = (self.0, other.0);
                let (first, second) = unsafe { $zip };
                (Lanes(first), Lanes(second))
            }

            #[inline(always)]
            unsafe fn mul_add(self, a: Self, b: Self) -> Self {
                let ($sum, $a, $b) = (self.0, a.0, b.0);
                unsafe { Lanes($mul_add) }
            }

            #[inline(always)]
            unsafe fn load_bytes($from: *const u8) -> Self {
                unsafe { Lanes($load_bytes) }
            }

            #[inline(always)]
            unsafe fn store_bytes(self, $zero: i32, $to: *mut u8) {
                let $bytes = self.0;
                unsafe { $store_bytes }
            }

            #[inline(always)]
            unsafe fn store_words(self, $flip: i32, $into: *mut i32) {
                let $words = self.0;
                unsafe { $store_words }
            }
        }
    };
}
pub(super) use lanes;
