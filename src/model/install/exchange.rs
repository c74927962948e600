use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Puts the folder `new` in the place of `old` and tells where that one is now: in one step where the system can, or else over
/// `aside`, from where it goes back if the second step fails.
///
/// # Errors
/// When it cannot be renamed; `old` is then where it was.
pub(super) fn exchange(new: &Path, old: &Path, aside: &Path) -> io::Result<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};

        if renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE).is_ok() {
            return Ok(new.to_path_buf());
        }
    }
    fs::rename(old, aside)?;
    fs::rename(new, old).or_else(|error| {
        fs::rename(aside, old)?;
        Err(error)
    })?;
    Ok(aside.to_path_buf())
}
