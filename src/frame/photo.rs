//! Photos from files to RGB frames: the only reader of files that a user names.

use std::path::Path;

use super::{ColorRange, Colorimetry, Frame, PixelFormat};
use crate::error::{Error, ImageError};
use crate::picture::{self, DEFAULT_DECODE_BYTES};

/// Decodes a PNG, JPEG, WebP, BMP, TIFF or GIF photo to an RGB frame, turned upright as its EXIF orientation says.
///
/// Grey, palette and 16-bit images become 8-bit RGB; alpha is dropped; of an animation it is the first frame. `what` names
/// the photo in errors.
///
/// # Errors
/// As [`picture::decode_rgb`]: above all bytes that are not a complete image of these formats.
pub fn decode_image(bytes: &[u8], what: &str) -> Result<Frame, ImageError> {
    let mut frame = Frame::default();
    decode_photo(bytes, what, DEFAULT_DECODE_BYTES, &mut frame)?;
    Ok(frame)
}

/// Reads and decodes a photo, see [`decode_image`].
///
/// # Errors
/// A file that cannot be read, and those of [`decode_image`].
pub fn open_image(path: impl AsRef<Path>) -> Result<Frame, Error> {
    let mut frame = Frame::default();
    read_photo(path.as_ref(), DEFAULT_DECODE_BYTES, &mut frame)?;
    Ok(frame)
}

/// Reads and decodes the photo at `path` into `frame`, whose buffer is reused; it may take `max_bytes` of memory.
///
/// # Errors
/// As [`open_image`].
pub fn read_photo(path: &Path, max_bytes: u64, frame: &mut Frame) -> Result<(), Error> {
    let bytes = picture::read(path)?;
    Ok(decode_photo(&bytes, &path.display().to_string(), max_bytes, frame)?)
}

fn decode_photo(bytes: &[u8], what: &str, max_bytes: u64, frame: &mut Frame) -> Result<(), ImageError> {
    frame.size = picture::decode_rgb(bytes, what, max_bytes, frame.data.own_mut())?;
    frame.copied_bytes = 0;
    frame.format = PixelFormat::Rgb24;
    frame.colorimetry = Colorimetry { range: ColorRange::Full, ..Colorimetry::default() };
    frame.stride = PixelFormat::Rgb24.min_stride(frame.size.width);
    Ok(())
}

#[cfg(test)]
mod tests;
