use std::io::Cursor;
use std::path::Path;

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ExtendedColorType, GrayAlphaImage, ImageBuffer, ImageEncoder, ImageFormat, LumaA, Rgba};

use super::*;
use crate::frame::{MAX_SIDE, has_photo_extension};
use crate::geometry::Size;
use crate::picture::{FORMATS, PHOTO_EXTENSIONS, decode, decode_rgb};

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

fn encoded(rgb: &[u8], width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut bytes, rgb, width, height, ExtendedColorType::Rgb8, format).unwrap();
    bytes.into_inner()
}

#[test]
fn every_format_is_read_and_has_an_extension() {
    // Few colours, each exact in a palette.
    let rgb: Vec<u8> = (0..6 * 4).flat_map(|i| [[250, 10, 0], [0, 240, 20], [30, 0, 230]][i % 3]).collect();
    for format in FORMATS {
        let frame = decode_image(&encoded(&rgb, 6, 4, format), "test").unwrap();
        assert_eq!((frame.size, frame.format), (Size::new(6, 4), PixelFormat::Rgb24), "{format:?}");
        let worst = frame.data.iter().zip(&rgb).map(|(a, b)| a.abs_diff(*b)).max();
        if format != ImageFormat::Jpeg {
            assert_eq!(worst, Some(0), "{format:?}");
        }
        for extension in format.extensions_str().iter().filter(|e| !["apng", "jfif", "pjp", "pjpeg", "dib"].contains(e))
        {
            assert!(has_photo_extension(Path::new(&format!("a.{}", extension.to_uppercase()))), "{extension}");
        }
    }
    assert!(PHOTO_EXTENSIONS.iter().all(|e| FORMATS.contains(&ImageFormat::from_extension(e).unwrap())));
    assert!(!has_photo_extension(Path::new("notes.txt")) && !has_photo_extension(Path::new("png")));
}

#[test]
fn an_animation_gives_its_first_frame() {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for colour in [[200, 0, 0, 255], [0, 0, 200, 255]] {
        encoder.encode_frame(image::Frame::new(ImageBuffer::from_pixel(3, 2, Rgba(colour)))).unwrap();
    }
    drop(encoder);
    let frame = decode_image(&bytes, "animation").unwrap();
    assert_eq!((frame.size, &frame.data[..3]), (Size::new(3, 2), &[200, 0, 0][..]));
}

#[test]
fn photos_of_telephones_are_named_with_a_converter() {
    let file = |brands: &[&[u8; 4]]| {
        let body = brands.iter().flat_map(|b| b.iter().copied());
        let length = (8 + 4 * brands.len() as u32).to_be_bytes();
        length.into_iter().chain(*b"ftyp").chain(body).chain(*b"\0\0\0\x08mdatavif").collect::<Vec<u8>>()
    };
    for (brands, format, converter) in [
        (vec![b"heic", b"\0\0\0\0", b"mif1", b"heic"], "HEIC", "heif-convert"),
        (vec![b"mif1", b"\0\0\0\0", b"miaf"], "HEIC", "heif-convert"),
        (vec![b"avif", b"\0\0\0\0", b"mif1"], "AVIF", "ffmpeg"),
        (vec![b"mif1", b"\0\0\0\0", b"avif"], "AVIF", "ffmpeg"),
    ] {
        let error = decode_image(&file(&brands), "IMG_1").unwrap_err();
        assert!(matches!(error, ImageError::ForeignFormat { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("IMG_1") && text.contains(format) && text.contains(converter), "{text}");
    }
    for other in
        [file(&[b"isom", b"avif", b"mp42"]), file(&[]), b"\xff\xff\xff\xffftyp".to_vec(), b"\0\0\0\0ftypav".to_vec()]
    {
        assert!(matches!(decode_image(&other, "film"), Err(ImageError::Undecodable { .. })));
    }
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

/// EXIF data of one entry: orientation 6, a quarter turn clockwise.
const QUARTER_TURN: &[u8] = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

#[test]
fn webp_and_tiff_are_turned_as_well() {
    // Black beside white ends as black over white.
    let rgb = [[0; 3], [255; 3]].concat();
    let mut webp = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut webp);
    encoder.set_exif_metadata(QUARTER_TURN.to_vec()).unwrap();
    encoder.write_image(&rgb, 2, 1, ExtendedColorType::Rgb8).unwrap();

    // Uncompressed, one strip behind the entries. Each entry: tag, type (3: u16, 4: u32), count, value.
    let entries: [(u16, u16, u32, u32); 10] = [
        (256, 4, 1, 2),
        (257, 4, 1, 1),
        // One u16 for every sample; it lies before the strip.
        (258, 3, 3, 8 + 2 + 10 * 12 + 4),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 8 + 2 + 10 * 12 + 4 + 6),
        (274, 3, 1, 6),
        (277, 3, 1, 3),
        (278, 4, 1, 1),
        (279, 4, 1, 6),
    ];
    let mut tiff = b"II*\0\x08\0\0\0\x0a\0".to_vec();
    for (tag, kind, count, value) in entries {
        tiff.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        tiff.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    tiff.extend([0, 0, 0, 0, 8, 0, 8, 0, 8, 0]);
    tiff.extend(&rgb);

    for (file, name) in [(webp, "webp"), (tiff, "tiff")] {
        let frame = decode_image(&file, name).unwrap();
        assert_eq!((frame.size, &frame.data[..]), (Size::new(1, 2), &rgb[..]), "{name}");
    }
}

#[test]
fn broken_pictures_are_typed_errors() {
    let refused = |bytes: &[u8]| matches!(decode_image(bytes, "x.png"), Err(ImageError::Undecodable { .. }));
    assert!(refused(b""));
    assert!(refused(b"GIF88a and so on"));
    let giant = decode_image(b"GIF89a and so on", "x.gif");
    assert!(matches!(giant, Err(ImageError::AbsurdSize { .. })), "{giant:?}");
    let rgb: Vec<u8> = (0..64 * 64 * 3).map(|i: u32| (i * i / 7 % 251) as u8).collect();
    let wholes = FORMATS.map(|format| encoded(&rgb, 64, 64, format));
    for whole in wholes.into_iter().chain([jpeg(&rgb, 64, 64)]) {
        for part in [3, 10, whole.len() / 2, whole.len() - 14] {
            assert!(refused(&whole[..part]), "{part} of {}", whole.len());
        }
    }
    let text = decode_image(b"nothing", "cat.png").unwrap_err().to_string();
    assert!(text.contains("cat.png") && text.contains("PNG, JPEG, WebP"), "{text}");
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

/// Six formats' files of a real texture, whose ends are as they should be but whose middle is missing.
#[test]
fn a_picture_without_its_middle_is_damaged_whatever_its_end() {
    let rgb: Vec<u8> = (0..64 * 64 * 3).map(|i: u32| (i * i / 7 % 251) as u8).collect();
    for format in FORMATS.into_iter().filter(|format| *format != ImageFormat::Bmp) {
        let whole = encoded(&rgb, 64, 64, format);
        for part in [whole.len() / 3, whole.len() / 2] {
            let end = whole.len().saturating_sub(14);
            let cut = [&whole[..part], &whole[end..]].concat();
            assert!(decode_image(&cut, "x").is_err(), "{format:?} without {part} to {end}");
        }
    }
    for (name, bytes) in [
        ("webp", &include_bytes!("../../../tests/pictures/lossy.webp")[..]),
        ("deflate", include_bytes!("../../../tests/pictures/deflate.tif")),
        ("lzw", include_bytes!("../../../tests/pictures/lzw.tif")),
    ] {
        decode_image(bytes, name).unwrap();
        assert!(decode_image(&bytes[..bytes.len() / 2], name).is_err(), "{name}");
    }
}

/// The container's length is that of what is left: only the image's data tells.
#[test]
fn a_webp_picture_whose_container_was_made_to_fit_is_damaged() {
    let rgb: Vec<u8> = (0..64 * 64 * 3).map(|i: u32| (i * i / 7 % 251) as u8).collect();
    let whole = encoded(&rgb, 64, 64, ImageFormat::WebP);
    let mut cut = whole[..whole.len() / 2 / 2 * 2].to_vec();
    let (riff, chunk) = (cut.len() as u32 - 8, cut.len() as u32 - 20);
    cut[4..8].copy_from_slice(&riff.to_le_bytes());
    cut[16..20].copy_from_slice(&chunk.to_le_bytes());
    assert!(decode_image(&cut, "x.webp").is_err());
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let framed = [&kind[..], data].concat();
    [&(data.len() as u32).to_be_bytes(), &framed[..], &crc32fast::hash(&framed).to_be_bytes()].concat()
}

#[test]
fn damaged_chunks_of_a_png_are_found_and_what_accompanies_it_is_left_out() {
    let whole = png(&[200; 12], 2, 2, ExtendedColorType::Rgb8);
    let with = |extra: Vec<u8>| [&whole[..33], &extra, &whole[33..]].concat();
    // A colour profile and texts whose compressed parts are none, and a chunk that is wrong altogether.
    for kind in [b"iCCP", b"zTXt", b"iTXt", b"acTL", b"abCd"] {
        assert_eq!(decode_image(&with(chunk(kind, b"name\0\0not deflated")), "x").unwrap().data, [200; 12]);
    }
    let mut data = whole.clone();
    data[45] ^= 1;
    assert!(decode_image(&data, "x").unwrap_err().to_string().contains("checksum"));
    let hostile = include_bytes!("../../../tests/pictures/palette-of-four-bytes.png");
    assert!(matches!(decode_image(hostile, "x"), Err(ImageError::Undecodable { .. })));
    assert!(decode(hostile, "x", DEFAULT_DECODE_BYTES).is_err());
}

/// The numbers in a palette stand where the upright picture has them.
#[test]
fn numbers_of_a_palette_turn_with_their_picture() {
    let grey = png(&[0, 1, 2, 3, 4, 5], 3, 2, ExtendedColorType::L8);
    let mut header = grey[16..29].to_vec();
    header[9] = 3;
    // A quarter turn: orientation 6.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let start = [chunk(b"IHDR", &header), chunk(b"PLTE", &[9; 18]), chunk(b"eXIf", exif)].concat();
    let bytes = [&grey[..8], &start, &grey[33..]].concat();
    let picture = decode(&bytes, "x", DEFAULT_DECODE_BYTES).unwrap();
    assert_eq!(picture.palette, Some(vec![[9; 3]; 6]));
    assert_eq!((picture.image.width(), picture.image.height()), (2, 3));
    assert_eq!(picture.image.into_luma8().into_raw(), [3, 0, 4, 1, 5, 2]);
}

#[test]
fn pictures_that_claim_more_than_they_hold_are_refused_by_their_headers() {
    let claims = |mut bytes: Vec<u8>, side: u32| {
        bytes[16..20].copy_from_slice(&side.to_be_bytes());
        bytes[20..24].copy_from_slice(&side.to_be_bytes());
        let sum = crc32fast::hash(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&sum.to_be_bytes());
        decode_image(&bytes, "x").unwrap_err().to_string()
    };
    let small = png(&[200; 12], 2, 2, ExtendedColorType::Rgb8);
    assert!(claims(small, 16384).contains("too few bytes"));
    let gif = [&b"GIF89a\xff\x3f\xff\x3f"[..], &[0; 30]].concat();
    assert!(decode_image(&gif, "x").is_err());
    // A picture that is all there, and costs more than it may.
    let flat = png(&vec![0; 1 << 20], 1 << 10, 1 << 10, ExtendedColorType::L8);
    let mut rgb = Vec::new();
    assert!(matches!(decode_rgb(&flat, "x", 1 << 20, &mut rgb), Err(ImageError::TooCostly { .. })));
    assert_eq!(decode_rgb(&flat, "x", 1 << 23, &mut rgb).unwrap(), Size::new(1 << 10, 1 << 10));
}

#[test]
fn an_animated_webp_gives_its_first_frame() {
    let frame = decode_image(include_bytes!("../../../tests/pictures/animated.webp"), "x").unwrap();
    assert_eq!(frame.size, Size::new(16, 16));
    assert!(frame.data.iter().any(|v| *v > 128));
}

#[test]
fn a_video_is_named_with_what_takes_its_frames_out() {
    for bytes in [&b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2"[..], b"RIFF\0\0\0\0AVI LIST", b"\x1a\x45\xdf\xa3...."] {
        let text = decode_image(bytes, "film").unwrap_err().to_string();
        assert!(text.contains("a video") && text.contains("ffmpeg -i"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn what_never_ends_or_never_begins_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let endless = folder.path().join("1.png");
    std::os::unix::fs::symlink("/dev/zero", &endless).unwrap();
    assert!(open_image(&endless).unwrap_err().to_string().contains("a device"));
    let socket = folder.path().join("2.png");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(open_image(&socket).unwrap_err().to_string().contains("a socket"));
    assert!(open_image(folder.path()).unwrap_err().to_string().contains("a folder"));
    let pipe = folder.path().join("3.png");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if made.is_ok_and(|status| status.success()) {
        assert!(open_image(&pipe).unwrap_err().to_string().contains("a pipe"));
    }
}
