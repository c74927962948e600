//! Ctrl-C and time limits, as one stop token.

use std::time::Duration;

use crate::sync::StopToken;

/// A token that Ctrl-C (and a polite kill) sets; a second Ctrl-C ends the program at once.
pub fn on_interrupt() -> anyhow::Result<StopToken> {
    let stop = StopToken::new();
    stop_on_interrupt(vec![stop.clone()])?;
    Ok(stop)
}

/// Lets Ctrl-C set all of `stops`; once all are set, it ends the program at once.
pub fn stop_on_interrupt(stops: Vec<StopToken>) -> anyhow::Result<()> {
    ctrlc::set_handler(move || {
        if stops.iter().all(StopToken::is_stopped) {
            crate::process::kill_all();
            std::process::exit(130);
        }
        stops.iter().for_each(StopToken::stop);
    })?;
    Ok(())
}

/// Sets `stop` after `limit`.
pub fn after(stop: &StopToken, limit: Duration) {
    let stop = stop.clone();
    std::thread::spawn(move || {
        stop.wait(limit);
        stop.stop();
    });
}
