//! Ctrl-C and time limits, as one stop token.

use std::time::Duration;

use crate::sync::StopToken;

/// A token that Ctrl-C (and a polite kill) sets; a second Ctrl-C ends the program at once.
pub fn on_interrupt() -> anyhow::Result<StopToken> {
    let stop = StopToken::new();
    let token = stop.clone();
    ctrlc::set_handler(move || {
        if token.is_stopped() {
            crate::process::kill_all();
            std::process::exit(130);
        }
        token.stop();
    })?;
    Ok(stop)
}

/// Sets `stop` after `limit`.
pub fn after(stop: &StopToken, limit: Duration) {
    let stop = stop.clone();
    std::thread::spawn(move || {
        stop.wait(limit);
        stop.stop();
    });
}
