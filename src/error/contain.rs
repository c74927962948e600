//! Foreign code that may panic on hostile bytes, held so that a panic is an error like any other.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// How the names of threads begin that work for contained code on other threads, which hears of their panics.
pub(crate) const HELPER_NAME: &str = "foveate-nn";

thread_local! {
    /// Whether this thread runs contained code.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is within a call of [`contain`].
pub(crate) fn is_contained() -> bool {
    CONTAINED.try_with(Cell::get).unwrap_or(false)
}

/// Runs `f` and turns a panic in it into the first line of its message. Nothing is printed, of this thread and of its helpers:
/// the caller tells what happened in its own words.
///
/// # Errors
/// What the panic says.
pub(crate) fn contain<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let helps = || std::thread::current().name().is_some_and(|name| name.starts_with(HELPER_NAME));
            // A fuzzer's own hook tells panics of the libraries from ours.
            if cfg!(fuzzing) || !is_contained() && !helps() {
                before(panic);
            }
        }));
    });
    let outer = CONTAINED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    CONTAINED.set(outer);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        text.and_then(|text| text.lines().next()).unwrap_or("it gave up").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_first_line() {
        assert_eq!(contain(|| 3), Ok(3));
        let failed: Result<(), String> = contain(|| panic!("out of {}\nat length", "range"));
        assert_eq!(failed, Err("out of range".to_owned()));
        assert!(!is_contained());
    }
}
