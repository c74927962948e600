//! How the numbers of a picture are stored: as floats, or as bytes on a grid.

use super::vector::Vector;

/// The real numbers `(q - zero) * scale` for q in 0..=255 (Jacob et al. 2018): what a byte stands for.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Grid {
    scale: f32,
    inverse: f32,
    zero: i32,
}

impl Grid {
    /// `None` unless `scale` and its inverse are positive and finite, and `zero` is a byte.
    pub fn new(scale: f32, zero: i32) -> Option<Self> {
        let inverse = 1.0 / scale;
        let sound = scale > 0.0 && scale.is_finite() && inverse > 0.0 && inverse.is_finite();
        (sound && (0..=255).contains(&zero)).then_some(Grid { scale, inverse, zero })
    }

    pub fn scale(&self) -> f32 {
        self.scale
    }

    pub fn zero(&self) -> i32 {
        self.zero
    }

    /// The byte that stands for 0, as `V` stores it.
    #[inline(always)]
    pub(super) fn stored_zero<V: Vector>(&self) -> i32 {
        self.zero + V::LOWEST
    }

    /// The nearest number on the grid, ties to even.
    ///
    /// # Safety
    /// The contract of [`Vector`].
    #[inline(always)]
    pub(super) unsafe fn round<V: Vector>(&self, value: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { self.steps(value).mul(V::splat(self.scale)) }
    }

    /// The nearest number on the grid in steps from 0, between `-zero` and `255 - zero`.
    ///
    /// # Safety
    /// The contract of [`Vector`].
    #[inline(always)]
    pub(super) unsafe fn steps<V: Vector>(&self, value: V) -> V {
        // From here on neighbouring floats are 1 apart, so that adding rounds to a whole number.
        const WHOLE: f32 = 12_582_912.0;
        let (low, high) = (-self.zero as f32, (255 - self.zero) as f32);
        // SAFETY: the caller's promise.
        unsafe {
            let steps = value.mul(V::splat(self.inverse)).max(V::splat(low)).min(V::splat(high));
            steps.add(V::splat(WHOLE)).sub(V::splat(WHOLE))
        }
    }

    /// Rounds to the grid and stores bytes.
    ///
    /// # Safety
    /// The contract of [`Vector`]; `at` is valid for `V::LANES` bytes.
    #[inline(always)]
    pub(super) unsafe fn store<V: Vector>(&self, value: V, at: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { value.mul(V::splat(self.inverse)).store_bytes(self.stored_zero::<V>(), at) }
    }
}

impl PartialEq for Grid {
    fn eq(&self, other: &Self) -> bool {
        (self.scale.to_bits(), self.zero) == (other.scale.to_bits(), other.zero)
    }
}

impl Eq for Grid {}

/// How a picture's numbers are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) enum Element {
    #[default]
    Float,
    Byte(Grid),
}

impl Element {
    pub fn is_byte(self) -> bool {
        matches!(self, Element::Byte(_))
    }

    /// Bytes that a number takes.
    pub fn size(self) -> usize {
        if self.is_byte() { 1 } else { 4 }
    }
}

/// Calls `$call` with the constant `$bytes` that says whether an element is a byte.
macro_rules! by_element {
    ($element:expr, |$bytes:ident| $call:expr) => {
        if $element.is_byte() {
            const $bytes: bool = true;
            $call
        } else {
            const $bytes: bool = false;
            $call
        }
    };
}
pub(super) use by_element;

/// Reads a picture's numbers as real ones.
#[derive(Clone, Copy)]
pub(super) struct Reader<V, const BYTES: bool> {
    picture: *const f32,
    times: V,
    plus: V,
}

impl<V: Vector, const BYTES: bool> Reader<V, BYTES> {
    /// # Safety
    /// The contract of [`Vector`]; `element` is a byte's if and only if `BYTES`.
    #[inline(always)]
    pub unsafe fn new(picture: *const f32, element: Element) -> Self {
        let (times, plus) = match element {
            Element::Float => (1.0, 0.0),
            Element::Byte(grid) => (grid.scale, -(grid.stored_zero::<V>() as f32) * grid.scale),
        };
        // SAFETY: the caller's promise.
        unsafe { Reader { picture, times: V::splat(times), plus: V::splat(plus) } }
    }

    /// The `V::LANES` numbers from element `at` on.
    ///
    /// # Safety
    /// The contract of [`Vector`]; they lie in the picture.
    #[inline(always)]
    pub unsafe fn load(&self, at: usize) -> V {
        // SAFETY: the caller's promise.
        unsafe {
            if BYTES {
                self.plus.mul_add(self.times, V::load_bytes(self.picture.cast::<u8>().add(at)))
            } else {
                V::load(self.picture.add(at))
            }
        }
    }
}
