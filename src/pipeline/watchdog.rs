use std::time::Duration;

use super::meter::StageMeter;
use super::shared::Shared;
use crate::sink::{Event, EventKind};
use crate::time::Timestamp;

/// Names the stages that hold one frame for too long, once for each time they do.
pub(super) struct Watchdog {
    stages: Vec<(StageMeter, bool)>,
    limit: Duration,
}

impl Watchdog {
    pub fn new(stages: Vec<StageMeter>, limit: Duration) -> Self {
        Watchdog { stages: stages.into_iter().map(|meter| (meter, false)).collect(), limit }
    }

    /// Events for the stages that stalled since the last check.
    pub fn check(&mut self, now: Timestamp, shared: &Shared) -> Vec<Event> {
        let time_s = shared.stream_time(now);
        let mut events = Vec::new();
        for (meter, told) in &mut self.stages {
            match meter.busy_for(now).filter(|busy| *busy > self.limit) {
                Some(busy) if !*told => {
                    *told = true;
                    let kind = EventKind::Stalled { stage: meter.name().clone(), busy_s: busy.as_secs_f64() };
                    events.push(Event::new(time_s, kind));
                }
                Some(_) => {}
                None => *told = false,
            }
        }
        events
    }
}
