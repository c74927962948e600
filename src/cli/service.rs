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
    streams: Vec<StreamState>,
}

/// How one of the streams stood last.
#[derive(Clone, Default)]
struct StreamState {
    has_frames: bool,
    /// It has ended, or is about to.
    is_ending: bool,
    stuck: Option<String>,
    status: String,
}

/// Time between two status lines.
const STATUS_EVERY: Duration = Duration::from_secs(1);

impl Service {
    /// Reads what systemd passes in the environment (`NOTIFY_SOCKET`, `WATCHDOG_USEC`), for a program of `streams`.
    pub fn from_environment(streams: usize) -> Self {
        // Half the limit, as sd_watchdog_enabled(3) advises.
        let feed_every = notify::watchdog().map(|limit| limit / 2);
        Service {
            feed_every,
            fed_at: None,
            status_at: None,
            ready: false,
            stopping: false,
            streams: vec![StreamState::default(); streams],
        }
    }

    /// Reports how the stream numbered `at` stands, whose camera is called `name`; to be called some ten times a second.
    ///
    /// Ready is reported when every stream has its first record. The sign of life is withheld while one is stuck, so that systemd ends
    /// and restarts a program whose camera driver, or anything else, never comes back.
    pub fn report(&mut self, at: usize, name: Option<&str>, running: &Running) {
        if !notify::is_wanted() {
            return;
        }
        let prefix = name.map(|name| format!("{name}: ")).unwrap_or_default();
        self.streams[at] = StreamState {
            has_frames: running.reports().decode.frames_out > 0,
            is_ending: running.is_stopping(),
            stuck: running.stuck().map(|what| format!("{prefix}{what}")),
            status: format!("{prefix}{}", status(running)),
        };
        let now = Instant::now();
        let due = |last: Option<Instant>, every: Duration| last.is_none_or(|at| now.duration_since(at) >= every);
        let stuck = self.streams.iter().find_map(|stream| stream.stuck.clone());
        if !self.ready && self.streams.iter().all(|stream| stream.has_frames) {
            self.ready = true;
            notify::ready();
        }
        if self.streams.iter().all(|stream| stream.is_ending) {
            self.ended();
        }
        if let Some(every) = self.feed_every.filter(|every| stuck.is_none() && due(self.fed_at, *every)) {
            // A little early rather than late: the caller's clock is coarse.
            self.fed_at = Some(now - every / 10);
            notify::alive();
        }
        if !self.stopping && due(self.status_at, STATUS_EVERY) {
            self.status_at = Some(now);
            let all = self.streams.iter().map(|stream| stream.status.as_str()).filter(|status| !status.is_empty());
            let all = all.collect::<Vec<_>>().join("; ");
            notify::status(&stuck.map_or(all, |what| format!("stuck: {what}")));
        }
    }

    /// Notes that the stream numbered `at` has ended: the others go on.
    pub fn stream_ended(&mut self, at: usize) {
        self.streams[at] = StreamState { is_ending: true, ..StreamState::default() };
        self.streams[at].has_frames = true;
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
