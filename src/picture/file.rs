//! The bytes of a picture's file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, ImageError, IoError};

/// Longest file that is read.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// Reads the file at `path`; a device, pipe or socket, which may never end or never begin, is refused.
///
/// # Errors
/// A file that cannot be read, is none, or is too long.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |e: io::Error| IoError::when("read", path)(e);
    let undecodable = |reason: String| ImageError::Undecodable { what: path.display().to_string(), reason };
    let kind = std::fs::metadata(path).map_err(failed)?.file_type();
    if !kind.is_file() {
        return Err(undecodable(format!("it is {}, no file", name(kind))).into());
    }
    let file = open(path).map_err(failed)?;
    let stated = file.metadata().map_err(failed)?;
    // It may have become something else meanwhile.
    if !stated.is_file() {
        return Err(undecodable(format!("it is {}, no file", name(stated.file_type()))).into());
    }
    if stated.len() > MAX_FILE_BYTES {
        return Err(undecodable(format!("it is longer than {MAX_FILE_BYTES} bytes")).into());
    }
    let mut bytes = Vec::with_capacity(stated.len() as usize + 1);
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(undecodable(format!("it is longer than {MAX_FILE_BYTES} bytes")).into());
    }
    Ok(bytes)
}

/// Opens a file without waiting for whoever writes into a pipe.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.open(path)
}

fn name(kind: std::fs::FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a folder" } else { "something else" }
}
