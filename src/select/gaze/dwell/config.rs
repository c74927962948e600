use std::time::Duration;

use super::super::RestConfig;

/// Tuning of a [`DwellSelector`](super::DwellSelector).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct DwellConfig {
    /// Rest after which the onset of a selection is reported.
    pub onset: Duration,
    /// Rest after which the selection is made.
    pub commit: Duration,
    /// Rest after which it is made of something doubtful too, see [`DwellSelector::doubt`](super::DwellSelector::doubt).
    pub insist: Duration,
    /// The first of a rest, which does not count: the end of the saccade and its correction.
    pub settle: Duration,
    /// Time after a selection in which no other one begins.
    pub cool_down: Duration,
    /// Samples below this confidence count as missing.
    pub min_confidence: f32,
    /// Longest blink or silence that a dwell survives; it is paused meanwhile.
    pub max_gap: Duration,
    /// How far gaze must go from the last selection before it can select again, in degrees.
    pub leave_deg: f64,
    /// The tracker's lasting error, in degrees: deviation along each axis of what no averaging takes away.
    pub accuracy_deg: f64,
    /// How probable it must be that gaze has rested for so long.
    pub confidence: f64,
    /// How it is found that gaze rests.
    pub rest: RestConfig,
}

impl Default for DwellConfig {
    fn default() -> Self {
        DwellConfig {
            onset: Duration::from_millis(200),
            commit: Duration::from_millis(700),
            insist: Duration::from_millis(1100),
            settle: Duration::from_millis(170),
            cool_down: Duration::from_millis(500),
            min_confidence: 0.6,
            max_gap: Duration::from_millis(300),
            leave_deg: 2.5,
            accuracy_deg: 0.5,
            confidence: 0.8,
            rest: RestConfig::default(),
        }
    }
}
