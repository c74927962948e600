use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, IoError, RecordingError};
use crate::output::claim_file;

/// The files of one recording: `run.mcap`, then `run-0002.mcap` and so on. None of them was there before.
#[derive(Debug)]
pub struct Parts {
    path: PathBuf,
    /// Files that are kept, the oldest goes first; `None` keeps all.
    most: Option<usize>,
    /// The number of the last one.
    number: u32,
    written: VecDeque<PathBuf>,
}

impl Parts {
    /// Parts of the recording at `path`, none of which is created yet; at most so many are kept.
    pub fn new(path: &Path, most: Option<u32>) -> Self {
        let most = most.map(|most| most as usize);
        Parts { path: path.to_owned(), most, number: 0, written: VecDeque::new() }
    }

    /// The number of the last one, counted from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Where the last one lies.
    pub fn present(&self) -> &Path {
        self.written.back().unwrap_or(&self.path)
    }

    /// Creates the next one, and deletes the oldest of too many.
    ///
    /// # Errors
    /// [`RecordingError::Exists`] rather than writing over a file; what the system refuses.
    pub fn create_next(&mut self) -> Result<File, Error> {
        let path = part_path(&self.path, self.number + 1);
        let created = File::options().write(true).create_new(true).open(&path);
        let file = created.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::from(RecordingError::Exists { path: path.clone() }),
            _ => IoError::when("create", &path)(error).into(),
        })?;
        claim_file(&file).map_err(IoError::when("create", &path))?;
        self.number += 1;
        self.written.push_back(path);
        while self.most.is_some_and(|most| self.written.len() > most)
            && let Some(oldest) = self.written.pop_front()
        {
            match std::fs::remove_file(&oldest) {
                // Somebody moved it away.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(()) => {}
                Err(error) => tracing::warn!("{} stays, though it is one too many: {error}", oldest.display()),
            }
        }
        Ok(file)
    }
}

/// The path of the part of that number of the recording at `path`.
pub fn part_path(path: &Path, number: u32) -> PathBuf {
    if number <= 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number:04}{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_count_up_write_over_nothing_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let mut parts = Parts::new(&at("run.mcap"), Some(2));
        for name in ["run.mcap", "run-0002.mcap", "run-0003.mcap"] {
            parts.create_next().unwrap();
            assert_eq!(parts.present(), at(name));
        }
        assert_eq!(parts.number(), 3);
        assert!(!at("run.mcap").exists() && at("run-0002.mcap").exists());
        std::fs::write(at("run-0004.mcap"), "somebody's").unwrap();
        let refused = parts.create_next().unwrap_err().to_string();
        assert!(refused.contains("run-0004.mcap") && refused.contains("another name"), "{refused}");
        assert_eq!(std::fs::read(at("run-0004.mcap")).unwrap(), b"somebody's");
        assert_eq!(part_path(Path::new("a.b/run"), 12), Path::new("a.b/run-0012"));
    }
}
