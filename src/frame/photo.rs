//! Photos from files to RGB frames: the only reader of files that a user names.

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

/// What is read, told apart by content.
const FORMATS: [ImageFormat; 6] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Gif];

/// Lower-case extensions that photos of a folder are found by.
pub const PHOTO_EXTENSIONS: &[&str] = &["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif"];

/// Whether the name of `path` ends in one of [`PHOTO_EXTENSIONS`].
pub fn has_photo_extension(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    PHOTO_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Decodes a PNG, JPEG, WebP, BMP, TIFF or GIF photo to an RGB frame, turned upright as its EXIF orientation says.
///
/// Grey, palette and 16-bit images become 8-bit RGB; alpha is dropped; of an animation it is the first frame. `what` names
/// the photo in errors.
///
/// # Errors
/// Bytes that are not a complete image of these formats; [`ImageError::ForeignFormat`] for HEIC and AVIF; a side of zero or
/// beyond [`MAX_SIDE`].
pub fn decode_image(bytes: &[u8], what: &str) -> Result<Frame, ImageError> {
    let undecodable = |reason: String| ImageError::Undecodable { what: what.into(), reason };
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| undecodable(e.to_string()))?;
    match reader.format() {
        // The decoder paints what is missing of a JPEG image grey.
        Some(ImageFormat::Jpeg) => Headers::scan(bytes)
            .and_then(|headers| headers.find_end(bytes))
            .map(drop)
            .map_err(|reason| undecodable(reason.into()))?,
        Some(format) if FORMATS.contains(&format) => {}
        _ => {
            return Err(
                container(bytes, what).unwrap_or_else(|| undecodable("it begins like none that is known".into()))
            );
        }
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

/// The refusal of a photo whose container is known but not read: an ISO media file, which lists its brands in a `ftyp` box.
fn container(bytes: &[u8], what: &str) -> Option<ImageError> {
    const AVIF: [&[u8]; 2] = [b"avif", b"avis"];
    const HEIC: [&[u8]; 10] =
        [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"];
    let (length, rest) = bytes.split_first_chunk()?;
    let body = rest.strip_prefix(b"ftyp")?;
    let length = (u32::from_be_bytes(*length) as usize).saturating_sub(8).min(body.len());
    // The major brand, a version, then the compatible ones.
    let brands = || body[..length].chunks_exact(4).enumerate().filter(|(ix, _)| *ix != 1).map(|(_, brand)| brand);
    let (format, converter) = if brands().any(|brand| AVIF.contains(&brand)) {
        ("AVIF", "ffmpeg -i photo.avif photo.png")
    } else if brands().any(|brand| HEIC.contains(&brand)) {
        ("HEIC", "heif-convert photo.heic photo.jpg")
    } else {
        return None;
    };
    Some(ImageError::ForeignFormat { what: what.into(), format, converter })
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
