use std::time::Duration;

use super::controller::{Controller, Decision, PERIOD, Sample};
use super::log::{Log, Step};
use super::{Degrade, Ladder, Switch, Variants};
use crate::board::Thermometer;
use crate::pipeline::meter::AgeMeter;
use crate::pipeline::pace::EncodeEvery;
use crate::pipeline::shared::Shared;
use crate::record::{Event, EventKind};
use crate::time::Timestamp;

/// The ends of the stream that the supervisor sees and moves.
pub(in crate::pipeline) struct Stream {
    pub switch: Switch,
    /// Name of the model whose variants the ladder goes through.
    pub model: String,
    pub every: EncodeEvery,
    pub age: AgeMeter,
    pub shared: Shared,
}

/// Watches the budgets and applies what the controller decides.
pub(in crate::pipeline) struct Supervisor {
    controller: Controller,
    window: Duration,
    ladder: Ladder,
    variants: Box<dyn Variants>,
    thermometer: Box<dyn Thermometer>,
    stream: Stream,
    log: Log,
}

impl Supervisor {
    pub fn new(degrade: Degrade, stream: Stream) -> Self {
        let Degrade { budgets, ladder, variants, thermometer } = degrade;
        let log = Log::new(ladder.last(), ladder.setting(0).to_string(), stream.shared.clock.now());
        let window = Duration::from_secs_f64(budgets.window_s);
        let controller = Controller::new(budgets, ladder.last());
        Supervisor { controller, window, ladder, variants, thermometer, stream, log }
    }

    pub fn log(&self) -> Log {
        self.log.clone()
    }

    /// Runs until the stream stops.
    pub fn run(mut self) {
        while !self.stream.shared.stop.wait(PERIOD) {
            self.look();
        }
    }

    /// One look at the figures, and the step that they call for.
    fn look(&mut self) {
        let now = self.stream.shared.clock.now();
        let reading = self.thermometer.read();
        self.log.read(&reading);
        if self.stream.switch.is_by_hand() {
            return;
        }
        let since = self.controller.changed_at().unwrap_or(Timestamp::ZERO);
        let latency = self.stream.age.recent_p95(now, self.window, since);
        let sample = Sample { at: now, latency, celsius: reading.celsius, throttled: reading.throttled };
        if let Some(decision) = self.controller.observe(&sample) {
            self.go(decision);
        }
    }

    fn go(&mut self, Decision { to, reason }: Decision) {
        let (from, setting) = (self.controller.rung(), self.ladder.setting(to));
        let rung = u32::try_from(to).unwrap_or(u32::MAX);
        let mut exchanged = Ok(());
        if setting.variant != self.ladder.setting(from).variant {
            exchanged = self.variants.load(setting.variant).and_then(|(encoder, decoder)| {
                self.stream.switch.put(&self.stream.model, encoder, decoder)?;
                Ok(())
            });
        }
        let now = self.stream.shared.clock.now();
        let time_s = self.stream.shared.stream_time(now);
        let kind = match exchanged {
            Err(error) => {
                tracing::warn!("rung {to} ({setting}) is left out: {error}");
                self.controller.refused(to);
                EventKind::DegradeFailed { rung, reason: error.to_string() }
            }
            Ok(()) => {
                self.stream.every.set(setting.encode_every);
                self.controller.done(to, now);
                let (setting, reason) = (setting.to_string(), reason.to_string());
                self.log.step(Step { time_s, rung: to, reason: reason.clone() }, setting.clone(), now);
                if to > from {
                    EventKind::Degraded { rung, setting, reason }
                } else {
                    EventKind::Recovered { rung, setting, reason }
                }
            }
        };
        self.stream.shared.emit(Event::new(time_s, kind));
    }
}

#[cfg(test)]
mod tests;
