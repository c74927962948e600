//! The fast path against a per-pixel reference in real numbers.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use proptest::prelude::*;

use super::*;
use crate::geometry::{Letterbox, Region};

const ENCODINGS: [ColorEncoding; 4] =
    [ColorEncoding::Bt601, ColorEncoding::Bt709, ColorEncoding::Bt2020, ColorEncoding::Smpte240m];
const NORMALIZATION: Normalization = Normalization::IMAGENET;

/// Red, green, blue in levels, by the formulas of BT.601 and BT.709.
fn reference_pixel(frame: &Frame, x: usize, y: usize) -> [f64; 3] {
    let byte = |at: usize| f64::from(frame.data[at]);
    let (row, height) = (y * frame.stride, frame.size.height as usize);
    let (luma, u, v) = match frame.format {
        PixelFormat::Rgb24 => return [0, 1, 2].map(|c| byte(row + 3 * x + c)),
        PixelFormat::Bgr24 => return [2, 1, 0].map(|c| byte(row + 3 * x + c)),
        PixelFormat::Grey => return [byte(row + x); 3],
        PixelFormat::Yuyv => (byte(row + 2 * x), byte(row + x / 2 * 4 + 1), byte(row + x / 2 * 4 + 3)),
        PixelFormat::Uyvy => (byte(row + 2 * x + 1), byte(row + x / 2 * 4), byte(row + x / 2 * 4 + 2)),
        PixelFormat::Yvyu => (byte(row + 2 * x), byte(row + x / 2 * 4 + 3), byte(row + x / 2 * 4 + 1)),
        PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::Nv16 => {
            let (down, swapped) = match frame.format {
                PixelFormat::Nv12 => (2, 0),
                PixelFormat::Nv21 => (2, 1),
                _ => (1, 0),
            };
            let chroma = (height + y / down) * frame.stride + x / 2 * 2;
            (byte(row + x), byte(chroma + swapped), byte(chroma + 1 - swapped))
        }
        PixelFormat::I420 => {
            let (half, start) = (frame.stride / 2, height * frame.stride);
            let at = start + y / 2 * half + x / 2;
            (byte(row + x), byte(at), byte(at + height.div_ceil(2) * half))
        }
        PixelFormat::Mjpeg => panic!("no reference for JPEG"),
    };
    let (kr, kb) = match frame.colorimetry.encoding {
        ColorEncoding::Bt601 => (0.299, 0.114),
        ColorEncoding::Bt709 => (0.2126, 0.0722),
        ColorEncoding::Bt2020 => (0.2627, 0.0593),
        ColorEncoding::Smpte240m => (0.212, 0.087),
    };
    let kg = 1.0 - kr - kb;
    let (luma, cb, cr) = match frame.colorimetry.range {
        ColorRange::Full => (luma, u - 128.0, v - 128.0),
        ColorRange::Limited => {
            ((luma - 16.0) * 255.0 / 219.0, (u - 128.0) * 255.0 / 224.0, (v - 128.0) * 255.0 / 224.0)
        }
    };
    let r = luma + 2.0 * (1.0 - kr) * cr;
    let b = luma + 2.0 * (1.0 - kb) * cb;
    let g = (luma - kr * r - kb * b) / kg;
    [r, g, b].map(|v| v.clamp(0.0, 255.0))
}

fn triangle_weights(source: u32, target: u32, at: u32) -> Vec<f64> {
    let step = f64::from(source) / f64::from(target);
    let center = (f64::from(at) + 0.5) * step;
    let weights: Vec<f64> =
        (0..source).map(|k| (1.0 - (f64::from(k) + 0.5 - center).abs() / step.max(1.0)).max(0.0)).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|w| w / total).collect()
}

/// The whole tensor, one output pixel after the other.
fn reference_tensor(frame: &Frame, input: Size) -> Vec<f64> {
    let letterbox = Letterbox::new(frame.size, input);
    let pixels: Vec<[f64; 3]> = (0..frame.size.area())
        .map(|i| reference_pixel(frame, i % frame.size.width as usize, i / frame.size.width as usize))
        .collect();
    let mut tensor = vec![0.0; 3 * input.area()];
    for y in 0..letterbox.content.height {
        let wy = triangle_weights(frame.size.height, letterbox.content.height, y);
        for x in 0..letterbox.content.width {
            let wx = triangle_weights(frame.size.width, letterbox.content.width, x);
            for c in 0..3 {
                let mut level = 0.0;
                for (sy, wy) in wy.iter().enumerate().filter(|(_, w)| **w > 0.0) {
                    for (sx, wx) in wx.iter().enumerate() {
                        level += wy * wx * pixels[sy * frame.size.width as usize + sx][c];
                    }
                }
                let (mean, std) = (f64::from(NORMALIZATION.mean[c]), f64::from(NORMALIZATION.std[c]));
                tensor[c * input.area() + (y * input.width + x) as usize] = (level / 255.0 - mean) / std;
            }
        }
    }
    tensor
}

/// Largest difference of two tensors in levels of 0 to 255.
fn difference_in_levels(tensor: &[f32], reference: &[f64]) -> f64 {
    assert_eq!(tensor.len(), reference.len());
    let plane = tensor.len() / 3;
    (0..tensor.len())
        .map(|i| (f64::from(tensor[i]) - reference[i]).abs() * 255.0 * f64::from(NORMALIZATION.std[i / plane]))
        .fold(0.0, f64::max)
}

fn run(frame: &Frame, input: Size) -> (Letterbox, Vec<f32>) {
    let mut out = vec![f32::NAN; 3 * input.area()];
    let letterbox = Preprocessor::new(input, NORMALIZATION).run(frame, &mut out).unwrap();
    (letterbox, out)
}

fn is_yuv(format: PixelFormat) -> bool {
    !matches!(format, PixelFormat::Mjpeg | PixelFormat::Rgb24 | PixelFormat::Bgr24 | PixelFormat::Grey)
}

fn raw_format() -> impl Strategy<Value = PixelFormat> {
    prop::sample::select(PixelFormat::ALL.into_iter().filter(|f| *f != PixelFormat::Mjpeg).collect::<Vec<_>>())
}

fn colorimetry() -> impl Strategy<Value = Colorimetry> {
    (prop::sample::select(ENCODINGS.to_vec()), prop::sample::select(vec![ColorRange::Limited, ColorRange::Full]))
        .prop_map(|(encoding, range)| Colorimetry { encoding, range })
}

/// Noise in any raw format, of any small size, with row padding.
fn noise() -> impl Strategy<Value = Frame> {
    let side = || prop_oneof![1u32..8, 8u32..70];
    (raw_format(), side(), side(), 0usize..9, colorimetry()).prop_flat_map(|(format, w, h, padding, colorimetry)| {
        let size = Size::new(w, h);
        let stride = format.min_stride(w) + padding;
        prop::collection::vec(any::<u8>(), format.buffer_len(size, stride)).prop_map(move |data| Frame {
            size,
            format,
            stride,
            colorimetry,
            data: data.into(),
            ..Frame::default()
        })
    })
}

fn input_size() -> impl Strategy<Value = Size> {
    (1u32..40, 1u32..40).prop_map(|(w, h)| Size::new(w, h))
}

fn grey(size: Size, level: impl Fn(u32, u32) -> u8) -> Frame {
    let data: Vec<u8> =
        (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y))).map(|(x, y)| level(x, y)).collect();
    Frame { size, format: PixelFormat::Grey, stride: size.width as usize, data: data.into(), ..Frame::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn tensor_matches_the_reference(frame in noise(), input in input_size()) {
        let (_, tensor) = run(&frame, input);
        // Each of at most 140 weights is rounded to 1/32768.
        let tolerance = if is_yuv(frame.format) { 0.65 } else { 0.0 } + 0.1;
        let difference = difference_in_levels(&tensor, &reference_tensor(&frame, input));
        prop_assert!(difference <= tolerance, "{difference} levels, {tolerance} allowed");
    }

    #[test]
    fn rgb_is_within_one_level(frame in noise()) {
        let mut rgb = vec![1; 7];
        to_rgb(&frame, &mut rgb).unwrap();
        prop_assert_eq!(rgb.len(), 3 * frame.size.area());
        let tolerance = if is_yuv(frame.format) { 1.0 } else { 1e-9 };
        for (i, pixel) in rgb.chunks_exact(3).enumerate() {
            let expected = reference_pixel(&frame, i % frame.size.width as usize, i / frame.size.width as usize);
            for (&got, expected) in pixel.iter().zip(expected) {
                prop_assert!((f64::from(got) - expected).abs() < tolerance, "{} for {}", got, expected);
            }
        }
    }

    #[test]
    fn a_region_is_as_a_frame_of_its_own(
        frame in noise(),
        input in input_size(),
        cut in (0u32..70, 0u32..70, 1u32..70, 1u32..70),
    ) {
        let (x, y) = (cut.0.min(frame.size.width - 1) / 2 * 2, cut.1.min(frame.size.height - 1) / 2 * 2);
        let size = Size::new(cut.2.min(frame.size.width - x), cut.3.min(frame.size.height - y));
        let region = Region { x, y, size };
        let (mut rgb, mut tensor) = (Vec::new(), vec![f32::NAN; 3 * input.area()]);
        to_rgb(&frame, &mut rgb).unwrap();
        let row = |y: u32| &rgb[3 * (y * frame.size.width + x) as usize..][..3 * size.width as usize];
        let part = Frame::from_rgb(size, (y..y + size.height).flat_map(row).copied().collect()).unwrap();
        let letterbox = Preprocessor::new(input, NORMALIZATION).run_region(&frame, region, &mut tensor).unwrap();
        prop_assert_eq!(letterbox, Letterbox::of_region(frame.size, region, input));
        let (_, expected) = run(&part, input);
        let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
        let difference = difference_in_levels(&tensor, &expected);
        prop_assert!(difference <= 0.01, "{difference} levels");
    }

    #[test]
    fn padding_is_zero_and_content_fills_the_rest(frame in noise(), input in input_size()) {
        let (letterbox, tensor) = run(&frame, input);
        prop_assert_eq!(letterbox, Letterbox::new(frame.size, input));
        for (i, value) in tensor.iter().enumerate() {
            let (x, y) = ((i % input.width as usize) as u32, (i / input.width as usize) as u32 % input.height);
            if x >= letterbox.content.width || y >= letterbox.content.height {
                prop_assert_eq!(value.to_bits(), 0.0f32.to_bits());
            } else {
                prop_assert!(value.is_finite());
            }
        }
    }

    #[test]
    fn one_preprocessor_serves_changing_frames(frames in prop::collection::vec(noise(), 2..5), input in input_size()) {
        let mut preprocessor = Preprocessor::new(input, NORMALIZATION);
        let mut out = vec![f32::NAN; 3 * input.area()];
        for frame in frames.iter().chain(&frames) {
            preprocessor.run(frame, &mut out).unwrap();
            prop_assert_eq!(&out, &run(frame, input).1);
        }
    }

    #[test]
    fn short_buffers_are_refused(mut frame in noise(), missing in 1usize..50) {
        let kept = frame.data.len().saturating_sub(missing);
        frame.data.own_mut().truncate(kept);
        let mut out = vec![0.0; 3 * 16];
        let refused = Preprocessor::new(Size::new(4, 4), NORMALIZATION).run(&frame, &mut out);
        let is_short = |error| matches!(error, Err(ImageError::ShortBuffer { .. }));
        prop_assert!(is_short(refused.map(drop)));
        prop_assert!(is_short(to_rgb(&frame, &mut Vec::new())));
    }
}

#[test]
fn every_yuv_code_is_within_one_level() {
    let colorimetries = ENCODINGS
        .into_iter()
        .flat_map(|encoding| [ColorRange::Limited, ColorRange::Full].map(|range| Colorimetry { encoding, range }));
    let codes: Vec<u8> = (0..=255u8).filter(|v| v % 5 == 0 || (14..20).contains(v) || (125..131).contains(v)).collect();
    let mut rgb = Vec::new();
    for colorimetry in colorimetries {
        for &u in &codes {
            // One row a V code, all Y codes along it.
            let data: Vec<u8> =
                codes.iter().flat_map(|&v| (0..128u8).flat_map(move |k| [2 * k, u, 2 * k + 1, v])).collect();
            let size = Size::new(256, codes.len() as u32);
            let frame = Frame {
                size,
                format: PixelFormat::Yuyv,
                stride: 512,
                colorimetry,
                data: data.into(),
                ..Frame::default()
            };
            to_rgb(&frame, &mut rgb).unwrap();
            for (i, pixel) in rgb.chunks_exact(3).enumerate() {
                let expected = reference_pixel(&frame, i % 256, i / 256);
                for (&got, expected) in pixel.iter().zip(expected) {
                    assert!((f64::from(got) - expected).abs() < 0.65, "{colorimetry:?} {got} {expected}");
                }
            }
        }
    }
}

#[test]
fn black_white_and_grey_are_exact() {
    for (range, black, white) in [(ColorRange::Limited, 16, 235), (ColorRange::Full, 0, 255)] {
        for encoding in ENCODINGS {
            let frame = Frame {
                size: Size::new(2, 1),
                format: PixelFormat::Yuyv,
                stride: 4,
                colorimetry: Colorimetry { encoding, range },
                data: vec![black, 128, white, 128].into(),
                ..Frame::default()
            };
            let mut rgb = Vec::new();
            to_rgb(&frame, &mut rgb).unwrap();
            assert_eq!(rgb, [0, 0, 0, 255, 255, 255]);
        }
    }
}

#[test]
fn a_fine_checkerboard_becomes_grey() {
    let frame = grey(Size::new(643, 481), |x, y| if (x + y) % 2 == 0 { 255 } else { 0 });
    let input = Size::new(256, 256);
    let (letterbox, tensor) = run(&frame, input);
    let level = |x: u32, y: u32| {
        (tensor[(y * input.width + x) as usize] * NORMALIZATION.std[0] + NORMALIZATION.mean[0]) * 255.0
    };
    // Beside the edges, where part of the filter is cut off.
    for y in 2..letterbox.content.height - 2 {
        for x in 2..letterbox.content.width - 2 {
            assert!((level(x, y) - 127.5).abs() < 12.0, "{} at {x},{y}", level(x, y));
        }
    }
}

#[test]
fn mjpeg_is_the_decoded_picture() {
    for size in [Size::new(1, 1), Size::new(3, 5), Size::new(50, 34)] {
        let rgb: Vec<u8> = (0..size.area() * 3).map(|i| (i * 11 % 251) as u8).collect();
        let mut data = Vec::new();
        JpegEncoder::new(&mut data).write_image(&rgb, size.width, size.height, ExtendedColorType::Rgb8).unwrap();
        let mut frame = Frame { size, format: PixelFormat::Mjpeg, data: data.into(), ..Frame::default() };
        let mut decoded = Vec::new();
        to_rgb(&frame, &mut decoded).unwrap();
        let input = Size::new(20, 20);
        assert_eq!(run(&frame, input).1, run(&Frame::from_rgb(size, decoded).unwrap(), input).1);

        frame.size.width += 1;
        let mut out = vec![0.0; 3 * 400];
        let refused = Preprocessor::new(input, NORMALIZATION).run(&frame, &mut out);
        assert!(matches!(refused, Err(ImageError::SizeMismatch { .. })));
    }
}

#[test]
fn wrong_outputs_and_sides_are_refused() {
    let frame = grey(Size::new(4, 3), |_, _| 0);
    let mut preprocessor = Preprocessor::new(Size::new(8, 8), NORMALIZATION);
    for length in [0, 191, 193] {
        let refused = preprocessor.run(&frame, &mut vec![0.0; length]);
        assert!(matches!(refused, Err(ImageError::TensorLength { needed: 192, .. })));
    }
    let refused = Preprocessor::new(Size::new(0, 8), NORMALIZATION).run(&frame, &mut []);
    assert!(matches!(refused, Err(ImageError::AbsurdSize { .. })));
    for size in [Size::default(), Size::new(0, 5), Size::new(MAX_SIDE + 1, 1)] {
        let absurd = Frame { size, ..frame.clone() };
        assert!(matches!(preprocessor.run(&absurd, &mut [0.0; 192]), Err(ImageError::AbsurdSize { .. })));
    }
}

#[test]
fn hostile_strides_are_refused() {
    for format in PixelFormat::ALL.into_iter().filter(|f| *f != PixelFormat::Mjpeg) {
        for stride in [0, 1, usize::MAX, usize::MAX / 2] {
            let frame = Frame { size: Size::new(4, 4), format, stride, data: vec![0; 64].into(), ..Frame::default() };
            assert!(matches!(frame.check(), Err(ImageError::ShortBuffer { .. })), "{format} {stride}");
        }
    }
}

#[test]
fn the_longest_sides_fit() {
    for size in [Size::new(MAX_SIDE, 1), Size::new(1, MAX_SIDE)] {
        let (_, tensor) = run(&grey(size, |_, _| 255), Size::new(16, 16));
        let white = (1.0 - NORMALIZATION.mean[0]) / NORMALIZATION.std[0];
        let content = tensor[0] / white;
        assert!((content - 1.0).abs() < 0.01, "{size:?}: {content}");
    }
}
