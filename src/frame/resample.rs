//! Bilinear resampling with antialiasing on the way down: a triangle filter whose support grows with the reduction
//! (what Pillow and torchvision's `antialias=True` do), pixel centres at half pixels, weights that sum to one.

/// The source samples of every output sample along one axis.
#[derive(Clone, Debug, Default)]
struct Spans {
    starts: Vec<usize>,
    weights: Vec<Vec<f64>>,
}

impl Spans {
    /// From `source` samples to `target` samples; both at least one.
    fn new(source: u32, target: u32) -> Self {
        let step = f64::from(source) / f64::from(target);
        let support = step.max(1.0);
        let mut spans = Spans::default();
        for i in 0..target {
            let center = (f64::from(i) + 0.5) * step;
            let first = (center - support - 0.5).floor().max(0.0) as usize;
            let end = ((center + support + 0.5).ceil() as usize).min(source as usize);
            let weight = |k: usize| (1.0 - (k as f64 + 0.5 - center).abs() / support).max(0.0);
            // Weights that rounding alone keeps from zero would only cost taps.
            let kept = |k: &usize| weight(*k) > 1e-9;
            let start = (first..end).find(kept).unwrap_or(first);
            let end = (start..end).rfind(kept).map_or(start + 1, |last| last + 1);
            let total: f64 = (start..end).map(weight).sum();
            spans.starts.push(start);
            spans.weights.push((start..end).map(|k| weight(k) / total).collect());
        }
        spans
    }

    fn longest(&self) -> usize {
        self.weights.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// Fraction bits of vertical weights and sums: as many as keep a weight a positive `i16`, which makes the cheapest
/// products.
const FRACTION: u32 = 15;
/// The sum of one output row's weights.
const ONE: u16 = (1 << FRACTION) - 1;
/// What one level is in a vertical sum.
pub(super) const SUM_PER_LEVEL: f32 = ONE as f32;

/// Whole rows to rows, in integers: exact but for the rounding of the weights.
#[derive(Clone, Debug, Default)]
pub(super) struct VerticalFilter {
    /// Of each output row: its first source row, and the end of its weights in `weights`.
    rows: Vec<(usize, usize)>,
    weights: Vec<u16>,
    longest: usize,
}

impl VerticalFilter {
    pub(super) fn new(source: u32, target: u32) -> Self {
        let spans = Spans::new(source, target);
        let mut filter = VerticalFilter { longest: spans.longest(), ..VerticalFilter::default() };
        for (&start, weights) in spans.starts.iter().zip(&spans.weights) {
            // Rounding the running total keeps the whole at one.
            let (mut running, mut given) = (0.0, 0u16);
            for weight in weights {
                running += weight;
                let total = (running * f64::from(ONE)).round().min(f64::from(ONE)) as u16;
                filter.weights.push(total - given);
                given = total;
            }
            filter.rows.push((start, filter.weights.len()));
        }
        filter
    }

    /// The most source rows that one output row needs.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// For each output row in order: its first source row and their weights. First rows never decrease.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, &[u16])> {
        let mut begin = 0;
        self.rows.iter().map(move |&(start, end)| {
            let weights = &self.weights[begin..end];
            begin = end;
            (start, weights)
        })
    }
}

/// Weighted sum of source rows, [`SUM_PER_LEVEL`] a level; `row(k)` is the k-th row, at least as long as `sums`.
pub(super) fn sum_rows<'a>(sums: &mut [i32], weights: &[u16], row: impl Fn(usize) -> &'a [u8]) {
    // Fewer passes over the sums are worth more than fewer rows at once.
    let (first, rest) = match weights {
        [a, b, rest @ ..] => {
            for ((sum, &p), &q) in sums.iter_mut().zip(row(0)).zip(row(1)) {
                *sum = scale(p, *a) + scale(q, *b);
            }
            (2, rest)
        }
        [a] => {
            for (sum, &p) in sums.iter_mut().zip(row(0)) {
                *sum = scale(p, *a);
            }
            return;
        }
        [] => return sums.fill(0),
    };
    let (pairs, last) = rest.as_chunks::<2>();
    for (k, &[a, b]) in pairs.iter().enumerate() {
        for ((sum, &p), &q) in sums.iter_mut().zip(row(first + 2 * k)).zip(row(first + 2 * k + 1)) {
            *sum += scale(p, a) + scale(q, b);
        }
    }
    if let [a] = last {
        for (sum, &p) in sums.iter_mut().zip(row(weights.len() - 1)) {
            *sum += scale(p, *a);
        }
    }
}

#[inline(always)]
fn scale(level: u8, weight: u16) -> i32 {
    i32::from(level) * i32::from(weight & ONE)
}

/// Pixels along one row: every output has the same even number of taps, the tail of short ones weighs nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct HorizontalFilter {
    starts: Vec<usize>,
    weights: Vec<f32>,
    taps: usize,
    source: usize,
}

impl HorizontalFilter {
    pub(super) fn new(source: u32, target: u32) -> Self {
        let spans = Spans::new(source, target);
        let taps = spans.longest().next_multiple_of(2);
        let mut filter = HorizontalFilter { starts: spans.starts, weights: Vec::new(), taps, source: source as usize };
        for weights in &spans.weights {
            filter.weights.extend(weights.iter().map(|&w| w as f32));
            filter.weights.resize(filter.weights.len() + taps - weights.len(), 0.0);
        }
        filter
    }

    /// Length of a row of pixels of `STRIDE` samples that [`Self::run`] may read; what lies behind the last pixel must
    /// be finite.
    pub(super) fn padded_len<const STRIDE: usize>(&self) -> usize {
        (self.source + self.taps) * STRIDE + 4
    }

    /// Writes each output pixel: its samples in the first `STRIDE` lanes, the others without meaning. Four lanes
    /// together are one vector, so that no sum crosses lanes.
    #[inline(always)]
    pub(super) fn run<const STRIDE: usize>(&self, row: &[f32], out: &mut [[f32; 4]]) {
        let weights = self.weights.chunks_exact(self.taps.max(1));
        for ((&start, weights), out) in self.starts.iter().zip(weights).zip(out) {
            let mut sum = [0.0; 4];
            let mut at = start * STRIDE;
            for &[a, b] in weights.as_chunks::<2>().0 {
                let Some(window) = row.get(at..at + STRIDE + 4) else { break };
                for lane in 0..4 {
                    sum[lane] += a * window[lane] + b * window[STRIDE + lane];
                }
                at += 2 * STRIDE;
            }
            *out = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_stay_inside() {
        for (source, target) in [(1, 1), (1, 7), (7, 1), (640, 256), (3, 256), (480, 192), (16384, 3), (255, 256)] {
            let spans = Spans::new(source, target);
            assert_eq!(spans.starts.len(), target as usize);
            assert!(spans.starts.is_sorted());
            for (start, weights) in spans.starts.iter().zip(&spans.weights) {
                assert!(!weights.is_empty() && start + weights.len() <= source as usize, "{source} to {target}");
                assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            }
            let vertical = VerticalFilter::new(source, target);
            for (_, weights) in vertical.rows() {
                assert_eq!(weights.iter().map(|&w| u32::from(w)).sum::<u32>(), u32::from(ONE));
            }
        }
    }

    #[test]
    fn white_rows_stay_white() {
        let white = vec![255; 19];
        for (source, target) in [(1, 1), (6, 2), (480, 192), (16384, 1), (16384, 64)] {
            let filter = VerticalFilter::new(source, target);
            for (_, weights) in filter.rows() {
                let mut sums = vec![7; 19];
                sum_rows(&mut sums, weights, |_| &white);
                assert!(sums.iter().all(|&sum| sum == 255 * i32::from(ONE)), "{source} to {target}: {sums:?}");
            }
        }
    }

    #[test]
    fn equal_sides_copy() {
        let filter = HorizontalFilter::new(5, 5);
        let mut row: Vec<f32> = (0..5).map(|v| v as f32).collect();
        row.resize(filter.padded_len::<1>(), 0.0);
        let mut out = [[0.0; 4]; 5];
        filter.run::<1>(&row, &mut out);
        assert_eq!(out.map(|pixel| pixel[0]), [0.0, 1.0, 2.0, 3.0, 4.0]);
    }
}
