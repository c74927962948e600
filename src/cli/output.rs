//! Standard output: data and nothing else.

use std::io::Write;

use serde::Serialize;

use crate::error::{Error, IoError};

/// Prints `value` as one line of JSON.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_string(value)?;
    line.push('\n');
    print(&line)
}

/// Prints `text` as it is. A reader that closed the pipe is an error, not a panic.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    Ok(written.map_err(|e| Error::from(IoError::when("write", "standard output")(e)))?)
}
