//! A console over a stream that is made up, and a client that says what a test has it say.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use foveate::console::{Console, ConsoleOptions};
use foveate::frame::Frame;
use foveate::geometry::{BoundingBox, Point, Size};
use foveate::input::{Command, CommandSource};
use foveate::mask::Mask;
use foveate::record::FrameRecord;
use foveate::sink::{Sink, StreamInfo};
use foveate::time::{Clock, MonotonicClock};
use serde_json::Value;
use tungstenite::handshake::client::generate_key;

pub type Socket = tungstenite::WebSocket<TcpStream>;

const SIZE: Size = Size::new(64, 48);

/// A console that is served, fed with frames until it is dropped.
pub struct Served {
    pub link: String,
    pub port: u16,
    stop: Arc<AtomicBool>,
    frames: Arc<AtomicU64>,
    feeder: Option<JoinHandle<()>>,
    commands: std::sync::Mutex<Box<dyn CommandSource>>,
    _console: Console,
}

impl Served {
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut ConsoleOptions)) -> Self {
        let mut options = ConsoleOptions::default();
        options.listen = "127.0.0.1:0".parse().unwrap();
        change(&mut options);
        let console = Console::start(options, Arc::new(MonotonicClock)).unwrap();
        let link = console.link().to_owned();
        let port = link.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
        let (stop, frames) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (mut sink, ended, count) = (console.sink(), Arc::clone(&stop), Arc::clone(&frames));
        let feeder = std::thread::spawn(move || feed(sink.as_mut(), &ended, &count));
        let commands = std::sync::Mutex::new(console.commands());
        Served { link, port, stop, frames, feeder: Some(feeder), commands, _console: console }
    }

    pub fn wait_for_frames(&self, count: u64) {
        let from = self.frames.load(Ordering::Relaxed);
        self.wait_until("frames come", |served| served.frames.load(Ordering::Relaxed) >= from + count);
    }

    /// Asks until `is_so`, for ten seconds; `what` is said if it never is.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let until = Instant::now() + Duration::from_secs(10);
        while !is_so(self) {
            assert!(Instant::now() < until, "not within ten seconds: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The commands that arrived, but for those that say goodbye.
    pub fn commands(&self) -> Vec<Command> {
        let mut out = Vec::new();
        self.commands.lock().unwrap().poll(&mut out);
        out.retain(|c| !matches!(c.intent, foveate::session::Intent::ReleaseFrame { .. }));
        out
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], "")
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.request("POST", path, &[("Content-Type", "application/json")], body)
    }

    /// With a right host.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_request(method, path, headers, body).unwrap_or_else(|| panic!("{method} {path}: no answer"))
    }

    /// As [`Self::request`]; `None` when the connection ends without an answer.
    pub fn try_request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
        let host = format!("127.0.0.1:{}", self.port);
        let mut all = vec![("Host", host.as_str())];
        all.extend_from_slice(headers);
        self.try_raw(method, path, &all, body)
    }

    /// With exactly these headers.
    pub fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_raw(method, path, headers, body).unwrap_or_else(|| panic!("{method} {path}: no answer"))
    }

    fn try_raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
        ask(self.port, method, path, headers, body)
    }

    /// Opens a WebSocket; the error is the refusal. A host among `headers` counts instead of the right one.
    pub fn dial(&self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, String> {
        dial(self.port, path, headers)
    }
}

/// Asks whoever listens on `port`, with exactly these headers; `None` when the connection ends without an answer.
pub fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    // A server that refuses does not read all of it.
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    answer_of(&bytes)
}

/// As [`Served::dial`], of whoever listens on `port`.
pub fn dial(port: u16, path: &str, headers: &[(&str, &str)]) -> Result<Socket, String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let host = headers.iter().find(|(name, _)| *name == "Host").map(|(_, host)| (*host).to_owned());
    let mut request = tungstenite::http::Request::builder()
        .uri(format!("ws://127.0.0.1:{port}{path}"))
        .header("Host", host.unwrap_or_else(|| format!("127.0.0.1:{port}")))
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key());
    for (name, value) in headers.iter().filter(|(name, _)| *name != "Host") {
        request = request.header(*name, *value);
    }
    match tungstenite::client(request.body(()).unwrap(), stream) {
        Ok((socket, _)) => Ok(socket),
        Err(error) => Err(error.to_string()),
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.feeder.take().map(JoinHandle::join);
    }
}

/// Frames with one object, fifty a second.
fn feed(sink: &mut dyn Sink, stop: &AtomicBool, frames: &AtomicU64) {
    let info = StreamInfo { source: "made:up".into(), camera: None, size: SIZE, model: "none".into() };
    sink.begin(&info).unwrap();
    let rgb = (0..SIZE.area() * 3).map(|i| (i % 251) as u8).collect();
    let frame = Arc::new(Frame::from_rgb(SIZE, rgb).unwrap());
    let mut sequence = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut record = FrameRecord::default();
        (record.sequence, record.captured_at) = (sequence, MonotonicClock.now());
        record.frame = Some(Arc::clone(&frame));
        record.gaze = Some(Point::new(3.0, 4.0));
        let object = record.push_object();
        object.object = 5;
        object.score = 0.9;
        object.mask = Mask::from_fn(SIZE, |x, y| (10..20).contains(&x) && (5..25).contains(&y));
        object.area = object.mask.area();
        object.bbox = Some(BoundingBox::new(10.0, 5.0, 20.0, 25.0));
        sink.frame(&record).unwrap();
        sequence += 1;
        frames.store(sequence, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(20));
    }
    sink.finish(&Value::Null).unwrap();
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

pub fn answer_of(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Some(Answer { status, headers, body: bytes[end + 4..].to_vec() })
}
