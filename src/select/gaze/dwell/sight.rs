use std::time::Duration;

use super::super::Glance;
use crate::statistics;
use crate::time::Timestamp;

/// A gap between two good samples counts as watched up to this length: two periods of a tracker of 30 Hz.
const STEADY_S: f64 = 0.075;
/// The most that one gap counts for, beyond what samples of the tracker's rate leave open. Nobody leaves and comes back within it: two
/// saccades and the rest between them take longer.
const COUNTED_S: f64 = 0.1;
/// Of a gap that is longer than this, beyond the same, nothing counts: it is a blink, or the tracker lost the eye.
const BREAK_S: f64 = 0.155;
/// Between two good samples with a burst of bad ones between them lie one to two periods more than the burst lasts.
const OPEN: f64 = 1.5;
/// A tracker's usual period is not taken to be longer.
const MAX_PERIOD_S: f64 = 0.04;
/// Gaps of which the usual one is taken.
const GAPS: usize = 15;
/// The share of time in which the eye is seen is that of about so long.
const MEMORY_S: f64 = 0.8;
/// Nothing is selected while the eye is seen in less of the time than this.
const MOSTLY: f64 = 0.55;
/// After a break nothing is selected before the eye has been seen for so long: a lid that rises draws gaze along.
const WATCHED: Duration = Duration::from_millis(100);

/// For how long the eye is seen, weighed in time rather than counted in samples: a sample that is missing and one that is marked as
/// bad are the same gap between two good ones, at any rate of the tracker.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    last: Option<Timestamp>,
    /// The last gaps in seconds, the next to be replaced at `oldest`.
    gaps: [f64; GAPS],
    known: usize,
    oldest: usize,
    /// Of the last second or so, the share in which the eye was seen.
    share: f64,
    /// What has counted so far.
    watched: Duration,
    /// `watched` at the ends of the last two breaks, the newer last.
    breaks: [Duration; 2],
    /// The eye is seen again since.
    returned_at: Timestamp,
}

impl Default for Sight {
    fn default() -> Self {
        Sight {
            last: None,
            gaps: [0.0; GAPS],
            known: 0,
            oldest: 0,
            share: MOSTLY,
            watched: Duration::ZERO,
            breaks: [Duration::ZERO; 2],
            returned_at: Timestamp::ZERO,
        }
    }
}

impl Sight {
    /// The last good sample.
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// Takes the time of a good sample, later than the one before.
    pub fn see(&mut self, at: Timestamp) -> Glance {
        let Some(last) = self.last.replace(at) else {
            self.returned_at = at;
            return Glance { observed: Duration::ZERO, period: Duration::ZERO };
        };
        let gap = at.since(last);
        let seconds = gap.as_secs_f64();
        let usual = self.usual(seconds);
        let open = OPEN * usual.min(MAX_PERIOD_S);
        let broken = seconds - open > BREAK_S;
        let observed = if broken { Duration::ZERO } else { gap.min(Duration::from_secs_f64(COUNTED_S + open)) };
        let keep = (-seconds / MEMORY_S).exp();
        let seen = if seconds <= STEADY_S { 1.0 } else { (open / seconds).min(1.0) };
        self.share = self.share * keep + (1.0 - keep) * seen;
        self.watched += observed;
        if broken {
            self.breaks = [self.breaks[1], self.watched];
            self.returned_at = at;
        }
        Glance { observed, period: gap.min(Duration::from_secs_f64(OPEN * usual)) }
    }

    /// What has been observed since the break before the last one: a dwell lives through one blink, and not through flicker.
    pub fn unbroken(&self) -> Duration {
        self.watched - self.breaks[0]
    }

    /// Whether the eye is seen well enough at `at` for something to be selected.
    pub fn is_clear(&self, at: Timestamp) -> bool {
        self.share >= MOSTLY && at.since(self.returned_at) >= WATCHED
    }

    /// The usual gap, in seconds, with this one among them.
    fn usual(&mut self, gap: f64) -> f64 {
        if let Some(place) = self.gaps.get_mut(self.oldest) {
            *place = gap;
        }
        self.oldest = (self.oldest + 1) % GAPS;
        self.known = (self.known + 1).min(GAPS);
        let mut sorted = self.gaps;
        let known = sorted.get_mut(..self.known).unwrap_or_default();
        statistics::median(known, f64::total_cmp).unwrap_or(gap)
    }
}
