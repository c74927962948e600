use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::{ConfigError, Error, IoError};
use crate::frame::{self, PHOTO_EXTENSIONS, Preprocessor, has_photo_extension};
use crate::picture::is_hidden;
use crate::quantize::Images;

/// The photos of a folder as an encoder gets them: fitted to its input and normalised.
pub(super) struct Photos {
    paths: Vec<PathBuf>,
    /// Which turned out to be no photos.
    unreadable: BTreeSet<usize>,
    preprocessor: Preprocessor,
}

impl Photos {
    /// At most `limit` of the photos in `folder` and its subfolders, evenly spread over their sorted paths, for a
    /// `preprocessor` of the encoder.
    pub fn find(folder: &Path, limit: usize, preprocessor: Preprocessor) -> Result<Self, Error> {
        let mut found = Vec::new();
        collect(folder, &mut found)?;
        if found.is_empty() {
            let reason = format!("no photos in it: it needs files that end in .{}", PHOTO_EXTENSIONS.join(", ."));
            return Err(ConfigError::Invalid { origin: folder.display().to_string(), reason }.into());
        }
        found.sort();
        let paths = spread(&found, limit).cloned().collect();
        Ok(Photos { paths, unreadable: BTreeSet::new(), preprocessor })
    }

    /// Those that are photos, as far as they have been read.
    pub fn readable(&self) -> Vec<&PathBuf> {
        let paths = self.paths.iter().enumerate();
        paths.filter(|(ix, _)| !self.unreadable.contains(ix)).map(|(_, path)| path).collect()
    }

    /// Files that were left out because they are no photos.
    pub fn skipped(&self) -> usize {
        self.unreadable.len()
    }
}

impl Images for Photos {
    fn count(&self) -> usize {
        self.paths.len()
    }

    fn load(&mut self, index: usize, input: &mut [f32]) -> Result<bool, Error> {
        let Some(path) = self.paths.get(index).filter(|_| !self.unreadable.contains(&index)) else { return Ok(false) };
        let read = frame::open_image(path).and_then(|frame| Ok(self.preprocessor.run(&frame, input)?));
        if let Err(error) = &read {
            tracing::warn!("{error}; left out");
            self.unreadable.insert(index);
        }
        Ok(read.is_ok())
    }
}

/// At most `limit` of `items`, evenly spread.
pub(super) fn spread<T>(items: &[T], limit: usize) -> impl Iterator<Item = &T> {
    let count = limit.min(items.len());
    (0..count).filter_map(move |ix| items.get(ix * items.len() / count))
}

/// Photos below `folder`. Links to folders are not followed, so that none leads in a circle.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), IoError> {
    for entry in std::fs::read_dir(folder).map_err(IoError::when("read", folder))? {
        let entry = entry.map_err(IoError::when("read", folder))?;
        let path = entry.path();
        if is_hidden(&path) {
            continue;
        }
        if entry.file_type().map_err(IoError::when("read", &path))?.is_dir() {
            collect(&path, found)?;
        } else if has_photo_extension(&path) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Normalization;
    use crate::geometry::Size;

    #[test]
    fn photos_are_found_in_subfolders_and_spread() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("deep")).unwrap();
        for name in ["b.JPG", "deep/a.png", "notes.txt", "c.jpeg"] {
            std::fs::write(dir.path().join(name), b"no photo").unwrap();
        }
        let preprocessor = || Preprocessor::new(Size::new(4, 4), Normalization::IMAGENET);
        let find = |limit| Photos::find(dir.path(), limit, preprocessor()).unwrap();
        assert_eq!(find(9).count(), 3);
        assert_eq!(find(2).paths, [dir.path().join("b.JPG"), dir.path().join("c.jpeg")]);
        let mut photos = find(2);
        assert!(!photos.load(0, &mut [0.0; 48]).unwrap() && !photos.load(0, &mut [0.0; 48]).unwrap());
        assert_eq!((photos.skipped(), photos.readable().len()), (1, 1));
    }

    #[test]
    fn spreading_takes_all_or_every_so_many() {
        let items: Vec<usize> = (0..10).collect();
        assert_eq!(spread(&items, 5).copied().collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
        assert_eq!(spread(&items, 99).count(), 10);
        assert_eq!(spread::<u8>(&[], 3).count(), 0);
    }
}
