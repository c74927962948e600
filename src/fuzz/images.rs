//! Photos, camera frames and masks.

use super::Folder;
use crate::frame::{Frame, MAX_SIDE, PixelFormat, decode_image, to_rgb};
use crate::geometry::Size;
use crate::mask::file::read_mask;
use crate::mask::{Mask, Rle};
use crate::picture::jpeg::jpeg_size;
use crate::picture::{self, DEFAULT_DECODE_BYTES};
use crate::video::{FrameReader, RawLayout, StreamFormat};

/// Most pixels of an image that is decoded whole: larger ones only cost time.
const MAX_PIXELS: usize = 1 << 20;

/// Whether an image file claims more than [`MAX_PIXELS`].
fn is_large(data: &[u8]) -> bool {
    picture::size(data, "photo", DEFAULT_DECODE_BYTES).is_ok_and(|size| size.area() > MAX_PIXELS)
}

/// A photo as a file holds it.
pub fn photo(data: &[u8]) {
    if is_large(data) {
        return;
    }
    if let Ok(frame) = decode_image(data, "photo") {
        assert!(frame.check().is_ok() && frame.size.width.max(frame.size.height) <= MAX_SIDE);
    }
}

/// A camera's MJPEG frame, of the size that it claims.
pub fn mjpeg(data: &[u8]) {
    let Ok(size) = jpeg_size(data, false) else { return };
    if size.area() > MAX_PIXELS {
        return;
    }
    let frame = Frame { size, format: PixelFormat::Mjpeg, data: data.to_vec().into(), ..Frame::default() };
    let mut rgb = Vec::new();
    if to_rgb(&frame, &mut rgb).is_ok() {
        assert_eq!(rgb.len(), size.area() * 3);
    }
}

/// A stream of frames as a program writes it: what it says itself, and as frames without headers of a layout that its first bytes
/// make up.
pub fn frame_stream(data: &[u8]) {
    let mut formats = vec![StreamFormat::Own, StreamFormat::Mjpeg, StreamFormat::Ppm];
    if let Some((head, _)) = data.split_first_chunk::<4>() {
        let size = Size::new(u32::from(head[0]) % 70, u32::from(head[1]) % 70);
        let format = PixelFormat::ALL[usize::from(head[2]) % PixelFormat::ALL.len()];
        let stride = (head[3] > 0).then_some(usize::from(head[3]) * 2);
        formats.push(StreamFormat::Raw(RawLayout { stride, ..RawLayout::tight(size, format) }));
    }
    for format in formats {
        let Ok(mut reader) = FrameReader::new(data, format) else { continue };
        let mut frame = Frame::default();
        while let Ok(true) = reader.read(&mut frame) {
            assert!(frame.format == PixelFormat::Mjpeg || frame.check().is_ok());
        }
        assert!(frame.data.len() <= 2 * data.len() + (1 << 20), "memory grows with what came");
    }
}

/// A mask's image file.
pub fn mask_file(data: &[u8]) {
    if is_large(data) {
        return;
    }
    let folder = Folder::of(data, &["mask.png"]);
    let _ = read_mask(&folder.join("mask.png"));
}

/// A mask as COCO run lengths in JSON.
pub fn rle(data: &[u8]) {
    let Ok(rle) = serde_json::from_slice::<Rle>(data) else { return };
    if rle.size().area() > MAX_PIXELS {
        return;
    }
    let mut mask = Mask::default();
    rle.decode(&mut mask);
    assert_eq!(mask.area(), rle.area());
    let mut back = Mask::default();
    Rle::from_mask(&mask).decode(&mut back);
    assert_eq!(back, mask);
}
