//! Which files of a folder are its frames.

use std::path::{Path, PathBuf};

use super::{natural, written};
use crate::error::{ConfigError, IoError, Result};
use crate::picture::{PHOTO_EXTENSIONS, has_photo_extension, has_video_extension, is_hidden};

/// The photos of a folder in natural order of their names (`2.png` before `10.png`): what frames are and how they are
/// numbered, for every command.
///
/// A frame is what has the name of a photo. Hidden files, such as `._1.png` of macOS, and folders are none. One that cannot be
/// read keeps its number, so that the others keep theirs.
///
/// # Errors
/// A folder that cannot be read, or has no images.
pub fn list_images(dir: &Path) -> Result<Vec<PathBuf>> {
    if dir.is_file() {
        return Err(invalid(dir, no_folder(dir)));
    }
    let (mut images, mut folders, mut videos) = (Vec::new(), Vec::new(), Vec::new());
    for entry in std::fs::read_dir(dir).map_err(IoError::when("read", dir))? {
        let path = entry.map_err(IoError::when("read", dir))?.path();
        match () {
            () if is_hidden(&path) => {}
            () if path.is_dir() => folders.push(path),
            () if has_photo_extension(&path) => images.push(path),
            () if has_video_extension(&path) => videos.push(path),
            () => {}
        }
    }
    if images.is_empty() {
        folders.sort();
        videos.sort();
        return Err(invalid(dir, none_found(dir, &folders, &videos)));
    }
    images.sort_by(|a, b| natural::compare(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(images)
}

fn invalid(dir: &Path, reason: String) -> crate::error::Error {
    ConfigError::Invalid { origin: written(dir), reason }.into()
}

/// Why a file cannot be taken for a folder of frames.
fn no_folder(file: &Path) -> String {
    if has_video_extension(file) {
        return of_video(file);
    }
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    format!("a file, not a folder: give the folder that holds the frames, such as {}", parent.display())
}

fn of_video(video: &Path) -> String {
    let video = video.display();
    format!("a video, no folder: give it as video:{video}, or to `foveate track {video}`")
}

/// Why a folder has no frames, and where there may be some.
fn none_found(dir: &Path, folders: &[PathBuf], videos: &[PathBuf]) -> String {
    let filled = folders.iter().find(|folder| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).any(|path| has_photo_extension(&path))
    });
    match (filled, videos.first()) {
        (Some(folder), _) => {
            format!(
                "no images in this folder itself, but in folders below it: give one of them, such as {}",
                folder.display()
            )
        }
        (None, Some(video)) => format!("no images in {}: {} is {}", dir.display(), video.display(), of_video(video)),
        (None, None) => {
            format!("no images in this folder: give a folder of .{} files", PHOTO_EXTENSIONS.join(", ."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(dir: &Path, names: &[&str]) {
        std::fs::create_dir_all(dir).unwrap();
        names.iter().for_each(|name| std::fs::write(dir.join(name), "").unwrap());
    }

    #[test]
    fn what_others_keep_beside_frames_is_none() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["._1.jpg", ".2.png", "1.jpg", "2.PNG", "10.webp", "Thumbs.db", "desktop.ini", "notes.txt"]);
        for folder in [".thumbnails", "@eaDir", "3.png"] {
            touch(&dir.path().join(folder), &["1.jpg"]);
        }
        let found = list_images(dir.path()).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["1.jpg", "2.PNG", "10.webp"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_keeps_its_number() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["1.jpg", "3.jpg"]);
        std::os::unix::fs::symlink("missing.jpg", dir.path().join("2.jpg")).unwrap();
        assert_eq!(list_images(dir.path()).unwrap().len(), 3);
    }

    #[test]
    fn where_the_frames_are_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let said = |path: &Path| list_images(path).unwrap_err().to_string();
        touch(dir.path(), &["film.mp4"]);
        let text = said(dir.path());
        assert!(text.contains("video:") && text.contains("film.mp4"), "{text}");
        assert!(said(&dir.path().join("film.mp4")).contains("foveate track"));
        touch(dir.path(), &["photo.txt"]);
        assert!(said(&dir.path().join("photo.txt")).contains("not a folder"));
        touch(&dir.path().join("sequence"), &["1.jpg"]);
        assert!(said(dir.path()).contains("sequence"));
    }
}
