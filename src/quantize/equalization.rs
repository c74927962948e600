use super::comparison::{Observed, RunAs};
use super::images::{Images, Stage, Watch};
use crate::engine::{OnnxModel, Stream};
use crate::error::Error;

/// A channel's factor and a channel's share count for no less than this part of the largest.
const LEAST: f32 = 1e-3;

/// `model` with the channels of its `streams` evened out, by the largest magnitudes that they have on the images. `None` if
/// the watcher ended it.
///
/// Levels of a tensor are shared by its channels, levels of weights by those that one output reads: the factor
/// sqrt(share of the weights / magnitude) gives every channel the same part of both (Nagel et al. 2019, equation 7, with
/// measured magnitudes in place of the first convolution's weights).
///
/// # Errors
/// As [`OnnxModel::compile`], and [`ModelError::Rewrite`](crate::error::ModelError::Rewrite) if the file cannot be rewritten.
pub(super) fn equalized(
    model: &OnnxModel,
    streams: Vec<Stream>,
    images: &mut dyn Images,
    run: &RunAs,
    watch: &mut dyn Watch,
) -> Result<Option<OnnxModel>, Error> {
    let names: Vec<String> = streams.iter().flat_map(|s| s.tensors.iter().cloned()).collect();
    let mut observed = Observed::new(model, &names, run)?;
    let mut largest: Vec<Vec<f32>> = streams.iter().map(|s| vec![0.0; s.channels]).collect();
    watch.begin(Stage::Equalization, images.count());
    for index in 0..images.count() {
        if images.load(index, observed.input()?)? {
            observed.run()?;
            for (stream, largest) in streams.iter().zip(&mut largest) {
                for tensor in stream.tensors.iter().filter_map(|name| observed.tensor(name)) {
                    raise(largest, tensor);
                }
            }
        }
        if !watch.step() {
            return Ok(None);
        }
    }
    let factors: Vec<(Stream, Vec<f32>)> = streams
        .into_iter()
        .zip(&largest)
        .map(|(stream, largest)| {
            let factors = factors(largest, &model.weight_shares(&stream));
            (stream, factors)
        })
        .collect();
    Ok(Some(model.rescaled(&factors)?))
}

/// Raises each channel's largest magnitude to that in `tensor`, whose channels lie one after the other.
fn raise(largest: &mut [f32], tensor: &[f32]) {
    let plane = (tensor.len() / largest.len().max(1)).max(1);
    for (largest, values) in largest.iter_mut().zip(tensor.chunks(plane)) {
        *largest = values.iter().fold(*largest, |m, v| m.max(v.abs()));
    }
}

/// One factor a channel, all of one geometric mean of 1.
fn factors(largest: &[f32], shares: &[f32]) -> Vec<f32> {
    let top = |values: &[f32]| values.iter().fold(f32::MIN_POSITIVE, |m, v| m.max(*v));
    let (most, all) = (top(largest), top(shares));
    let raw: Vec<f32> = largest
        .iter()
        .zip(shares)
        .map(|(magnitude, share)| ((share / all).max(LEAST) / (magnitude / most).max(LEAST)).sqrt())
        .collect();
    let mean = raw.iter().map(|f| f.ln()).sum::<f32>() / raw.len().max(1) as f32;
    raw.iter().map(|f| f / mean.exp()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_of_one_share_come_out_equally_large() {
        let largest = [8.0, 2.0, 0.5];
        let found = factors(&largest, &[1.0, 1.0, 1.0]);
        let even: Vec<f32> = found.iter().zip(largest).map(|(f, m)| f * f * m).collect();
        assert!(even.iter().all(|v| (v / even[0] - 1.0).abs() < 1e-5), "{found:?}");
        let product: f32 = found.iter().product();
        assert!((product - 1.0).abs() < 1e-5, "{product}");
    }

    #[test]
    fn silent_channels_and_channels_that_nothing_reads_get_finite_factors() {
        let found = factors(&[3.0, 0.0, 1.0], &[0.0, 1.0, 1.0]);
        assert!(found.iter().all(|f| f.is_normal() && *f > 0.0), "{found:?}");
        assert!(factors(&[0.0, 0.0], &[0.0, 0.0]).iter().all(|f| (f - 1.0).abs() < 1e-6));
    }
}
