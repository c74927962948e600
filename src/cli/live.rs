//! One line on a terminal that shows a stream at work.

use crate::pipeline::Running;

use super::progress::Line;

/// The line; nothing is drawn where standard error is no terminal.
pub struct Live {
    line: Line,
}

impl Live {
    /// A line without figures yet.
    pub fn new() -> Self {
        Live { line: Line::new() }
    }

    /// Draws the figures of now.
    pub fn show(&mut self, running: &Running) {
        if self.line.is_hidden() {
            return;
        }
        let reports = running.reports();
        let rung = running.degrade().filter(|d| d.rung > 0).map_or(String::new(), |d| format!(", {}", d.setting));
        self.line.show(format!(
            "{} frames, encode {:.1} ms, decode {:.1} ms, {} dropped{rung}",
            reports.decode.frames_out,
            reports.encode.service.p50_ms,
            reports.decode.service.p50_ms,
            reports.frames_dropped()
        ));
    }

    /// Removes the line.
    pub fn clear(self) {
        self.line.clear();
    }
}
