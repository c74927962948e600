use std::time::Duration;

use crate::time::Timestamp;

/// A capture time further from the arrival of its image comes from a broken clock, or one that was set meanwhile.
const PLAUSIBLE_AGE: Duration = Duration::from_secs(2);
/// A capture time may lie so far ahead of the arrival: drivers count frames on from the first one, by a period that is not
/// quite the camera's, or stamp the end of an exposure that they foresee. Such an image was captured when it arrived.
const AHEAD: Duration = Duration::from_millis(100);

/// Why a capture time that a camera reports is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockFault {
    Far,
    Still,
    Back,
}

impl ClockFault {
    /// For the user.
    pub(super) fn message(self) -> &'static str {
        match self {
            ClockFault::Far => {
                "its capture times lie far from the arrival of its images: the time of arrival is taken instead, so that \
                 prompts may mean a frame beside the one that was seen; update the camera's driver if that matters"
            }
            ClockFault::Still => {
                "its capture times stand still: the time of arrival is taken instead, so that prompts may mean a frame \
                 beside the one that was seen; update the camera's driver if that matters"
            }
            ClockFault::Back => {
                "its capture times run back: the time of arrival is taken instead, so that prompts may mean a frame \
                 beside the one that was seen; update the camera's driver if that matters"
            }
        }
    }
}

/// Checks the capture times that a camera reports, on the capture clock.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// The one reported last, since the camera was opened.
    reported: Option<Timestamp>,
    /// The one given out last.
    given: Timestamp,
}

impl Stamps {
    /// When the image was captured that arrived at `arrived` and is `reported` to be of that time, and what is wrong with the
    /// report, if anything: the arrival stands in for it then, as for a camera that reports none. The times given out never
    /// run back.
    pub(super) fn check(&mut self, reported: Option<Timestamp>, arrived: Timestamp) -> (Timestamp, Option<ClockFault>) {
        let fault = reported.and_then(|at| {
            if at > arrived + AHEAD || arrived.since(at) > PLAUSIBLE_AGE {
                return Some(ClockFault::Far);
            }
            match self.reported.replace(at)? {
                before if at == before => Some(ClockFault::Still),
                before if at < before => Some(ClockFault::Back),
                _ => None,
            }
        });
        let trusted = reported.map(|at| at.min(arrived)).filter(|at| fault.is_none() && *at >= self.given);
        self.given = trusted.unwrap_or(arrived).max(self.given);
        (self.given, fault)
    }

    /// The camera was opened again: its clock may be another.
    pub(super) fn reopened(&mut self) {
        self.reported = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn s(seconds: f64) -> Timestamp {
        Timestamp::from_secs_f64(seconds)
    }

    #[test]
    fn implausible_kernel_times_give_way_to_now() {
        let row = |at: Option<f64>| Stamps::default().check(at.map(s), s(100.0)).0.as_secs_f64();
        assert_eq!([row(Some(99.9)), row(Some(100.1)), row(Some(1.0)), row(None)], [99.9, 100.0, 100.0, 100.0]);
    }

    #[test]
    fn each_fault_is_named_and_good_times_are_taken_again_after_it() {
        let mut stamps = Stamps::default();
        let rows = [
            (9.97, 10.0, 9.97, None),
            (9.97, 10.04, 10.04, Some(ClockFault::Still)),
            (9.90, 10.08, 10.08, Some(ClockFault::Back)),
            (10.09, 10.12, 10.09, None),
            (7.0, 10.16, 10.16, Some(ClockFault::Far)),
            (10.15, 10.20, 10.20, None),
            (10.21, 10.24, 10.21, None),
            (10.30, 10.28, 10.28, None),
            (10.41, 10.31, 10.31, None),
            (10.45, 10.34, 10.34, Some(ClockFault::Far)),
            (99.0, 10.38, 10.38, Some(ClockFault::Far)),
        ];
        for (at, now, expected, fault) in rows {
            assert_eq!(stamps.check(Some(s(at)), s(now)), (s(expected), fault), "{at} at {now}");
        }
        stamps.reopened();
        assert_eq!(stamps.check(Some(s(10.39)), s(10.4)), (s(10.39), None));
        for fault in [ClockFault::Far, ClockFault::Still, ClockFault::Back] {
            assert!(fault.message().contains("the time of arrival is taken instead"));
        }
    }

    proptest! {
        /// Whatever a camera reports, times never run back and are never far from the arrival.
        #[test]
        fn times_given_out_never_run_back(reports in proptest::collection::vec((any::<Option<u64>>(), 0..200u64, 0..5u8), 1..60)) {
            let (mut stamps, mut now, mut last) = (Stamps::default(), s(50.0), Timestamp::ZERO);
            for (wild, ms, kind) in reports {
                now = now + Duration::from_millis(ms);
                let reported = match kind {
                    0 => wild.map(Timestamp::from_nanos),
                    1 => Some(now - Duration::from_millis(ms)),
                    2 => Some(now),
                    3 => Some(last),
                    _ => None,
                };
                let (given, _) = stamps.check(reported, now);
                prop_assert!(given >= last && given <= now && now.since(given) <= PLAUSIBLE_AGE);
                last = given;
            }
        }
    }
}
