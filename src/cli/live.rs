//! One line on a terminal that shows a stream at work.

use std::collections::BTreeMap;

use crate::pipeline::Running;

use super::progress::Line;

/// The line; nothing is drawn where standard error is no terminal.
pub struct Live {
    line: Line,
    /// Of each camera, by its name.
    figures: BTreeMap<Option<String>, String>,
}

impl Live {
    /// A line without figures yet.
    pub fn new() -> Self {
        Live { line: Line::new(), figures: BTreeMap::new() }
    }

    /// Draws the figures of now, beside the last ones of other cameras.
    pub fn show(&mut self, camera: Option<&str>, running: &Running) {
        if self.line.is_hidden() {
            return;
        }
        let reports = running.reports();
        let rung = running.degrade().filter(|d| d.rung > 0).map_or(String::new(), |d| format!(", {}", d.setting));
        let name = camera.map(|name| format!("{name}: ")).unwrap_or_default();
        let figures = format!(
            "{name}{} frames, encode {:.1} ms, decode {:.1} ms, {} dropped{rung}",
            reports.decode.frames_out,
            reports.encode.service.p50_ms,
            reports.decode.service.p50_ms,
            reports.frames_dropped()
        );
        self.figures.insert(camera.map(str::to_owned), figures);
        self.line.show(self.figures.values().map(String::as_str).collect::<Vec<_>>().join("  |  "));
    }

    /// Removes the line.
    pub fn clear(&self) {
        self.line.clear();
    }
}
