//! Photo sets on disk: which photo goes with which masks, and what the codes in a mask mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{ConfigError, Error, ImageError, IoError};
use crate::mask::Mask;
use crate::mask::file::{Codes, read_mask};
use crate::picture::is_hidden;

/// How a set lays out its masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `masks/STEM.png`: 0 background, 128 ignore, 255 object.
    Trimap,
    /// `masks/STEM.png`, or `masks/STEMa.png` and `masks/STEMb.png` for two objects of one photo: object above 127.
    Suffixed,
    /// `masks/STEM.png`: 0 background, 255 ignore, every other value one object.
    Ids,
}

/// A photo and the files with its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// The photo's file.
    pub image: PathBuf,
    /// The files of its masks, by name.
    pub masks: Vec<PathBuf>,
}

/// What a mask file says of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Its pixels.
    pub object: Mask,
    /// Pixels that count neither as right nor as wrong.
    pub ignored: Mask,
}

/// The photos of the set in `root`, by the names of their files. Every mask needs its photo; photos without a mask are
/// left out.
///
/// # Errors
/// [`ConfigError::Invalid`] when `images/` or `masks/` is missing, a mask has no photo, or there is no mask at all.
pub fn list(root: &Path, layout: Layout) -> Result<Vec<Photo>, Error> {
    let images: BTreeMap<String, PathBuf> = image_files(&root.join("images"))?.into_iter().collect();
    let mut photos: BTreeMap<&str, Photo> = BTreeMap::new();
    for (stem, mask) in image_files(&root.join("masks"))? {
        let owner = match layout {
            Layout::Suffixed => images.get_key_value(stem.as_str()).or_else(|| {
                let bare = stem.strip_suffix(['a', 'b'])?;
                images.get_key_value(bare)
            }),
            Layout::Trimap | Layout::Ids => images.get_key_value(stem.as_str()),
        };
        let Some((name, image)) = owner else {
            let reason =
                format!("no photo of this stem in {}: add it or remove the mask", root.join("images").display());
            return Err(ConfigError::Invalid { origin: mask.display().to_string(), reason }.into());
        };
        let photo = photos.entry(name).or_insert_with(|| Photo { image: image.clone(), masks: Vec::new() });
        photo.masks.push(mask);
    }
    if photos.is_empty() {
        let reason = "no masks in its `masks/` folder: give the folder that holds `images/` and `masks/`".to_owned();
        return Err(ConfigError::Invalid { origin: root.display().to_string(), reason }.into());
    }
    Ok(photos.into_values().collect())
}

/// The objects in one mask file; those without a pixel are left out.
///
/// # Errors
/// As [`Codes::read`] and [`read_mask`]; a trimap of other codes.
pub fn truths(mask: &Path, layout: Layout) -> Result<Vec<Truth>, Error> {
    let of = |codes: &Codes, object: &dyn Fn(u16) -> bool, ignored: &dyn Fn(u16) -> bool| Truth {
        object: codes.select(object),
        ignored: codes.select(ignored),
    };
    let truths = match layout {
        Layout::Suffixed => {
            let object = read_mask(mask)?;
            vec![Truth { ignored: Mask::new(object.size()), object }]
        }
        Layout::Trimap => {
            let codes = Codes::read(mask)?;
            if !codes.data.contains(&255) && codes.data.iter().any(|code| !matches!(code, 0 | 128)) {
                let reason =
                    "a trimap has 0 outside, 128 where nobody knows and 255 inside: write its mask anew".to_owned();
                return Err(ImageError::Mask { what: mask.display().to_string(), reason }.into());
            }
            vec![of(&codes, &|c| c == 255, &|c| c != 0 && c != 255)]
        }
        Layout::Ids => {
            let codes = Codes::read(mask)?;
            let ids: std::collections::BTreeSet<u16> =
                codes.data.iter().copied().filter(|c| *c != 0 && *c != 255).collect();
            ids.into_iter().map(|id| of(&codes, &|c| c == id, &|c| c == 255)).collect()
        }
    };
    Ok(truths.into_iter().filter(|t| !t.object.is_empty()).collect())
}

/// The PNG and JPEG files of a folder with their stems, by stem.
fn image_files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(IoError::when("read", folder))? {
        let path = entry.map_err(IoError::when("read", folder))?.path();
        let image = path
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| ["png", "jpg", "jpeg"].iter().any(|known| e.eq_ignore_ascii_case(known)));
        if let (true, Some(stem)) = (image && !is_hidden(&path), path.file_stem().and_then(|s| s.to_str())) {
            found.push((stem.to_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::mask::file::write_mask;

    fn touch(root: &Path, folder: &str, names: &[&str]) {
        std::fs::create_dir_all(root.join(folder)).unwrap();
        for name in names {
            std::fs::write(root.join(folder).join(name), b"").unwrap();
        }
    }

    fn grey(path: &Path, codes: &[u8]) {
        image::save_buffer(path, codes, codes.len() as u32, 1, image::ExtendedColorType::L8).unwrap();
    }

    #[test]
    fn suffixes_lead_to_one_photo() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), "images", &["1.jpg", "2.png", "3a.jpg", "unlabelled.jpg", "notes.txt"]);
        touch(dir.path(), "masks", &["1a.png", "1b.png", "2.png", "3a.png"]);
        let photos = list(dir.path(), Layout::Suffixed).unwrap();
        let names = |photo: &Photo| {
            let name = |p: &PathBuf| p.file_name().unwrap().to_str().unwrap().to_owned();
            (name(&photo.image), photo.masks.iter().map(name).collect::<Vec<_>>())
        };
        let found: Vec<_> = photos.iter().map(names).collect();
        let expected = [("1.jpg", vec!["1a.png", "1b.png"]), ("2.png", vec!["2.png"]), ("3a.jpg", vec!["3a.png"])];
        let expected = expected.map(|(i, m)| (i.to_owned(), m.into_iter().map(str::to_owned).collect::<Vec<_>>()));
        assert_eq!(found, expected);
        let e = list(dir.path(), Layout::Trimap).unwrap_err().to_string();
        assert!(e.contains("1a.png"), "{e}");
    }

    #[test]
    fn folders_that_are_not_a_set_are_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(list(dir.path(), Layout::Ids).unwrap_err().to_string().contains("images"));
        touch(dir.path(), "images", &["1.jpg"]);
        touch(dir.path(), "masks", &[]);
        assert!(list(dir.path(), Layout::Ids).unwrap_err().to_string().contains("no masks"));
    }

    #[test]
    fn codes_mean_what_the_layout_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.png");
        grey(&path, &[0, 1, 128, 200, 255]);
        let read = |layout| -> Vec<(Vec<u8>, Vec<u8>)> {
            let data = |m: Mask| m.data().to_vec();
            truths(&path, layout).unwrap().into_iter().map(|t| (data(t.object), data(t.ignored))).collect()
        };
        assert_eq!(read(Layout::Trimap), [(vec![0, 0, 0, 0, 1], vec![0, 1, 1, 1, 0])]);
        assert_eq!(read(Layout::Suffixed), [(vec![0, 0, 1, 1, 1], vec![0; 5])]);
        let ignored = vec![0, 0, 0, 0, 1];
        assert_eq!(
            read(Layout::Ids),
            [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]].map(|o| (o.to_vec(), ignored.clone()))
        );
        write_mask(&path, &Mask::new(Size::new(3, 3))).unwrap();
        assert!(truths(&path, Layout::Trimap).unwrap().is_empty());
    }
}
