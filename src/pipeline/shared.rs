use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};

use crate::error::Error;
use crate::record::Event;
use crate::sync::{LatestSlot, StopToken};
use crate::time::{Clock, Timestamp};

/// How long a stage waits before it looks at the stop token again.
pub(super) const WAIT: Duration = Duration::from_millis(100);

/// What every stage's thread holds.
#[derive(Clone)]
pub(super) struct Shared {
    pub clock: Arc<dyn Clock>,
    pub stop: StopToken,
    /// Capture time of the first frame: zero of the stream's own time.
    origin: Arc<OnceLock<Timestamp>>,
    /// The first error of any stage; it ends the stream.
    failure: Arc<Mutex<Option<Error>>>,
    /// One bounded channel of events to each sink.
    events: Arc<[Sender<Event>]>,
}

impl Shared {
    pub fn new(clock: Arc<dyn Clock>, stop: StopToken, events: Vec<Sender<Event>>) -> Self {
        Shared { clock, stop, origin: Arc::default(), failure: Arc::default(), events: events.into() }
    }

    /// The same stream for a thread that stops by a token of its own.
    pub fn with_stop(&self, stop: StopToken) -> Self {
        Shared { stop, ..self.clone() }
    }

    /// Sets the stream's zero at the first frame; later calls change nothing.
    pub fn set_origin(&self, at: Timestamp) {
        let _ = self.origin.set(at);
    }

    pub fn origin(&self) -> Option<Timestamp> {
        self.origin.get().copied()
    }

    /// Seconds from the stream's first frame to `at`; 0 before the first frame.
    pub fn stream_time(&self, at: Timestamp) -> f64 {
        self.origin().map_or(0.0, |origin| at.signed_secs_since(origin))
    }

    /// Emits an event to every sink. A sink that does not keep up loses events rather than stalling the stream; what it lost is
    /// logged.
    pub fn emit(&self, event: Event) {
        for sink in self.events.iter() {
            if let Err(TrySendError::Full(event)) = sink.try_send(event.clone()) {
                tracing::warn!("a sink does not keep up and misses an event: {event:?}");
            }
        }
    }

    /// Ends the stream with `error`, unless an earlier one ended it already.
    pub fn fail(&self, error: Error) {
        let mut failure = self.failure.lock().unwrap_or_else(|p| p.into_inner());
        failure.get_or_insert(error);
        self.stop.stop();
    }

    pub fn take_failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(|p| p.into_inner()).take()
    }
}

/// Something that waits between two stages, and since when.
pub(super) struct Stamped<T> {
    pub value: T,
    pub since: Timestamp,
}

/// The sending end of a latest-value slot. Dropping it, also in a panic, closes the slot: the stage behind it then ends
/// too.
pub(super) struct SlotSender<T>(LatestSlot<Stamped<T>>);

impl<T> SlotSender<T> {
    /// A slot and its sending end.
    pub fn new() -> (SlotSender<T>, LatestSlot<Stamped<T>>) {
        let slot = LatestSlot::new();
        (SlotSender(slot.clone()), slot)
    }

    /// Makes `value` the latest; true if it replaced one that nobody took.
    pub fn put(&self, value: T, since: Timestamp) -> bool {
        self.0.put(Stamped { value, since }).is_some()
    }

    /// Makes `value` the latest unless one waits to be taken; false if so.
    pub fn offer(&self, value: T, since: Timestamp) -> bool {
        self.0.offer(Stamped { value, since }).is_none()
    }
}

impl<T> Drop for SlotSender<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}
