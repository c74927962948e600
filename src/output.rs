//! Files that are written: what a path names, files that appear whole or not at all, one writer at a time, named pipes.
//!
//! Nothing here knows what is written. Errors are the system's own; who calls adds the path.

mod claim;
mod identity;
mod pipe;
mod whole;

pub use claim::{claim_file, claim_folder};
pub use identity::Identity;
pub use pipe::NamedPipe;
pub use whole::write_whole;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Opens a file to be written from its beginning, for this program alone. What it holds stays until the first write: whoever opens
/// several things may fail at the next one. A named pipe waits for its reader, see [`NamedPipe`]; a device is opened as it is.
///
/// # Errors
/// When it cannot be created, or another program is writing it.
pub fn open_alone(path: &Path) -> io::Result<Box<dyn Write + Send>> {
    if NamedPipe::is_at(path) {
        return Ok(Box::new(NamedPipe::new(path)));
    }
    let file = File::options().write(true).create(true).truncate(false).open(path)?;
    let holds_more = file.metadata()?.is_file();
    if holds_more {
        claim_file(&file)?;
    }
    Ok(Box::new(Claimed { file, holds_more }))
}

/// A file that is emptied by the first write.
struct Claimed {
    file: File,
    /// What an earlier program wrote.
    holds_more: bool,
}

impl Write for Claimed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.holds_more {
            self.file.set_len(0)?;
            self.holds_more = false;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_being_written_is_neither_emptied_nor_shared() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.ndjson");
        std::fs::write(&path, "of an earlier stream").unwrap();
        let mut first = open_alone(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"of an earlier stream");
        first.write_all(b"line\n").unwrap();
        let error = open_alone(&path).err().unwrap();
        assert!(error.to_string().contains("another"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"line\n");
        drop(first);
        let mut next = open_alone(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"line\n");
        next.write_all(b"x").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
    }

    #[cfg(unix)]
    #[test]
    fn devices_may_be_shared() {
        let mut both = [open_alone(Path::new("/dev/null")).unwrap(), open_alone(Path::new("/dev/null")).unwrap()];
        both.iter_mut().for_each(|null| null.write_all(b"x").unwrap());
    }
}
