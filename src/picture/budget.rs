//! What decoding a picture costs, before it does.

use image::metadata::Orientation;
use image::{ColorType, ImageDecoder};

use super::{Opened, jpeg};
use crate::error::ImageError;

/// The memory that decoding one picture may take when nothing else is said, in bytes.
pub const DEFAULT_DECODE_BYTES: u64 = 2 << 30;

/// Pixels that any picture may have, however few bytes it is of.
const FREE_PIXELS: u64 = 1 << 24;
/// Pixels that a byte of a picture can stand for at most: deflate makes 1032 bytes of one, and eight pixels are a byte.
const PIXELS_A_BYTE: u64 = 1 << 14;

/// Refuses a picture that claims more pixels than its bytes can hold, or that takes more than `limit` bytes to decode.
pub(super) fn check(
    what: &str,
    bytes: &[u8],
    opened: &Opened<'_>,
    jpeg: Option<jpeg::Whole>,
    limit: u64,
) -> Result<(), ImageError> {
    let size = opened.size;
    let pixels = size.area() as u64;
    if pixels > FREE_PIXELS + PIXELS_A_BYTE * bytes.len() as u64 {
        let reason =
            format!("it claims {}x{} pixels, which its {} bytes cannot hold", size.width, size.height, bytes.len());
        return Err(ImageError::Undecodable { what: what.into(), reason });
    }
    let color = opened.decoder.color_type();
    let turned = opened.orientation != Orientation::NoTransforms;
    let decoded = pixels * u64::from(color.bytes_per_pixel());
    let mut needed = decoded;
    if turned {
        needed += decoded;
    }
    if color != ColorType::Rgb8 {
        needed = needed.max(decoded + 3 * pixels);
    }
    if let Some(jpeg) = jpeg.filter(|whole| whole.progressive) {
        // Coefficients of two bytes.
        needed += jpeg.blocks * 128;
    }
    if needed > limit {
        return Err(ImageError::TooCostly { what: what.into(), size, needed, limit });
    }
    Ok(())
}
