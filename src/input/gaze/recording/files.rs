use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{ConfigError, IoError, Result};

/// Longest binary file that is read: eight hours of gaze at 200 Hz are 46 MB.
pub const MAX_BINARY_BYTES: u64 = 64 << 20;

/// An error about a file's content.
pub fn damaged(path: &Path, reason: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { origin: path.display().to_string(), reason: reason.into() }
}

/// The whole of a file of at most `limit` bytes.
///
/// # Errors
/// If it cannot be read or is longer.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(IoError::when("read", path))?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(IoError::when("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(damaged(path, format!("more than {limit} bytes, which no recording has")).into());
    }
    Ok(bytes)
}

/// As [`read`], and nothing if there is no such file.
///
/// # Errors
/// As [`read`].
pub fn read_if_there(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    if path.is_file() { read(path, limit).map(Some) } else { Ok(None) }
}

/// Little-endian numbers of 8 bytes each.
///
/// # Errors
/// If the last one is cut off.
pub fn times(path: &Path, bytes: &[u8]) -> Result<Vec<i64>, ConfigError> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(damaged(path, format!("truncated: {} bytes are no whole number of 8-byte times", bytes.len())));
    }
    Ok(numbers.iter().map(|n| i64::from_le_bytes(*n)).collect())
}
