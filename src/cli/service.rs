//! What a stream reports to systemd (`sd_notify(3)`): that it works, what it is at, and that it is alive.

use std::time::{Duration, Instant};

use crate::pipeline::Running;

/// The service manager that started us, if one did and wants reports.
pub struct Service {
    /// Time between two signs of life; `None` if nobody waits for them.
    feed_every: Option<Duration>,
    fed_at: Option<Instant>,
    status_at: Option<Instant>,
    ready: bool,
    stopping: bool,
}

/// Time between two status lines.
const STATUS_EVERY: Duration = Duration::from_secs(1);

impl Service {
    /// Reads what systemd passes in the environment (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).
    pub fn from_environment() -> Self {
        // Half the limit, as sd_watchdog_enabled(3) advises.
        let feed_every = notify::watchdog().map(|limit| limit / 2);
        Service { feed_every, fed_at: None, status_at: None, ready: false, stopping: false }
    }

    /// Reports how the stream stands; to be called some ten times a second.
    ///
    /// Ready is reported with the first record. The sign of life is withheld while the stream is stuck, so that systemd ends and
    /// restarts a program whose camera driver, or anything else, never comes back.
    pub fn report(&mut self, running: &Running) {
        if !notify::is_wanted() {
            return;
        }
        let now = Instant::now();
        let due = |last: Option<Instant>, every: Duration| last.is_none_or(|at| now.duration_since(at) >= every);
        let stuck = running.stuck();
        if !self.ready && running.reports().decode.frames_out > 0 {
            self.ready = true;
            notify::ready();
        }
        if running.is_stopping() {
            self.ended();
        }
        if let Some(every) = self.feed_every.filter(|every| stuck.is_none() && due(self.fed_at, *every)) {
            // A little early rather than late: the caller's clock is coarse.
            self.fed_at = Some(now - every / 10);
            notify::alive();
        }
        if !self.stopping && due(self.status_at, STATUS_EVERY) {
            self.status_at = Some(now);
            notify::status(&stuck.map_or_else(|| status(running), |what| format!("stuck: {what}")));
        }
    }

    /// Reports that the stream has ended or is about to.
    pub fn ended(&mut self) {
        if !std::mem::replace(&mut self.stopping, true) {
            notify::stopping();
        }
    }
}

fn status(running: &Running) -> String {
    let frames = running.reports().decode.frames_out;
    let latency = running
        .recent_latency()
        .map_or("no frames at present".to_owned(), |age| format!("capture to mask {:.0} ms", age.as_secs_f64() * 1e3));
    let rung =
        running.degrade().map_or(String::new(), |d| format!(", rung {} of {} ({})", d.rung, d.last_rung, d.setting));
    format!("{frames} frames, {latency}{rung}")
}

/// A manager that does not listen any more is no reason to stop.
#[cfg(target_os = "linux")]
mod notify {
    use std::time::Duration;

    use sd_notify::NotifyState;

    pub fn is_wanted() -> bool {
        std::env::var_os("NOTIFY_SOCKET").is_some()
    }

    pub fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }

    pub fn ready() {
        send(NotifyState::Ready);
    }

    pub fn alive() {
        send(NotifyState::Watchdog);
    }

    pub fn status(text: &str) {
        send(NotifyState::Status(text));
    }

    pub fn stopping() {
        send(NotifyState::Stopping);
    }

    fn send(state: NotifyState) {
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::debug!("the service manager cannot be reached: {error}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod notify {
    use std::time::Duration;

    pub fn is_wanted() -> bool {
        false
    }

    pub fn watchdog() -> Option<Duration> {
        None
    }

    pub fn ready() {}
    pub fn alive() {}
    pub fn status(_: &str) {}
    pub fn stopping() {}
}
