//! A model back to a file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use prost::Message;

use crate::engine::OnnxModel;
use crate::error::IoError;

impl OnnxModel {
    /// The file's contents.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.proto.encode_to_vec()
    }

    /// Writes the file to `path` and gives its length in bytes. It appears there whole or not at all: it is written
    /// beside it under another name first.
    ///
    /// # Errors
    /// [`IoError`] if it cannot be written; nothing is left behind then.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<u64, IoError> {
        let path = path.as_ref();
        let bytes = self.to_bytes();
        let partial = partial_name(path);
        let written = std::fs::write(&partial, &bytes).and_then(|()| std::fs::rename(&partial, path));
        written.map_err(|e| {
            // It may not be there; the first failure is the one to tell.
            let _ = std::fs::remove_file(&partial);
            IoError::when("write", path)(e)
        })?;
        Ok(bytes.len() as u64)
    }
}

/// A hidden name in the same folder, this process's own.
fn partial_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}
