use std::collections::BTreeMap;

use super::comparison::{Observed, RunAs};
use super::images::{Images, Stage, Watch};
use crate::engine::{Convolution, OnnxModel, QuantizationPlan};
use crate::error::Error;

/// Bias corrections by convolution: the mean over images and places of what each channel loses when this convolution
/// alone is quantised. `None` if the watcher ended it.
///
/// Errors that come in from convolutions before are left out on purpose. Correcting those too, all at once, lowers the
/// noise of the outputs and makes worse masks: it trades shifts that a decoder does not see for ones that it does.
///
/// # Errors
/// As [`OnnxModel::with_twins`] and [`OnnxModel::compile`].
pub(super) fn corrections(
    model: &OnnxModel,
    convolutions: &[Convolution],
    plan: &QuantizationPlan,
    images: &mut dyn Images,
    run: &RunAs,
    watch: &mut dyn Watch,
) -> Result<Option<BTreeMap<String, Vec<f32>>>, Error> {
    let (doubled, twins) = model.with_twins(plan)?;
    let pairs: Vec<(&Convolution, &String)> =
        convolutions.iter().filter_map(|conv| Some((conv, twins.get(&conv.name)?))).collect();
    let names: Vec<String> = pairs.iter().flat_map(|(conv, twin)| [conv.output.clone(), (*twin).clone()]).collect();
    let mut observed = Observed::new(&doubled, &names, run)?;
    let mut sums: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut read = 0;
    watch.begin(Stage::BiasCorrection, images.count());
    for index in 0..images.count() {
        if images.load(index, observed.input()?)? {
            observed.run()?;
            read += 1;
            for (conv, twin) in &pairs {
                let (Some(exact), Some(given)) = (observed.tensor(&conv.output), observed.tensor(twin)) else {
                    continue;
                };
                let channels = conv.shape.first().copied().unwrap_or(0);
                add_differences(sums.entry(conv.name.clone()).or_insert_with(|| vec![0.0; channels]), exact, given);
            }
        }
        if !watch.step() {
            return Ok(None);
        }
    }
    let mean = |sum: f64| (sum / f64::from(read.max(1))) as f32;
    Ok(Some(sums.into_iter().map(|(name, sums)| (name, sums.into_iter().map(mean).collect())).collect()))
}

/// Adds the mean of `exact - given` over each channel.
fn add_differences(sums: &mut [f64], exact: &[f32], given: &[f32]) {
    let plane = (exact.len() / sums.len().max(1)).max(1);
    for (sum, (exact, given)) in sums.iter_mut().zip(exact.chunks(plane).zip(given.chunks(plane))) {
        let difference: f64 = exact.iter().zip(given).map(|(e, g)| f64::from(e - g)).sum();
        *sum += difference / plane as f64;
    }
}
