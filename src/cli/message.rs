//! What a user is told when a command fails: short, whatever was given.

use std::ffi::OsStr;

/// Most characters of one word, such as a path.
const WORD: usize = 512;
/// Most characters of a message.
const MESSAGE: usize = 4096;

/// The error and its causes in one line; a cause that the text before it already tells is left out.
pub fn message(error: &anyhow::Error) -> String {
    let text = error.chain().fold(String::new(), |told, cause| match cause.to_string() {
        cause if told.contains(&cause) => told,
        cause if told.is_empty() => cause,
        cause => format!("{told}: {cause}"),
    });
    shortened(&text)
}

/// What is wrong with the arguments, where clap's own words are too long or too few; `None` where they do.
pub fn of_arguments(error: &clap::Error, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Option<String> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    if error.kind() == clap::error::ErrorKind::InvalidUtf8 {
        let unreadable = arguments.iter().find(|argument| argument.as_ref().to_str().is_none())?;
        let shown = unreadable.as_ref().to_string_lossy();
        return Some(shortened(&format!(
            "error: `{shown}` is not UTF-8, which this argument must be: rename the file or folder, or give a link to it (ln -s)"
        )));
    }
    let is_long = arguments.iter().any(|argument| argument.as_ref().len() > WORD);
    is_long.then(|| shortened(error.to_string().trim_end()))
}

/// The text with the middle left out of each long word, and of the whole.
fn shortened(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace).map(|word| without_middle(word, WORD));
    without_middle(&words.collect::<String>(), MESSAGE)
}

fn without_middle(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let (first, last) = (most * 2 / 3, most / 3);
    text.chars().take(first).chain(['…']).chain(text.chars().skip(count - last)).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;
    use crate::error::{Error, IoError};

    #[test]
    fn a_message_tells_each_cause_once() {
        let full = IoError::when("write", "out.png")(std::io::ErrorKind::StorageFull.into());
        let text = message(&Err::<(), _>(Error::from(full)).context("overlay").unwrap_err());
        assert!(text.starts_with("overlay: out.png: cannot write: "), "{text}");
        assert_eq!(text.matches("no storage space").count(), 1, "{text}");
    }

    #[test]
    fn a_message_is_short_whatever_was_given() {
        let long = "n".repeat(1 << 20);
        let text = message(&anyhow::anyhow!("no model named `{long}`: `foveate models list` shows what is installed"));
        assert!(text.starts_with("no model named `nnn") && text.ends_with("what is installed"), "{text}");
        assert!(text.chars().count() < 700, "{}", text.len());
        assert!(message(&anyhow::anyhow!("{}", "ä b ".repeat(100_000))).chars().count() <= MESSAGE + 1);
        assert_eq!(shortened("short\nas it is "), "short\nas it is ");
    }
}
