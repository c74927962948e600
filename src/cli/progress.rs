//! Progress bars, all of one look.

use indicatif::{ProgressBar, ProgressStyle};

use crate::eval::Progress;

/// A bar on standard error; nothing is drawn where that is no terminal.
pub struct Bar(ProgressBar);

/// A bar over `count` of `unit`, such as photos.
pub fn bar(count: usize, unit: &'static str) -> Bar {
    let bar = ProgressBar::new(count as u64).with_prefix(unit);
    // The template is fixed, so that it has no fault to report.
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {prefix}, {per_sec}, {eta} left  {msg}") {
        bar.set_style(style);
    }
    Bar(bar)
}

/// A bar over the bytes of a file, of which it may not be known how many there are.
pub fn bytes(name: String) -> Bar {
    let bar = ProgressBar::new(0).with_prefix(name);
    if let Ok(style) =
        ProgressStyle::with_template("{prefix}  {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left")
    {
        bar.set_style(style);
    }
    Bar(bar)
}

/// The number of `unit` that are done, of which nobody knows how many there are.
pub fn counter(unit: &'static str) -> Bar {
    let bar = ProgressBar::new_spinner().with_prefix(unit);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} {prefix}, {per_sec}") {
        bar.set_style(style);
    }
    Bar(bar)
}

impl Bar {
    /// One more is done.
    pub fn advance(&self) {
        self.0.inc(1);
    }

    /// So many of `all` are done.
    pub fn set(&self, done: usize, all: usize) {
        self.0.set_length(all as u64);
        self.0.set_position(done as u64);
    }

    /// So many bytes are done of `all`, if that is known.
    pub fn set_bytes(&self, done: u64, all: Option<u64>) {
        self.0.set_length(all.unwrap_or(done));
        self.0.set_position(done);
    }

    /// Begins again, over `count`, with `note` beside it.
    pub fn restart(&self, count: usize, note: &'static str) {
        self.0.set_length(count as u64);
        self.0.reset();
        self.0.set_message(note);
    }

    /// Removes the bar.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn report(&mut self, finished: usize, note: &str) {
        self.0.set_position(finished as u64);
        self.0.set_message(note.to_owned());
    }
}

/// One line that shows how long something has run and how it is; nothing is drawn where standard error is no terminal.
pub struct Line(ProgressBar);

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        let line = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise}  {msg}") {
            line.set_style(style);
        }
        Line(line)
    }

    /// Whether nobody sees it.
    pub fn is_hidden(&self) -> bool {
        self.0.is_hidden()
    }

    /// Shows `text`.
    pub fn show(&self, text: String) {
        self.0.set_message(text);
        self.0.tick();
    }

    /// Removes the line.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
