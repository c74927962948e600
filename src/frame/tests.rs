//! Every format, odd sizes and strides against a per-pixel reference that shares no code with the fast way.

use half::f16;
use proptest::prelude::*;

use super::*;
use crate::geometry::Letterbox;

const NORMALIZATION: Normalization = Normalization { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

const RAW: [PixelFormat; 5] =
    [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Rgb24, PixelFormat::Bgr24, PixelFormat::Grey];

/// Red, green and blue (0 to 255) of one pixel, from the definitions.
fn pixel(frame: &Frame, x: usize, y: usize) -> [f64; 3] {
    let at = |i: usize| frame.data[i] as f64;
    let row = y * frame.stride;
    match frame.format {
        PixelFormat::Rgb24 => [at(row + 3 * x), at(row + 3 * x + 1), at(row + 3 * x + 2)],
        PixelFormat::Bgr24 => [at(row + 3 * x + 2), at(row + 3 * x + 1), at(row + 3 * x)],
        PixelFormat::Grey => [at(row + x); 3],
        PixelFormat::Yuyv => {
            let quad = row + x / 2 * 4;
            yuv(frame.colorimetry, at(quad + x % 2 * 2), at(quad + 1), at(quad + 3))
        }
        PixelFormat::Nv12 => {
            let chroma = (frame.size.height as usize + y / 2) * frame.stride + x / 2 * 2;
            yuv(frame.colorimetry, at(row + x), at(chroma), at(chroma + 1))
        }
        PixelFormat::Mjpeg => unreachable!("the reference reads pixels"),
    }
}

fn yuv(colorimetry: Colorimetry, y: f64, cb: f64, cr: f64) -> [f64; 3] {
    let (kr, kb) = if colorimetry.encoding == ColorEncoding::Bt601 { (0.299, 0.114) } else { (0.2126, 0.0722) };
    let (y, pb, pr) = match colorimetry.range {
        ColorRange::Limited => ((y - 16.0) / 219.0, (cb - 128.0) / 224.0, (cr - 128.0) / 224.0),
        ColorRange::Full => (y / 255.0, (cb - 128.0) / 255.0, (cr - 128.0) / 255.0),
    };
    let r = y + 2.0 * (1.0 - kr) * pr;
    let b = y + 2.0 * (1.0 - kb) * pb;
    let g = (y - kr * r - kb * b) / (1.0 - kr - kb);
    [r, g, b].map(|c| (c * 255.0).clamp(0.0, 255.0))
}

/// The tensor by its definition, one output pixel at a time.
fn reference(frame: &Frame, input: Size) -> Vec<f64> {
    let content = Letterbox::new(frame.size, input).content;
    let weights = |from: u32, to: u32, at: u32| -> Vec<(usize, f64)> {
        let scale = from as f64 / to as f64;
        let radius = scale.max(1.0);
        let centre = (at as f64 + 0.5) * scale;
        let all: Vec<_> = (0..from as usize)
            .map(|i| (i, 1.0 - ((i as f64 + 0.5) - centre).abs() / radius))
            .filter(|(_, w)| *w > 0.0)
            .collect();
        let sum: f64 = all.iter().map(|(_, w)| w).sum();
        all.into_iter().map(|(i, w)| (i, w / sum)).collect()
    };
    let (w, h) = (input.width as usize, input.height as usize);
    let mut out = vec![0.0; 3 * w * h];
    for y in 0..content.height {
        let rows = weights(frame.size.height, content.height, y);
        for x in 0..content.width {
            let mut sum = [0.0; 3];
            for (sx, wx) in weights(frame.size.width, content.width, x) {
                for (sy, wy) in &rows {
                    for (s, c) in sum.iter_mut().zip(pixel(frame, sx, *sy)) {
                        *s += c * wx * wy;
                    }
                }
            }
            for (c, s) in sum.into_iter().enumerate() {
                let value = (s / 255.0 - NORMALIZATION.mean[c] as f64) / NORMALIZATION.std[c] as f64;
                out[(c * h + y as usize) * w + x as usize] = value;
            }
        }
    }
    out
}

fn frame_of(format: PixelFormat, size: Size, padding: usize, colorimetry: Colorimetry, seed: u64) -> Frame {
    let stride = format.min_stride(size.width) + padding * if format == PixelFormat::Nv12 { 2 } else { 1 };
    let mut state = seed | 1;
    let data = (0..format.buffer_len(size, stride))
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        })
        .collect();
    Frame { size, format, stride, colorimetry, data, ..Frame::default() }
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let colorimetry = (any::<bool>(), any::<bool>()).prop_map(|(encoding, range)| Colorimetry {
        encoding: if encoding { ColorEncoding::Bt601 } else { ColorEncoding::Bt709 },
        range: if range { ColorRange::Limited } else { ColorRange::Full },
    });
    (prop::sample::select(&RAW[..]), 1u32..40, 1u32..40, 0usize..9, colorimetry, any::<u64>())
        .prop_map(|(format, w, h, padding, colorimetry, seed)| frame_of(format, Size::new(w, h), padding, colorimetry, seed))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_format_and_size_matches_the_reference(frame in any_frame(), w in 1u32..24, h in 1u32..24) {
        let input = Size::new(w, h);
        let mut out = vec![f32::NAN; 3 * input.area()];
        let letterbox = Preprocessor::new(input, NORMALIZATION).run(&frame, &mut out).unwrap();
        prop_assert_eq!(letterbox, Letterbox::new(frame.size, input));
        for (at, (got, expected)) in out.iter().zip(reference(&frame, input)).enumerate() {
            prop_assert!((*got as f64 - expected).abs() < 2e-4, "{at}: {got} for {expected}");
        }
    }

    #[test]
    fn half_floats_are_the_rounded_floats(frame in any_frame()) {
        let input = Size::new(16, 16);
        let mut preprocessor = Preprocessor::new(input, NORMALIZATION);
        let (mut single, mut half) = (vec![0.0; 768], vec![f16::ONE; 768]);
        preprocessor.run(&frame, &mut single).unwrap();
        preprocessor.run_f16(&frame, &mut half).unwrap();
        prop_assert!(single.iter().zip(&half).all(|(s, h)| f16::from_f32(*s) == *h));
    }

    #[test]
    fn rgb_is_within_one_level_of_the_reference(frame in any_frame()) {
        let mut out = Vec::new();
        to_rgb(&frame, &mut out).unwrap();
        let w = frame.size.width as usize;
        for (at, got) in out.chunks_exact(3).enumerate() {
            for (got, expected) in got.iter().zip(pixel(&frame, at % w, at / w)) {
                prop_assert!((*got as f64 - expected).abs() <= 0.51, "{at}: {got} for {expected}");
            }
        }
    }

    #[test]
    fn short_buffers_are_refused(frame in any_frame(), cut in 1usize..50) {
        let mut frame = frame;
        let length = frame.data.len().saturating_sub(cut);
        frame.data.truncate(length);
        let mut out = vec![0.0; 3 * 64];
        let refused = Preprocessor::new(Size::new(8, 8), NORMALIZATION).run(&frame, &mut out);
        prop_assert!(matches!(refused, Err(ImageError::ShortBuffer { .. })));
    }
}

#[test]
fn a_fine_checkerboard_becomes_grey() {
    let size = Size::new(400, 400);
    let data = (0..size.area()).map(|i| if (i % 400 + i / 400) % 2 == 0 { 255 } else { 0 }).collect();
    let frame = Frame { size, format: PixelFormat::Grey, stride: 400, data, ..Frame::default() };
    let input = Size::new(130, 130);
    let plain = Normalization { mean: [0.0; 3], std: [1.0; 3] };
    let mut out = vec![0.0; 3 * input.area()];
    Preprocessor::new(input, plain).run(&frame, &mut out).unwrap();
    // At the border the filter is cut off and the pattern does not cancel fully.
    for (at, v) in out[..input.area()].iter().enumerate() {
        let (x, y) = (at % 130, at / 130);
        if (1..129).contains(&x) && (1..129).contains(&y) {
            assert!((v - 0.5).abs() < 0.06, "{v} at {x},{y}");
        }
    }
}

#[test]
fn a_camera_jpeg_gives_the_same_tensor_as_its_pixels() {
    let picture = image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([(x * 4) as u8, (y * 5) as u8, 128]));
    let mut jpeg = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let size = Size::new(64, 48);
    let coded = Frame { size, format: PixelFormat::Mjpeg, data: jpeg.into_inner(), ..Frame::default() };
    let mut rgb = Vec::new();
    to_rgb(&coded, &mut rgb).unwrap();
    let plain = Frame::from_rgb(size, rgb).unwrap();
    let mut preprocessor = Preprocessor::new(Size::new(32, 32), NORMALIZATION);
    let (mut a, mut b) = (vec![0.0; 3072], vec![0.0; 3072]);
    preprocessor.run(&coded, &mut a).unwrap();
    preprocessor.run(&plain, &mut b).unwrap();
    assert_eq!(a, b);
    let largest = plain.data.iter().zip(picture.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(largest < Some(20), "{largest:?}");
}

#[test]
fn frames_without_area_are_refused() {
    let mut out = vec![0.0; 3 * 64];
    let refused = Preprocessor::new(Size::new(8, 8), NORMALIZATION).run(&Frame::default(), &mut out);
    assert!(matches!(refused, Err(ImageError::AbsurdSize { .. })));
}
