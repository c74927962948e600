use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::primitives::{Arc, Condvar, Mutex, MutexGuard};

/// Outcome of one wait for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<T> {
    /// A value came.
    Value(T),
    /// Nothing came within the time allowed.
    TimedOut,
    /// Closed, and every value that was left has been taken.
    Closed,
}

impl<T> Received<T> {
    /// The value, if one came.
    pub fn value(self) -> Option<T> {
        match self {
            Received::Value(value) => Some(value),
            Received::TimedOut | Received::Closed => None,
        }
    }
}

/// A bounded queue that never makes its sender wait: when it is full, the oldest value makes room for the newest.
///
/// Clones share one queue; any number of threads may send and receive. Sending and receiving do not allocate, and no
/// value is dropped while the lock is held.
#[derive(Debug)]
pub struct DropOldest<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    /// Notified once for each value sent, and for all waiters on closing.
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    /// Never holds more than `capacity` values, so it keeps its first allocation.
    values: VecDeque<T>,
    capacity: usize,
    closed: bool,
    dropped: u64,
}

impl<T> DropOldest<T> {
    /// A queue of at most `capacity` values, one if zero is given.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let state = State { values: VecDeque::with_capacity(capacity), capacity, closed: false, dropped: 0 };
        DropOldest { shared: Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }) }
    }

    /// Appends `value` and returns the value that was dropped for it: the oldest if the queue was full, `value` itself
    /// if the queue is closed. Either way it is counted in [`Self::dropped`].
    pub fn send(&self, value: T) -> Option<T> {
        let mut state = self.lock();
        if state.closed {
            state.dropped += 1;
            return Some(value);
        }
        let displaced = if state.values.len() == state.capacity { state.values.pop_front() } else { None };
        state.dropped += displaced.is_some() as u64;
        state.values.push_back(value);
        drop(state);
        self.shared.changed.notify_one();
        displaced
    }

    /// Appends `value` if that drops nothing; gives it back, counted in [`Self::dropped`], if the queue is full or closed.
    pub fn offer(&self, value: T) -> Option<T> {
        let mut state = self.lock();
        if state.closed || state.values.len() == state.capacity {
            state.dropped += 1;
            return Some(value);
        }
        state.values.push_back(value);
        drop(state);
        self.shared.changed.notify_one();
        None
    }

    /// Waits at most `timeout` for the oldest value. `Duration::ZERO` does not wait, `Duration::MAX` waits for ever.
    /// After [`Self::close`] the values that are left come first, then [`Received::Closed`].
    pub fn receive(&self, timeout: Duration) -> Received<T> {
        // No deadline: too far away for the clock to represent, which is for ever.
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.lock();
        loop {
            if let Some(value) = state.values.pop_front() {
                return Received::Value(value);
            }
            if state.closed {
                return Received::Closed;
            }
            state = match deadline {
                None => self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Received::TimedOut;
                    }
                    self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Refuses further values and wakes every waiter. What is in the queue can still be received.
    pub fn close(&self) {
        self.lock().closed = true;
        self.shared.changed.notify_all();
    }

    /// Whether further values are refused.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Values that were sent and that nobody will ever receive.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Values that wait to be received.
    pub fn len(&self) -> usize {
        self.lock().values.len()
    }

    /// Whether no value waits to be received.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Most values that can wait.
    pub fn capacity(&self) -> usize {
        self.lock().capacity
    }

    /// No foreign code runs under the lock, so a poisoned state is a sound one.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for DropOldest<T> {
    fn clone(&self) -> Self {
        DropOldest { shared: Arc::clone(&self.shared) }
    }
}
