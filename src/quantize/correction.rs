use std::collections::BTreeMap;

use super::comparison::Observed;
use crate::engine::Convolution;

/// How often the biases are corrected.
pub(super) const ROUNDS: usize = 4;

/// The share of a channel's mean error that a round takes out. The error of a convolution holds what came in from those
/// before it, which are corrected in the same round: taking out all of it overshoots.
const STEP: f32 = 0.5;

/// Bias corrections by convolution, a value for each output channel.
pub(super) type Corrections = BTreeMap<String, Vec<f32>>;

/// Mean differences between the channels of two models' convolutions, over pictures and places.
#[derive(Clone, Debug, Default)]
pub(super) struct ChannelMeans {
    sums: BTreeMap<String, Vec<f64>>,
    runs: usize,
}

impl ChannelMeans {
    /// Adds a run of both.
    pub fn add(&mut self, convolutions: &[Convolution], float: &Observed, other: &Observed) {
        self.runs += 1;
        for conv in convolutions {
            let (Some(exact), Some(given)) = (float.tensor(&conv.output), other.tensor(&conv.output)) else { continue };
            let channels = conv.shape.first().copied().unwrap_or(0);
            add_differences(self.sums.entry(conv.name.clone()).or_insert_with(|| vec![0.0; channels]), exact, given);
        }
    }

    /// `before`, a step nearer to the float model's means.
    pub fn improve(&self, before: &Corrections) -> Corrections {
        let step = |sum: &f64| (sum / self.runs.max(1) as f64) as f32 * STEP;
        let improved = self.sums.iter().map(|(name, sums)| {
            let earlier = before.get(name).into_iter().flatten().copied().chain(std::iter::repeat(0.0));
            (name.clone(), sums.iter().zip(earlier).map(|(sum, earlier)| earlier + step(sum)).collect())
        });
        improved.collect()
    }
}

/// Adds the mean of `exact - given` over each channel.
fn add_differences(sums: &mut [f64], exact: &[f32], given: &[f32]) {
    let plane = (exact.len() / sums.len().max(1)).max(1);
    for (sum, (exact, given)) in sums.iter_mut().zip(exact.chunks(plane).zip(given.chunks(plane))) {
        let difference: f64 = exact.iter().zip(given).map(|(e, g)| f64::from(e - g)).sum();
        *sum += difference / plane as f64;
    }
}
