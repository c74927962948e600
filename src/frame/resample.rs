//! Resampling tables: a triangle filter whose support grows with the reduction, so that nothing aliases on the way down,
//! and plain bilinear interpolation on the way up (as `antialias=True` in torchvision and PIL's `BILINEAR`).

/// Weights that make one output sample from a run of input samples, for every output along one axis.
///
/// Pixel centres lie at half coordinates. Weights of one output sum to 1; runs are cut at the picture's border.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Taps {
    /// First input sample of each output.
    starts: Vec<usize>,
    /// `width` weights for each output, zero beyond its own run.
    weights: Vec<f32>,
    /// Length of the longest run.
    width: usize,
}

impl Taps {
    /// The table that takes `from` samples to `to`; both at least 1.
    pub fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        let radius = scale.max(1.0);
        let runs: Vec<(usize, Vec<f64>)> = (0..to)
            .map(|at| {
                let centre = (at as f64 + 0.5) * scale;
                let first = (centre - radius).floor().max(0.0) as usize;
                let last = ((centre + radius).ceil() as usize).min(from);
                let weight = |i: usize| (1.0 - ((i as f64 + 0.5) - centre).abs() / radius).max(0.0);
                let mut run: Vec<f64> = (first..last).map(weight).collect();
                let skip = run.iter().take_while(|w| **w == 0.0).count();
                run.drain(..skip);
                while run.last() == Some(&0.0) {
                    run.pop();
                }
                let sum: f64 = run.iter().sum();
                run.iter_mut().for_each(|w| *w /= sum);
                (first + skip, run)
            })
            .collect();
        let width = runs.iter().map(|(_, run)| run.len()).max().unwrap_or(1);
        let mut taps = Taps { starts: Vec::with_capacity(to), weights: Vec::with_capacity(to * width), width };
        for (start, run) in runs {
            // A run that would read past the end is moved back and led in by zeros, so that every run has full width.
            let moved = start.min(from.saturating_sub(width));
            taps.starts.push(moved);
            let before = start - moved;
            taps.weights.extend((0..width).map(|i| match i.checked_sub(before) {
                Some(i) => run.get(i).copied().unwrap_or(0.0) as f32,
                None => 0.0,
            }));
        }
        taps
    }

    /// Length of every run.
    pub fn width(&self) -> usize {
        self.width
    }

    /// First input sample and weights of every output in order.
    pub fn runs(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.starts.iter().copied().zip(self.weights.chunks_exact(self.width))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_stay_inside_and_sum_to_one(from in 1usize..300, to in 1usize..300) {
            let taps = Taps::new(from, to);
            prop_assert_eq!(taps.runs().count(), to);
            for (start, weights) in taps.runs() {
                prop_assert!(start + weights.len() <= from.max(taps.width()));
                prop_assert!(taps.width() <= from);
                prop_assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                prop_assert!(weights.iter().all(|w| *w >= 0.0));
            }
        }
    }

    #[test]
    fn same_size_copies() {
        let taps = Taps::new(5, 5);
        for (at, (start, weights)) in taps.runs().enumerate() {
            let own = weights[at - start];
            assert!((own - 1.0).abs() < 1e-6, "{at}: {weights:?}");
        }
    }

    #[test]
    fn halving_weighs_four_samples() {
        let taps = Taps::new(8, 4);
        let Some((start, weights)) = taps.runs().nth(1) else { panic!("four runs") };
        assert_eq!(start, 1);
        let expected = [0.125, 0.375, 0.375, 0.125];
        assert!(weights.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{weights:?}");
    }
}
