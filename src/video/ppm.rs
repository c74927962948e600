//! Pictures without YUV as ffmpeg's `ppm` writes them: each with its size, in three lines.

use super::raw::RawLayout;
use crate::frame::{ColorRange, Colorimetry, PixelFormat};
use crate::geometry::Size;

/// The first line of each picture.
pub(super) const MAGIC: &[u8] = b"P6";
/// The third one: the greatest value of a byte.
pub(super) const DEPTH: &[u8] = b"255";

/// Reads the second line, which says the size.
///
/// # Errors
/// What is no size, or one that no frame has.
pub(super) fn layout(line: &[u8]) -> Result<RawLayout, String> {
    let text = std::str::from_utf8(line).unwrap_or_default();
    let sides = text.split_once(' ').and_then(|(w, h)| Some(Size::new(w.parse().ok()?, h.parse().ok()?)));
    let size = sides.ok_or("its PPM header does not say width and height")?;
    let colorimetry = Colorimetry { range: ColorRange::Full, ..Colorimetry::default() };
    let layout = RawLayout { colorimetry, ..RawLayout::tight(size, PixelFormat::Rgb24) };
    layout.check()?;
    Ok(layout)
}
