use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::time::Timestamp;

/// Arrivals are kept as the least delay of each such stretch.
const STRETCH: Duration = Duration::from_secs(1);
/// Stretches that are remembered. Clocks that drift apart by 100 millionths move by 1 ms over them.
const STRETCHES: usize = 10;
/// A delay this far from the others is a clock that was set, or a wrong time.
const STEP_NS: i64 = 250_000_000;
/// So many wrong times in a row, and the clock was set.
const STEP_SAMPLES: u32 = 5;
/// So many late stretches in a row, and the clock was set back.
const STEP_STRETCHES: usize = 2;
/// Echoes that are remembered; the quickest of them counts.
const ECHOES: usize = 8;
/// An echo older than this counts no longer: clocks drift.
const ECHO_AGE: Duration = Duration::from_secs(30);
/// Observation after which the first estimate is reported.
const SETTLING: Duration = Duration::from_secs(1);
/// A change that is reported.
const REPORTED_CHANGE_NS: i64 = 5_000_000;
/// Least time between two reports.
const REPORTED_EVERY: Duration = Duration::from_secs(10);
/// Times that no clock shows, in nanoseconds: more than 125 years. The difference of two delays is a number still.
const MAX_TIME_NS: i64 = 4_000_000_000_000_000_000;

/// How far a sender's clock is ahead of the capture clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OffsetEstimate {
    /// The sender's time minus the capture clock's, in seconds. For a sender that counts from 1970 it is large.
    pub offset_s: f64,
    /// How far estimates of this kind vary, in seconds. From arrivals alone, the constant part of the delay remains in the
    /// offset; an echo's uncertainty has it in.
    pub uncertainty_s: f64,
}

/// Estimates the offset of a sender's clock from what it sends.
///
/// Two sources. **Arrivals**: what was sent at `s` by the sender's clock arrives at `a` by ours, and `a - s` is offset plus
/// delay; the least of the last ten seconds has the least delay (the minimum filter of Network Time Protocol's clock
/// filter, RFC 5905, for one way). It follows clocks that drift, and a clock that is set is noticed. **Echoes**: the sender
/// gave its time between our question and its answer; half of the round trip bounds the error. With an echo, arrivals no
/// longer count.
#[derive(Clone, Debug, Default)]
pub struct ClockOffset {
    /// Least `a - s` of each stretch, the newest last.
    stretches: VecDeque<(Timestamp, i64)>,
    /// Times in a row that are further ahead than believed.
    ahead: u32,
    echoes: VecDeque<Echo>,
    first: Option<Timestamp>,
    reported: Option<(Timestamp, i64)>,
}

#[derive(Clone, Copy, Debug)]
struct Echo {
    round_trip: i64,
    /// `a - s`.
    delay: i64,
    received: Timestamp,
}

impl ClockOffset {
    /// Takes what was sent at `sent_ns` of the sender's clock and arrived at `arrived`. False if the time cannot be believed.
    pub fn arrival(&mut self, sent_ns: i64, arrived: Timestamp) -> bool {
        let Some(delay) = delay(sent_ns, arrived) else { return false };
        self.first.get_or_insert(arrived);
        while self.echoes.front().is_some_and(|echo| arrived.since(echo.received) > ECHO_AGE) {
            self.echoes.pop_front();
        }
        let least = self.stretches.iter().map(|(_, delay)| *delay).min();
        if least.is_some_and(|least| delay < least.saturating_sub(STEP_NS)) {
            self.ahead += 1;
            if self.ahead < STEP_SAMPLES {
                return false;
            }
            self.stretches.clear();
        }
        self.ahead = 0;
        match self.stretches.back_mut() {
            Some((began, least)) if arrived.since(*began) < STRETCH => *least = delay.min(*least),
            _ => {
                self.drop_if_set_back();
                self.stretches.push_back((arrived, delay));
            }
        }
        while self.stretches.len() > STRETCHES {
            self.stretches.pop_front();
        }
        true
    }

    /// Takes the sender's time `told_ns`, asked for at `asked` and received at `received`.
    pub fn echo(&mut self, told_ns: i64, asked: Timestamp, received: Timestamp) {
        let Some(delay) = delay(told_ns, asked + received.since(asked) / 2) else { return };
        self.first.get_or_insert(received);
        if self.echoes.back().is_some_and(|last| delay.abs_diff(last.delay) > STEP_NS.unsigned_abs()) {
            self.echoes.clear();
        }
        let round_trip = i64::try_from(received.since(asked).as_nanos()).unwrap_or(i64::MAX);
        self.echoes.push_back(Echo { round_trip, delay, received });
        while self.echoes.len() > ECHOES {
            self.echoes.pop_front();
        }
    }

    /// When it was by the capture clock at `sent_ns` of the sender's; `None` before anything is known.
    pub fn to_capture(&self, sent_ns: i64) -> Option<Timestamp> {
        let at = sent_ns.checked_add(self.delay()?)?;
        u64::try_from(at).ok().map(Timestamp::from_nanos)
    }

    /// The present estimate; `None` before anything is known.
    pub fn estimate(&self) -> Option<OffsetEstimate> {
        let uncertainty = match self.quickest() {
            Some(echo) => echo.round_trip / 2,
            None => {
                let delays = self.stretches.iter().map(|(_, delay)| *delay);
                delays.clone().max()?.saturating_sub(delays.min()?)
            }
        };
        Some(OffsetEstimate { offset_s: -(self.delay()? as f64) / 1e9, uncertainty_s: uncertainty as f64 / 1e9 })
    }

    /// The estimate if it should be reported at `now`: it has settled, or has changed since it was reported.
    pub fn news(&mut self, now: Timestamp) -> Option<OffsetEstimate> {
        let delay = self.delay()?;
        let due = match self.reported {
            None => self.first.is_some_and(|first| now.since(first) >= SETTLING),
            Some((at, reported)) => {
                now.since(at) >= REPORTED_EVERY && reported.abs_diff(delay) > REPORTED_CHANGE_NS.unsigned_abs()
            }
        };
        if !due {
            return None;
        }
        self.reported = Some((now, delay));
        self.estimate()
    }

    fn delay(&self) -> Option<i64> {
        let echo = self.quickest().map(|echo| echo.delay);
        echo.or_else(|| self.stretches.iter().map(|(_, delay)| *delay).min())
    }

    fn quickest(&self) -> Option<&Echo> {
        self.echoes.iter().min_by_key(|echo| echo.round_trip)
    }

    /// Forgets what lies before the newest stretches if those are all late: delays vary, but not by so much for so long.
    fn drop_if_set_back(&mut self) {
        let Some(old) = self.stretches.len().checked_sub(STEP_STRETCHES) else { return };
        let least = |stretches: &mut dyn Iterator<Item = &(Timestamp, i64)>| stretches.map(|(_, delay)| *delay).min();
        let before = least(&mut self.stretches.iter().take(old));
        let newest = least(&mut self.stretches.iter().skip(old));
        if let (Some(before), Some(newest)) = (before, newest)
            && newest > before.saturating_add(STEP_NS)
        {
            self.stretches.drain(..old);
        }
    }
}

fn delay(sent_ns: i64, arrived: Timestamp) -> Option<i64> {
    if sent_ns.unsigned_abs() > MAX_TIME_NS as u64 {
        return None;
    }
    i64::try_from(arrived.as_nanos()).ok()?.checked_sub(sent_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// Arrivals every 5 ms from `from_ms` on for `for_ms`, by a clock that is `ahead` of ours at first and gains `gain`
    /// nanoseconds a second, with a delay of 4 ms and up to 30 ms more.
    fn receive(clock: &mut ClockOffset, from_ms: i64, for_ms: i64, ahead: i64, gain: i64) {
        for (i, ms) in (from_ms..from_ms + for_ms).step_by(5).enumerate() {
            let sent = ms * MS + ahead + gain * ms / 1000;
            let jitter = (i as i64 * 7919) % 30;
            clock.arrival(sent, Timestamp::from_nanos(((ms + 4 + jitter) * MS) as u64));
        }
    }

    /// How far a time converted at `at_ms` is from the truth, in ms.
    fn error_ms(clock: &ClockOffset, at_ms: i64, ahead: i64, gain: i64) -> f64 {
        let sent = at_ms * MS + ahead + gain * at_ms / 1000;
        (clock.to_capture(sent).unwrap().as_nanos() as i64 - at_ms * MS) as f64 / 1e6
    }

    #[test]
    fn jitter_is_filtered_out_and_the_least_delay_remains() {
        for ahead in [1_760_676_790_000_000_000, 0, -3_600_000 * MS] {
            let mut clock = ClockOffset::default();
            assert_eq!((clock.estimate(), clock.to_capture(5)), (None, None));
            receive(&mut clock, 7_200_000, 5000, ahead, 0);
            let error = error_ms(&clock, 7_205_000, ahead, 0);
            assert!((4.0..4.5).contains(&error), "{error}");
            let estimate = clock.estimate().unwrap();
            assert!((estimate.offset_s - (ahead as f64 / 1e9 - 0.004)).abs() < 1e-3, "{estimate:?}");
            assert!(estimate.uncertainty_s < 0.005, "{estimate:?}");
        }
    }

    #[test]
    fn clocks_that_drift_are_followed() {
        for gain in [100_000, -100_000] {
            let mut clock = ClockOffset::default();
            receive(&mut clock, 1000, 600_000, 0, gain);
            let error = error_ms(&clock, 601_000, 0, gain);
            assert!((2.5..5.5).contains(&error), "{gain}: {error}");
        }
    }

    #[test]
    fn a_clock_that_is_set_is_noticed_and_one_wrong_time_is_not_believed() {
        for step in [10_000 * MS, -10_000 * MS] {
            let mut clock = ClockOffset::default();
            receive(&mut clock, 1000, 20_000, 0, 0);
            assert!(!clock.arrival(90_000 * MS, Timestamp::from_nanos(21_000 * MS as u64)));
            assert!((4.0..4.5).contains(&error_ms(&clock, 21_000, 0, 0)));
            receive(&mut clock, 21_000, 5000, step, 0);
            let error = error_ms(&clock, 26_000, step, 0);
            assert!((4.0..4.5).contains(&error), "{step}: {error}");
        }
    }

    #[test]
    fn impossible_times_are_refused() {
        let mut clock = ClockOffset::default();
        for wrong in [i64::MIN, i64::MAX] {
            assert!(!clock.arrival(wrong, Timestamp::from_nanos(1)));
            clock.echo(wrong, Timestamp::ZERO, Timestamp::from_nanos(5));
        }
        assert_eq!(clock.estimate(), None);
    }

    proptest::proptest! {
        #[test]
        fn any_times_are_computed_with_or_refused(
            times in proptest::collection::vec((proptest::num::i64::ANY, proptest::num::u64::ANY), 1..40),
        ) {
            // At the ends of what the types hold, too: 8e18 ns is a time of either clock.
            for scale in [0u32, 1, 8, 40] {
                let mut clock = ClockOffset::default();
                for (i, (sent, arrived)) in times.iter().enumerate() {
                    let (sent, arrived) = (sent >> scale, Timestamp::from_nanos(arrived >> scale));
                    match i % 3 {
                        0 => clock.echo(sent, Timestamp::ZERO, arrived),
                        _ => drop(clock.arrival(sent, arrived)),
                    }
                    let _ = (clock.to_capture(sent), clock.news(arrived), clock.estimate());
                }
            }
        }
    }

    #[test]
    fn the_quickest_echo_wins_over_arrivals() {
        let mut clock = ClockOffset::default();
        receive(&mut clock, 1000, 3000, 500 * MS, 0);
        let at = |ms: i64| Timestamp::from_nanos((ms * MS) as u64);
        // The way back takes longer than the way there.
        clock.echo((4002 + 500) * MS, at(4000), at(4040));
        clock.echo((5001 + 500) * MS, at(5000), at(5004));
        assert!((error_ms(&clock, 5000, 500 * MS, 0) - 1.0).abs() < 1e-6);
        let estimate = clock.estimate().unwrap();
        assert!(
            (estimate.uncertainty_s - 0.002).abs() < 1e-9 && (estimate.offset_s - 0.499).abs() < 1e-9,
            "{estimate:?}"
        );
    }

    #[test]
    fn echoes_that_grow_old_leave_the_field_to_arrivals() {
        let mut clock = ClockOffset::default();
        let at = |ms: i64| Timestamp::from_nanos((ms * MS) as u64);
        clock.echo(1100 * MS, at(1000), at(1002));
        receive(&mut clock, 1000, 20_000, 0, 0);
        assert!((error_ms(&clock, 21_000, 0, 0) + 99.0).abs() < 1e-6);
        receive(&mut clock, 21_000, 20_000, 0, 0);
        assert!((4.0..4.5).contains(&error_ms(&clock, 41_000, 0, 0)));
    }

    #[test]
    fn it_is_reported_once_it_has_settled_and_when_it_changes() {
        let mut clock = ClockOffset::default();
        let at = |ms: i64| Timestamp::from_nanos((ms * MS) as u64);
        receive(&mut clock, 1000, 500, 0, 0);
        assert_eq!(clock.news(at(1500)), None);
        receive(&mut clock, 1500, 1000, 0, 0);
        assert!(clock.news(at(2500)).is_some());
        assert_eq!(clock.news(at(2501)), None);
        receive(&mut clock, 2500, 20_000, -20 * MS, 0);
        assert!(clock.news(at(22_500)).is_some());
        assert_eq!(clock.news(at(22_501)), None);
    }
}
