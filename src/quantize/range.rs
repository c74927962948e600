use serde::{Deserialize, Serialize};

use super::entropy;
use super::grid::{grid, rounded};
use super::histogram::Histogram;
use crate::error::ConfigError;

/// How a tensor's range is chosen from its histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Everything that was seen.
    MinMax,
    /// All but the outermost values: the greatest, and half of them at either end where there are negative values.
    Percentile,
    /// The cut that changes the distribution least (Kullback-Leibler divergence), as TensorRT does..
    Entropy,
    /// Of the three, the one whose grid has the least squared error over the histogram.
    #[default]
    Auto,
}

impl Method {
    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Method::MinMax => "minmax",
            Method::Percentile => "percentile",
            Method::Entropy => "entropy",
            Method::Auto => "auto",
        }
    }
}

impl std::str::FromStr for Method {
    type Err = ConfigError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let known = "minmax, percentile, entropy, auto";
        [Method::MinMax, Method::Percentile, Method::Entropy, Method::Auto]
            .into_iter()
            .find(|m| m.name() == s)
            .ok_or_else(|| ConfigError::Address { what: "calibration method", address: s.into(), known: known.into() })
    }
}

/// The values that a grid is to cover; what lies outside is cut off. Zero is inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub low: f32,
    pub high: f32,
    /// Never [`Method::Auto`].
    pub method: Method,
}

/// The range that `method` finds. `percentile` (0 to 100) is the share of values that [`Method::Percentile`] keeps.
pub fn choose_range(histogram: &Histogram, method: Method, percentile: f64) -> Range {
    let of = |method: Method| {
        let [low, high] = match method {
            Method::Percentile => percentile_range(histogram, percentile),
            Method::Entropy => entropy::range(histogram),
            Method::MinMax | Method::Auto => histogram.extent(),
        };
        Range { low, high, method }
    };
    if method != Method::Auto {
        return of(method);
    }
    [Method::MinMax, Method::Percentile, Method::Entropy]
        .map(|m| (of(m), squared_error(histogram, &of(m))))
        .into_iter()
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or_else(|| of(Method::MinMax), |(range, _)| range)
}

/// The sum of squared differences that the grid of `range` makes, rounding and cutting off, with every value at the
/// centre of its bin.
fn squared_error(histogram: &Histogram, range: &Range) -> f64 {
    let grid = grid(range.low, range.high);
    let error = |(_, value, count): (i32, f32, u64)| f64::from(value - rounded(value, grid)).powi(2) * count as f64;
    histogram.bins().map(error).sum()
}

/// The range of all but the share `100 - percentile` of the values, never beyond what was seen.
fn percentile_range(histogram: &Histogram, percentile: f64) -> [f32; 2] {
    let [min, max] = histogram.extent();
    let outside = histogram.total() as f64 * (1.0 - percentile.clamp(0.0, 100.0) / 100.0);
    let ends = f64::from(min < 0.0) + f64::from(max > 0.0);
    let at_an_end = outside / ends.max(1.0);
    let half = histogram.width() / 2.0;
    let high = cut(histogram.bins().rev().filter(|(_, v, _)| *v > 0.0), at_an_end).map_or(0.0, |v| v + half);
    let low = cut(histogram.bins().filter(|(_, v, _)| *v < 0.0), at_an_end).map_or(0.0, |v| v - half);
    [low.max(min), high.min(max)]
}

/// The centre of the bin at which more than `outside` values have gone by, coming from an end.
fn cut(bins: impl Iterator<Item = (i32, f32, u64)>, outside: f64) -> Option<f32> {
    let mut passed = 0.0;
    bins.map(|(_, value, count)| {
        passed += count as f64;
        (value, passed)
    })
    .find(|(_, passed)| *passed > outside)
    .map(|(value, _)| value)
}
