use std::collections::HashSet;

use image::{GrayImage, Rgb, RgbImage, RgbaImage};

use super::*;
use crate::geometry::Size;
use crate::time::ManualClock;

const NOW: Duration = Duration::ZERO;

/// A folder of `count` images of 4x2 pixels; the red of image n is n.
fn folder(count: u8) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..count {
        RgbImage::from_pixel(4, 2, Rgb([n, 0, 0])).save(dir.path().join(format!("f{n}.png"))).unwrap();
    }
    dir
}

fn source(dir: &Path, fps: f64, looped: bool) -> (FilesSource, ManualClock) {
    let clock = ManualClock::default();
    clock.set(Timestamp::from_secs_f64(10.0));
    let options = SourceOptions { fps: Some(fps), looped, ..SourceOptions::default() };
    (FilesSource::open(dir, &options, Arc::new(clock.clone())).unwrap(), clock)
}

#[test]
fn every_image_comes_once_in_order_at_its_time() {
    let dir = folder(12);
    let (mut source, clock) = source(dir.path(), 24.0, false);
    assert_eq!((source.info().size, source.len()), (Size::new(4, 2), 12));
    let mut frame = Frame::default();
    for n in 0..12u64 {
        assert_eq!(source.next_frame(&mut frame, NOW).unwrap(), Step::Frame, "image {n}");
        assert_eq!((frame.sequence, u64::from(frame.data[0])), (n, n));
        let since_start = frame.captured_at.signed_secs_since(Timestamp::from_secs_f64(10.0));
        assert!((since_start - n as f64 / 24.0).abs() < 1e-6);
        frame.check().unwrap();
        if n < 11 {
            assert_eq!(source.next_frame(&mut frame, NOW).unwrap(), Step::Idle);
        }
        clock.set(Timestamp::from_secs_f64(10.000_001 + (n + 1) as f64 / 24.0));
    }
    assert_eq!(source.next_frame(&mut frame, NOW).unwrap(), Step::End);
    assert_eq!(source.take_event(), None);
}

#[test]
fn a_short_lag_loses_nothing() {
    let dir = folder(8);
    let (mut source, clock) = source(dir.path(), 10.0, false);
    let mut frame = Frame::default();
    source.next_frame(&mut frame, NOW).unwrap();
    clock.advance(Duration::from_millis(390));
    for n in 1..=3 {
        assert_eq!(source.next_frame(&mut frame, NOW).unwrap(), Step::Frame);
        assert_eq!(frame.sequence, n);
    }
    assert_eq!(source.next_frame(&mut frame, NOW).unwrap(), Step::Idle);
    assert_eq!(source.take_event(), None);
}

#[test]
fn a_long_lag_goes_on_with_the_newest_and_counts_the_rest() {
    let dir = folder(50);
    let (mut source, clock) = source(dir.path(), 1000.0, false);
    let mut frame = Frame::default();
    source.next_frame(&mut frame, NOW).unwrap();
    clock.advance(Duration::from_micros(20_500));
    assert_eq!(source.next_frame(&mut frame, NOW).unwrap(), Step::Frame);
    assert_eq!(frame.sequence, 20);
    assert!(matches!(source.take_event(), Some(SourceEvent::Dropped { count: 19, .. })));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(source.next_frame(&mut frame, NOW).unwrap(), Step::Frame);
    assert_eq!(frame.sequence, 49);
    assert_eq!(source.next_frame(&mut frame, NOW).unwrap(), Step::End);
}

#[test]
fn a_looped_folder_goes_on_counting() {
    let dir = folder(3);
    let (mut source, clock) = source(dir.path(), 10.0, true);
    let mut frame = Frame::default();
    for n in 0..10u64 {
        assert_eq!(source.next_frame(&mut frame, NOW).unwrap(), Step::Frame);
        assert_eq!((frame.sequence, u64::from(frame.data[0])), (n, n % 3));
        clock.advance(Duration::from_millis(100));
    }
}

#[test]
fn a_broken_image_is_skipped_and_named() {
    let dir = folder(3);
    std::fs::write(dir.path().join("f1.png"), b"\x89PNG\r\n\x1a\n but no more").unwrap();
    let (mut source, clock) = source(dir.path(), 10.0, false);
    let (mut frame, mut seen) = (Frame::default(), HashSet::new());
    loop {
        match source.next_frame(&mut frame, NOW).unwrap() {
            Step::Frame => assert!(seen.insert(frame.sequence)),
            Step::Idle => clock.advance(Duration::from_millis(50)),
            Step::End => break,
        }
    }
    assert_eq!(seen, HashSet::from([0, 2]));
    let Some(SourceEvent::Dropped { count: 1, reason }) = source.take_event() else { panic!("no event") };
    assert!(reason.contains("f1.png"), "{reason}");
}

#[test]
fn images_of_any_kind_and_size_become_rgb() {
    let dir = tempfile::tempdir().unwrap();
    GrayImage::from_pixel(3, 5, image::Luma([7])).save(dir.path().join("1.png")).unwrap();
    RgbaImage::from_pixel(1, 1, image::Rgba([1, 2, 3, 0])).save(dir.path().join("2.PNG")).unwrap();
    RgbImage::from_pixel(16, 8, Rgb([128; 3])).save(dir.path().join("10.JPG")).unwrap();
    std::fs::write(dir.path().join("notes.txt"), "not an image").unwrap();
    std::fs::create_dir(dir.path().join("folder.png")).unwrap();
    let (mut source, clock) = source(dir.path(), 10.0, false);
    let mut frame = Frame::default();
    for (size, first) in [((3, 5), [7, 7, 7]), ((1, 1), [1, 2, 3]), ((16, 8), [128, 128, 128])] {
        assert_eq!(source.next_frame(&mut frame, NOW).unwrap(), Step::Frame);
        assert_eq!((frame.size, &frame.data[..3]), (Size::new(size.0, size.1), &first[..]));
        assert_eq!(frame.data.len(), frame.size.area() * 3);
        clock.advance(Duration::from_millis(100));
    }
}

#[test]
fn useless_folders_are_refused_with_a_remedy() {
    let options = SourceOptions::default();
    let open =
        |dir: &Path| FilesSource::open(dir, &options, Arc::new(ManualClock::default())).err().unwrap().to_string();
    let empty = tempfile::tempdir().unwrap();
    assert!(open(empty.path()).contains(".png"));
    assert!(open(&empty.path().join("missing")).contains("Check the path"));
    std::fs::write(empty.path().join("a.jpg"), "").unwrap();
    assert!(open(empty.path()).contains("none of the images"));
    assert!(open(&empty.path().join("a.jpg")).contains("a.jpg"));
}

#[test]
fn a_folder_whose_images_all_break_is_an_error_not_an_endless_loop() {
    let dir = folder(2);
    let (mut source, clock) = source(dir.path(), 10.0, true);
    for n in 0..2 {
        std::fs::remove_file(dir.path().join(format!("f{n}.png"))).unwrap();
    }
    clock.advance(Duration::from_secs(1));
    let mut frame = Frame::default();
    let mut result = source.next_frame(&mut frame, NOW);
    for _ in 0..3 {
        if result.is_err() {
            break;
        }
        clock.advance(Duration::from_millis(100));
        result = source.next_frame(&mut frame, NOW);
    }
    assert!(result.is_err());
}

#[test]
fn senseless_rates_are_refused() {
    let dir = folder(1);
    for fps in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9, 1e-300] {
        let options = SourceOptions { fps: Some(fps), ..SourceOptions::default() };
        assert!(FilesSource::open(dir.path(), &options, Arc::new(ManualClock::default())).is_err());
    }
}

/// A quarter turn in the EXIF data of a JPEG file.
fn turned(mut jpeg: Vec<u8>) -> Vec<u8> {
    let exif = b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    jpeg.splice(2..2, exif.iter().copied());
    jpeg
}

fn jpeg(size: (u32, u32)) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = RgbImage::from_fn(size.0, size.1, |x, y| Rgb([(x * 5) as u8, (y * 9) as u8, (x * y) as u8]));
    image.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[test]
fn frames_are_upright_and_cut_ones_dropped_as_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let whole = jpeg((48, 32));
    let cut = [&whole[..whole.len() * 3 / 4], &[0xff, 0xd9]].concat();
    for (name, bytes) in [("1.jpg", turned(whole.clone())), ("2.jpg", cut), ("3.jpg", whole)] {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    std::fs::write(dir.path().join("._3.jpg"), b"\0\x05\x16\x07").unwrap();
    std::fs::write(dir.path().join("4.png"), include_bytes!("../../../tests/pictures/palette-of-four-bytes.png"))
        .unwrap();
    let (mut source, clock) = source(dir.path(), 10.0, false);
    assert_eq!((source.info().size, source.len()), (Size::new(32, 48), 4));
    let mut frame = Frame::default();
    let mut seen = Vec::new();
    loop {
        match source.next_frame(&mut frame, NOW).unwrap() {
            Step::Frame => seen.push((frame.sequence, frame.size)),
            Step::Idle => clock.advance(Duration::from_millis(50)),
            Step::End => break,
        }
    }
    assert_eq!(seen, [(0, Size::new(32, 48)), (2, Size::new(48, 32))]);
    for name in ["2.jpg", "4.png"] {
        let Some(SourceEvent::Dropped { count: 1, reason }) = source.take_event() else { panic!("no event") };
        assert!(reason.contains(name), "{reason}");
    }
}
