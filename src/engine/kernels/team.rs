//! Threads that help with one job at a time.
//!
//! A job is called once on the caller's thread and at most once on each helper, with a number of its own. The caller never
//! waits for a helper to begin: a job has to be written so that whoever comes takes part of what is left. Helpers sleep
//! between jobs. A caller who finds the team at work for another does its job alone.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// `helpers` threads beside the callers'. Dropped, it ends them.
pub(in crate::engine) struct Team {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
    taken: Mutex<()>,
}

struct Shared {
    state: Mutex<State>,
    begin: Condvar,
    idle: Condvar,
    panicked: AtomicBool,
}

#[derive(Default)]
struct State {
    job: Option<Job>,
    /// Of the jobs begun so far, so that no helper does one twice.
    number: u64,
    /// Helpers that have the job in hand.
    working: usize,
    closing: bool,
}

/// A job whose lifetime is the caller's business.
#[derive(Clone, Copy)]
struct Job(*const (dyn Fn(usize) + Sync + 'static));

// SAFETY: what it points to is `Sync`, and lives while any helper has it (`Team::run`).
unsafe impl Send for Job {}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A helper's life.
    fn help(&self, number: usize) {
        let mut seen = 0;
        let mut state = self.lock();
        while !state.closing {
            match state.job.filter(|_| state.number != seen) {
                Some(job) => {
                    seen = state.number;
                    state.working += 1;
                    drop(state);
                    // SAFETY: the caller of `Team::run` takes the job back and waits for `working` to be zero before the
                    // reference ends, also when it unwinds.
                    let job: &(dyn Fn(usize) + Sync) = unsafe { &*job.0 };
                    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(number))).is_err() {
                        self.panicked.store(true, Ordering::Relaxed);
                    }
                    state = self.lock();
                    state.working -= 1;
                    if state.working == 0 {
                        self.idle.notify_all();
                    }
                }
                None => state = self.begin.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// Takes the job back from the helpers and waits for those that have it in hand.
struct Round<'a> {
    shared: &'a Shared,
    job: PhantomData<&'a ()>,
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.job = None;
        while state.working > 0 {
            state = self.shared.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Team {
    /// A team of `threads` in all: the caller and `threads - 1` helpers, which take over the caller's core affinity.
    /// Helpers that the system refuses are done without.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            begin: Condvar::new(),
            idle: Condvar::new(),
            panicked: AtomicBool::new(false),
        });
        let helper = |number: usize| {
            let shared = shared.clone();
            let builder = std::thread::Builder::new().name(format!("foveate-nn-{number}"));
            builder.spawn(move || shared.help(number)).ok()
        };
        let helpers = (1..threads).map_while(helper).collect();
        Team { shared, helpers, taken: Mutex::new(()) }
    }

    /// Threads that a job is shared out between at most.
    pub fn threads(&self) -> usize {
        1 + self.helpers.len()
    }

    /// Calls `job` with 0 here and with numbers below [`Self::threads`] on helpers, and returns when all calls have.
    ///
    /// # Panics
    /// If a call of `job` does.
    pub fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        let taken = if self.helpers.is_empty() { None } else { self.taken.try_lock().ok() };
        if taken.is_none() {
            return job(0);
        }
        // SAFETY: only the lifetime changes; `round` ends every use of the reference before this function does.
        let erased = Job(unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync), *const (dyn Fn(usize) + Sync + 'static)>(job)
        });
        let round = Round { shared: &self.shared, job: PhantomData };
        let mut state = self.shared.lock();
        (state.job, state.number) = (Some(erased), state.number + 1);
        drop(state);
        self.shared.begin.notify_all();
        job(0);
        drop(round);
        assert!(!self.shared.panicked.swap(false, Ordering::Relaxed), "a helper of the engine panicked");
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.begin.notify_all();
        for helper in self.helpers.drain(..) {
            // A helper catches what its jobs throw.
            let _ = helper.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn whoever_comes_takes_part_of_what_is_left() {
        for threads in 1..5 {
            let team = Team::new(threads);
            for units in [0usize, 1, 7, 1000] {
                let (next, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
                team.run(&|number| {
                    assert!(number < threads);
                    loop {
                        let unit = next.fetch_add(1, Ordering::Relaxed);
                        if unit >= units {
                            break;
                        }
                        sum.fetch_add(unit + 1, Ordering::Relaxed);
                    }
                });
                assert_eq!(sum.into_inner(), units * (units + 1) / 2);
            }
        }
    }

    #[test]
    fn several_callers_do_not_wait_for_each_other() {
        let team = Team::new(3);
        let calls = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..200).for_each(|_| {
                        team.run(&|number| _ = (number == 0).then(|| calls.fetch_add(1, Ordering::Relaxed)))
                    })
                });
            }
        });
        assert_eq!(calls.into_inner(), 800);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_goes_on() {
        let team = Team::new(2);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| team.run(&|_| panic!("as asked"))));
        assert!(caught.is_err());
        team.shared.panicked.store(false, Ordering::Relaxed);
        team.run(&|_| ());
    }
}
