//! Frame to tensor: `cargo bench --bench frame`. Prints the fastest and the median time of each case on one core.

use std::hint::black_box;
use std::time::{Duration, Instant};

use foveate::frame::{Frame, Normalization, PixelFormat, Preprocessor, to_rgb};
use foveate::geometry::Size;
use foveate::statistics::median;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

const INPUT: Size = Size::new(256, 256);
const BUDGET: Duration = Duration::from_millis(700);

fn main() {
    println!("{:<28} {:>9} {:>9}", "case", "least ms", "median ms");
    for size in [Size::new(640, 480), Size::new(1280, 720), Size::new(160, 120)] {
        for format in PixelFormat::ALL {
            let frame = test_frame(size, format);
            let mut preprocessor = Preprocessor::new(INPUT, Normalization::IMAGENET);
            let mut out = vec![0f32; 3 * INPUT.area()];
            measure("f32", &frame, |frame| drop(black_box(preprocessor.run(frame, &mut out))));
        }
    }
    let frame = test_frame(Size::new(640, 480), PixelFormat::Yuyv);
    let mut rgb = Vec::new();
    measure("to_rgb", &frame, |frame| drop(black_box(to_rgb(frame, &mut rgb))));
}

/// A gradient with texture, so that JPEG has something to decode.
fn test_frame(size: Size, format: PixelFormat) -> Frame {
    let stride = format.min_stride(size.width);
    let bytes = |len: usize| (0..len).map(|i| (i / 7 % 200 + i * 31 % 40) as u8).collect::<Vec<_>>();
    let data = if format == PixelFormat::Mjpeg {
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 80)
            .write_image(&bytes(size.area() * 3), size.width, size.height, ExtendedColorType::Rgb8)
            .expect("memory takes every write");
        jpeg
    } else {
        bytes(format.buffer_len(size, stride))
    };
    Frame { size, format, stride, data: data.into(), ..Frame::default() }
}

fn measure(what: &str, frame: &Frame, mut work: impl FnMut(&Frame)) {
    work(frame);
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < BUDGET || times.len() < 5 {
        let begin = Instant::now();
        work(black_box(frame));
        times.push(begin.elapsed());
    }
    let (least, middle) = (times.iter().min().copied().unwrap_or_default(), median(&mut times, Duration::cmp));
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    let case = format!("{what} {} {}x{}", frame.format, frame.size.width, frame.size.height);
    println!("{case:<28} {:>9.3} {:>9.3}", ms(least), ms(middle.unwrap_or_default()));
}
