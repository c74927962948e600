//! Photos from files: PNG and JPEG to RGB frames.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::jpeg::Headers;
use super::{Frame, MAX_SIDE};
use crate::error::{Error, ImageError, IoError};
use crate::geometry::Size;

/// Most bytes that decoding one photo may take.
const MAX_ALLOCATION: u64 = 2 << 30;
/// Longest photo file that is read.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// Decodes a PNG or JPEG photo to an RGB frame, turned upright as its EXIF orientation says.
///
/// Grey, palette and 16-bit pictures become 8-bit RGB; alpha is dropped. `what` names the picture in errors.
///
/// # Errors
/// Bytes that are not a complete PNG or JPEG picture; a side of zero or beyond [`MAX_SIDE`].
pub fn decode_image(bytes: &[u8], what: &str) -> Result<Frame, ImageError> {
    let undecodable = |reason: String| ImageError::Undecodable { what: what.into(), reason };
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| undecodable(e.to_string()))?;
    match reader.format() {
        // The decoder paints what is missing of a JPEG picture grey.
        Some(ImageFormat::Jpeg) => Headers::scan(bytes)
            .and_then(|headers| headers.find_end(bytes))
            .map(drop)
            .map_err(|reason| undecodable(reason.into()))?,
        Some(ImageFormat::Png) => {}
        _ => return Err(undecodable("it begins like neither".into())),
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOCATION);
    reader.limits(limits);

    let mut decoder = reader.into_decoder().map_err(|e| undecodable(e.to_string()))?;
    let (width, height) = decoder.dimensions();
    let side = 1..=MAX_SIDE;
    if !side.contains(&width) || !side.contains(&height) {
        return Err(ImageError::AbsurdSize { what: what.into(), size: Size::new(width, height), limit: MAX_SIDE });
    }
    // A photo whose EXIF data is damaged is still a photo.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| undecodable(e.to_string()))?;
    image.apply_orientation(orientation);
    let rgb = image.into_rgb8();
    Frame::from_rgb(Size::new(rgb.width(), rgb.height()), rgb.into_raw())
}

/// Reads and decodes a photo, see [`decode_image`].
///
/// # Errors
/// A file that cannot be read, and those of [`decode_image`].
pub fn open_image(path: impl AsRef<Path>) -> Result<Frame, Error> {
    let path = path.as_ref();
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(IoError::when("read", path))?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(IoError::when("read", path))?;
    let what = path.display().to_string();
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let reason = format!("it is longer than {MAX_FILE_BYTES} bytes");
        return Err(ImageError::Undecodable { what, reason }.into());
    }
    Ok(decode_image(&bytes, &what)?)
}

#[cfg(test)]
mod tests;
