//! Numbers on the command line: each has a range, which the message about one outside it names.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::capture::SourceOptions;

/// Longest time limit, in seconds: 31 years.
const MAX_SECONDS: f64 = 1e9;

/// Frames a second.
pub fn parse_fps(text: &str) -> Result<f64, String> {
    let range = SourceOptions::MIN_FPS..=SourceOptions::MAX_FPS;
    number(text, &range).ok_or_else(|| outside(text, "frame rate", &range, "frames a second"))
}

/// A time limit.
pub fn parse_seconds(text: &str) -> Result<Duration, String> {
    let range = 0.0..=MAX_SECONDS;
    let limit = number(text, &range).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    limit.ok_or_else(|| outside(text, "time limit", &range, "seconds"))
}

fn number(text: &str, range: &RangeInclusive<f64>) -> Option<f64> {
    // A number that is not one is in no range.
    text.parse().ok().filter(|number| range.contains(number))
}

fn outside(text: &str, what: &str, range: &RangeInclusive<f64>, unit: &str) -> String {
    format!("`{text}` is no {what}: give {} to {} {unit}", range.start(), range.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_their_range_are_refused_with_it() {
        assert_eq!((parse_fps("30"), parse_fps("0.001"), parse_fps("1e5")), (Ok(30.0), Ok(0.001), Ok(1e5)));
        assert_eq!(parse_seconds("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!((parse_seconds("0"), parse_seconds("1e9").is_ok()), (Ok(Duration::ZERO), true));
        for text in ["1e-300", "0", "-1", "1e9", "1e300", "nan", "inf", "-inf", "", "x", "1e400", "0x10"] {
            let message = parse_fps(text).unwrap_err();
            assert!(message.contains("0.001 to 100000") && message.contains(text), "{message}");
        }
        for text in ["1e300", "nan", "inf", "-inf", "-1", "-1e-300", "1e10", "", "soon"] {
            let message = parse_seconds(text).unwrap_err();
            assert!(message.contains("0 to 1000000000 seconds"), "{message}");
        }
    }
}
