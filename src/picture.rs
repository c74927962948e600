//! Pictures in files: the one reader of what photos, frames and masks lie in.
//!
//! A picture is decoded only after its container was read to its end: damage, kinds that are not read and sizes that the
//! bytes cannot hold are told before a decoder sees them. Decoders run contained, so that what they trip over is an error.

mod budget;
mod file;
mod foreign;
pub(crate) mod jpeg;
mod names;
mod png;

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::error::{ImageError, contain};
use crate::geometry::Size;

pub use budget::DEFAULT_DECODE_BYTES;
pub(crate) use file::read;
pub(crate) use names::has_video_extension;
pub use names::{PHOTO_EXTENSIONS, has_photo_extension, is_hidden};

/// The longest side of a picture or frame that is taken, in pixels.
pub const MAX_SIDE: u32 = 16384;

/// What is read, told apart by content.
pub(crate) const FORMATS: [ImageFormat; 6] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Gif];

/// The pixels of a picture, upright, and what of its coding matters for their meaning.
pub(crate) struct Picture {
    /// As its file has them: grey or colours, of 8 or 16 bits, with or without alpha.
    pub image: DynamicImage,
    /// The colours that a palette's numbers stand for; the picture is those numbers then, as 8-bit grey.
    pub palette: Option<Vec<[u8; 3]>>,
    /// Whether coding changed its values a little.
    pub is_lossy: bool,
}

/// Decodes a picture to RGB bytes, row by row without padding, into `rgb`, turned upright as its EXIF orientation says; gives
/// back its size in pixels.
///
/// Grey, palette and 16-bit pictures become 8-bit RGB; alpha is dropped; of an animation it is the first frame. `what` names
/// the picture in errors; it may take `max_bytes` of memory while it is decoded.
///
/// # Errors
/// Bytes that are not a complete picture of the formats read; [`ImageError::ForeignFormat`] and [`ImageError::UnreadKind`] for what is
/// known and not read; a side
/// of zero or beyond [`MAX_SIDE`]; [`ImageError::TooCostly`].
pub fn decode_rgb(bytes: &[u8], what: &str, max_bytes: u64, rgb: &mut Vec<u8>) -> Result<Size, ImageError> {
    let opened = Opened::new(bytes, what, max_bytes)?;
    if opened.orientation == Orientation::NoTransforms && opened.decoder.color_type() == ColorType::Rgb8 {
        let size = opened.size;
        rgb.resize(size.area() * 3, 0);
        let decoder = opened.decoder;
        contained(what, || decoder.read_image_boxed(rgb))?;
        return Ok(size);
    }
    let image = opened.decode(what)?.into_rgb8();
    let size = Size::new(image.width(), image.height());
    *rgb = image.into_raw();
    Ok(size)
}

/// Decodes a picture whose values mean something, such as a mask's.
///
/// # Errors
/// As [`decode_rgb`].
pub(crate) fn decode(bytes: &[u8], what: &str, max_bytes: u64) -> Result<Picture, ImageError> {
    let is_lossy = matches!(format(bytes, what)?, ImageFormat::Jpeg | ImageFormat::WebP);
    if let Some((numbers, palette)) = png::palette_numbers(bytes) {
        let mut image = Opened::new(&numbers, what, max_bytes)?.decode(what)?.into_luma8();
        png::unscale(bytes, &mut image);
        return Ok(Picture { image: image.into(), palette: Some(palette), is_lossy });
    }
    let image = Opened::new(bytes, what, max_bytes)?.decode(what)?;
    Ok(Picture { image, palette: None, is_lossy })
}

/// Width and height of a picture as it will be decoded, upright.
///
/// # Errors
/// As [`decode_rgb`], as far as they show before pixels are computed.
pub fn size(bytes: &[u8], what: &str, max_bytes: u64) -> Result<Size, ImageError> {
    let Opened { size, orientation, .. } = Opened::new(bytes, what, max_bytes)?;
    Ok(if turns_sideways(orientation) { Size::new(size.height, size.width) } else { size })
}

fn turns_sideways(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// The format that a picture's first bytes tell.
fn format(bytes: &[u8], what: &str) -> Result<ImageFormat, ImageError> {
    match image::guess_format(bytes) {
        Ok(format) if FORMATS.contains(&format) => Ok(format),
        _ => Err(foreign::refusal(bytes, what)),
    }
}

/// A picture that was found whole and bearable, before its pixels are computed.
struct Opened<'a> {
    decoder: Box<dyn ImageDecoder + 'a>,
    /// As its file has it.
    size: Size,
    orientation: Orientation,
}

impl<'a> Opened<'a> {
    fn new(bytes: &'a [u8], what: &str, max_bytes: u64) -> Result<Self, ImageError> {
        let undecodable = |reason: &str| ImageError::Undecodable { what: what.into(), reason: reason.into() };
        let format = format(bytes, what)?;
        let mut whole = None;
        let content = match format {
            ImageFormat::Jpeg => {
                let found = jpeg::check(bytes).map_err(|refusal| refused(what, refusal))?;
                whole = Some(found);
                jpeg::with_tables(bytes, &found)
            }
            ImageFormat::Png => png::checked(bytes).map_err(undecodable)?,
            ImageFormat::WebP => foreign::riff(bytes).map_err(undecodable)?.into(),
            _ => bytes.into(),
        };
        let mut limits = Limits::default();
        limits.max_alloc = Some(max_bytes);
        let open = move || -> image::ImageResult<Self> {
            let mut reader = ImageReader::with_format(Cursor::new(content), format);
            reader.limits(limits);
            let mut decoder = reader.into_decoder()?;
            let (width, height) = decoder.dimensions();
            // A photo whose EXIF data is damaged is still a photo.
            let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
            Ok(Opened { decoder: Box::new(decoder), size: Size::new(width, height), orientation })
        };
        let opened = contained(what, open)?;
        let side = 1..=MAX_SIDE;
        if !side.contains(&opened.size.width) || !side.contains(&opened.size.height) {
            return Err(ImageError::AbsurdSize { what: what.into(), size: opened.size, limit: MAX_SIDE });
        }
        budget::check(what, bytes, &opened, whole, max_bytes)?;
        Ok(opened)
    }

    /// The pixels, turned upright.
    fn decode(self, what: &str) -> Result<DynamicImage, ImageError> {
        let Opened { decoder, orientation, .. } = self;
        let mut image = contained(what, || DynamicImage::from_decoder(decoder))?;
        image.apply_orientation(orientation);
        Ok(image)
    }
}

/// Runs a decoder; a panic in it is an error like any other.
fn contained<T>(what: &str, run: impl FnOnce() -> image::ImageResult<T>) -> Result<T, ImageError> {
    let reason = match contain(run) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("its decoder gave up: {panic}"),
    };
    Err(ImageError::Undecodable { what: what.into(), reason })
}

/// Why a JPEG image is not decoded, as an error about `what`.
pub(crate) fn refused(what: &str, refusal: jpeg::Refusal) -> ImageError {
    match refusal {
        jpeg::Refusal::Damaged(reason) => ImageError::Undecodable { what: what.into(), reason: reason.into() },
        jpeg::Refusal::Foreign(found, remedy) => ImageError::UnreadKind { what: what.into(), found, remedy },
    }
}
