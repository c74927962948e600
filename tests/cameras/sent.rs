//! The sink that sends to an RTSP server: what arrives, how old it is, and what a server that goes away does.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use foveate::geometry::Size;
use foveate::time::{Clock, MonotonicClock};
use foveate::video::LiveOutput;

use super::live::free_port;
use super::program::Sandbox;

/// A picture that a server received.
#[derive(Clone, Debug)]
struct Arrived {
    /// When, in nanoseconds of the system's monotonic clock.
    at: u64,
    size: String,
    /// Red, green and blue in the middle of eight columns.
    columns: [[u8; 3]; 8],
}

/// An RTSP server that takes a stream and ends with the test.
struct Recorder {
    server: Child,
    reader: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the server at `port`; what comes is added to `arrived`.
    fn start(port: u16, arrived: &Arc<Mutex<Vec<Arrived>>>) -> Recorder {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cameras/rtsp_server.py");
        let mut command = Command::new("/usr/bin/python3");
        let mut server =
            command.arg(script).args([&port.to_string(), "record"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(server.stdout.take().unwrap());
        let mut said = String::new();
        out.read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n");
        let arrived = Arc::clone(arrived);
        let reader = std::thread::spawn(move || listen(out, &arrived));
        Recorder { server, reader: Some(reader) }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn listen(out: BufReader<ChildStdout>, arrived: &Mutex<Vec<Arrived>>) {
    for line in out.lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["picture", at, size, levels @ ..] = &words[..] {
            let levels: Vec<u8> = levels.iter().map(|level| level.parse().unwrap()).collect();
            let columns: Vec<[u8; 3]> = levels.as_chunks().0.to_vec();
            arrived.lock().unwrap().push(Arrived {
                at: at.parse().unwrap(),
                size: (*size).to_owned(),
                columns: columns.try_into().unwrap(),
            });
        }
    }
}

fn count(arrived: &Mutex<Vec<Arrived>>) -> usize {
    arrived.lock().unwrap().len()
}

/// Waits until more than `least` pictures have arrived.
fn wait_for(arrived: &Mutex<Vec<Arrived>>, least: usize) {
    let began = Instant::now();
    while count(arrived) <= least {
        assert!(began.elapsed() < Duration::from_secs(30), "{} pictures arrived", count(arrived));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "make test-cameras"]
fn a_stream_reaches_its_server_and_one_that_was_restarted() {
    let sandbox = Sandbox::new();
    let (port, arrived) = (free_port(), Arc::<Mutex<Vec<Arrived>>>::default());
    let server = Recorder::start(port, &arrived);
    let picture = "color=red:size=321x239:rate=30,format=rgb24,drawbox=x=160:w=161:h=239:color=blue:t=fill";
    let format = "format=rgb24&size=321x239&fps=30";
    let source = format!("pipe:ffmpeg -v error -re -f lavfi -i {picture} -pix_fmt rgb24 -f rawvideo -?{format}");
    let sink = format!("rtsp://me:secret@127.0.0.1:{port}/live");
    let mut command = sandbox.command(&["run", "--source", &source, "--sink", &sink, "--sink", "ndjson:out.ndjson"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&arrived, 30);
    drop(server);
    let (gone, before) = (Instant::now(), count(&arrived));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(count(&arrived), before);
    let server = Recorder::start(port, &arrived);
    let up = Instant::now();
    wait_for(&arrived, before + 30);
    println!(
        "{before} pictures before the loss, 30 more {:.1} s after the server was there again, {:.1} s after the loss",
        up.elapsed().as_secs_f64(),
        gone.elapsed().as_secs_f64()
    );
    assert!(up.elapsed() < Duration::from_secs(10), "{:?}", up.elapsed());
    let stopped = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let output = child.wait_with_output().unwrap();
    drop(server);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    // Records that were lost with the server are a fault of the run.
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(told.matches("the stream cannot be sent").count(), 1, "{told}");
    let records = std::fs::read_to_string(sandbox.path().join("out.ndjson")).unwrap();
    assert!(told.contains("rtsp://me:***@127.0.0.1") && !told.contains("secret"), "{told}");
    assert!(records.contains("sink_failed") && !records.contains("secret"));
    for Arrived { size, columns, .. } in arrived.lock().unwrap().iter() {
        assert_eq!(size, "322x240");
        let off = |expected: [u8; 3], found: [u8; 3]| expected.iter().zip(found).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off([254, 0, 0], columns[1]) < Some(24) && off([0, 0, 254], columns[6]) < Some(24), "{columns:?}");
    }
}

#[test]
#[ignore = "make test-cameras"]
fn a_server_that_is_not_there_is_told_once() {
    let sandbox = Sandbox::new();
    let sink = format!("rtsp://127.0.0.1:{}/live", free_port());
    let ran = sandbox.foveate(&["run", "--source", "scene:7", "--sink", &sink, "--seconds", "4"]);
    assert!(ran.code() == 1 && ran.stderr().contains("refused"), "{}", ran.describe());
    assert_eq!(ran.stderr().matches("the stream cannot be sent").count(), 1, "{}", ran.describe());
    assert!(ran.stderr().contains("1 writes failed"), "{}", ran.describe());
}

/// Pictures whose columns are the bits of their number.
fn numbered(number: u64, size: Size) -> Vec<u8> {
    let width = size.width as usize;
    (0..size.area()).flat_map(|i| [if number >> (i % width * 8 / width) & 1 == 1 { 235 } else { 20 }; 3]).collect()
}

#[test]
#[ignore = "make test-cameras"]
fn pictures_arrive_in_order_while_they_are_new() {
    let (port, arrived) = (free_port(), Arc::<Mutex<Vec<Arrived>>>::default());
    let _server = Recorder::start(port, &arrived);
    let mut output = LiveOutput::to_rtsp(&format!("rtsp://127.0.0.1:{port}/live")).unwrap();
    let (size, clock, began) = (Size::new(640, 480), MonotonicClock, Instant::now());
    let mut sent = Vec::new();
    for number in 0..240u64 {
        let due = Duration::from_secs_f64(number as f64 / 30.0);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        let mut picture = numbered(number, size);
        sent.push(clock.now().as_nanos());
        output.send(&mut picture, size, began.elapsed().as_secs_f64());
    }
    output.finish().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let arrived = arrived.lock().unwrap().clone();
    let number = |a: &Arrived| (0..8).map(|bit| usize::from(a.columns[bit][1] > 128) << bit).sum::<usize>();
    let numbers: Vec<usize> = arrived.iter().map(number).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    let mut ages: Vec<f64> = arrived.iter().zip(&numbers).map(|(a, n)| (a.at as f64 - sent[*n] as f64) / 1e6).collect();
    // What comes first waits for ffmpeg to start and to be let in.
    let first = ages[0];
    ages.drain(..ages.len().min(60));
    ages.sort_by(f64::total_cmp);
    println!(
        "{} of 240 pictures of 640x480 at 30 a second arrived; age of the first {first:.0} ms, later median {:.0} ms, most {:.0} ms",
        arrived.len(),
        ages[ages.len() / 2],
        ages[ages.len() - 1]
    );
    assert!(ages.len() > 100 && ages[ages.len() / 2] < 500.0, "{ages:?}");
}
