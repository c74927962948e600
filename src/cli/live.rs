//! One line on a terminal that shows a stream at work.

use indicatif::{ProgressBar, ProgressStyle};

use crate::pipeline::Running;

/// The line; nothing is drawn where standard error is no terminal.
pub struct Live {
    bar: ProgressBar,
}

impl Live {
    pub fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise}  {msg}") {
            bar.set_style(style);
        }
        Live { bar }
    }

    /// Draws the figures of now.
    pub fn show(&mut self, running: &Running) {
        if self.bar.is_hidden() {
            return;
        }
        let reports = running.reports();
        let rung = running.degrade().filter(|d| d.rung > 0).map_or(String::new(), |d| format!(", {}", d.setting));
        self.bar.set_message(format!(
            "{} frames, encode {:.1} ms, decode {:.1} ms, {} dropped{rung}",
            reports.decode.frames_out,
            reports.encode.service.p50_ms,
            reports.decode.service.p50_ms,
            reports.frames_dropped()
        ));
        self.bar.tick();
    }

    /// Removes the line.
    pub fn clear(self) {
        self.bar.finish_and_clear();
    }
}
