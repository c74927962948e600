use std::borrow::Cow;
use std::time::Duration;

use super::meter::StageMeter;
use super::shared::Shared;
use crate::record::{Event, EventKind};
use crate::time::Timestamp;

/// Names the stages that hold one frame for too long, once for each time they do, and judges whether the stream gets on.
pub(super) struct Watchdog {
    /// The stages from capture to decode.
    chain: [Watched; 3],
    sinks: Vec<Watched>,
    limit: Duration,
    progress: Progress,
}

struct Watched {
    meter: StageMeter,
    stalled: bool,
}

/// Frames taken in and given out when the stream last got on.
#[derive(Default)]
struct Progress {
    taken: u64,
    given: u64,
    at: Timestamp,
}

/// The stream may take in frames for so many times the limit of one stage before one comes out.
const PATIENCE: u32 = 5;

impl Watchdog {
    pub fn new(chain: [StageMeter; 3], sinks: impl Iterator<Item = StageMeter>, limit: Duration) -> Self {
        let watched = |meter| Watched { meter, stalled: false };
        Watchdog {
            chain: chain.map(watched),
            sinks: sinks.map(watched).collect(),
            limit,
            progress: Progress::default(),
        }
    }

    /// Events for the stages that stalled since the last check.
    pub fn check(&mut self, now: Timestamp, shared: &Shared) -> Vec<Event> {
        let time_s = shared.stream_time(now);
        let [capture, _, decode] = &self.chain;
        self.progress.update(now, capture.meter.frames_out(), decode.meter.frames_out());
        let mut events = Vec::new();
        for watched in self.chain.iter_mut().chain(&mut self.sinks) {
            match watched.meter.busy_for(now).filter(|busy| *busy > self.limit) {
                Some(busy) if !watched.stalled => {
                    watched.stalled = true;
                    let kind = EventKind::Stalled { stage: watched.meter.name().clone(), busy_s: busy.as_secs_f64() };
                    events.push(Event::new(time_s, kind));
                }
                Some(_) => {}
                None => watched.stalled = false,
            }
        }
        events
    }

    /// What keeps the stream from getting on, as of the last check. A sink does not: the stream goes on without it. Nor
    /// does a camera that is away and being reopened.
    pub fn stuck(&self, now: Timestamp) -> Option<Cow<'static, str>> {
        let stalled = self.chain.iter().find(|watched| watched.stalled).map(|watched| watched.meter.name().clone());
        let idle = now.since(self.progress.at) > self.limit * PATIENCE;
        stalled.or_else(|| idle.then_some(Cow::Borrowed("frames go in and none comes out")))
    }
}

impl Progress {
    fn update(&mut self, now: Timestamp, taken: u64, given: u64) {
        if given != self.given {
            (self.taken, self.given, self.at) = (taken, given, now);
        } else if taken == self.taken || self.at == Timestamp::ZERO {
            self.at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sync::StopToken;
    use crate::time::ManualClock;

    struct Stage {
        clock: ManualClock,
        shared: Shared,
        chain: [StageMeter; 3],
        watchdog: Watchdog,
    }

    impl Stage {
        fn new() -> Self {
            let clock = ManualClock::default();
            clock.set(Timestamp::from_secs_f64(100.0));
            let shared = Shared::new(Arc::new(clock.clone()), StopToken::new(), Vec::new());
            let chain = ["capture", "encode", "decode"].map(StageMeter::new);
            let watchdog = Watchdog::new(chain.clone(), std::iter::empty(), Duration::from_secs(2));
            Stage { clock, shared, chain, watchdog }
        }

        /// Events reported, and what the stream is stuck at, after `seconds`.
        fn after(&mut self, seconds: f64) -> (usize, Option<String>) {
            self.clock.advance(Duration::from_secs_f64(seconds));
            let now = self.shared.clock.now();
            let events = self.watchdog.check(now, &self.shared).len();
            (events, self.watchdog.stuck(now).map(Cow::into_owned))
        }

        fn pass(&self, stage: usize) {
            self.chain[stage].begin(self.shared.clock.now(), Duration::ZERO);
            self.chain[stage].end(Duration::ZERO);
        }
    }

    #[test]
    fn a_stage_that_holds_a_frame_is_reported_once_and_forgiven() {
        let mut stage = Stage::new();
        stage.chain[1].begin(stage.shared.clock.now(), Duration::ZERO);
        assert_eq!(stage.after(1.9), (0, None));
        assert_eq!(stage.after(0.2), (1, Some("encode".into())));
        assert_eq!(stage.after(9.0), (0, Some("encode".into())));
        stage.chain[1].end(Duration::ZERO);
        assert_eq!(stage.after(0.1), (0, None));
    }

    #[test]
    fn frames_that_vanish_are_noticed_and_a_camera_that_is_away_is_none() {
        let mut stage = Stage::new();
        assert_eq!(stage.after(60.0), (0, None), "nothing has come yet");
        for _ in 0..12 {
            assert_eq!(stage.after(1.0).1, None);
            (0..3).for_each(|s| stage.pass(s));
        }
        assert_eq!(stage.after(60.0), (0, None), "the camera is away");
        let stuck: Vec<_> = (0..12).map(|_| (stage.pass(0), stage.after(1.0).1.is_some()).1).collect();
        assert_eq!(stuck.iter().filter(|s| **s).count(), 2, "{stuck:?}");
        stage.pass(2);
        assert_eq!(stage.after(0.1), (0, None));
    }
}
