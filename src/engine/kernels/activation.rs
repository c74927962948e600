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
    /// `x * (1 + erf(x / sqrt 2)) / 2` (Hendrycks and Gimpel 2016), to 4e-6.
    Gelu,
    /// `x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2`, the other one's approximation, to 4e-6.
    GeluTanh,
    /// `1 / (1 + exp(-x))`, to 4e-6.
    Sigmoid,
    /// `x * sigmoid(x)` (Ramachandran et al. 2017).
    Silu,
}

impl Activation {
    /// Whether it takes many instructions.
    pub(super) fn is_long(self) -> bool {
        !matches!(self, Activation::None | Activation::Relu | Activation::Clamp(..))
    }

    /// Applies it if it [is long](Self::is_long).
    ///
    /// # Safety
    /// The contract of [`Vector`].
    #[inline(always)]
    pub(super) unsafe fn apply_long<V: Vector>(self, x: V) -> V {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Activation::None | Activation::Relu | Activation::Clamp(..) => x,
                Activation::HardSwish => {
                    let gate = x.add(V::splat(3.0)).max(V::splat(0.0)).min(V::splat(6.0));
                    x.mul(gate).mul(V::splat(1.0 / 6.0))
                }
                Activation::Gelu => x.mul(normal(x)),
                Activation::GeluTanh => {
                    // (1 + tanh(z)) / 2 is sigmoid(2 z).
                    let cubic = V::splat(1.595_769).mul_add(x.mul(x), V::splat(0.071_354_814));
                    x.mul(sigmoid(x.mul(cubic)))
                }
                Activation::Sigmoid => sigmoid(x),
                Activation::Silu => x.mul(sigmoid(x)),
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
            Activation::Gelu => (x as f64 * (0.5 + normal_area(x as f64))) as f32,
            Activation::GeluTanh => x / (1.0 + (-1.595_769 * (x + 0.044_715 * x * x * x)).exp()),
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Activation::Silu => x / (1.0 + (-x).exp()),
        }
    }
}

/// `((c[n] v + c[n-1]) v + ...) v + c[0]`.
///
/// # Safety
/// The contract of [`Vector`].
#[inline(always)]
unsafe fn polynomial<V: Vector>(coefficients: &[f32], v: V) -> V {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sum = V::splat(0.0);
        for c in coefficients.iter().rev() {
            sum = V::splat(*c).mul_add(sum, v);
        }
        sum
    }
}

/// The normal distribution function: 1/2 plus `x` times a polynomial in `x`² that interpolates at the Chebyshev points of
/// [0, 25]. Beyond 5 it is as at 5.
///
/// # Safety
/// The contract of [`Vector`].
#[inline(always)]
unsafe fn normal<V: Vector>(x: V) -> V {
    const LIMIT: f32 = 5.0;
    #[rustfmt::skip]
    const COEFFICIENTS: [f32; 13] = [
        0.141_363_8, -0.070_295_94, 0.051_518_943, -0.040_450_71, 0.031_464_87, -0.023_216_344, 0.016_287_067,
        -0.011_299_744, 0.006_667_809, -0.002_534_322_4, 0.001_462_631_6, -0.001_674_031, 0.000_705_953,
    ];
    // SAFETY: the caller's promise.
    unsafe {
        let x = x.max(V::splat(-LIMIT)).min(V::splat(LIMIT));
        let v = V::splat(-1.0).mul_add(x.mul(x), V::splat(2.0 / (LIMIT * LIMIT)));
        V::splat(0.5).mul_add(x, polynomial(&COEFFICIENTS, v))
    }
}

/// Beyond 16 it is as there.
///
/// # Safety
/// The contract of [`Vector`].
#[inline(always)]
unsafe fn sigmoid<V: Vector>(x: V) -> V {
    // SAFETY: the caller's promise.
    unsafe {
        let x = x.max(V::splat(-16.0)).min(V::splat(16.0));
        V::splat(1.0).div(V::splat(1.0).add(exp(V::splat(0.0).sub(x))))
    }
}

/// `exp(x)` for `x` of at most 0, to 2e-6, of which a part in 100,000 of itself; below -32, where it is 1e-14, as there: the
/// thirty-second power of `exp(x / 32)`, a polynomial's work.
///
/// # Safety
/// The contract of [`Vector`].
#[inline(always)]
pub(super) unsafe fn exp_below<V: Vector>(x: V) -> V {
    #[rustfmt::skip]
    const COEFFICIENTS: [f32; 7] = [
        1.0, 0.999_998_45, 0.499_975_1, 0.166_515_17, 0.041_223_317, 0.007_654_325, 0.000_849_007_86,
    ];
    // SAFETY: the caller's promise.
    unsafe {
        let mut power = polynomial(&COEFFICIENTS, x.max(V::splat(-32.0)).mul(V::splat(1.0 / 32.0)));
        for _ in 0..5 {
            power = power.mul(power);
        }
        power
    }
}

/// `exp(x)` for `x` between -16 and 16: the sixteenth power of `exp(x / 16)`, a polynomial's work.
///
/// # Safety
/// The contract of [`Vector`].
#[inline(always)]
unsafe fn exp<V: Vector>(x: V) -> V {
    #[rustfmt::skip]
    const COEFFICIENTS: [f32; 8] = [
        0.999_999_8, 1.0, 0.500_006_3, 0.166_667_37, 0.041_635_04, 0.008_329_832, 0.001_439_256_7, 0.000_203_993_58,
    ];
    // SAFETY: the caller's promise.
    unsafe {
        let mut power = polynomial(&COEFFICIENTS, x.mul(V::splat(1.0 / 16.0)));
        for _ in 0..4 {
            power = power.mul(power);
        }
        power
    }
}

/// The area under the normal density from 0 to `x`, by Simpson's rule.
#[cfg(test)]
fn normal_area(x: f64) -> f64 {
    const STEPS: usize = 2000;
    let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let h = x / STEPS as f64;
    let inner = (1..STEPS).map(|i| density(i as f64 * h) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum::<f64>();
    (density(0.0) + inner + density(x)) * h / 3.0
}
