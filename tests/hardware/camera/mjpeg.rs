//! MJPEG as cameras send it, written to v4l2loopback by this program: without Huffman tables, cut short, of another size; and
//! raw images cut short.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use foveate::frame::{PixelFormat, to_rgb};
use foveate::geometry::Size;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use serde_json::{Value, json};

use super::bars::{BARS, difference};
use super::hand::Hand;
use super::modules::{load, unload, wait_for};
use super::report::Report;
use super::watch::{SIZE, Seen, check, greatest, median, open_soon, options, tenth};

const CAMERA: &str = "/dev/video9";
/// Levels that a pixel of the bars may be away: JPEG rounds coefficients, and rings beside the edges of the bars.
const TOLERANCE: f64 = 4.0;
const PATIENCE: Duration = Duration::from_secs(20);
/// Room for one image.
const MOST_BYTES: u32 = 1 << 20;

pub fn cases(report: &mut Report) -> io::Result<()> {
    let loaded = unload("v4l2loopback")
        .and_then(|()| load("v4l2loopback", &["video_nr=9", "exclusive_caps=0", "max_buffers=4"]))
        .and_then(|()| wait_for(CAMERA));
    if let Err(reason) = loaded {
        return report.case("load v4l2loopback", Err(reason));
    }
    report.case("colours mjpeg", colours(true))?;
    report.case("colours mjpeg without Huffman tables", colours(false))?;
    report.case("fault: pictures cut short", cut_short())?;
    report.case("fault: raw pictures cut short", raw_cut_short())?;
    report.case("fault: bytes that are no picture", no_image())?;
    report.case("fault: damaged inside", damaged_inside())?;
    report.case("pictures of another size than stated", another_size())?;
    report.case("the camera stops and goes on", stops())
}

/// The bars as a JPEG image, with its Huffman tables or without.
fn image(size: Size, tables: bool) -> Vec<u8> {
    let width = size.width as usize;
    let rgb: Vec<u8> = (0..size.area()).flat_map(|i| BARS[i % width * 8 / width].map(|level| level as u8)).collect();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 95)
        .write_image(&rgb, size.width, size.height, ExtendedColorType::Rgb8)
        .expect("a small picture can be encoded");
    if tables { jpeg } else { without_tables(&jpeg) }
}

/// The image without its DHT segments, as many webcams send it.
fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let mut bare = jpeg[..2].to_vec();
    let mut at = 2;
    while jpeg[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != 0xc4 {
            bare.extend_from_slice(&jpeg[at..end]);
        }
        at = end;
    }
    bare.extend_from_slice(&jpeg[at..]);
    bare
}

/// A program that feeds the device: 30 images a second, in turn. Ends on drop.
struct Feeder {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Feeder {
    fn start(code: &[u8; 4], stated: Size, images: Vec<Vec<u8>>) -> Result<Self, String> {
        let hand = Hand::open(CAMERA)?;
        hand.set_output(code, (stated.width, stated.height), MOST_BYTES)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let mut written = images.into_iter().cycle();
        let thread = thread::spawn(move || {
            let mut hand = hand;
            while !stopped.load(Ordering::Relaxed) {
                let Some(image) = written.next() else { break };
                if let Err(e) = hand.file.write_all(&image) {
                    eprintln!("feeder: {e}");
                }
                thread::sleep(Duration::from_millis(33));
            }
        });
        let feeder = Feeder { stop, thread: Some(thread) };
        // The device offers nothing to readers before the first image.
        let reader = Hand::open(CAMERA)?;
        let began = Instant::now();
        while reader.fourccs().is_empty() {
            check(began.elapsed() < Duration::from_secs(5), || "v4l2loopback offers nothing".into())?;
            thread::sleep(Duration::from_millis(10));
        }
        Ok(feeder)
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(frames: u64) -> Result<Seen, String> {
    let mut source = open_soon(CAMERA, &options(PixelFormat::Mjpeg))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), frames, PATIENCE)?;
    Ok(seen)
}

fn colours(tables: bool) -> Result<Value, String> {
    let jpeg = image(SIZE, tables);
    let has_tables = jpeg.windows(2).any(|pair| pair == [0xff, 0xc4]);
    check(has_tables == tables, || "the picture is not what it should be".into())?;
    let bytes = jpeg.len();
    let _feeder = Feeder::start(b"MJPG", SIZE, vec![jpeg])?;
    let seen = watch(20)?;
    check(seen.frame.size == SIZE, || format!("{:?}", seen.frame.size))?;
    let levels = difference(&seen.frame, |bar| BARS[bar])?;
    check(levels <= TOLERANCE, || format!("{levels} levels off"))?;
    check(seen.dropped("missing") + seen.dropped("damaged") == 0, || format!("{:?}", seen.events))?;
    Ok(json!({
        "worst_levels": levels, "tolerance_levels": TOLERANCE, "bytes": bytes, "huffman_tables": tables,
        "age_median_ms": tenth(median(&seen.ages_ms)), "interval_median_ms": tenth(median(&seen.intervals_ms)),
    }))
}

/// Every other image ends early.
fn cut_short() -> Result<Value, String> {
    let whole = image(SIZE, false);
    let cut = whole[..whole.len() / 2].to_vec();
    let _feeder = Feeder::start(b"MJPG", SIZE, vec![whole, cut])?;
    let seen = watch(20)?;
    let count = seen.dropped("bytes are missing");
    check(count >= 5, || format!("{count} reported: {:?}", seen.events))?;
    let levels = difference(&seen.frame, |bar| BARS[bar])?;
    check(levels <= TOLERANCE, || format!("{levels} levels off"))?;
    Ok(json!({ "injected": "every other", "reported": count, "frames_lost": count, "recovered_ms": 0, "alive": true }))
}

/// The same with raw images, all of one grey.
fn raw_cut_short() -> Result<Value, String> {
    let whole = [126, 128].repeat(SIZE.area());
    let cut = whole[..whole.len() - 100].to_vec();
    let _feeder = Feeder::start(b"YUYV", SIZE, vec![whole, cut])?;
    let mut source = open_soon(CAMERA, &options(PixelFormat::Yuyv))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 20, PATIENCE)?;
    let count = seen.dropped("bytes are missing");
    check(count >= 5, || format!("{count} reported: {:?}", seen.events))?;
    let levels = difference(&seen.frame, |_| [128.0; 3])?;
    check(levels <= 1.0, || format!("{levels} levels off"))?;
    Ok(json!({ "injected": "every other", "reported": count, "frames_lost": count, "recovered_ms": 0, "alive": true }))
}

fn no_image() -> Result<Value, String> {
    let _feeder = Feeder::start(b"MJPG", SIZE, vec![image(SIZE, true), vec![0x5a; 3000], vec![0xff; 20]])?;
    let seen = watch(15)?;
    let count = seen.dropped("bytes are missing");
    check(count >= 5, || format!("{count} reported: {:?}", seen.events))?;
    Ok(json!({ "injected": "two of three", "reported": count, "frames_lost": count, "recovered_ms": 0, "alive": true }))
}

/// The headers and the end are whole, so that only decoding can tell: it must say so and must not panic.
fn damaged_inside() -> Result<Value, String> {
    let whole = image(SIZE, true);
    let mut torn = whole.clone();
    let middle = torn.len() / 2;
    torn.drain(middle..middle + torn.len() / 4);
    let _feeder = Feeder::start(b"MJPG", SIZE, vec![torn, whole])?;
    let mut source = open_soon(CAMERA, &options(PixelFormat::Mjpeg))?;
    let (mut good, mut reported) = (0, Vec::new());
    let mut seen = Seen::default();
    for _ in 0..20 {
        seen.frames(source.as_mut(), 1, PATIENCE)?;
        match to_rgb(&seen.frame, &mut Vec::new()) {
            Ok(()) => good += 1,
            Err(e) => reported.push(e.to_string()),
        }
    }
    check(good > 0 && !reported.is_empty(), || format!("{good} good, {} refused", reported.len()))?;
    let reason = reported[0].clone();
    Ok(json!({ "injected": "every other", "reported": reported.len(), "reason": reason, "good": good, "alive": true }))
}

fn another_size() -> Result<Value, String> {
    let real = Size::new(160, 96);
    let _feeder = Feeder::start(b"MJPG", SIZE, vec![image(real, false)])?;
    let seen = watch(10)?;
    check(seen.frame.size == real, || format!("frames say {:?}", seen.frame.size))?;
    check(seen.warned("it now sends 160x96 mjpeg") == 1, || format!("{:?}", seen.events))?;
    let mut rgb = Vec::new();
    to_rgb(&seen.frame, &mut rgb).map_err(|e| e.to_string())?;
    check(rgb.len() == real.area() * 3, || format!("{} bytes", rgb.len()))?;
    Ok(json!({ "stated": [SIZE.width, SIZE.height], "frames": [real.width, real.height] }))
}

fn stops() -> Result<Value, String> {
    let feeder = Feeder::start(b"MJPG", SIZE, vec![image(SIZE, true)])?;
    let mut source = open_soon(CAMERA, &options(PixelFormat::Mjpeg))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 5, PATIENCE)?;
    drop(feeder);
    let lost = seen.watch(source.as_mut(), PATIENCE, |seen| !seen.losses().is_empty())?;
    check(lost, || "the silence was not reported".into())?;
    let _feeder = Feeder::start(b"MJPG", SIZE, vec![image(SIZE, true)])?;
    let back = seen.watch(source.as_mut(), PATIENCE, |seen| !seen.recoveries_ms().is_empty())?;
    check(back, || format!("no return: {:?}", seen.events))?;
    let recovered = greatest(&seen.recoveries_ms());
    Ok(json!({
        "injected": 1, "reported": seen.losses(), "frames_lost": seen.dropped(""), "recovered_ms": tenth(recovered), "alive": true,
    }))
}
