use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Serialize;

use crate::board::Reading;
use crate::time::Timestamp;

/// What a stream gave up, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DegradeSummary {
    /// The present rung; 0 is full quality.
    pub rung: usize,
    /// The ladder's last rung.
    pub last_rung: usize,
    /// What the present rung means.
    pub setting: String,
    /// Steps so far, down and up.
    pub steps: u64,
    /// The last 32 of them.
    pub history: VecDeque<Step>,
    /// Seconds spent on each rung, from rung 0.
    pub seconds: Vec<f64>,
    /// Highest temperature seen; `None` without a sensor.
    pub hottest_c: Option<f64>,
    /// Why the processor was slowed down when it last was; `None` if it never was.
    pub throttled: Option<String>,
}

/// One step on the ladder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// When, in seconds since the source's first frame.
    pub time_s: f64,
    /// The rung that was gone to.
    pub rung: usize,
    /// The budget that was exceeded, or that all were calm.
    pub reason: String,
}

const HISTORY: usize = 32;

/// The summary as it grows; clones share it.
#[derive(Clone, Debug)]
pub(in crate::pipeline) struct Log(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    summary: DegradeSummary,
    /// Up to when `seconds` counts.
    counted: Timestamp,
}

impl Log {
    pub fn new(last_rung: usize, setting: String, now: Timestamp) -> Self {
        let seconds = vec![0.0; last_rung + 1];
        let summary = DegradeSummary { last_rung, setting, seconds, ..DegradeSummary::default() };
        Log(Arc::new(Mutex::new(Inner { summary, counted: now })))
    }

    /// Takes what the thermometer shows.
    pub fn read(&self, reading: &Reading) {
        let mut inner = self.lock();
        let hottest = [inner.summary.hottest_c, reading.celsius].into_iter().flatten().max_by(f64::total_cmp);
        inner.summary.hottest_c = hottest;
        if reading.throttled.is_some() && inner.summary.throttled != reading.throttled {
            inner.summary.throttled.clone_from(&reading.throttled);
        }
    }

    /// A step was done at `now`.
    pub fn step(&self, step: Step, setting: String, now: Timestamp) {
        let mut inner = self.lock();
        inner.count(now);
        let summary = &mut inner.summary;
        (summary.rung, summary.setting) = (step.rung, setting);
        summary.steps += 1;
        if summary.history.len() == HISTORY {
            summary.history.pop_front();
        }
        summary.history.push_back(step);
    }

    /// A user chose what runs: the ladder is left.
    pub fn choose(&self, setting: String) {
        let mut inner = self.lock();
        (inner.summary.rung, inner.summary.setting) = (0, setting);
    }

    /// The summary up to `now`.
    pub fn summary(&self, now: Timestamp) -> DegradeSummary {
        let mut inner = self.lock();
        inner.count(now);
        inner.summary.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in between leaves at worst one figure behind the others.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Inner {
    fn count(&mut self, now: Timestamp) {
        let passed = now.since(self.counted).as_secs_f64();
        if let Some(seconds) = self.summary.seconds.get_mut(self.summary.rung) {
            *seconds += passed;
        }
        self.counted = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_sums_up_in_bounded_memory() {
        let at = Timestamp::from_secs_f64;
        let log = Log::new(1, "full".into(), at(0.0));
        for n in 0..100 {
            let step = Step { time_s: n as f64, rung: (n + 1) % 2, reason: "test".into() };
            log.step(step, format!("rung {}", (n + 1) % 2), at(1.0 + n as f64));
        }
        log.read(&Reading { celsius: Some(70.0), throttled: Some("heat".into()) });
        log.read(&Reading { celsius: Some(50.0), throttled: None });
        let summary = log.summary(at(101.0));
        assert_eq!((summary.rung, summary.steps, summary.history.len()), (0, 100, HISTORY));
        assert_eq!(summary.seconds, [51.0, 50.0]);
        assert_eq!((summary.hottest_c, summary.throttled.as_deref()), (Some(70.0), Some("heat")));
    }
}
