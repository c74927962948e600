use crate::board::{OnFailure, Policy};

/// Where one stage's thread runs, and how the scheduler treats it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Core numbers; empty leaves the thread to the scheduler.
    pub cores: Vec<usize>,
    /// How the scheduler ranks the thread.
    pub policy: Policy,
    /// What a refusal by the system means.
    pub on_failure: OnFailure,
}

impl Placement {
    /// Does `work` on a thread placed like this one and waits for it. Threads that it starts take over the placement: that
    /// is how the engine's helpers come to the encoder's cores. What the system refuses is passed over here; the stage
    /// itself reports it.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        if self.cores.is_empty() && self.policy == Policy::Normal {
            return work();
        }
        std::thread::scope(|scope| {
            let placed = scope.spawn(|| {
                let _ = self.apply();
                work()
            });
            placed.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Tries the placement on a thread that does nothing else.
    ///
    /// # Errors
    /// What the system refuses, and what to do about it.
    pub fn check(&self) -> Result<(), String> {
        std::thread::scope(|scope| {
            let tried = scope.spawn(|| self.apply());
            tried.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Places the calling thread.
    ///
    /// # Errors
    /// What the system refused, and what to do about it.
    pub(super) fn apply(&self) -> Result<(), String> {
        pin(&self.cores)?;
        schedule(self.policy)
    }
}

#[cfg(target_os = "linux")]
fn pin(cores: &[usize]) -> Result<(), String> {
    use rustix::thread::{CpuSet, sched_setaffinity};

    if cores.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    for core in cores.iter().filter(|c| **c < CpuSet::MAX_CPU) {
        set.set(*core);
    }
    sched_setaffinity(None, &set).map_err(|error| {
        format!("cannot pin the thread to cores {cores:?} ({error}): check `affinity` in the board profile")
    })
}

#[cfg(target_os = "linux")]
fn schedule(policy: Policy) -> Result<(), String> {
    use thread_priority::{
        RealtimeThreadSchedulePolicy as Realtime, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };

    const REMEDY: &str = "run foveate as the service in packaging/, raise the user's `rtprio` and `nice` limits \
                          (/etc/security/limits.d), or change `scheduling` in the board profile";
    let realtime = |kind: Realtime, priority: u8| {
        let priority = ThreadPriorityValue::try_from(priority)?;
        let (priority, kind) = (ThreadPriority::Crossplatform(priority), ThreadSchedulePolicy::Realtime(kind));
        set_thread_priority_and_policy(thread_native_id(), priority, kind).map_err(|error| match error {
            thread_priority::Error::OS(code) => std::io::Error::from_raw_os_error(code).to_string(),
            other => format!("{other:?}"),
        })
    };
    let done = match policy {
        Policy::Normal => Ok(()),
        // Process 0 is the calling thread: on Linux every thread has a niceness of its own.
        Policy::Nice(n) => rustix::process::setpriority_process(None, n.into()).map_err(|e| e.to_string()),
        Policy::Fifo(priority) => realtime(Realtime::Fifo, priority),
        Policy::RoundRobin(priority) => realtime(Realtime::RoundRobin, priority),
    };
    done.map_err(|error| format!("cannot schedule the thread as `{policy}` ({error}): {REMEDY}"))
}

#[cfg(not(target_os = "linux"))]
fn pin(cores: &[usize]) -> Result<(), String> {
    if cores.is_empty() { Ok(()) } else { Err("threads are pinned to cores on Linux only".into()) }
}

#[cfg(not(target_os = "linux"))]
fn schedule(policy: Policy) -> Result<(), String> {
    if policy == Policy::Normal { Ok(()) } else { Err("scheduling policies are set on Linux only".into()) }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn placed(cores: Vec<usize>, policy: Policy) -> Placement {
        Placement { cores, policy, on_failure: OnFailure::Warn }
    }

    #[test]
    fn work_and_the_threads_it_starts_are_placed() {
        let allowed = rustix::thread::sched_getaffinity(None).unwrap();
        let core = (0..rustix::thread::CpuSet::MAX_CPU).find(|c| allowed.is_set(*c)).unwrap();
        let state = move || {
            let cores = rustix::thread::sched_getaffinity(None).unwrap();
            (cores.count(), cores.is_set(core), rustix::process::getpriority_process(None).unwrap())
        };
        let before = state();
        let inherited = placed(vec![core], Policy::Nice(7)).run(|| std::thread::spawn(state).join().unwrap());
        assert_eq!(inherited, (1, true, 7));
        assert_eq!(state(), before, "the caller stays as it was");
    }

    #[test]
    fn a_core_that_is_not_there_is_refused_with_a_remedy() {
        let refused = std::thread::spawn(|| placed(vec![1000], Policy::Normal).apply()).join().unwrap();
        assert!(refused.unwrap_err().contains("`affinity`"));
    }

    #[test]
    fn real_time_is_given_or_refused_with_a_remedy() {
        // The right to it depends on who runs the test.
        match std::thread::spawn(|| placed(vec![], Policy::Fifo(3)).apply()).join().unwrap() {
            Ok(()) => {
                let kind = std::thread::spawn(|| {
                    placed(vec![], Policy::RoundRobin(4)).apply().unwrap();
                    thread_priority::thread_schedule_policy().unwrap()
                });
                let expected = thread_priority::RealtimeThreadSchedulePolicy::RoundRobin;
                assert_eq!(kind.join().unwrap(), thread_priority::ThreadSchedulePolicy::Realtime(expected));
            }
            Err(reason) => assert!(reason.contains("fifo:3") && reason.contains("rtprio"), "{reason}"),
        }
    }
}
