use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// Claims an open file for this program until it is closed. A file system without locks gives every claim.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] while another program, or another part of this one, has claimed it.
pub fn claim_file(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another run of foveate is writing it. End that run, or choose another place",
        )),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Claims a folder in the same way until the result is dropped. Where a folder cannot be opened as a file, there is nothing to
/// claim and every claim is given.
///
/// # Errors
/// As [`claim_file`].
pub fn claim_folder(folder: &Path) -> io::Result<Option<File>> {
    let Ok(opened) = File::open(folder) else { return Ok(None) };
    claim_file(&opened)?;
    Ok(Some(opened))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_writer() {
        let dir = tempfile::tempdir().unwrap();
        let first = claim_folder(dir.path()).unwrap();
        assert!(first.is_some());
        assert_eq!(claim_folder(dir.path()).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        drop(first);
        assert!(claim_folder(dir.path()).unwrap().is_some());
        assert!(claim_folder(&dir.path().join("none")).unwrap().is_none());
    }
}
