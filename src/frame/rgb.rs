use super::jpeg::JpegDecoder;
use super::yuv::YuvToRgb;
use super::{Frame, PixelFormat};
use crate::error::ImageError;

/// Pixels that are converted at a time, on the stack.
const BLOCK: usize = 256;

/// Converts a whole frame to RGB bytes without row padding, `3 * width * height` of them, for overlays and JPEG.
/// `out` is resized and reused.
///
/// # Errors
/// A buffer too short for its frame, absurd sides, a JPEG image that is broken or of another size.
pub fn to_rgb(frame: &Frame, out: &mut Vec<u8>) -> Result<(), ImageError> {
    frame.check()?;
    if frame.format == PixelFormat::Mjpeg {
        return JpegDecoder::default().decode(&frame.data, frame.size, out);
    }
    out.resize(frame.size.area() * 3, 0);
    let converter = YuvToRgb::new(frame.colorimetry);
    for (y, row) in out.chunks_exact_mut(frame.size.width as usize * 3).enumerate() {
        let pixels = row.as_chunks_mut::<3>().0;
        match frame.format {
            PixelFormat::Bgr24 => {
                for (pixel, &[b, g, r]) in pixels.iter_mut().zip(frame.row(y).as_chunks::<3>().0) {
                    *pixel = [r, g, b];
                }
            }
            PixelFormat::Grey => {
                for (pixel, &level) in pixels.iter_mut().zip(frame.row(y)) {
                    *pixel = [level; 3];
                }
            }
            PixelFormat::Rgb24 | PixelFormat::Mjpeg => row.copy_from_slice(frame.row(y)),
            // YUV.
            _ => {
                for (block, pixels) in pixels.chunks_mut(BLOCK).enumerate() {
                    let [mut red, mut green, mut blue] = [[0; BLOCK]; 3];
                    converter.convert_row(frame, y, block * BLOCK / 2, [&mut red, &mut green, &mut blue]);
                    for (pixel, ((r, g), b)) in pixels.iter_mut().zip(red.into_iter().zip(green).zip(blue)) {
                        *pixel = [r, g, b];
                    }
                }
            }
        }
    }
    Ok(())
}
