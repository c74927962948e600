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

/// Opens a file to be written from its beginning, for this program alone: it is emptied once that is certain. A named pipe
/// waits for its reader, see [`NamedPipe`]; a device is opened as it is.
///
/// # Errors
/// When it cannot be created, or another program is writing it.
pub fn open_alone(path: &Path) -> io::Result<Box<dyn Write + Send>> {
    if NamedPipe::is_at(path) {
        return Ok(Box::new(NamedPipe::new(path)));
    }
    // Emptied below, when nobody else writes it.
    let file = File::options().write(true).create(true).truncate(false).open(path)?;
    if file.metadata()?.is_file() {
        claim_file(&file)?;
        file.set_len(0)?;
    }
    Ok(Box::new(file))
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
        first.write_all(b"line\n").unwrap();
        let error = open_alone(&path).err().unwrap();
        assert!(error.to_string().contains("another"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"line\n");
        drop(first);
        drop(open_alone(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[cfg(unix)]
    #[test]
    fn devices_may_be_shared() {
        let mut both = [open_alone(Path::new("/dev/null")).unwrap(), open_alone(Path::new("/dev/null")).unwrap()];
        both.iter_mut().for_each(|null| null.write_all(b"x").unwrap());
    }
}
