use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::Serialize;

use super::refusals::Refusals;
use super::shared::Shared;
use crate::session::{Request, RequestQueue};
use crate::time::Timestamp;

/// Prompts that wait for their turn for so long are behind.
const PATIENCE: Duration = Duration::from_secs(1);

const TOO_MANY: &str = "more prompts wait than there is room for: make fewer at a time, or replay frames from files, where \
                        every prompt is answered (foveate run --replay)";
const TOO_LATE: &str =
    "the stream ended before the time of this prompt: give an earlier time, or let the stream run longer";
const NO_TURN: &str =
    "the stream ended before it was this prompt's turn: make fewer at a time, or let the stream run longer";

/// What became of a stream's prompts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PromptReport {
    /// Prompts that were carried out on a frame, those included that could not be answered there.
    pub applied: u64,
    /// Of these, the ones that could not be answered, such as a point outside the frame.
    pub rejected: u64,
    /// Prompts that were refused unseen because too many waited.
    pub refused: u64,
    /// Prompts that no frame came for before the stream ended.
    pub left: u64,
    /// Requests that wait now, those included whose time has not come.
    pub pending: usize,
    /// Prompts come faster than there is time for them: some have waited for their turn for more than a second.
    pub starved: bool,
    /// For how many seconds prompts waited for their turn, over the stream so far.
    pub waited_s: f64,
}

impl PromptReport {
    /// Prompts that no frame answered.
    pub fn unanswered(&self) -> u64 {
        self.refused + self.left
    }
}

/// Requests on their way from the channels to the session: the fair queue, shared by the stages that fill it and the one that
/// empties it, and the figures.
#[derive(Clone, Default)]
pub(super) struct Requests(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    queue: RequestQueue,
    refusals: Refusals,
    applied: u64,
    rejected: u64,
    refused: u64,
    left: u64,
    /// When the last frame was taken, in seconds after the first.
    last_s: f64,
    /// Since when requests wait for their turn, if some do.
    waiting_since: Option<Timestamp>,
    waited: Duration,
}

impl Requests {
    /// With room for every request, for a replay: none is refused.
    pub fn unbounded() -> Self {
        let queue = RequestQueue::unbounded();
        Requests(Arc::new(Mutex::new(Inner { queue, ..Inner::default() })))
    }

    /// Lets a request wait; of too many one is refused, and told.
    pub fn push(&self, request: Request, shared: &Shared) {
        let mut inner = self.lock();
        if let Err(refused) = inner.queue.push(request)
            && refused.intent.is_prompt()
        {
            inner.refused += 1;
            inner.refusals.tell(&refused, TOO_MANY, shared);
        }
    }

    /// The next request for the frame taken `now_s` seconds after the first; it counts as carried out.
    pub fn next_due(&self, now_s: f64) -> Option<Request> {
        let mut inner = self.lock();
        let next = inner.queue.next_due(now_s);
        inner.applied += u64::from(next.as_ref().is_some_and(|request| request.intent.is_prompt()));
        next
    }

    /// The frame taken `now_s` seconds after the first has no more time for requests at `now`: what is due waits for the next.
    pub fn end_turn(&self, now_s: f64, now: Timestamp, shared: &Shared) {
        let mut inner = self.lock();
        inner.queue.leave_rest(now_s);
        if inner.queue.is_crowded() {
            inner.waiting_since.get_or_insert(now);
        } else if let Some(since) = inner.waiting_since.take() {
            inner.waited += now.since(since);
        }
        inner.refusals.tell_due(shared);
    }

    /// A frame taken `time_s` seconds after the first is under way.
    pub fn note_frame(&self, time_s: f64) {
        self.lock().last_s = time_s;
    }

    /// Counts a prompt that could not be answered on its frame.
    pub fn count_rejected(&self) {
        self.lock().rejected += 1;
    }

    /// The stream is over: counts and tells all that waits, and the `rest` that the sources have left.
    pub fn end(&self, rest: Vec<Request>, shared: &Shared) {
        let mut inner = self.lock();
        let waiting = inner.queue.drain().chain(rest).filter(|request| request.intent.is_prompt());
        let waiting: Vec<Request> = waiting.collect();
        inner.left += waiting.len() as u64;
        let (mut refusals, last_s) = (std::mem::take(&mut inner.refusals), inner.last_s);
        // Telling may wait for a sink, and others ask for the figures meanwhile.
        drop(inner);
        for request in waiting {
            refusals.tell(&request, if request.time_s > last_s { TOO_LATE } else { NO_TURN }, shared);
        }
        refusals.tell_all(shared);
    }

    /// The figures at `now`.
    pub fn report(&self, now: Timestamp) -> PromptReport {
        let inner = self.lock();
        let waiting = inner.waiting_since.map_or(Duration::ZERO, |since| now.since(since));
        PromptReport {
            applied: inner.applied,
            rejected: inner.rejected,
            refused: inner.refused,
            left: inner.left,
            pending: inner.queue.len(),
            starved: waiting >= PATIENCE,
            waited_s: (inner.waited + waiting).as_secs_f64(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
