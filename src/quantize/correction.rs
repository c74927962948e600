use std::collections::BTreeMap;

use super::comparison::Observed;
use crate::engine::Convolution;

/// Mean differences between the channels of two models' convolutions, over any number of runs.
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
            let Some((&[_, channels, height, width], exact)) = float
                .tensor(&conv.output)
                .and_then(|(shape, values)| Some((<&[usize; 4]>::try_from(shape).ok()?, values)))
            else {
                continue;
            };
            let Some((_, given)) = other.tensor(&conv.output) else { continue };
            let plane = (height * width).max(1);
            let sums = self.sums.entry(conv.name.clone()).or_insert_with(|| vec![0.0; channels]);
            for (sum, (exact, given)) in sums.iter_mut().zip(exact.chunks(plane).zip(given.chunks(plane))) {
                let difference: f64 = exact.iter().zip(given).map(|(e, g)| f64::from(e - g)).sum();
                *sum += difference / plane as f64;
            }
        }
    }

    /// What has to be added to each bias so that its channel has the mean that it had in floats.
    pub fn corrections(&self) -> BTreeMap<String, Vec<f32>> {
        let mean = |sum: &f64| (sum / self.runs.max(1) as f64) as f32;
        self.sums.iter().map(|(name, sums)| (name.clone(), sums.iter().map(mean).collect())).collect()
    }
}
