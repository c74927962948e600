use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use proptest::prelude::*;

use super::*;
use crate::picture::jpeg::{END, jpeg_size};

/// A smooth image with some texture.
fn image(size: Size) -> Vec<u8> {
    let (w, h) = (size.width as usize, size.height as usize);
    (0..w * h).flat_map(|i| [(i % w * 7) as u8 / 2, (i / w * 5) as u8 / 2, ((i % w) ^ (i / w)) as u8]).collect()
}

/// The encoder writes the standard Huffman tables.
fn encode(size: Size, quality: u8) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, quality);
    encoder.write_image(&image(size), size.width, size.height, ExtendedColorType::Rgb8).unwrap();
    jpeg
}

/// Where the first scan begins.
fn scan_of(jpeg: &[u8]) -> usize {
    jpeg.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap()
}

/// The image without its DHT segments.
fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let scan = scan_of(jpeg);
    let mut bare = jpeg[..2].to_vec();
    let mut at = 2;
    while at < scan {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != 0xc4 {
            bare.extend_from_slice(&jpeg[at..end]);
        }
        at = end;
    }
    bare.extend_from_slice(&jpeg[scan..]);
    bare
}

fn decode(jpeg: &[u8], size: Size) -> Result<Vec<u8>, ImageError> {
    let mut rgb = Vec::new();
    JpegDecoder::default().decode(jpeg, size, &mut rgb).map(|()| rgb)
}

#[test]
fn decodes_close_to_the_original() {
    for size in [Size::new(64, 48), Size::new(17, 9), Size::new(1, 1), Size::new(3, 5)] {
        let rgb = decode(&encode(size, 95), size).unwrap();
        let original = image(size);
        let error: f64 = rgb.iter().zip(&original).map(|(&a, &b)| f64::from(a.abs_diff(b))).sum();
        assert!(error / (original.len() as f64) < 5.0, "{size:?}");
    }
}

#[test]
fn missing_tables_are_the_standard_ones() {
    let size = Size::new(80, 48);
    for quality in [5, 60, 98] {
        let jpeg = encode(size, quality);
        let bare = without_tables(&jpeg);
        assert!(bare.len() + 400 < jpeg.len());
        assert_eq!(decode(&bare, size).unwrap(), decode(&jpeg, size).unwrap());
    }
}

#[test]
fn the_size_is_in_the_headers() {
    let size = Size::new(80, 48);
    let jpeg = encode(size, 60);
    assert_eq!(jpeg_size(&jpeg, true), Ok(size));
    assert_eq!(jpeg_size(&without_tables(&jpeg), true), Ok(size));
    assert!((0..jpeg.len()).all(|length| jpeg_size(&jpeg[..length], true).is_err()));
}

#[test]
fn grey_pictures_become_rgb() {
    let mut jpeg = Vec::new();
    JpegEncoder::new(&mut jpeg).write_image(&[100; 16 * 8], 16, 8, ExtendedColorType::L8).unwrap();
    let rgb = decode(&jpeg, Size::new(16, 8)).unwrap();
    assert_eq!(rgb.len(), 16 * 8 * 3);
    assert!(rgb.iter().all(|&v| v.abs_diff(100) <= 2));
}

#[test]
fn padding_after_the_picture_is_ignored() {
    let size = Size::new(32, 16);
    let mut jpeg = encode(size, 80);
    let clean = decode(&jpeg, size).unwrap();
    jpeg.extend_from_slice(&[0; 700]);
    assert_eq!(decode(&jpeg, size).unwrap(), clean);
}

#[test]
fn another_size_is_refused() {
    let jpeg = encode(Size::new(32, 16), 80);
    assert!(matches!(decode(&jpeg, Size::new(16, 32)), Err(ImageError::SizeMismatch { .. })));
}

#[test]
fn every_truncation_is_refused() {
    let size = Size::new(48, 32);
    let jpeg = encode(size, 70);
    for length in 0..jpeg.len() {
        assert!(matches!(decode(&jpeg[..length], size), Err(ImageError::Undecodable { .. })), "{length} bytes");
    }
}

#[test]
fn a_picture_that_ends_early_is_refused_despite_its_end_marker() {
    let size = Size::new(256, 128);
    let jpeg = encode(size, 70);
    let scan = scan_of(&jpeg);
    for tenths in 1..=9 {
        let mut cut = jpeg[..scan + 12 + (jpeg.len() - scan - 12) * tenths / 10].to_vec();
        cut.extend_from_slice(&END);
        assert!(matches!(decode(&cut, size), Err(ImageError::Undecodable { .. })), "{tenths}/10");
    }
}

#[test]
fn a_restart_interval_is_read_over() {
    let size = Size::new(40, 24);
    let jpeg = encode(size, 80);
    // An interval longer than the image.
    let restarting = [&jpeg[..2], &[0xff, 0xdd, 0, 4, 0x7f, 0xff], &jpeg[2..]].concat();
    assert_eq!(decode(&restarting, size).unwrap(), decode(&jpeg, size).unwrap());
}

#[test]
fn flat_pictures_of_few_bytes_are_whole() {
    for size in [Size::new(8, 800), Size::new(800, 8), Size::new(64, 64)] {
        let mut jpeg = Vec::new();
        let flat = vec![77; size.area() * 3];
        JpegEncoder::new(&mut jpeg).write_image(&flat, size.width, size.height, ExtendedColorType::Rgb8).unwrap();
        let rgb = decode(&jpeg, size).unwrap();
        assert!(rgb.iter().all(|&v| v.abs_diff(77) <= 2), "{size:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 2usize..600) {
        let size = Size::new(24, 16);
        let _ = decode(&bytes, size);
        let mut jpeg = encode(size, 50);
        let at = at.min(jpeg.len());
        let end = (at + bytes.len() / 20).min(jpeg.len());
        jpeg[at..end].copy_from_slice(&bytes[..end - at]);
        let _ = decode(&jpeg, size);
    }
}
