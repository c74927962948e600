//! One piece of work on its own, shared out to a team without the steps of a program.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::blocked::Blocked;
use super::finish::Finish;
use super::task::{Task, Work};
use super::team::Team;
use super::variant::Variant;

/// Work from an input to an output, and what a thread needs for itself.
pub(super) struct Single<'a> {
    pub work: Work<'a>,
    pub input: *const f32,
    pub output: *mut f32,
    /// One part for each thread, of this many floats.
    pub scratch: (*mut f32, usize),
    pub units: usize,
}

// SAFETY: threads write disjoint units of the output and each its own part of the scratch, and nothing writes what they read
// (`run`).
unsafe impl Sync for Single<'_> {}

impl Single<'_> {
    /// Does it; returns when all units are done.
    ///
    /// # Safety
    /// The contract of [`super::task::run_task`] for every unit; the variant is available, the scratch has a part for every
    /// thread of the team, and units may be computed at the same time.
    pub unsafe fn run(&self, variant: Variant, team: &Team) {
        let share = self.units.div_ceil(4 * team.threads()).max(1);
        let given = AtomicUsize::new(0);
        team.run(&|number| {
            let Single { work, input, output, scratch: (scratch, part), units } = *self;
            loop {
                let first = given.fetch_add(share, Ordering::Relaxed);
                if first >= units {
                    break;
                }
                let finish = Finish::plain(output, Blocked::new(1, 1, 1, 1));
                // Of no scratch, only the beginning.
                let scratch = scratch.wrapping_add(number * part);
                let task = Task { work, input, finish, scratch, units: first..(first + share).min(units) };
                // SAFETY: the caller's promise; units are given out once.
                unsafe { variant.run(&task) }
            }
        });
    }
}
