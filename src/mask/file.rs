//! Masks as files: what their codes mean, and masks written as 0 and 255.

mod codes;
mod meaning;

use std::ffi::OsString;
use std::io::{Cursor, ErrorKind};
use std::path::Path;

use crate::error::{Error, ImageError, IoError};
use crate::geometry::Size;
use crate::mask::{Mask, Rle};
use crate::output::write_whole;

pub use codes::Codes;

/// Reads a mask file, whatever tool wrote it: 0 and 255, 0 and 1, 16 bits, a palette, soft edges. `docs/prompts.md` states the
/// rule. A mask without a pixel inside is a mask.
///
/// # Errors
/// As [`Codes::read`]; [`ImageError::Mask`] for one that does not say surely which pixels are meant.
pub fn read_mask(path: &Path) -> Result<Mask, Error> {
    Codes::read(path)?.object(None).map_err(|reason| unclear(path, reason))
}

/// Reads a mask file as the prompt of one object: the one whose pixels have the code `label`, or the only one.
///
/// # Errors
/// As [`read_mask`]; [`ImageError::Mask`] for a mask without a pixel inside.
pub fn read_prompt_mask(path: &Path, label: Option<u16>) -> Result<Mask, Error> {
    let codes = Codes::read(path)?;
    let mask = codes.object(label).map_err(|reason| unclear(path, reason))?;
    if mask.is_empty() {
        return Err(unclear(
            path,
            "the mask is empty, no pixel of it is inside: give one that shows the object".into(),
        ));
    }
    Ok(mask)
}

fn unclear(path: &Path, reason: String) -> Error {
    ImageError::Mask { what: path.display().to_string(), reason }.into()
}

/// Writes `mask` as an 8-bit grey PNG, 255 inside.
///
/// # Errors
/// [`IoError`] for a place that cannot be written, or a name that is of no image.
pub fn write_mask(path: &Path, mask: &Mask) -> Result<(), Error> {
    let data: Vec<u8> = mask.data().iter().map(|v| v * 255).collect();
    write_image(path, &data, mask.size(), image::ExtendedColorType::L8)
}

/// Writes a map of the masks, all of `size`, as a 16-bit grey PNG: 0 outside of all, else the number of the mask, counted from 1; later
/// masks lie above earlier ones.
///
/// # Errors
/// As [`write_mask`].
pub fn write_id_map<'a>(path: &Path, size: Size, masks: impl IntoIterator<Item = &'a Rle>) -> Result<(), Error> {
    let mut mask = Mask::default();
    let mut map = vec![0u16; size.area()];
    for (id, rle) in (1u16..).zip(masks) {
        rle.decode(&mut mask);
        map.iter_mut().zip(mask.data()).filter(|(_, inside)| **inside != 0).for_each(|(out, _)| *out = id);
    }
    let bytes: Vec<u8> = map.into_iter().flat_map(u16::to_ne_bytes).collect();
    write_image(path, &bytes, size, image::ExtendedColorType::L16)
}

/// The name that [`write_mask_of`] gives the mask of `frame`.
pub fn mask_name(frame: &Path) -> OsString {
    frame.with_extension("png").file_name().unwrap_or_default().to_owned()
}

/// Writes the mask of `frame` into the folder `dir`, as a PNG under the frame's own name.
///
/// # Errors
/// As [`write_mask`].
pub fn write_mask_of(frame: &Path, mask: &Mask, dir: &Path) -> Result<(), Error> {
    write_mask(&dir.join(mask_name(frame)), mask)
}

/// Writes `data` (rows without padding) in the format that the file's name asks for, PNG or JPEG; whole or not at all.
pub(crate) fn write_image(path: &Path, data: &[u8], size: Size, color: image::ExtendedColorType) -> Result<(), Error> {
    let mut encoded = Cursor::new(Vec::new());
    let format = image::ImageFormat::from_path(path);
    let written =
        format.and_then(|f| image::write_buffer_with_format(&mut encoded, data, size.width, size.height, color, f));
    let written = match written {
        Ok(()) => write_whole(path, encoded.get_ref()),
        Err(other) => Err(std::io::Error::new(ErrorKind::InvalidInput, format!("{other}; name it .png or .jpg"))),
    };
    written.map_err(|source| IoError::when("write", path)(source).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_survive_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.png");
        let mask = Mask::from_fn(Size::new(7, 5), |x, y| (x + y) % 3 == 0);
        write_mask(&path, &mask).unwrap();
        assert_eq!(read_mask(&path).unwrap(), mask);
    }

    #[test]
    fn a_map_numbers_its_masks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ids.png");
        let size = Size::new(4, 1);
        let masks = [Mask::from_fn(size, |x, _| x > 0), Mask::from_fn(size, |x, _| x > 2)];
        // A number that needs both bytes.
        let masks = masks.map(|mask| Rle::from_mask(&mask));
        let many = std::iter::repeat_n(&masks[0], 300).chain([&masks[1]]);
        write_id_map(&path, size, many).unwrap();
        assert_eq!(Codes::read(&path).unwrap().data, [0, 300, 300, 301]);
    }

    #[test]
    fn colours_and_rubbish_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("colour.png");
        let write_pixel =
            |rgb: [u8; 3]| write_image(&path, &rgb, Size::new(1, 1), image::ExtendedColorType::Rgb8).unwrap();
        write_pixel([1, 2, 3]);
        assert!(Codes::read(&path).err().unwrap().to_string().contains("colour.png"));
        write_pixel([9, 9, 9]);
        assert_eq!(Codes::read(&path).unwrap().data, [9]);
        std::fs::write(&path, b"not a picture").unwrap();
        assert!(matches!(Codes::read(&path), Err(Error::Image(ImageError::Undecodable { .. }))));
        assert!(matches!(Codes::read(&dir.path().join("none.png")), Err(Error::Io(_))));
        let unknown = dir.path().join("mask.xyz");
        assert!(write_mask(&unknown, &Mask::new(Size::new(1, 1))).unwrap_err().to_string().contains(".png"));
    }

    #[test]
    fn frames_whose_names_have_dots_keep_masks_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        for frame in ["in/cam.01.jpg", "in/cam.02.jpg", "7.png"] {
            write_mask_of(Path::new(frame), &Mask::new(Size::new(2, 2)), dir.path()).unwrap();
        }
        for name in ["cam.01.png", "cam.02.png", "7.png"] {
            assert!(dir.path().join(name).is_file(), "{name}");
        }
    }
}
