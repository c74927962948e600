/// Largest code of a weight; -128 is left out so that the grid is symmetric.
const WEIGHT_LIMIT: f32 = 127.0;

/// Largest code of a bias. A runtime adds the products to it in the same 32 bits, so half the range is theirs.
const BIAS_LIMIT: f64 = (1 << 30) as f64;

/// The weights of one output channel as codes.
pub(super) struct Channel {
    pub scale: f32,
    pub weights: Vec<i8>,
    /// Code and scale.
    pub bias: Option<(i32, f32)>,
}

impl Channel {
    pub fn new(weights: &[f32], bias: Option<f32>, input_scale: f32) -> Channel {
        let largest = weights.iter().fold(0.0f32, |m, w| m.max(w.abs()));
        let needed = bias.map_or(0.0, |b| f64::from(b).abs() / (f64::from(input_scale) * BIAS_LIMIT)) as f32;
        let scale = (largest / WEIGHT_LIMIT).max(needed);
        // A channel of zeros has any scale.
        let scale = if scale.is_normal() && (scale * input_scale).is_normal() { scale } else { 1.0 };
        let code = |w: &f32| (w / scale).round_ties_even().clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i8;
        let bias = bias.map(|b| {
            let step = scale * input_scale;
            ((f64::from(b) / f64::from(step)).round_ties_even() as i32, step)
        });
        Channel { scale, weights: weights.iter().map(code).collect(), bias }
    }
}
