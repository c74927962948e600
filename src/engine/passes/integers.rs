use crate::engine::quantized::WeightGrids;

/// Weights as whole numbers times a scale.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Integers {
    pub weights: Vec<i8>,
    /// One for each output channel.
    pub scale: Vec<f32>,
}

/// How far from a whole number a weight in steps of its scale may lie: it is a product of the two in floats.
const SLACK: f32 = 1e-3;

/// `weights` [outputs, ..] as whole numbers by one of the scales of `grids`, whichever fits: the file's names for weights do not outlive
/// the rewriting of a graph, but a tensor that is whole in steps of a scale may be computed with it, whosever it was.
pub(super) fn integers(weights: &[f32], outputs: usize, grids: &WeightGrids) -> Option<Integers> {
    if outputs == 0 || !weights.len().is_multiple_of(outputs) {
        return None;
    }
    grids.scales().find_map(|scale| {
        let scale = match scale {
            [one] => vec![*one; outputs],
            each if each.len() == outputs => each.to_vec(),
            _ => return None,
        };
        let mut whole = Vec::with_capacity(weights.len());
        for (weights, scale) in weights.chunks_exact(weights.len() / outputs).zip(&scale) {
            for weight in weights {
                let steps = weight / scale;
                let nearest = steps.round();
                if !(-128.0..=127.0).contains(&nearest) || (steps - nearest).abs() > SLACK {
                    return None;
                }
                whole.push(nearest as i8);
            }
        }
        Some(Integers { weights: whole, scale })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_whole_in_steps_of_their_own_scale() {
        let scales = WeightGrids::of(&[&[0.3], &[0.25, 0.1], &[0.5, 0.1, 0.2]]);
        let weights = [0.25, -0.5, 12.7, -12.8];
        let found = integers(&weights, 2, &scales).unwrap();
        assert_eq!(found, Integers { weights: vec![1, -2, 127, -128], scale: vec![0.25, 0.1] });
        assert_eq!(integers(&[0.25, -0.5, 12.85, 0.0], 2, &scales), None, "between two steps");
        assert_eq!(integers(&[0.25, -0.5, 12.8, 0.0], 2, &scales), None, "beyond the range");
        assert_eq!(integers(&weights, 3, &scales), None, "no equal shares");
        assert_eq!(integers(&[0.6, -0.9], 2, &scales).unwrap().scale, [0.3, 0.3], "one scale for all");
    }
}
