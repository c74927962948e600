use tracing::warn;

/// Pins the calling thread to `cores`; an empty list leaves it to the scheduler. A refusal is logged and survived: the
/// thread then runs where the scheduler puts it.
#[cfg(target_os = "linux")]
pub(super) fn pin(stage: &str, cores: &[usize]) {
    use rustix::thread::{CpuSet, sched_setaffinity};

    if cores.is_empty() {
        return;
    }
    let mut set = CpuSet::new();
    for core in cores.iter().filter(|c| **c < CpuSet::MAX_CPU) {
        set.set(*core);
    }
    if let Err(error) = sched_setaffinity(None, &set) {
        warn!("{stage}: cannot pin the thread to cores {cores:?} ({error}); check `affinity` in the board profile");
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn pin(stage: &str, cores: &[usize]) {
    if !cores.is_empty() {
        warn!("{stage}: thread affinity is only set on Linux; the scheduler places the thread");
    }
}
