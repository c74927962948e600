//! A model back to a file.

use std::path::Path;

use prost::Message;

use crate::engine::OnnxModel;
use crate::error::IoError;
use crate::output::write_whole;

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
        write_whole(path, &bytes).map_err(IoError::when("write", path))?;
        Ok(bytes.len() as u64)
    }
}
