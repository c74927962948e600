use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::{ColorType, DynamicImage, ImageDecoder, ImageReader, Limits};

use crate::error::{Error, ImageError, IoError};
use crate::frame::{ColorRange, Colorimetry, Frame, PixelFormat};
use crate::geometry::Size;

/// Longest side of an image in pixels.
const MAX_SIDE: u32 = 16_384;
/// Most bytes that decoding one image may allocate.
const MAX_BYTES: u64 = 1 << 30;

/// The size that the file's header states.
pub(super) fn size(path: &Path) -> Result<Size, Error> {
    let decoder = decoder(path)?;
    checked_size(&decoder, path).map_err(Error::from)
}

/// Decodes the image at `path` into `frame` as packed RGB, reusing its buffer.
pub(super) fn read(path: &Path, frame: &mut Frame) -> Result<(), Error> {
    let decoder = decoder(path)?;
    let size = checked_size(&decoder, path)?;
    if decoder.color_type() == ColorType::Rgb8 {
        frame.data.resize(size.area() * 3, 0);
        decoder.read_image(&mut frame.data).map_err(|e| undecodable(path, e))?;
    } else {
        let image = DynamicImage::from_decoder(decoder).map_err(|e| undecodable(path, e))?.into_rgb8();
        frame.data.clear();
        frame.data.extend_from_slice(&image);
    }
    frame.size = size;
    frame.format = PixelFormat::Rgb24;
    frame.colorimetry = Colorimetry { range: ColorRange::Full, ..Colorimetry::default() };
    frame.stride = PixelFormat::Rgb24.min_stride(size.width);
    Ok(())
}

fn decoder(path: &Path) -> Result<impl ImageDecoder, Error> {
    let file = File::open(path).map_err(IoError::when("read", path))?;
    let mut reader =
        ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(IoError::when("read", path))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    reader.into_decoder().map_err(|e| undecodable(path, e).into())
}

fn checked_size(decoder: &impl ImageDecoder, path: &Path) -> Result<Size, ImageError> {
    let (width, height) = decoder.dimensions();
    let size = Size::new(width, height);
    if (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) {
        Ok(size)
    } else {
        Err(ImageError::AbsurdSize { what: path.display().to_string(), size, limit: MAX_SIDE })
    }
}

fn undecodable(path: &Path, error: image::ImageError) -> ImageError {
    ImageError::Undecodable { what: path.display().to_string(), reason: error.to_string() }
}
