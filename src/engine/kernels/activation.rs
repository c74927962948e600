use super::vector::Vector;

/// What a step does to its sums before it stores them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::engine) enum Activation {
    #[default]
    None,
    Relu,
    /// Between the two, inclusive.
    Clamp(f32, f32),
    /// `x * clamp(x + 3, 0, 6) / 6` (Howard et al. 2019).
    HardSwish,
}

impl Activation {
    /// # Safety
    /// The contract of [`Vector`].
    #[inline(always)]
    pub(super) unsafe fn apply<V: Vector>(self, x: V) -> V {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Activation::None => x,
                Activation::Relu => x.max(V::splat(0.0)),
                Activation::Clamp(low, high) => x.max(V::splat(low)).min(V::splat(high)),
                Activation::HardSwish => {
                    let gate = x.add(V::splat(3.0)).max(V::splat(0.0)).min(V::splat(6.0));
                    x.mul(gate).mul(V::splat(1.0 / 6.0))
                }
            }
        }
    }

    /// The definition, for tests.
    #[cfg(test)]
    pub(in crate::engine) fn of(self, x: f32) -> f32 {
        match self {
            Activation::None => x,
            Activation::Relu => x.max(0.0),
            Activation::Clamp(low, high) => x.clamp(low, high),
            Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        }
    }
}
