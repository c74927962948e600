use std::time::Duration;

use super::drop_oldest::{DropOldest, Received};

/// A place for one value, where a newer value replaces one that nobody has taken yet.
///
/// Clones share one place; any number of threads may put and take. Neither allocates.
#[derive(Debug)]
pub struct LatestSlot<T> {
    queue: DropOldest<T>,
}

impl<T> LatestSlot<T> {
    /// An empty slot.
    pub fn new() -> Self {
        LatestSlot { queue: DropOldest::new(1) }
    }

    /// Makes `value` the latest and returns the value that was dropped for it: the one not yet taken, or `value` itself
    /// if the slot is closed. Either way it is counted in [`Self::dropped`].
    pub fn put(&self, value: T) -> Option<T> {
        self.queue.send(value)
    }

    /// Makes `value` the latest only if that replaces none; gives it back, counted in [`Self::dropped`], if one waits to be taken
    /// or the slot is closed.
    pub fn offer(&self, value: T) -> Option<T> {
        self.queue.offer(value)
    }

    /// Waits at most `timeout` for a value. `Duration::ZERO` does not wait, `Duration::MAX` waits for ever. After
    /// [`Self::close`] the value that is left comes first, then [`Received::Closed`].
    pub fn take(&self, timeout: Duration) -> Received<T> {
        self.queue.receive(timeout)
    }

    /// Refuses further values and wakes every waiter. A value not yet taken can still be taken.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Whether further values are refused.
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Values that were put and that nobody will ever take.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// Whether no value waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

impl<T> Default for LatestSlot<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for LatestSlot<T> {
    fn clone(&self) -> Self {
        LatestSlot { queue: self.queue.clone() }
    }
}
