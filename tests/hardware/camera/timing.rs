//! Rates, the kernel's times, two cameras at once, slow readers, and buffers for others.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::thread;
use std::time::Duration;

use foveate::capture::Step;
use foveate::frame::{Frame, PixelFormat};
use foveate::time::{Clock, MonotonicClock};
use serde_json::{Value, json};

use super::hand::Hand;
use super::report::Report;
use super::watch::{FPS, SIZE, Seen, check, greatest, median, open_soon, options, tenth};

const CAMERA: &str = "/dev/video0";

pub fn cases(report: &mut Report) -> io::Result<()> {
    report.case("30 frames per second with kernel times", steady())?;
    report.case("rates from 5 to 60 per second", rates())?;
    report.case("a reader that takes 200 ms does not fall behind", slow_reader())?;
    report.case("two cameras at once", two_cameras())?;
    report.case("sequence numbers wrap", wrap("Wrap Sequence Number", 1, Duration::from_secs(8)))?;
    report.case("kernel times wrap", wrap("Wrap Timestamp", 2, Duration::from_secs(18)))?;
    report.case("buffers are exported for other devices", exported())
}

fn rate(intervals_ms: &[f64]) -> f64 {
    1e3 / (intervals_ms.iter().sum::<f64>() / intervals_ms.len().max(1) as f64)
}

fn steady() -> Result<Value, String> {
    let mut source = open_soon(CAMERA, &options(PixelFormat::Yuyv))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 5, Duration::from_secs(10))?;
    seen.forget();
    seen.frames(source.as_mut(), 90, Duration::from_secs(30))?;
    check(seen.disorder == 0, || format!("{} steps back", seen.disorder))?;
    let dropped = seen.dropped("");
    check(dropped == seen.missing(), || format!("{dropped} reported, {} missing", seen.missing()))?;
    check(seen.ages_ms.iter().all(|age| *age >= 0.0), || "frames from the future".into())?;
    Ok(json!({
        "fps": tenth(rate(&seen.intervals_ms)), "stated_fps": source.info().rate, "frames": seen.frames,
        "age_median_ms": tenth(median(&seen.ages_ms)), "age_most_ms": tenth(greatest(&seen.ages_ms)),
        "interval_median_ms": tenth(median(&seen.intervals_ms)), "dropped": dropped,
    }))
}

/// vivid lists its rates one by one; each that is asked for must come.
fn rates() -> Result<Value, String> {
    let mut rows = Vec::new();
    for asked in [5.0, 15.0, 25.0, 60.0] {
        let mut options = options(PixelFormat::Yuyv);
        options.fps = Some(asked);
        let mut source = open_soon(CAMERA, &options)?;
        let stated = source.info().rate.ok_or("no rate is stated")?;
        check((stated - asked).abs() < 0.1, || format!("{stated} stated for {asked}"))?;
        let mut seen = Seen::default();
        seen.frames(source.as_mut(), 10, Duration::from_secs(20))?;
        rows.push(json!({ "asked": asked, "stated": stated, "seen": tenth(1e3 / median(&seen.intervals_ms)) }));
    }
    Ok(json!(rows))
}

/// Age of a frame when its reader is through with it, with a reader far slower than the camera. The time that the reader
/// really took counts as its own, because an emulated processor sleeps longer than it was asked to.
fn slow_reader() -> Result<Value, String> {
    let mut source = open_soon(CAMERA, &options(PixelFormat::Yuyv))?;
    let (clock, mut frame) = (MonotonicClock, Frame::default());
    let mut excess = Vec::new();
    let (mut ages, mut took_most) = (Vec::new(), 0.0f64);
    for _ in 0..80 {
        if source.next_frame(&mut frame, Duration::from_millis(500)).map_err(|e| e.to_string())? != Step::Frame {
            continue;
        }
        let began = clock.now();
        thread::sleep(Duration::from_millis(200));
        let now = clock.now();
        let took = now.signed_secs_since(began) * 1e3;
        let age = now.signed_secs_since(frame.captured_at) * 1e3;
        took_most = took_most.max(took);
        excess.push(age - took);
        ages.push(age);
        if ages.len() == 40 {
            break;
        }
    }
    check(ages.len() == 40, || format!("{} frames only", ages.len()))?;
    let frame_ms = 1e3 / FPS;
    // The first frames came while nobody was late.
    let (early, late) = (&excess[5..20], &excess[20..]);
    check(greatest(&excess[5..]) < 2.0 * frame_ms, || {
        format!(
            "{:.0} ms old beside the reader's own time; a frame takes {frame_ms:.0} ms: {excess:.0?}",
            greatest(&excess)
        )
    })?;
    let passed_over: u64 = std::iter::from_fn(|| source.take_event())
        .map(|event| match event {
            foveate::capture::SourceEvent::Dropped { count, .. } => count,
            _ => 0,
        })
        .sum();
    check(passed_over > 0, || "a slow reader must have missed frames".into())?;
    Ok(json!({
        "frame_ms": tenth(frame_ms), "reader_ms": 200, "reader_took_most_ms": tenth(took_most),
        "age_median_ms": tenth(median(&ages)), "age_most_ms": tenth(greatest(&ages[5..])),
        "age_beyond_reader_median_ms": tenth(median(&excess[5..])), "age_beyond_reader_most_ms": tenth(greatest(&excess[5..])),
        "median_of_the_first_half_ms": tenth(median(early)), "median_of_the_second_half_ms": tenth(median(late)),
        "passed_over": passed_over,
    }))
}

fn two_cameras() -> Result<Value, String> {
    let stream = |path: &'static str| -> Result<Seen, String> {
        let mut source = open_soon(path, &options(PixelFormat::Yuyv))?;
        let mut seen = Seen::default();
        seen.frames(source.as_mut(), 60, Duration::from_secs(30))?;
        Ok(seen)
    };
    let other = thread::spawn(move || stream("/dev/video1"));
    let one = stream(CAMERA)?;
    let other = other.join().map_err(|_| "a thread panicked".to_owned())??;
    for seen in [&one, &other] {
        check(seen.disorder == 0 && seen.losses().is_empty(), || format!("{:?}", seen.events))?;
    }
    let row = |seen: &Seen| {
        json!({ "frames": seen.frames, "fps": tenth(rate(&seen.intervals_ms)), "missing": seen.missing(),
            "age_median_ms": tenth(median(&seen.ages_ms)) })
    };
    Ok(json!([row(&one), row(&other)]))
}

/// A counter or a clock of the camera that runs over while it streams.
fn wrap(control: &str, value: i32, long: Duration) -> Result<Value, String> {
    let hand = Hand::open(CAMERA)?;
    hand.set(control, value)?;
    let watched = (|| {
        let mut source = open_soon(CAMERA, &options(PixelFormat::Yuyv))?;
        let mut seen = Seen::default();
        seen.frames(source.as_mut(), 5, Duration::from_secs(10))?;
        seen.forget();
        // vivid's counters begin 128 frames or 16 s before they run over.
        seen.watch(source.as_mut(), long, |_| false)?;
        Ok::<_, String>(seen)
    })();
    hand.set(control, 0)?;
    let seen = watched?;
    check(seen.frames > 100, || format!("{} frames only", seen.frames))?;
    check(seen.disorder == 0, || format!("{} steps back", seen.disorder))?;
    check(seen.missing() == seen.dropped(""), || format!("{} reported, {} missing", seen.dropped(""), seen.missing()))?;
    let most = greatest(&seen.ages_ms);
    check(most < 5000.0, || format!("a frame of {most} ms"))?;
    Ok(json!({ "frames": seen.frames, "missing": seen.missing(), "age_most_ms": tenth(most) }))
}

fn exported() -> Result<Value, String> {
    let hand = Hand::open(CAMERA)?;
    // Where there are several planes of memory, each must come.
    let planes = if hand.is_multi_planar() { 2 } else { 1 };
    hand.set_fourcc(if planes == 2 { *b"NM12" } else { *b"NV12" })?;
    let mut source = open_soon(CAMERA, &options(PixelFormat::Nv12))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 1, Duration::from_secs(10))?;
    let buffers = source.dma_buffers().map_err(|e| format!("VIDIOC_EXPBUF: {e}"))?;
    check(buffers.len() >= 2 * planes && buffers.len() % planes == 0, || format!("{} of them", buffers.len()))?;
    let mut sizes = Vec::new();
    for buffer in buffers {
        sizes.push(File::from(buffer).seek(SeekFrom::End(0)).map_err(|e| format!("size of a DMA buffer: {e}"))?);
    }
    let luma = u64::from(SIZE.width) * u64::from(SIZE.height);
    let needed = if planes == 2 { vec![luma, luma / 2] } else { vec![luma * 3 / 2] };
    check(sizes.iter().zip(needed.iter().cycle()).all(|(size, needed)| size >= needed), || format!("sizes {sizes:?}"))?;
    seen.frames(source.as_mut(), 5, Duration::from_secs(10))?;
    Ok(json!({ "buffers": sizes.len() / planes, "planes": planes, "bytes": sizes }))
}
