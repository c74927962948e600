//! Standard output, which takes data and nothing else, and folders of results.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::{Serialize, Serializer};

use crate::error::{Error, IoError};
use crate::output::claim_folder;

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

/// Writes a path into JSON, which has no other text than UTF-8: what is none becomes U+FFFD.
pub fn lossy<S: Serializer>(path: &impl AsRef<Path>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.as_ref().display())
}

/// Makes a folder for results, if it is missing, and claims it for this run until the result is dropped.
pub fn make_folder(folder: &Path) -> Result<Option<File>, IoError> {
    std::fs::create_dir_all(folder).map_err(IoError::when("create", folder))?;
    claim_folder(folder).map_err(IoError::when("write", folder))
}
