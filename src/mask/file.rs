//! Masks as files: grey PNGs read as codes, masks written as 0 and 255.

use std::ffi::OsString;
use std::io::{Cursor, ErrorKind};
use std::path::Path;

use image::DynamicImage;

use crate::error::{Error, ImageError, IoError};
use crate::geometry::Size;
use crate::mask::Mask;
use crate::output::write_whole;

/// Longest side of a mask file.
const SIDE_LIMIT: u32 = 16_384;

/// The grey values of a mask file, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    /// Width and height in pixels.
    pub size: Size,
    /// One value a pixel, without padding.
    pub data: Vec<u16>,
}

impl Codes {
    /// Reads a grey image file. A colour file is taken when its three channels are equal.
    ///
    /// # Errors
    /// [`IoError`] for a file that cannot be opened, [`ImageError::Undecodable`] for one that is no grey image.
    pub fn read(path: &Path) -> Result<Codes, Error> {
        let undecodable = |reason: String| ImageError::Undecodable { what: path.display().to_string(), reason };
        let mut reader = image::ImageReader::open(path).map_err(IoError::when("read", path))?;
        let mut limits = image::Limits::default();
        limits.max_image_width = Some(SIDE_LIMIT);
        limits.max_image_height = Some(SIDE_LIMIT);
        reader.limits(limits);
        let reader = reader.with_guessed_format().map_err(IoError::when("read", path))?;
        let image = reader.decode().map_err(|e| undecodable(e.to_string()))?;
        let size = Size::new(image.width(), image.height());
        let data = match image {
            DynamicImage::ImageLuma16(grey) => grey.into_raw(),
            DynamicImage::ImageLuma8(grey) => grey.iter().map(|v| *v as u16).collect(),
            colour => {
                let rgb = colour.into_rgb8();
                if rgb.pixels().any(|p| p[0] != p[1] || p[1] != p[2]) {
                    return Err(undecodable("a mask is grey, this picture has colours".to_owned()).into());
                }
                rgb.pixels().map(|p| p[0] as u16).collect()
            }
        };
        Ok(Codes { size, data })
    }

    /// The pixels whose code satisfies `inside`.
    pub fn select(&self, inside: impl Fn(u16) -> bool) -> Mask {
        let mut mask = Mask::new(self.size);
        for (pixel, code) in mask.data_mut().iter_mut().zip(&self.data) {
            *pixel = inside(*code) as u8;
        }
        mask
    }
}

/// Reads a mask file, bright (above 127) inside.
///
/// # Errors
/// As [`Codes::read`].
pub fn read_mask(path: &Path) -> Result<Mask, Error> {
    Ok(Codes::read(path)?.select(|code| code > 127))
}

/// Writes `mask` as an 8-bit grey PNG, 255 inside.
///
/// # Errors
/// [`IoError`] for a place that cannot be written, or a name that is of no image.
pub fn write_mask(path: &Path, mask: &Mask) -> Result<(), Error> {
    let data: Vec<u8> = mask.data().iter().map(|v| v * 255).collect();
    write_image(path, &data, mask.size(), image::ExtendedColorType::L8)
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
