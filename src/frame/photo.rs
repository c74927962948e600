use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{Frame, MAX_SIDE, check_size, mjpeg};
use crate::error::{Error, ImageError, IoError};
use crate::geometry::Size;

/// Memory that decoding one photo may take: a photo of the largest sides in 16-bit RGB.
const MAX_BYTES: u64 = MAX_SIDE as u64 * MAX_SIDE as u64 * 6;

/// Reads a PNG or JPEG file; see [`decode_image`].
///
/// # Errors
/// [`IoError`] if the file cannot be read, otherwise as [`decode_image`].
pub fn open_image(path: impl AsRef<Path>) -> Result<Frame, Error> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(IoError::when("read", path))?;
    Ok(decode_image(&bytes, &path.display().to_string())?)
}

/// Decodes a PNG or JPEG of any depth to an RGB frame, upright by its EXIF orientation; alpha is dropped. `what` names
/// the picture in messages.
///
/// # Errors
/// [`ImageError::Undecodable`] for what is no complete PNG or JPEG, [`ImageError::AbsurdSize`] for sides over 16384.
pub fn decode_image(bytes: &[u8], what: &str) -> Result<Frame, ImageError> {
    let refuse = |reason: String| ImageError::Undecodable { what: what.to_owned(), reason };
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| refuse(e.to_string()))?;
    match reader.format() {
        // The decoder fills what is missing of a JPEG with grey.
        Some(ImageFormat::Jpeg) if !mjpeg::has_end(bytes) => return Err(refuse("it is cut off".into())),
        Some(ImageFormat::Jpeg | ImageFormat::Png) => {}
        _ => return Err(refuse("it is neither".into())),
    }
    // Sides are checked below, with a message of their own.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| refuse(e.to_string()))?;
    let (width, height) = decoder.dimensions();
    check_size(Size::new(width, height), what)?;
    let orientation = decoder.orientation().map_err(|e| refuse(e.to_string()))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| refuse(e.to_string()))?;
    picture.apply_orientation(orientation);
    let rgb = picture.into_rgb8();
    Frame::from_rgb(Size::new(rgb.width(), rgb.height()), rgb.into_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_depth_becomes_rgb() {
        let rgb = image::RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8 * 50, y as u8 * 80, 7]));
        let rgb = DynamicImage::from(rgb);
        let grey = DynamicImage::from(rgb.to_luma8());
        for (picture, expected) in [
            (rgb.clone(), rgb.to_rgb8()),
            (DynamicImage::from(rgb.to_rgba8()), rgb.to_rgb8()),
            (DynamicImage::from(rgb.to_rgb16()), rgb.to_rgb8()),
            (grey.clone(), grey.to_rgb8()),
        ] {
            let frame = decode_image(&encoded(&picture, ImageFormat::Png), "test").unwrap();
            assert_eq!((frame.size, &frame.data), (Size::new(5, 3), expected.as_raw()));
        }
    }

    #[test]
    fn incomplete_pictures_are_refused_at_every_length() {
        let picture = DynamicImage::from(image::RgbImage::from_pixel(24, 24, image::Rgb([9, 120, 200])));
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let bytes = encoded(&picture, format);
            for length in (0..bytes.len() - 12).step_by(7) {
                assert!(decode_image(&bytes[..length], "test").is_err(), "{format:?} cut at {length} of {}", bytes.len());
            }
            assert!(decode_image(&bytes, "test").is_ok());
        }
    }

    #[test]
    fn missing_files_are_named() {
        let text = open_image("/no/such/photo.jpg").unwrap_err().to_string();
        assert!(text.contains("/no/such/photo.jpg") && text.contains("Check the path"), "{text}");
    }
}
