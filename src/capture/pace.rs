use std::time::Duration;

use crate::time::{Clock, Timestamp};

/// Waits until a frame is `due`, at the longest until `deadline`; false if it still is to come. One sleep on the system's clock: the
/// caller comes again if `clock` runs differently.
pub(super) fn wait_until(due: Timestamp, deadline: Timestamp, clock: &dyn Clock) -> bool {
    let wait = due.min(deadline).since(clock.now());
    if wait > Duration::ZERO {
        std::thread::sleep(wait);
    }
    clock.now() >= due
}
