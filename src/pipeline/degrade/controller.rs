use std::fmt;
use std::time::Duration;

use crate::board::Budgets;
use crate::time::Timestamp;

/// What was measured at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub at: Timestamp,
    /// Of the records since the last step; `None` while there are too few.
    pub latency: Option<Duration>,
    /// `None` without a sensor.
    pub celsius: Option<f64>,
    /// Why the processor runs slower than it could.
    pub throttled: Option<String>,
}

/// A rung to go to, one from the present one, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decision {
    pub to: usize,
    pub reason: Reason,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reason {
    Latency { ms: f64, limit: f64 },
    Temperature { celsius: f64, limit: f64 },
    Throttled { cause: String },
    Calm { seconds: f64 },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Latency { ms, limit } => write!(f, "latency {ms:.0} ms > {limit:.0} ms"),
            Reason::Temperature { celsius, limit } => write!(f, "temperature {celsius:.0} °C > {limit:.0} °C"),
            Reason::Throttled { cause } => write!(f, "the processor is slowed down: {cause}"),
            Reason::Calm { seconds } => write!(f, "every budget calm for {seconds:.0} s"),
        }
    }
}

/// Decides when to go down the ladder and when back up.
///
/// * Down by one rung while a budget is exceeded, at most once in `hold_s`.
/// * Up by one rung when every budget has been calm, below its limit by its margin, for `calm_s` without a break; between
///   calm and exceeded nothing moves.
/// * A step up that is taken back before it lasted that long makes the next one wait twice as long, up to 16 times: a load
///   that fits one rung and not the next is not tried over and over.
///
/// It has no clock: time comes with the samples, which must not run backwards.
#[derive(Clone, Debug)]
pub(super) struct Controller {
    budgets: Budgets,
    at: usize,
    /// Rungs that can be gone to.
    first: usize,
    last: usize,
    changed_at: Option<Timestamp>,
    calm_since: Option<Timestamp>,
    /// Whether the last step was up.
    rose: bool,
    /// Factor on `calm_s`.
    patience: u32,
}

const MAX_PATIENCE: u32 = 16;

impl Controller {
    /// Starts at rung 0 of a ladder whose last rung is `last`.
    pub fn new(budgets: Budgets, last: usize) -> Self {
        Controller { budgets, at: 0, first: 0, last, changed_at: None, calm_since: None, rose: false, patience: 1 }
    }

    /// The present rung.
    pub fn rung(&self) -> usize {
        self.at
    }

    /// When the last step was done.
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.changed_at
    }

    /// Takes a sample and says where to go, if anywhere. The step counts once [`Self::done`] says so.
    pub fn observe(&mut self, sample: &Sample) -> Option<Decision> {
        let now = sample.at;
        let lasted = |span: f64| self.changed_at.is_none_or(|at| now.since(at).as_secs_f64() >= span);
        if let Some(reason) = self.exceeded(sample) {
            let down = self.at < self.last && lasted(self.budgets.hold_s);
            self.calm_since = None;
            return down.then_some(Decision { to: self.at + 1, reason });
        }
        if !self.is_calm(sample) {
            self.calm_since = None;
            return None;
        }
        let wait = self.calm_wait();
        let rested = lasted(wait);
        let calm_for = now.since(*self.calm_since.get_or_insert(now)).as_secs_f64();
        let up = self.at > self.first && rested && calm_for >= wait;
        up.then_some(Decision { to: self.at - 1, reason: Reason::Calm { seconds: calm_for } })
    }

    /// The step to rung `to` was taken at `now`.
    pub fn done(&mut self, to: usize, now: Timestamp) {
        let rises = to < self.at;
        if !rises && self.rose {
            let lasted = self.changed_at.is_some_and(|at| now.since(at).as_secs_f64() >= self.calm_wait());
            self.patience = if lasted { 1 } else { (self.patience * 2).min(MAX_PATIENCE) };
        }
        (self.at, self.rose, self.changed_at, self.calm_since) = (to, rises, Some(now), None);
    }

    /// Rung `to` cannot be gone to: the ladder ends before it.
    pub fn refused(&mut self, to: usize) {
        if to > self.at { self.last = self.at } else { self.first = self.at }
    }

    fn calm_wait(&self) -> f64 {
        self.budgets.calm_s * f64::from(self.patience)
    }

    fn exceeded(&self, sample: &Sample) -> Option<Reason> {
        let b = &self.budgets;
        let ms = sample.latency.map(|l| l.as_secs_f64() * 1e3);
        let over = |value: Option<f64>, limit: Option<f64>| value.zip(limit).filter(|(value, limit)| value > limit);
        if let Some((celsius, limit)) = over(sample.celsius, b.temperature_c) {
            return Some(Reason::Temperature { celsius, limit });
        }
        if let (Some(cause), Some(_)) = (&sample.throttled, b.temperature_c) {
            return Some(Reason::Throttled { cause: cause.clone() });
        }
        over(ms, b.latency_ms).map(|(ms, limit)| Reason::Latency { ms, limit })
    }

    /// A latency that is not known is not calm; a machine without a thermometer has no say in it.
    fn is_calm(&self, sample: &Sample) -> bool {
        let b = &self.budgets;
        let latency = sample.latency.map(|l| l.as_secs_f64() * 1e3);
        let quick = b.latency_ms.is_none_or(|limit| latency.is_some_and(|ms| ms < limit * (1.0 - b.latency_margin)));
        let cool = b
            .temperature_c
            .is_none_or(|limit| sample.celsius.is_none_or(|celsius| celsius < limit - b.temperature_margin_c));
        quick && cool
    }
}

/// Time between two looks at the figures.
pub(super) const PERIOD: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::board::Rung;

    fn budgets() -> Budgets {
        let ladder = vec![Rung { encode_every: Some(2), ..Rung::default() }];
        Budgets { latency_ms: Some(100.0), temperature_c: Some(75.0), ladder, ..Budgets::default() }
    }

    fn sample(seconds: f64, ms: f64, celsius: f64) -> Sample {
        Sample {
            at: Timestamp::from_secs_f64(1000.0 + seconds),
            latency: Some(Duration::from_secs_f64(ms / 1e3)),
            celsius: Some(celsius),
            throttled: None,
        }
    }

    /// Steps taken by a controller that sees `figures(seconds, rung)`, as (seconds, rung, reason).
    fn steps(last: usize, seconds: u32, figures: impl Fn(f64, usize) -> (f64, f64)) -> Vec<(f64, usize, String)> {
        let mut controller = Controller::new(budgets(), last);
        let mut steps = Vec::new();
        for n in 0..seconds * 2 {
            let at = f64::from(n) / 2.0;
            let (ms, celsius) = figures(at, controller.rung());
            let sample = sample(at, ms, celsius);
            if let Some(Decision { to, reason }) = controller.observe(&sample) {
                controller.done(to, sample.at);
                steps.push((at, to, reason.to_string()));
            }
        }
        steps
    }

    #[test]
    fn an_overload_goes_down_one_rung_at_a_time_and_says_why() {
        let taken = steps(3, 60, |_, rung| ([142.0, 120.0, 90.0, 60.0][rung], 50.0));
        assert_eq!(
            taken,
            [(0.0, 1, "latency 142 ms > 100 ms".into()), (3.0, 2, "latency 120 ms > 100 ms".into())],
            "90 ms is neither exceeded nor calm"
        );
    }

    #[test]
    fn heat_and_throttling_count_and_a_calm_spell_brings_it_back() {
        let taken = steps(2, 60, |at, _| (50.0, if at < 4.0 { 80.0 } else { 60.0 }));
        let expected = [
            (0.0, 1, "temperature 80 °C > 75 °C".to_owned()),
            (3.0, 2, "temperature 80 °C > 75 °C".to_owned()),
            (24.0, 1, "every budget calm for 20 s".to_owned()),
            (44.5, 0, "every budget calm for 20 s".to_owned()),
        ];
        assert_eq!(taken, expected);
        let mut controller = Controller::new(budgets(), 1);
        let throttled = Sample { throttled: Some("under-voltage".into()), ..sample(0.0, 10.0, 40.0) };
        let decision = controller.observe(&throttled).unwrap();
        assert_eq!(decision.reason.to_string(), "the processor is slowed down: under-voltage");
    }

    #[test]
    fn a_rung_that_does_not_last_is_tried_less_and_less() {
        // Rung 1 is calm and rung 0 too much, for ever.
        let taken = steps(1, 2000, |_, rung| ([142.0, 60.0][rung], 50.0));
        let ups: Vec<f64> = taken.iter().filter(|(_, rung, _)| *rung == 0).map(|(at, ..)| *at).collect();
        let waits: Vec<f64> = ups.windows(2).map(|w| w[1] - w[0]).collect();
        assert!(waits.windows(2).all(|w| w[1] >= w[0]), "{waits:?}");
        assert!(waits.last().unwrap() > &320.0, "{waits:?}");
    }

    #[test]
    fn a_silent_stream_is_neither_overloaded_nor_calm() {
        let mut controller = Controller::new(budgets(), 1);
        controller.done(1, Timestamp::from_secs_f64(1000.0));
        for n in 0..200 {
            let silent = Sample { latency: None, ..sample(f64::from(n), 0.0, 40.0) };
            assert_eq!(controller.observe(&silent), None);
        }
    }

    #[test]
    fn a_refused_rung_is_not_asked_for_again() {
        let mut controller = Controller::new(budgets(), 3);
        assert_eq!(controller.observe(&sample(0.0, 500.0, 40.0)).map(|d| d.to), Some(1));
        controller.refused(1);
        assert_eq!(controller.observe(&sample(9.0, 500.0, 40.0)), None);
    }

    proptest! {
        /// Whatever is measured: one rung at a time, within the ladder, never down twice within `hold_s` nor up within
        /// `calm_s` of the last step, and up only when all of the last `calm_s` was calm.
        #[test]
        fn steps_keep_their_distance(last in 0usize..6, seed in prop::collection::vec((0f64..200.0, 40f64..90.0, 0u8..8), 1..400)) {
            let (budgets, mut controller) = (budgets(), Controller::new(budgets(), last));
            let mut changed: Option<f64> = None;
            let mut uncalm: f64 = -1e9;
            for (n, (ms, celsius, kind)) in seed.iter().enumerate() {
                let at = n as f64 / 2.0;
                // Runs of the same figures, so that calm spells do happen.
                let (ms, celsius) = if *kind < 6 { (20.0, 45.0) } else { (*ms, *celsius) };
                let sample = Sample { throttled: None, ..sample(at, ms, celsius) };
                if ms >= 80.0 || celsius >= 70.0 {
                    uncalm = at;
                }
                let before = controller.rung();
                let Some(Decision { to, .. }) = controller.observe(&sample) else { continue };
                prop_assert_eq!(to.abs_diff(before), 1);
                prop_assert!(to <= last);
                let since = changed.map_or(f64::MAX, |c| at - c);
                if to > before {
                    prop_assert!(ms > 100.0 || celsius > 75.0);
                    prop_assert!(since >= budgets.hold_s);
                } else {
                    prop_assert!(since >= budgets.calm_s && at - uncalm >= budgets.calm_s);
                }
                controller.done(to, sample.at);
                changed = Some(at);
            }
        }

        /// On a machine whose latency is the load times the rung's cost, a heavier load never ends on a milder rung, and the
        /// rung it ends on is within the budget if any is.
        #[test]
        fn heavier_loads_end_lower(load in 10f64..400.0, more in 1f64..4.0) {
            const COST: [f64; 4] = [1.0, 0.6, 0.4, 0.2];
            let end = |load: f64| {
                // Stops while the first climb back has not begun.
                let taken = steps(3, 18, |_, rung| (load * COST[rung], 50.0));
                taken.last().map_or(0, |(_, rung, _)| *rung)
            };
            let rung = end(load);
            prop_assert!(rung <= end(load * more));
            prop_assert!(load * COST[rung] <= 100.0 || rung == 3);
            prop_assert!(rung == 0 || load * COST[rung - 1] > 100.0);
        }

        /// A steady load settles: in an hour there are at most the way down, and one try up with its return per 16 calm
        /// periods after the first few.
        #[test]
        fn a_steady_load_does_not_oscillate(load in 10f64..400.0) {
            const COST: [f64; 4] = [1.0, 0.6, 0.4, 0.2];
            let taken = steps(3, 3600, |_, rung| (load * COST[rung], 50.0));
            prop_assert!(taken.len() <= 3 + 2 * (5 + 3600 / (16 * 20)), "{:?}", taken);
        }
    }
}
