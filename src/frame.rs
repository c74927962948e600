//! Camera frames: what a source fills, and how a frame becomes the encoder's tensor.

mod data;
mod format;
mod jpeg;
mod photo;
mod preprocess;
mod resample;
mod rgb;
#[cfg(test)]
mod tests;
mod yuv;

pub use data::{FrameData, Loan};
pub use format::{ColorEncoding, ColorRange, Colorimetry, PixelFormat, Plane};
pub use photo::{decode_image, open_image, read_photo};
pub use preprocess::{Normalization, Preprocessor};
pub use rgb::to_rgb;

use crate::error::ImageError;
use crate::geometry::Size;
use crate::time::Timestamp;

pub use crate::picture::{MAX_SIDE, PHOTO_EXTENSIONS, has_photo_extension};

/// One image from a source, in the source's own pixel format.
///
/// Frames live in a [`crate::sync::Pool`]; a source overwrites the buffer of a frame that nobody holds any more, so the
/// byte buffer keeps its capacity and a running stream allocates nothing. Where a source can spare its own buffers, a frame
/// holds one of them instead ([`FrameData`]).
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Counts up by one for each frame that the source produced; a gap is a frame lost before it reached us.
    pub sequence: u64,
    /// When the image was taken (kernel time for cameras), on the capture clock.
    pub captured_at: Timestamp,
    /// Width and height in pixels.
    pub size: Size,
    /// How pixels lie in `data`.
    pub format: PixelFormat,
    /// What YUV codes mean.
    pub colorimetry: Colorimetry,
    /// Bytes from the start of a row to the start of the next, in the first plane; [`PixelFormat::planes`] says where the
    /// others lie. Zero for MJPEG.
    pub stride: usize,
    /// Pixel bytes, at least [`PixelFormat::buffer_len`] of them (or one JPEG image for MJPEG).
    pub data: FrameData,
    /// Bytes that were copied from one place in memory to another to bring the image here, those that the system copied out of
    /// a pipe included; 0 where they lie as the source wrote them.
    pub copied_bytes: u64,
}

impl Frame {
    /// An RGB frame without row padding over `data` (`size.area() * 3` bytes).
    pub fn from_rgb(size: Size, data: Vec<u8>) -> Result<Self, ImageError> {
        let frame = Frame {
            size,
            format: PixelFormat::Rgb24,
            stride: size.width as usize * 3,
            data: data.into(),
            ..Frame::default()
        };
        frame.check()?;
        Ok(frame)
    }

    /// Whether the sides are 1 to [`MAX_SIDE`] and the buffer holds all the rows that size, format and stride promise.
    pub fn check(&self) -> Result<(), ImageError> {
        let side = 1..=MAX_SIDE;
        if !side.contains(&self.size.width) || !side.contains(&self.size.height) {
            return Err(ImageError::AbsurdSize { what: "frame".into(), size: self.size, limit: MAX_SIDE });
        }
        let needed = self.format.buffer_len(self.size, self.stride);
        if self.data.len() < needed || self.stride < self.format.min_stride(self.size.width) {
            return Err(ImageError::ShortBuffer {
                format: self.format.name(),
                size: self.size,
                needed,
                given: self.data.len(),
            });
        }
        Ok(())
    }

    /// The bytes of row `y` of the first plane, without padding; empty if the buffer has no such row.
    fn row(&self, y: usize) -> &[u8] {
        self.plane_row(0, y)
    }

    /// The row of `plane` that belongs to row `y` of the image, without padding.
    fn plane_row(&self, plane: usize, y: usize) -> &[u8] {
        let height = self.size.height as usize;
        let plane = self.format.planes(self.size, self.stride)[plane];
        let y = if plane.rows < height { y / 2 } else { y };
        let start = plane.start.saturating_add(y.saturating_mul(plane.stride));
        self.data.get(start..).and_then(|rest| rest.get(..plane.row_bytes)).unwrap_or_default()
    }
}
