use proptest::prelude::*;

use super::grid::{grid, rounded};
use super::histogram::Histogram;
use super::range::choose_range;
use super::*;

/// Evenly spread quantiles of a normal distribution, by the logistic approximation.
fn bell(count: usize) -> Vec<f32> {
    let at = |ix: usize| (ix as f32 + 0.5) / count as f32;
    (0..count).map(|ix| (at(ix) / (1.0 - at(ix))).ln() / 1.702).collect()
}

fn histogram(values: &[f32]) -> Histogram {
    let mut histogram = Histogram::default();
    assert!(histogram.add(values));
    histogram
}

#[test]
fn histograms_count_every_value_once() {
    let mut histogram = histogram(&[0.0, 0.5, 1.0, -0.25]);
    assert!(histogram.add(&[100.0, -3.0, 0.0]));
    assert_eq!((histogram.extent(), histogram.total(), histogram.zeros()), ([-3.0, 100.0], 7, 2));
    assert_eq!(histogram.bins().map(|(.., count)| count).sum::<u64>(), 5);
    assert!(histogram.width() <= 2.0 * 103.0 / 2048.0, "{}", histogram.width());
    assert!(!histogram.add(&[1.0, f32::NAN]) && !histogram.add(&[f32::INFINITY]));
    assert_eq!(histogram.total(), 7, "nothing is counted of what is refused");
}

proptest! {
    /// However the values come in, each lies in the bin that it is counted in.
    #[test]
    fn histograms_widen_without_moving_values(parts in prop::collection::vec(prop::collection::vec(-1e6f32..1e6, 1..20), 1..6)) {
        let mut histogram = Histogram::default();
        for part in &parts {
            prop_assert!(histogram.add(part));
        }
        let width = f64::from(histogram.width());
        for (number, _, count) in histogram.bins() {
            let inside = |v: &&f32| **v != 0.0 && (f64::from(**v) / width).floor() as i32 == number;
            // A value within rounding of an edge may be counted on either side.
            let found = parts.iter().flatten().filter(inside).count() as u64;
            prop_assert!(found.abs_diff(count) <= 1, "{found} in bin {number}, counted {count}");
        }
    }

    #[test]
    fn grids_are_off_by_half_a_step_at_most(a in -1e4f32..1e4, b in -1e4f32..1e4, share in 0f32..=1.0) {
        let (low, high) = (a.min(b).min(0.0), a.max(b).max(0.0));
        prop_assume!(high - low > 1e-3);
        let grid = grid(a.min(b), a.max(b));
        let value = low + (high - low) * share;
        let error = (value - rounded(value, grid)).abs();
        prop_assert!(error <= grid.scale * 0.5001, "{value} is off by {error}, a step is {}", grid.scale);
        prop_assert_eq!(rounded(0.0, grid), 0.0);
    }
}

#[test]
fn grids_hold_zero_and_bear_odd_ranges() {
    let one_sided = grid(2.0, 4.0);
    assert_eq!((one_sided.scale, one_sided.zero_point), (4.0 / 255.0, 0));
    assert_eq!(grid(-4.0, -2.0).zero_point, 255);
    assert_eq!((grid(0.0, 0.0).scale, grid(0.0, 1e-45).scale), (1.0, 1.0));
    assert!(grid(f32::MIN, f32::MAX).scale.is_finite());
}

#[test]
fn percentiles_cut_the_share_that_is_asked_for() {
    let mut values: Vec<f32> = (1..=10_000).map(|v| v as f32 / 10_000.0).collect();
    let range = choose_range(&histogram(&values), Method::Percentile, 99.0);
    assert!((range.high - 0.99).abs() < 2e-3 && range.low == 0.0, "{range:?}");
    values.extend((1..=10_000).map(|v| -v as f32 / 10_000.0));
    let range = choose_range(&histogram(&values), Method::Percentile, 98.0);
    assert!((range.high - 0.98).abs() < 2e-3 && (range.low + 0.98).abs() < 2e-3, "{range:?}");
    let all = choose_range(&histogram(&values), Method::Percentile, 100.0);
    assert_eq!([all.low, all.high], [-1.0, 1.0]);
}

#[test]
fn entropy_cuts_a_far_outlier_and_leaves_an_even_spread() {
    let mut values: Vec<f32> = bell(200_000).into_iter().map(f32::abs).collect();
    values.push(60.0);
    let range = choose_range(&histogram(&values), Method::Entropy, 99.99);
    assert!(range.high > 2.5 && range.high < 30.0 && range.low == 0.0, "{range:?}");
    let even: Vec<f32> = (0..200_000).map(|v| v as f32 / 100_000.0 - 1.0).collect();
    let range = choose_range(&histogram(&even), Method::Entropy, 99.99);
    assert!(range.high > 0.9 && range.low < -0.9, "{range:?}");
}

#[test]
fn the_smaller_side_is_cut_no_further_than_it_reaches() {
    let values: Vec<f32> = bell(100_000).into_iter().map(|v| if v < 0.0 { v * 0.01 } else { v }).collect();
    let histogram = histogram(&values);
    let range = choose_range(&histogram, Method::Entropy, 99.99);
    assert_eq!(range.low, histogram.extent()[0]);
}

#[test]
fn auto_takes_the_range_of_least_error() {
    let mut values = bell(1_000_000);
    values.push(400.0);
    let range = choose_range(&histogram(&values), Method::Auto, 99.99);
    assert!(range.method != Method::MinMax && range.high < 400.0, "{range:?}");
    let flat: Vec<f32> = (0..100_000).map(|v| v as f32).collect();
    let range = choose_range(&histogram(&flat), Method::Auto, 99.0);
    assert!(range.high > 98_000.0, "{range:?}");
    assert_eq!(choose_range(&Histogram::default(), Method::Auto, 99.0).high, 0.0);
}

#[test]
fn methods_have_one_spelling() {
    for method in [Method::MinMax, Method::Percentile, Method::Entropy, Method::Auto] {
        assert_eq!(method.name().parse::<Method>().unwrap(), method);
        assert_eq!(serde_json::to_string(&method).unwrap(), format!("\"{}\"", method.name()));
    }
    assert!("mse".parse::<Method>().is_err());
}

#[test]
fn decibels_are_ten_times_the_logarithm() {
    let mut snr = Snr::default();
    assert_eq!(snr.decibels(), None);
    snr.add([(1.0, 1.1), (1.0, 0.9)].into_iter());
    assert!((snr.decibels().unwrap() - 20.0).abs() < 1e-4);
}
