use std::fs::Metadata;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Most links to files that do not exist yet that are followed.
const MOST_LINKS: usize = 40;

/// What a path names, however it is written: by a link, through `..`, from another folder. Two paths of one file or folder have
/// equal identities, also while it does not exist yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The file or folder, or the nearest folder above that exists.
    place: Place,
    /// What leads from there to a file that does not exist yet.
    missing: PathBuf,
}

/// Device and inode; [`DEVICES`] and its number for a device.
#[cfg(unix)]
type Place = (u64, u64);
/// No file lies there.
#[cfg(unix)]
const DEVICES: u64 = u64::MAX;
/// The path without links.
#[cfg(not(unix))]
type Place = PathBuf;

impl Identity {
    /// What `path` names; `None` for a device, which anybody may share, and for what cannot be looked at.
    pub fn of(path: &Path) -> Option<Identity> {
        let mut path = without_missing_turns(&std::path::absolute(path).ok()?);
        for _ in 0..MOST_LINKS {
            match std::fs::metadata(&path) {
                Ok(found) => return Identity::of_existing(&path, &found),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return None,
                Err(_) => {}
            }
            // A link to what does not exist yet.
            let Ok(target) = std::fs::read_link(&path) else { return Identity::of_missing(&path) };
            path = without_missing_turns(&path.parent()?.join(target));
        }
        None
    }

    /// What standard output is, if it is a file.
    #[cfg(unix)]
    pub fn of_stdout() -> Option<Identity> {
        use std::os::fd::AsFd;

        let stdout = std::fs::File::from(std::io::stdout().as_fd().try_clone_to_owned().ok()?);
        let found = stdout.metadata().ok().filter(Metadata::is_file)?;
        Identity::of_existing(Path::new(""), &found)
    }

    /// What standard output is, if it is a file; not known on this system.
    #[cfg(not(unix))]
    pub fn of_stdout() -> Option<Identity> {
        None
    }

    /// Which device `path` names; `None` for what is none.
    #[cfg(unix)]
    pub fn of_device(path: &Path) -> Option<Identity> {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};

        let found = std::fs::metadata(path).ok().filter(|found| found.file_type().is_char_device())?;
        Some(Identity { place: (DEVICES, found.rdev()), missing: PathBuf::new() })
    }

    /// Which device `path` names; not known on this system.
    #[cfg(not(unix))]
    pub fn of_device(_path: &Path) -> Option<Identity> {
        None
    }

    /// Whether it exists.
    pub fn exists(&self) -> bool {
        self.missing.as_os_str().is_empty()
    }

    #[cfg(unix)]
    fn of_existing(_path: &Path, found: &Metadata) -> Option<Identity> {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};

        let kind = found.file_type();
        let is_own = kind.is_file() || kind.is_dir() || kind.is_fifo();
        is_own.then(|| Identity { place: (found.dev(), found.ino()), missing: PathBuf::new() })
    }

    #[cfg(not(unix))]
    fn of_existing(path: &Path, _found: &Metadata) -> Option<Identity> {
        Some(Identity { place: path.canonicalize().ok()?, missing: PathBuf::new() })
    }

    fn of_missing(path: &Path) -> Option<Identity> {
        let mut identity = Identity::of(path.parent()?)?;
        identity.missing.push(path.file_name()?);
        Some(identity)
    }
}

/// The path without each folder that does not exist and is left again by `..`.
fn without_missing_turns(path: &Path) -> PathBuf {
    let mut kept = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if std::fs::symlink_metadata(&kept).is_err() => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    kept
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn one_file_by_any_of_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/x"), "x").unwrap();
        fs::write(at("a/y"), "x").unwrap();
        fs::hard_link(at("a/x"), at("hard")).unwrap();
        symlink("a/x", at("soft")).unwrap();
        symlink("soft", at("softer")).unwrap();
        symlink("a", at("folder")).unwrap();
        let x = Identity::of(&at("a/x")).unwrap();
        for name in ["hard", "soft", "softer", "folder/x", "a/b/../x", "./a//x", "a/b/../../folder/x"] {
            assert_eq!(Identity::of(&at(name)).as_ref(), Some(&x), "{name}");
        }
        assert_ne!(Identity::of(&at("a/y")).unwrap(), x);
        assert_eq!(Identity::of(&at("a/")), Identity::of(&at("folder")));
        assert!(x.exists());
    }

    #[test]
    fn what_does_not_exist_yet_is_known_by_where_it_will_be() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("a")).unwrap();
        symlink("a", at("link")).unwrap();
        symlink("a/new", at("dangling")).unwrap();
        let new = Identity::of(&at("a/new")).unwrap();
        assert!(!new.exists());
        for name in ["link/new", "dangling", "a/none/../new", "a/none/../../a/new", "a/./new"] {
            assert_eq!(Identity::of(&at(name)).as_ref(), Some(&new), "{name}");
        }
        for name in ["a/new/er", "new", "a/other"] {
            assert_ne!(Identity::of(&at(name)).as_ref(), Some(&new), "{name}");
        }
    }

    #[test]
    fn devices_and_circles_have_none() {
        let dir = tempfile::tempdir().unwrap();
        symlink("two", dir.path().join("one")).unwrap();
        symlink("one", dir.path().join("two")).unwrap();
        assert_eq!(Identity::of(&dir.path().join("one")), None);
        assert_eq!(Identity::of(Path::new("/dev/null")), None);
        assert_eq!(Identity::of(Path::new("")), None);
    }
}
