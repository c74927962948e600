/// `x`, or `low` if that is more or `x` is not a number: one instruction, where `f32::max` is several.
#[inline(always)]
pub(super) fn at_least(x: f32, low: f32) -> f32 {
    if x > low { x } else { low }
}

/// `x`, or `high` if that is less or `x` is not a number.
#[inline(always)]
pub(super) fn at_most(x: f32, high: f32) -> f32 {
    if x < high { x } else { high }
}
