//! The sink that is a camera, on v4l2loopback: what is read back from it, and what goes wrong.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use foveate::frame::{Frame, PixelFormat, to_rgb};
use foveate::geometry::Size;
use foveate::record::FrameRecord;
use foveate::sink::{OpenedSink, Sink, SinkAddress};
use serde_json::{Value, json};

use super::bars::BARS;
use super::hand::Hand;
use super::modules::{load, unload, wait_for};
use super::report::Report;
use super::watch::{SIZE, Seen, check, greatest, median, open_soon, options, tenth};

/// The virtual camera.
const CAMERA: &str = "/dev/video9";
/// vivid's camera and its output, which faults are injected into. This kernel's vivid takes no picture by `write`.
const REAL: &str = "/dev/video0";
const OUTPUT: &str = "/dev/video5";
const PATIENCE: Duration = Duration::from_secs(30);
/// Mean levels that a picture may be away when it comes back: codes are rounded.
const TOLERANCE: f64 = 1.0;
/// The same where pairs of pixels, which share their chroma, lie across the edges of bars.
const TOLERANCE_ACROSS: f64 = 6.0;
/// The user and group that own nothing.
const NOBODY: u32 = 65534;

pub fn cases(report: &mut Report, foveate: &str) -> io::Result<()> {
    report.case("no such device", refused(open("/dev/video63"), "modprobe v4l2loopback video_nr=63"))?;
    if let Err(reason) = load_loopback("exclusive_caps=0").and_then(|()| load_vivid()) {
        return report.case("load v4l2loopback and vivid", Err(reason));
    }
    report.case("a camera is refused", refused(open(REAL), "is a camera, it takes no pictures"))?;
    report.case("no permission", no_permission())?;
    report.case("pictures come back", come_back(SIZE, TOLERANCE))?;
    report.case("pictures of odd sides come back", come_back(Size::new(321, 179), TOLERANCE_ACROSS))?;
    report.case("another size while nobody reads", another_size())?;
    report.case("another size while a program reads", held_size())?;
    report.case("a format that another program holds", held_format())?;
    report.case("a reader that takes nothing", unread())?;
    report.case("fault: the device goes away", goes_away())?;
    report.case("what is read is not written", own_input(foveate))?;
    report.case("a stream from camera to camera", stream(foveate))?;
    if let Err(reason) = load_loopback("exclusive_caps=1") {
        return report.case("load v4l2loopback with exclusive_caps=1", Err(reason));
    }
    report.case("pictures come back with exclusive_caps=1", come_back(SIZE, TOLERANCE))?;
    report.case("and once more", come_back(SIZE, TOLERANCE))?;
    report.case("busy", busy())
}

fn load_loopback(caps: &str) -> Result<(), String> {
    unload("v4l2loopback")?;
    load("v4l2loopback", &["video_nr=9", "max_buffers=4", caps])?;
    wait_for(CAMERA)
}

/// vivid with a webcam's input and an HDMI output.
fn load_vivid() -> Result<(), String> {
    unload("vivid")?;
    let inputs = ["n_devs=1", "node_types=0x101", "num_inputs=1", "input_types=0x0", "vid_cap_nr=0"];
    load("vivid", &[&inputs[..], &["num_outputs=1", "output_types=0x1", "vid_out_nr=5"]].concat())?;
    wait_for(REAL)?;
    wait_for(OUTPUT)
}

fn open(path: &str) -> Result<Box<dyn Sink>, String> {
    let address: SinkAddress = format!("v4l:{path}").parse().map_err(|e| format!("{e}"))?;
    match address.open().map_err(|e| e.to_string())? {
        OpenedSink::Sink(sink) => Ok(sink),
        OpenedSink::Page => Err("it is the page".into()),
    }
}

fn refused<T>(opened: Result<T, String>, part: &str) -> Result<Value, String> {
    match opened {
        Ok(_) => Err("it is not refused".into()),
        Err(reason) if reason.contains(part) => Ok(json!({ "reported": reason })),
        Err(reason) => Err(format!("not \"{part}\" but: {reason}")),
    }
}

/// A record of a picture: the bars, each half as wide in its lower half, so that neither turning nor shifting it goes unseen.
fn record(size: Size) -> FrameRecord {
    let (width, height) = (size.width as usize, size.height as usize);
    let pixel = |i: usize| {
        let (x, y) = (i % width, i / width);
        let bars = if 2 * y < height { 8 } else { 16 };
        BARS[x * bars / width % 8].map(|level| level as u8)
    };
    let data = (0..size.area()).flat_map(pixel).collect();
    let frame = Frame::from_rgb(size, data).expect("a picture of this size");
    let mut record = FrameRecord::default();
    record.frame = Some(Arc::new(frame));
    record
}

fn write(sink: &mut dyn Sink, size: Size) -> Result<(), String> {
    sink.frame(&record(size)).map_err(|e| e.to_string())
}

/// A stream that a sink shows: 30 pictures a second. Ends on drop.
struct Show {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Show {
    fn start(mut sink: Box<dyn Sink>, size: Size) -> Result<Self, String> {
        let (stop, written, failed): (Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>) = Default::default();
        let own = (Arc::clone(&stop), Arc::clone(&written), Arc::clone(&failed));
        let thread = thread::spawn(move || {
            let (stop, written, failed) = own;
            let record = record(size);
            while !stop.load(Ordering::Relaxed) {
                match sink.frame(&record) {
                    Ok(()) => written.fetch_add(1, Ordering::Relaxed),
                    Err(e) => {
                        eprintln!("sink: {e}");
                        failed.fetch_add(1, Ordering::Relaxed)
                    }
                };
                thread::sleep(Duration::from_millis(33));
            }
        });
        let show = Show { stop, written, failed, thread: Some(thread) };
        // The device is a camera from the first picture on.
        let began = Instant::now();
        while show.written.load(Ordering::Relaxed) < 2 {
            check(began.elapsed() < PATIENCE, || "no picture is written".into())?;
            thread::sleep(Duration::from_millis(10));
        }
        Ok(show)
    }

    fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The mean difference of a frame from the picture that was written, in levels.
fn difference(frame: &Frame, size: Size) -> Result<f64, String> {
    let even = Size::new(size.width.next_multiple_of(2), size.height.next_multiple_of(2));
    check(frame.size == even, || format!("frames of {:?}", frame.size))?;
    let (mut given, mut back) = (Vec::new(), Vec::new());
    let record = record(size);
    let frame_given = record.frame.as_ref().ok_or("no picture")?;
    to_rgb(frame_given, &mut given).map_err(|e| e.to_string())?;
    to_rgb(frame, &mut back).map_err(|e| e.to_string())?;
    let (width, row) = (size.width as usize * 3, even.width as usize * 3);
    let pairs = given.chunks(width).zip(back.chunks(row)).flat_map(|(given, back)| given.iter().zip(back));
    let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    Ok(sum as f64 / given.len() as f64)
}

/// Writes pictures and reads them as a camera's.
fn come_back(size: Size, tolerance: f64) -> Result<Value, String> {
    let show = Show::start(open(CAMERA)?, size)?;
    let mut source = open_soon(CAMERA, &options(PixelFormat::Yuyv))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 5, PATIENCE)?;
    seen.forget();
    let before = show.written();
    seen.frames(source.as_mut(), 60, PATIENCE)?;
    let written = show.written() - before;
    let levels = difference(&seen.frame, size)?;
    check(levels <= tolerance, || format!("{levels} levels off"))?;
    check(show.failed.load(Ordering::Relaxed) == 0, || "writes failed".into())?;
    check(seen.dropped("missing") == 0 && seen.losses().is_empty(), || format!("{:?}", seen.events))?;
    // Each read frame was written; a reader that was away misses some.
    check(seen.frames - 1 <= written + 2, || format!("{} frames of {written}", seen.frames - 1))?;
    Ok(json!({
        "format": seen.frame.format.name(), "size": [seen.frame.size.width, seen.frame.size.height],
        "colors": format!("{:?}", seen.frame.colorimetry), "mean_levels": (levels * 100.0).round() / 100.0,
        "tolerance_levels": tolerance, "written": written, "read": seen.frames - 1, "dropped": seen.dropped(""),
        "age_median_ms": tenth(median(&seen.ages_ms)), "age_most_ms": tenth(greatest(&seen.ages_ms)),
    }))
}

fn no_permission() -> Result<Value, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut child = Command::new(program);
    let output = child.args(["open-output", CAMERA]).uid(NOBODY).gid(NOBODY).output().map_err(|e| e.to_string())?;
    refused::<()>(Err(String::from_utf8_lossy(&output.stdout).into_owned()), "no permission: add your user to")
}

/// What the child does that [`no_permission`] starts.
pub fn say_what_opening_says(path: &str) -> ExitCode {
    match open(path) {
        Ok(_) => print!("it opens"),
        Err(reason) => print!("{reason}"),
    }
    ExitCode::SUCCESS
}

fn another_size() -> Result<Value, String> {
    let mut sink = open(CAMERA)?;
    write(sink.as_mut(), SIZE)?;
    let larger = Size::new(640, 360);
    write(sink.as_mut(), larger)?;
    let _show = Show::start(sink, larger)?;
    let mut source = open_soon(CAMERA, &options(PixelFormat::Yuyv))?;
    let mut seen = Seen::default();
    seen.frames(source.as_mut(), 3, PATIENCE)?;
    Ok(json!({ "size": [larger.width, larger.height], "mean_levels": difference(&seen.frame, larger)? }))
}

fn held_size() -> Result<Value, String> {
    let mut sink = open(CAMERA)?;
    write(sink.as_mut(), SIZE)?;
    let reader = Hand::open(CAMERA)?;
    let larger = Size::new(640, 360);
    let told = refused(write(sink.as_mut(), larger), "close the program that reads it")?;
    // The size that the reader knows goes on, and the other one once it is gone.
    write(sink.as_mut(), SIZE)?;
    drop(reader);
    write(sink.as_mut(), larger)?;
    Ok(told)
}

fn held_format() -> Result<Value, String> {
    let mut other = Hand::open(CAMERA)?;
    other.set_output(b"MJPG", (SIZE.width, SIZE.height), 1 << 20)?;
    other.file.write_all(&[0xff, 0xd8, 0xff, 0xd9]).map_err(|e| e.to_string())?;
    let mut sink = open(CAMERA)?;
    let told = refused(write(sink.as_mut(), SIZE), "it takes MJPG, none of yuyv, i420, rgb24")?;
    drop(other);
    write(sink.as_mut(), SIZE)?;
    Ok(told)
}

fn unread() -> Result<Value, String> {
    let mut sink = open(CAMERA)?;
    write(sink.as_mut(), SIZE)?;
    let _source = open_soon(CAMERA, &options(PixelFormat::Yuyv))?;
    let record = record(SIZE);
    let mut longest = Duration::ZERO;
    for _ in 0..200 {
        let began = Instant::now();
        sink.frame(&record).map_err(|e| e.to_string())?;
        longest = longest.max(began.elapsed());
    }
    check(longest < Duration::from_secs(2), || format!("a write took {longest:?}"))?;
    Ok(json!({ "written": 200, "longest_write_ms": tenth(longest.as_secs_f64() * 1e3) }))
}

/// The device disappears and another one takes its place, as when its module is loaded again.
fn goes_away() -> Result<Value, String> {
    let mut sink = open(OUTPUT)?;
    Hand::open(OUTPUT)?.set("Disconnect", 1)?;
    let first = write(sink.as_mut(), SIZE).err().ok_or("it is written to")?;
    check(first.contains("it went away"), || first.clone())?;
    let mut sink = open(CAMERA)?;
    // A device cannot be unloaded while it is open: what holds its format makes the sink let go of it.
    let mut other = Hand::open(CAMERA)?;
    other.set_output(b"MJPG", (SIZE.width, SIZE.height), 1 << 20)?;
    other.file.write_all(&[0xff, 0xd8, 0xff, 0xd9]).map_err(|e| e.to_string())?;
    let mut told = vec![first, write(sink.as_mut(), SIZE).err().ok_or("another format is written over")?];
    drop(other);
    unload("v4l2loopback")?;
    told.extend((0..3).filter_map(|_| write(sink.as_mut(), SIZE).err()));
    check(told.len() == 5 && told[4].contains("no such device"), || format!("{told:?}"))?;
    load_loopback("exclusive_caps=0")?;
    let began = Instant::now();
    write(sink.as_mut(), SIZE)?;
    Ok(json!({
        "injected": 3, "reported": [&told[0], &told[4]], "frames_lost": told.len(),
        "recovered_ms": tenth(began.elapsed().as_secs_f64() * 1e3), "alive": true,
    }))
}

fn busy() -> Result<Value, String> {
    let _show = Show::start(open(CAMERA)?, SIZE)?;
    refused(open(CAMERA), "busy")
}

/// The whole program is told to read what it writes.
fn own_input(foveate: &str) -> Result<Value, String> {
    let mut command = Command::new(foveate);
    command.args(["run", "--source", &format!("v4l:{CAMERA}"), "--sink", &format!("v4l:{CAMERA}")]);
    let output = command.output().map_err(|e| format!("{foveate}: {e}"))?;
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    check(output.status.code() == Some(2), || format!("{}: {told}", output.status))?;
    refused::<()>(Err(told), "it is --source /dev/video9")
}

/// The whole program from vivid's camera into the virtual one, which is read meanwhile.
fn stream(foveate: &str) -> Result<Value, String> {
    let mut command = Command::new(foveate);
    command.args(["run", "--source", &format!("v4l:{REAL}"), "--sink", &format!("v4l:{CAMERA}"), "--seconds", "60"]);
    let mut child = command.spawn().map_err(|e| format!("{foveate}: {e}"))?;
    let read = (|| {
        let hand = Hand::open(CAMERA)?;
        let began = Instant::now();
        while hand.fourccs().is_empty() {
            check(began.elapsed() < 3 * PATIENCE, || "the program writes nothing".into())?;
            thread::sleep(Duration::from_millis(50));
        }
        drop(hand);
        let mut source = open_soon(CAMERA, &options(PixelFormat::Yuyv))?;
        let mut seen = Seen::default();
        seen.frames(source.as_mut(), 10, 3 * PATIENCE)?;
        Ok::<_, String>(seen)
    })();
    let stopped = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    let status = child.wait().map_err(|e| e.to_string())?;
    let seen = read?;
    check(stopped.is_ok_and(|status| status.success()) && status.success(), || format!("foveate ended with {status}"))?;
    let size = seen.frame.size;
    Ok(json!({ "read": seen.frames, "size": [size.width, size.height], "dropped": seen.dropped("") }))
}
