//! Camera MJPEG: complete baseline or progressive JPEG images, whose Huffman tables may be left out.

use zune_jpeg::JpegDecoder as Decoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::{ImageError, contain};
use crate::geometry::Size;
use crate::picture::{self, MAX_SIDE, jpeg};

const WHAT: &str = "JPEG frame";

/// Decodes JPEG images to RGB.
#[derive(Debug, Default)]
pub(super) struct JpegDecoder {
    /// The image with the tables that it lacks.
    with_tables: Vec<u8>,
}

impl JpegDecoder {
    /// Decodes `data` into `out` as RGB bytes without row padding; `out` is resized and reused.
    ///
    /// # Errors
    /// An image that is not JPEG, is corrupt, ends early, or is not of `expected` size.
    pub(super) fn decode(&mut self, data: &[u8], expected: Size, out: &mut Vec<u8>) -> Result<(), ImageError> {
        let image = jpeg::check(data).map_err(|refusal| picture::refused(WHAT, refusal))?;
        if image.size != expected {
            return Err(ImageError::SizeMismatch { given: image.size, expected, expected_of: "the frame".into() });
        }
        let data = match image.without_tables {
            Some(at) => {
                self.with_tables.clear();
                jpeg::write_with_tables(&data[..image.length], at, &mut self.with_tables);
                &self.with_tables
            }
            None => &data[..image.length],
        };
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(MAX_SIDE as usize)
            .set_max_height(MAX_SIDE as usize)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        out.resize(expected.area() * 3, 0);
        let decoded = contain(|| Decoder::new_with_options(ZCursor::new(data), options).decode_into(out));
        decoded.map_err(undecodable)?.map_err(|e| undecodable(format!("{e:?}")))
    }
}

fn undecodable(reason: impl Into<String>) -> ImageError {
    ImageError::Undecodable { what: WHAT.into(), reason: reason.into() }
}

#[cfg(test)]
mod tests;
