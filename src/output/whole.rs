use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Writes `bytes` to the file `path`, which is replaced whole or not at all: they are written beside it under another name first,
/// and nothing is left of them when that fails. A link stays one, and the file that it leads to is replaced; what is no file
/// (a device, a pipe) is written as it is.
///
/// # Errors
/// When it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let present = fs::metadata(path).ok();
    if present.as_ref().is_some_and(|present| !present.is_file()) {
        return fs::write(path, bytes);
    }
    let target = target(path)?;
    let partial = partial_name(&target);
    let written = fs::write(&partial, bytes).and_then(|()| {
        if let Some(present) = &present {
            fs::set_permissions(&partial, present.permissions())?;
        }
        fs::rename(&partial, &target)
    });
    written.or_else(|error| {
        // It may not be there; the first failure is the one to tell.
        let _ = fs::remove_file(&partial);
        match (error.kind(), &present) {
            // A file that may be written in a folder that may not.
            (ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem, Some(_)) => fs::write(path, bytes),
            _ => Err(error),
        }
    })
}

/// The file that a link at `path` leads to, which need not exist; `path` itself if it is none.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    // As many as systems follow.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("a circle of links"))
}

/// A hidden name in the same folder, this process's own.
fn partial_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(dir.path()), ["a.png"]);
    }

    #[test]
    fn nothing_is_left_of_what_fails() {
        let dir = tempfile::tempdir().unwrap();
        assert!(write_whole(&dir.path().join("none/a.png"), b"one").is_err());
        fs::create_dir(dir.path().join("folder")).unwrap();
        assert!(write_whole(&dir.path().join("folder"), b"one").is_err());
        assert_eq!(names(dir.path()), ["folder"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_devices_are_written() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        symlink("deep/a", at("link")).unwrap();
        write_whole(&at("link"), b"one").unwrap();
        fs::set_permissions(at("deep/a"), fs::Permissions::from_mode(0o640)).unwrap();
        write_whole(&at("link"), b"two").unwrap();
        assert_eq!(fs::read(at("deep/a")).unwrap(), b"two");
        assert_eq!(fs::metadata(at("deep/a")).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        write_whole(Path::new("/dev/null"), b"one").unwrap();
    }
}
