//! Which names are of pictures.

use std::path::Path;

/// Lower-case extensions that photos of a folder are found by.
pub const PHOTO_EXTENSIONS: &[&str] = &["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif"];

/// Lower-case extensions of videos.
const VIDEO_EXTENSIONS: &[&str] = &["mp4", "mov", "mkv", "avi", "webm", "m4v", "mpg", "mpeg", "wmv", "ts"];

/// Folders and files that file managers and servers put beside photos, for themselves.
const BOOKKEEPING: &[&str] = &["@eaDir", "__MACOSX", "#recycle", "@Recycle", "Thumbs.db", "desktop.ini"];

fn ends_in(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().unwrap_or_default();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Whether the name of `path` ends in one of [`PHOTO_EXTENSIONS`] and is no hidden one.
pub fn has_photo_extension(path: &Path) -> bool {
    ends_in(path, PHOTO_EXTENSIONS) && !is_hidden(path)
}

/// Whether the name of `path` ends as those of videos do.
pub(crate) fn has_video_extension(path: &Path) -> bool {
    ends_in(path, VIDEO_EXTENSIONS)
}

/// Whether a file or folder is not for people to see: its name begins with a dot, as in `._1.png` of macOS or `.thumbnails`,
/// or it is the bookkeeping of a file manager, such as `@eaDir` or `Thumbs.db`.
pub fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().first() == Some(&b'.') || BOOKKEEPING.iter().any(|own| name.eq_ignore_ascii_case(own))
}
