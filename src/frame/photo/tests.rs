use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, GrayAlphaImage, ImageBuffer, ImageEncoder, LumaA, Rgba};

use super::*;
use crate::frame::PixelFormat;

fn png(data: &[u8], width: u32, height: u32, color: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(data, width, height, color).unwrap();
    bytes
}

fn jpeg(rgb: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 100).write_image(rgb, width, height, ExtendedColorType::Rgb8).unwrap();
    bytes
}

#[test]
fn png_pixels_are_exact() {
    let rgb: Vec<u8> = (0..5 * 3 * 3).map(|v| v * 5).collect();
    let frame = decode_image(&png(&rgb, 5, 3, ExtendedColorType::Rgb8), "test").unwrap();
    assert_eq!((frame.size, frame.format, frame.stride), (Size::new(5, 3), PixelFormat::Rgb24, 15));
    assert_eq!(frame.data, rgb);
}

#[test]
fn grey_alpha_and_deep_pictures_become_rgb() {
    let grey = decode_image(&png(&[7, 200], 2, 1, ExtendedColorType::L8), "grey").unwrap();
    assert_eq!(grey.data, [7, 7, 7, 200, 200, 200]);

    let transparent = decode_image(&png(&[1, 2, 3, 0], 1, 1, ExtendedColorType::Rgba8), "alpha").unwrap();
    assert_eq!(transparent.data, [1, 2, 3]);

    let grey_alpha: GrayAlphaImage = ImageBuffer::from_pixel(1, 1, LumaA([9, 0]));
    let frame = decode_image(&png(&grey_alpha, 1, 1, ExtendedColorType::La8), "grey alpha").unwrap();
    assert_eq!(frame.data, [9, 9, 9]);

    let deep = DynamicImage::from(ImageBuffer::from_pixel(1, 1, Rgba([65535u16, 257 * 30, 0, 0])));
    let mut bytes = Cursor::new(Vec::new());
    deep.write_to(&mut bytes, ImageFormat::Png).unwrap();
    assert_eq!(decode_image(bytes.get_ref(), "16 bit").unwrap().data, [255, 30, 0]);
}

#[test]
fn palettes_become_rgb() {
    // 2x1 pixels of 8 bits: red, then green. Checksums by a plain CRC-32 and Adler-32.
    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let mut crc = !0u32;
        for byte in kind.iter().chain(data) {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        [&(data.len() as u32).to_be_bytes(), &kind[..], data, &(!crc).to_be_bytes()].concat()
    }
    // A stored deflate block of one row: filter 0, indices 1 and 0.
    let row = [0u8, 1, 0];
    let adler = row.iter().fold((1u32, 0u32), |(a, b), &v| (a + u32::from(v), b + a + u32::from(v)));
    let data = [&[0x78, 0x01, 1, 3, 0, 0xfc, 0xff][..], &row, &(adler.1 << 16 | adler.0).to_be_bytes()].concat();
    let bytes = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &[0, 0, 0, 2, 0, 0, 0, 1, 8, 3, 0, 0, 0]),
        chunk(b"PLTE", &[0, 255, 0, 255, 0, 0]),
        chunk(b"IDAT", &data),
        chunk(b"IEND", &[]),
    ]
    .concat();
    assert_eq!(decode_image(&bytes, "palette").unwrap().data, [255, 0, 0, 0, 255, 0]);
}

#[test]
fn exif_orientation_turns_the_picture() {
    // Left half black, right half white; orientation 6 is a quarter turn clockwise, so black ends on top.
    let rgb: Vec<u8> = (0..8 * 16).flat_map(|i| [if i % 16 < 8 { 0 } else { 255 }; 3]).collect();
    let plain = jpeg(&rgb, 16, 8);
    let tiff = [b"II*\0\x08\0\0\0\x01\0".as_slice(), &[0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0], &[0; 4]].concat();
    let segment = [b"Exif\0\0".as_slice(), &tiff].concat();
    let mut turned = plain[..2].to_vec();
    turned.extend_from_slice(&[0xff, 0xe1]);
    turned.extend_from_slice(&(segment.len() as u16 + 2).to_be_bytes());
    turned.extend_from_slice(&segment);
    turned.extend_from_slice(&plain[2..]);

    let frame = decode_image(&turned, "turned").unwrap();
    assert_eq!(frame.size, Size::new(8, 16));
    assert!(frame.data[0] < 20 && frame.data[frame.data.len() - 1] > 235);
}

#[test]
fn broken_pictures_are_typed_errors() {
    let refused = |bytes: &[u8]| matches!(decode_image(bytes, "x.png"), Err(ImageError::Undecodable { .. }));
    assert!(refused(b""));
    assert!(refused(b"GIF89a and so on"));
    let rgb = vec![90; 64 * 64 * 3];
    for whole in [png(&rgb, 64, 64, ExtendedColorType::Rgb8), jpeg(&rgb, 64, 64)] {
        for part in [3, 10, whole.len() / 2, whole.len() - 14] {
            assert!(refused(&whole[..part]), "{part} of {}", whole.len());
        }
    }
    let text = decode_image(b"nothing", "cat.png").unwrap_err().to_string();
    assert!(text.contains("cat.png") && text.contains("PNG or JPEG"), "{text}");
}

#[test]
fn absurd_sides_are_refused() {
    let wide = png(&vec![0; 20_000], 20_000, 1, ExtendedColorType::L8);
    assert!(matches!(
        decode_image(&wide, "wide"),
        Err(ImageError::AbsurdSize { size: Size { width: 20_000, height: 1 }, limit: MAX_SIDE, .. })
    ));
}

#[test]
fn files_are_read_and_missing_ones_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dot.png");
    assert!(matches!(open_image(&path), Err(Error::Io(_))));
    std::fs::write(&path, png(&[5, 6, 7], 1, 1, ExtendedColorType::Rgb8)).unwrap();
    assert_eq!(open_image(&path).unwrap().data, [5, 6, 7]);
}
