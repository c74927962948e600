use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, TrySendError, bounded};

use crate::error::Error;
use crate::record::{Event, EventKind};
use crate::sync::{LatestSlot, StopToken};
use crate::time::{Clock, Timestamp};

/// How long a stage waits before it looks at the stop token again.
pub(super) const WAIT: Duration = Duration::from_millis(100);

/// Capture time of the first frame: zero of the stream's own time. Clones are one origin.
#[derive(Clone, Debug, Default)]
pub struct StreamOrigin(Arc<OnceLock<Timestamp>>);

/// What every stage's thread holds.
#[derive(Clone)]
pub(super) struct Shared {
    /// The clock that latencies are measured with.
    pub clock: Arc<dyn Clock>,
    /// The clock that the stream goes by: the same, or in a replay the time of the frame that is under way.
    pub stream_clock: Arc<dyn Clock>,
    pub stop: StopToken,
    origin: StreamOrigin,
    /// The first error of any stage; it ends the stream.
    failure: Arc<Mutex<Option<Error>>>,
    /// One bounded channel of events to each sink, each event with the number of records sent before it.
    events: Arc<[Sender<NumberedEvent>]>,
    /// Records sent so far.
    sent: Arc<AtomicU64>,
    /// No event may be lost: whoever emits one waits for room.
    lossless: bool,
}

/// An event, and how many records were sent before it.
pub(super) type NumberedEvent = (u64, Event);

impl Shared {
    pub fn new(clock: Arc<dyn Clock>, stop: StopToken, events: Vec<Sender<NumberedEvent>>) -> Self {
        Shared {
            stream_clock: Arc::clone(&clock),
            clock,
            stop,
            origin: StreamOrigin::default(),
            failure: Arc::default(),
            events: events.into(),
            sent: Arc::default(),
            lossless: false,
        }
    }

    /// The same with a zero that other streams may share.
    pub fn counted_from(self, origin: StreamOrigin) -> Self {
        Shared { origin, ..self }
    }

    /// The same for a replay, whose time `stream_clock` tells and in which no event is lost.
    pub fn replayed(self, stream_clock: Arc<dyn Clock>) -> Self {
        Shared { stream_clock, lossless: true, ..self }
    }

    /// The same stream for a thread that stops by a token of its own.
    pub fn with_stop(&self, stop: StopToken) -> Self {
        Shared { stop, ..self.clone() }
    }

    /// Sets the stream's zero at the first frame; later calls change nothing.
    pub fn set_origin(&self, at: Timestamp) {
        let _ = self.origin.0.set(at);
    }

    pub fn origin(&self) -> Option<Timestamp> {
        self.origin.0.get().copied()
    }

    /// Seconds from the stream's first frame to `at`; 0 before the first frame.
    pub fn stream_time(&self, at: Timestamp) -> f64 {
        self.origin().map_or(0.0, |origin| at.signed_secs_since(origin))
    }

    /// Emits an event to every sink. A sink that does not keep up loses events rather than stalling the stream, unless it is
    /// a replay; what it lost is logged.
    pub fn emit(&self, event: Event) {
        for sink in self.events.iter() {
            self.emit_to(sink, event.clone(), self.lossless);
        }
    }

    /// Emits what happened now.
    pub fn emit_now(&self, kind: EventKind) {
        self.emit(Event::new(self.stream_time(self.stream_clock.now()), kind));
    }

    /// The same for the thread of a sink, which never waits for itself.
    pub fn emit_from_sink(&self, event: Event) {
        for sink in self.events.iter() {
            self.emit_to(sink, event.clone(), false);
        }
    }

    fn emit_to(&self, sink: &Sender<NumberedEvent>, event: Event, wait: bool) {
        let mut numbered = (self.sent.load(Ordering::Acquire), event);
        while wait && !self.stop.is_stopped() {
            match sink.send_timeout(numbered, WAIT) {
                Err(SendTimeoutError::Timeout(back)) => numbered = back,
                Ok(()) | Err(SendTimeoutError::Disconnected(_)) => return,
            }
        }
        if let Err(TrySendError::Full((_, event))) = sink.try_send(numbered) {
            tracing::warn!("a sink does not keep up and misses an event: {event:?}");
        }
    }

    /// The number of the next record; what is emitted from now on comes after it.
    pub fn number_record(&self) -> u64 {
        self.sent.fetch_add(1, Ordering::AcqRel)
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
    /// The frame's turn, if the next has to wait for its end.
    pub turn: Option<Turn>,
}

/// A frame's passage through the stages; when it is dropped, wherever that is, the next frame may come.
pub(super) struct Turn(Sender<()>);

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

/// Lets one frame at a time through the stages.
pub(super) struct Turnstile(Sender<()>, Receiver<()>);

impl Turnstile {
    pub fn new() -> Self {
        let (sender, receiver) = bounded(1);
        Turnstile(sender, receiver)
    }

    pub fn turn(&self) -> Turn {
        Turn(self.0.clone())
    }

    /// Waits for the end of the turn that was given last, for the stop, and no longer than for so many times [`WAIT`].
    pub fn wait(&self, stop: &StopToken, waits: usize) {
        for _ in 0..waits {
            if stop.is_stopped() || self.1.recv_timeout(WAIT) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }
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
    pub fn put(&self, value: T, since: Timestamp, turn: Option<Turn>) -> bool {
        self.0.put(Stamped { value, since, turn }).is_some()
    }

    /// Makes `value` the latest unless one waits to be taken; false if so.
    pub fn offer(&self, value: T, since: Timestamp, turn: Option<Turn>) -> bool {
        self.0.offer(Stamped { value, since, turn }).is_none()
    }
}

impl<T> Drop for SlotSender<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}
