//! Clipping by relative entropy (Migacz, "8-bit Inference with TensorRT", GPU Technology Conference 2017).

use super::histogram::Histogram;

/// Levels on one side of zero of a tensor with values on both.
const LEVELS_TWO_SIDED: usize = 128;
/// Levels of a tensor with values on one side alone.
const LEVELS_ONE_SIDED: usize = 256;
/// Bins between one threshold tried and the next.
const STRIDE: usize = 8;

/// The range whose threshold on the magnitude loses least information; the side with the smaller values is cut no
/// further than they reach.
pub(super) fn range(histogram: &Histogram) -> [f32; 2] {
    let [min, max] = histogram.extent();
    let two_sided = min < 0.0 && max > 0.0;
    let counts = magnitudes(histogram);
    let levels = if two_sided { LEVELS_TWO_SIDED } else { LEVELS_ONE_SIDED };
    let threshold = best_threshold(&counts, levels) as f32 * histogram.width();
    [min.max(-threshold), max.min(threshold)]
}

/// Counts by magnitude. Zeros are left out: every grid has them exactly.
fn magnitudes(histogram: &Histogram) -> Vec<f64> {
    let mut counts = Vec::new();
    for (number, _, count) in histogram.bins() {
        // Bin -1 lies as far from zero as bin 0.
        let at = if number < 0 { !number } else { number } as usize;
        if counts.len() <= at {
            counts.resize(at + 1, 0.0);
        }
        if let Some(slot) = counts.get_mut(at) {
            *slot += count as f64;
        }
    }
    counts
}

/// The number of bins to keep, of those thresholds that leave at least a bin to a level.
fn best_threshold(counts: &[f64], levels: usize) -> usize {
    let total: f64 = counts.iter().sum();
    let tried = (levels..counts.len()).step_by(STRIDE).chain([counts.len()]);
    tried
        .map(|kept| {
            let (inside, outside) = counts.split_at(kept.min(counts.len()));
            (kept, divergence(inside, outside.iter().sum(), levels, total))
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(counts.len(), |(kept, _)| kept)
}

/// The divergence of the distribution with `outliers` moved into its last bin from the same shared out to `levels`.
fn divergence(inside: &[f64], outliers: f64, levels: usize, total: f64) -> f64 {
    let last = inside.len().saturating_sub(1);
    let inside_total: f64 = inside.iter().sum();
    if inside_total <= 0.0 {
        return f64::INFINITY;
    }
    let mut sum = 0.0;
    for level in 0..levels {
        let bounds = level * inside.len() / levels..(level + 1) * inside.len() / levels;
        let Some(bins) = inside.get(bounds.clone()) else { continue };
        let filled = bins.iter().filter(|c| **c > 0.0).count();
        // A level stands for its bins alike, save those that were empty before.
        let shared = bins.iter().sum::<f64>() / filled.max(1) as f64 / inside_total;
        for (ix, count) in bounds.zip(bins) {
            let reference = (count + if ix == last { outliers } else { 0.0 }) / total;
            // Outliers in a bin that was empty have no level of their own: the least share there is.
            let given = if *count > 0.0 { shared } else { 1e-9 };
            if reference > 0.0 {
                sum += reference * (reference / given).ln();
            }
        }
    }
    sum
}
