use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::primitives::{Arc, AtomicBool, Condvar, Mutex, Ordering};

/// Tells every thread that holds a clone to end. Once stopped, it stays stopped.
///
/// [`Self::stop`] takes a lock: call it from a thread, not from inside a signal handler.
#[derive(Clone, Debug)]
pub struct StopToken {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stopped: AtomicBool,
    /// Held while `stopped` is set, so that no waiter falls asleep between its look and its wait.
    gate: Mutex<()>,
    changed: Condvar,
}

impl StopToken {
    /// A token that is not stopped.
    pub fn new() -> Self {
        let shared = Shared { stopped: AtomicBool::new(false), gate: Mutex::new(()), changed: Condvar::new() };
        StopToken { shared: Arc::new(shared) }
    }

    /// Stops, and wakes every waiter.
    pub fn stop(&self) {
        let gate = self.shared.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.stopped.store(true, Ordering::Release);
        drop(gate);
        self.shared.changed.notify_all();
    }

    /// Whether somebody has stopped it.
    pub fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::Acquire)
    }

    /// Sleeps for `timeout`, or until somebody stops; `Duration::MAX` sleeps until then. True when stopped.
    pub fn wait(&self, timeout: Duration) -> bool {
        // No deadline: too far away for the clock to represent, which is for ever.
        let deadline = Instant::now().checked_add(timeout);
        let mut gate = self.shared.gate.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_stopped() {
            gate = match deadline {
                None => self.shared.changed.wait(gate).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.shared.changed.wait_timeout(gate, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }
}

impl Default for StopToken {
    fn default() -> Self {
        Self::new()
    }
}
