//! The whole program while its console is attacked: `make test-attack`. It prints figures of this machine, and asserts
//! nothing of them.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::Message;

use super::{crowd, stream};
use foveate::time::{Clock, MonotonicClock};

const FPS: u32 = 24;
const PAGES: usize = 32;
const DEAF: usize = 64;
const PER_SECOND: u32 = 450;

/// The program on the rendered scene, ended when it is dropped.
struct Program {
    child: Child,
    port: u16,
}

impl Program {
    fn start(records: &Path) -> Self {
        let (fps, sink) = (FPS.to_string(), format!("ndjson:{}", records.display()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_foveate"));
        command.args(["run", "--source", "scene:7", "--fps", &fps, "--prompt", "console", "--sink", "console"]);
        command.args(["--sink", &sink, "--listen", "127.0.0.1:0"]);
        command.env("FOVEATE_MODELS", Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let link = lines.find(|line| line.contains("console at ")).expect("a link");
        let port = link.rsplit_once(':').unwrap().1.trim_end_matches('/').parse().unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Program { child, port }
    }

    fn resident_mib(&self) -> f64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap_or_default();
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0 / (1 << 20) as f64
    }

    /// Seconds of a processor that each thread has had, by the threads' names.
    fn seconds(&self) -> BTreeMap<String, f64> {
        let mut out = BTreeMap::new();
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        for task in tasks.into_iter().flatten().flatten() {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            let Some((name, rest)) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')) else { continue };
            let times = rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
            *out.entry(name.to_owned()).or_default() += times.sum::<f64>() / 100.0;
        }
        out
    }

    fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the attackers were told.
#[derive(Default)]
struct Told {
    connections: AtomicU64,
    prompts: AtomicU64,
    refused: AtomicU64,
    closed: AtomicU64,
}

/// A page that prompts 140 times a second, and comes back when it is hung up on.
fn hostile_page(port: u16, number: usize, stop: &AtomicBool, told: &Told) {
    let mut turn = number as u64;
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut page) = stream::dial(port, "/ws", &[]) else {
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        page.get_ref().set_nonblocking(true).unwrap();
        while !stop.load(Ordering::Relaxed) {
            turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (x, y) = (10 + (turn >> 33) % 620, 10 + (turn >> 43) % 460);
            let at = MonotonicClock.now().as_nanos() / 1000 - 50_000;
            let tap = json!({ "type": "tap", "at": at, "x": x, "y": y }).to_string();
            let sent = page.send(Message::Text(tap.into()));
            told.prompts.fetch_add(1, Ordering::Relaxed);
            let mut ended = sent.is_err_and(|error| !would_block(&error));
            loop {
                match page.read() {
                    Ok(Message::Text(text)) if text.contains("\"refused\"") => {
                        told.refused.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        ended |= !would_block(&error);
                        break;
                    }
                }
            }
            if ended {
                told.closed.fetch_add(1, Ordering::Relaxed);
                break;
            }
            std::thread::sleep(Duration::from_millis(7));
        }
    }
}

fn would_block(error: &tungstenite::Error) -> bool {
    matches!(error, tungstenite::Error::Io(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Clients that never read, each replaced when it is hung up on.
fn never_read(port: u16, stop: &AtomicBool) {
    let mut deaf: Vec<_> = (0..DEAF).map(|_| crowd::never_reading(port)).collect();
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(100));
        // One that was hung up on cannot be written to.
        for stream in &mut deaf {
            let written = std::io::Write::write(stream, b"\r\n");
            if written.is_err_and(|error| error.kind() != ErrorKind::WouldBlock) {
                *stream = crowd::never_reading(port);
            }
        }
    }
}

/// Connections that ask to be upgraded and are kept for as long as may be.
fn crowd_in(port: u16, stop: &AtomicBool, told: &Told) {
    let (began, mut kept, mut count) = (Instant::now(), VecDeque::new(), 0u32);
    while !stop.load(Ordering::Relaxed) {
        kept.push_back(crowd::upgrading(port));
        if kept.len() > 400 {
            kept.pop_front();
        }
        count += 1;
        told.connections.fetch_add(1, Ordering::Relaxed);
        let due = began + Duration::from_secs(1) * count / PER_SECOND;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// Asks for the health four times a second; gives how long each answer took, and what it was.
fn watch_health(port: u16, stop: &AtomicBool) -> Vec<(f64, String)> {
    let mut out = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let host = format!("127.0.0.1:{port}");
        let headers = [("Host", host.as_str()), ("Connection", "close")];
        let answer = stream::ask(port, "GET", "/healthz", &headers, "");
        let status =
            answer.map_or("no answer".to_owned(), |answer| match serde_json::from_slice::<Value>(&answer.body) {
                Ok(body) => format!("{} {}", answer.status, body["status"].as_str().unwrap_or("?")),
                Err(_) => format!("{} without words", answer.status),
            });
        out.push((asked.elapsed().as_secs_f64(), status));
        std::thread::sleep(Duration::from_millis(250).saturating_sub(asked.elapsed()));
    }
    out
}

/// The ages of the frames written so far, in milliseconds.
fn ages(records: &Path) -> Vec<f64> {
    let mut text = String::new();
    let _ = std::fs::File::open(records).and_then(|mut file| file.read_to_string(&mut text));
    let frames = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    frames.filter(|line| line["type"] == "frame").map(|line| line["age_ms"].as_f64().unwrap_or(f64::NAN)).collect()
}

/// Prints the stream's figures over `seconds`, with the health as it is told meanwhile.
fn phase(name: &str, seconds: u64, program: &Program, records: &Path) {
    let seconds_before = program.seconds();
    let (before, began, stop) = (ages(records).len(), Instant::now(), AtomicBool::new(false));
    let mut resident = Vec::new();
    let health = std::thread::scope(|scope| {
        let watched = scope.spawn(|| watch_health(program.port, &stop));
        for _ in 0..seconds {
            std::thread::sleep(Duration::from_secs(1));
            resident.push(program.resident_mib());
        }
        stop.store(true, Ordering::Relaxed);
        watched.join().unwrap()
    });
    let passed = began.elapsed().as_secs_f64();
    let mut new = ages(records).split_off(before);
    let rate = new.len() as f64 / passed;
    new.sort_by(f64::total_cmp);
    let at = |share: f64| new.get((new.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    let slowest = health.iter().map(|(took, _)| *took).fold(0.0, f64::max);
    let mut told = BTreeMap::<&str, usize>::new();
    health.iter().for_each(|(_, status)| *told.entry(status).or_default() += 1);
    let (least, most) = resident.iter().fold((f64::MAX, 0.0f64), |(a, b), mib| (a.min(*mib), b.max(*mib)));
    let spent = program.seconds().into_iter().map(|(name, s)| {
        let before = seconds_before.get(&name).copied().unwrap_or(0.0);
        (name, ((s - before) / passed * 100.0).round())
    });
    let busy: BTreeMap<_, _> = spent.filter(|(_, percent)| *percent >= 1.0).collect();
    println!(
        "{name}: {rate:.1} frames a second, age p50 {:.0} p95 {:.0} max {:.0} ms; health within {slowest:.2} s {told:?}; \
         memory {least:.0} to {most:.0} MiB; {} files open; percent of a core {busy:?}",
        at(0.5),
        at(0.95),
        new.last().unwrap_or(&f64::NAN),
        program.files()
    );
}

#[test]
#[ignore = "a minute, and figures of this machine"]
fn the_stream_under_attack() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records.ndjson");
    let program = Program::start(&records);
    std::thread::sleep(Duration::from_secs(4));
    phase("quiet", 10, &program, &records);
    let (stop, told, port) = (AtomicBool::new(false), Told::default(), program.port);
    std::thread::scope(|scope| {
        (0..PAGES).for_each(|number| {
            let (stop, told) = (&stop, &told);
            scope.spawn(move || hostile_page(port, number, stop, told));
        });
        scope.spawn(|| never_read(port, &stop));
        scope.spawn(|| crowd_in(port, &stop, &told));
        std::thread::sleep(Duration::from_secs(2));
        phase(&format!("{PAGES} hostile pages, {DEAF} that never read, {PER_SECOND} a second"), 30, &program, &records);
        stop.store(true, Ordering::Relaxed);
    });
    let Told { connections, prompts, refused, closed } = told;
    println!(
        "sent: {connections:?} connections, {prompts:?} prompts, of which {refused:?} refused; {closed:?} pages closed"
    );
    std::thread::sleep(Duration::from_secs(4));
    phase("after", 10, &program, &records);
    assert!(TcpStream::connect(("127.0.0.1", program.port)).is_ok(), "the program goes on");
}
