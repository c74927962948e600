use std::fmt;

use tract_linalg::multithread::Executor;

/// The threads that the matrix products and convolutions of one or more graphs share. Clones share the pool.
///
/// One thread means the caller's own and no pool. More than one is a private pool of that many; the caller waits while
/// it works, so no more than that many ever compute. The pool's threads take over the core affinity of the thread that
/// makes it.
#[derive(Clone)]
pub struct Threads {
    count: usize,
    pub(super) executor: Executor,
}

impl Threads {
    /// A pool of `count` threads; zero counts as one.
    pub fn new(count: usize) -> Self {
        let count = count.max(1);
        let executor = match count {
            1 => Executor::SingleThread,
            n => Executor::multithread_with_name(n, "foveate-nn"),
        };
        Threads { count, executor }
    }

    pub fn count(&self) -> usize {
        self.count
    }
}

impl Default for Threads {
    fn default() -> Self {
        Threads::new(1)
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threads({})", self.count)
    }
}
