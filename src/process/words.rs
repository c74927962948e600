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
        let text: String = without_places(line.trim()).chars().filter(|c| !c.is_control()).take(LENGTH).collect();
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

/// A line without the places in memory that ffmpeg names its parts by (`[h264 @ 0x55d0a1]`), which differ each time.
fn without_places(line: &str) -> String {
    let mut parts = line.split(" @ 0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_each_time_is_left_out() {
        let mut words = LastWords::default();
        words.push("[tcp @ 0x55a1f13e05c0] refused");
        words.push("[tcp @ 0x56079bdc55c0] refused");
        words.push("mail a @ 0 b");
        assert_eq!(words.join(), "[tcp] refused; mail a @ 0 b");
    }
}
