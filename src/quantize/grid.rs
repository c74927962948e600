use crate::engine::ActivationGrid;

/// The greatest code.
const CODES: f32 = 255.0;

/// The 256 levels from `low` to `high`, zero among them: a range that excludes zero is extended to it. A value in the
/// range lies at most half a step from a level.
pub fn grid(low: f32, high: f32) -> ActivationGrid {
    let (low, high) = (low.min(0.0), high.max(0.0));
    // Each end on its own, so that the difference of two large ones does not overflow.
    let scale = high / CODES - low / CODES;
    if !scale.is_normal() {
        // Nothing but zero.
        return ActivationGrid { scale: 1.0, zero_point: 0 };
    }
    ActivationGrid { scale, zero_point: (-low / scale).round_ties_even().clamp(0.0, CODES) as u8 }
}

/// `value` quantised and dequantised, as ONNX's `QuantizeLinear` and `DequantizeLinear` do it: to the nearest level, to
/// the even one of two, and cut off at the ends.
pub fn rounded(value: f32, grid: ActivationGrid) -> f32 {
    let zero = f32::from(grid.zero_point);
    let code = ((value / grid.scale).round_ties_even() + zero).clamp(0.0, CODES);
    (code - zero) * grid.scale
}
