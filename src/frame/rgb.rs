use super::mjpeg::MjpegDecoder;
use super::rows::Rows;
use super::{Frame, PixelFormat};
use crate::error::ImageError;

/// The whole frame as packed RGB into `out`, `size.area() * 3` bytes.
///
/// # Errors
/// A buffer too short for its format, a JPEG that does not decode.
pub fn to_rgb(frame: &Frame, out: &mut Vec<u8>) -> Result<(), ImageError> {
    super::check_size(frame.size, "frame")?;
    let width = frame.size.width as usize;
    out.resize(frame.size.area() * 3, 0);
    match frame.format {
        PixelFormat::Mjpeg => {
            out.copy_from_slice(MjpegDecoder::default().decode(&frame.data, frame.size)?);
            return Ok(());
        }
        _ => frame.check()?,
    }
    let packed = out.chunks_exact_mut(width * 3);
    match frame.format {
        PixelFormat::Rgb24 => {
            for (to, from) in packed.zip(frame.data.chunks(frame.stride)) {
                to.copy_from_slice(&from[..width * 3]);
            }
        }
        PixelFormat::Bgr24 => {
            for (to, from) in packed.zip(frame.data.chunks(frame.stride)) {
                for (to, from) in to.chunks_exact_mut(3).zip(from.chunks_exact(3)) {
                    to.copy_from_slice(&[from[2], from[1], from[0]]);
                }
            }
        }
        PixelFormat::Grey => {
            for (to, from) in packed.zip(frame.data.chunks(frame.stride)) {
                for (to, v) in to.chunks_exact_mut(3).zip(from) {
                    to.fill(*v);
                }
            }
        }
        _ => {
            let rows = Rows::of(frame)?;
            for (y, to) in packed.enumerate() {
                rows.read_rgb(y, to);
            }
        }
    }
    Ok(())
}


#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn rows_with_padding_come_out_packed() {
        let size = Size::new(2, 2);
        let data = vec![1, 2, 3, 4, 5, 6, 99, 99, 7, 8, 9, 10, 11, 12];
        let mut frame = Frame { size, stride: 8, data, ..Frame::default() };
        let mut out = Vec::new();
        to_rgb(&frame, &mut out).unwrap();
        assert_eq!(out, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        frame.format = PixelFormat::Bgr24;
        to_rgb(&frame, &mut out).unwrap();
        assert_eq!(out, [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]);
        frame.data.pop();
        assert!(matches!(to_rgb(&frame, &mut out), Err(ImageError::ShortBuffer { .. })));
    }
}
