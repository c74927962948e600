use std::fmt;
use std::sync::Arc;

use tract_linalg::multithread::Executor;

use super::kernels::Team;
use crate::error::HELPER_NAME;

/// The threads that the matrix products and convolutions of one or more graphs share. Clones share the pool.
///
/// One thread means the caller's own and no pool. More than one means, for our own kernels, the caller and as many helpers
/// as are lacking; for tract's, a private pool that the caller waits for. The two take turns, so no more than that many
/// ever compute. The threads take over the core affinity of the thread that makes them.
#[derive(Clone)]
pub struct Threads {
    count: usize,
    pub(super) executor: Executor,
    pub(super) team: Arc<Team>,
}

impl Threads {
    /// A pool of `count` threads; zero counts as one.
    pub fn new(count: usize) -> Self {
        let count = count.max(1);
        let executor = match count {
            1 => Executor::SingleThread,
            n => Executor::multithread_with_name(n, HELPER_NAME),
        };
        Threads { count, executor, team: Arc::new(Team::new(count)) }
    }

    /// How many compute, the caller included.
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
