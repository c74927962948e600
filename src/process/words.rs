use std::collections::VecDeque;

/// Lines that are kept.
const LINES: usize = 4;
/// Characters of each.
const LENGTH: usize = 300;

/// The last lines of a program.
#[derive(Debug, Default)]
pub(super) struct LastWords(VecDeque<String>);

impl LastWords {
    /// One more line, of which control characters are left out; a line without text is none, and one that says the same as the
    /// one before adds nothing.
    pub fn push(&mut self, line: &str) {
        let text: String = line.trim().chars().filter(|c| !c.is_control()).take(LENGTH).collect();
        if text.is_empty() || self.0.back() == Some(&text) {
            return;
        }
        if self.0.len() == LINES {
            self.0.pop_front();
        }
        self.0.push_back(text);
    }

    /// All of them in one line.
    pub fn join(&self) -> String {
        self.0.iter().map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}
