//! Sources that are programs, each with its faults: what is injected, what the user is told, what is lost, how long it takes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::program::Sandbox;

/// The folder with the stand-in `rpicam-vid`, among the examples.
fn stand_in() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_foveate"));
    let folder = program.parent().unwrap().join("examples");
    assert!(folder.join("rpicam-vid").exists(), "build the examples first: {}", folder.display());
    folder
}

pub struct Streamed {
    pub output: Output,
    lines: Vec<Value>,
}

impl Streamed {
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(move |line| line["event"] == kind)
    }

    pub fn frames(&self) -> Vec<&Value> {
        self.lines.iter().filter(|line| line.get("objects").is_some()).collect()
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    pub fn describe(&self) -> String {
        let events = self.lines.iter().filter(|line| line.get("event").is_some());
        format!("{}\n{:#?}", self.stderr(), events.collect::<Vec<_>>())
    }
}

/// A program that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An RTSP server on `port`, once it listens.
fn rtsp_server(port: u16, size: &str) -> Server {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cameras/rtsp_server.py");
    let mut command = Command::new("/usr/bin/python3");
    let mut child = command.arg(script).args([&port.to_string(), size]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "ready\n");
    Server(child)
}

/// A port that nobody listens at.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs the `source` of an RTSP server at a port, which is stopped for two seconds meanwhile, and holds it to being found again.
pub fn run_while_the_server_goes_away(source: impl Fn(u16) -> String) -> Streamed {
    let port = free_port();
    let server = rtsp_server(port, "640x480");
    let switched = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(5));
        drop(server);
        std::thread::sleep(Duration::from_secs(2));
        let server = rtsp_server(port, "640x480");
        std::thread::sleep(Duration::from_secs(10));
        drop(server);
    });
    let ran = run(&source(port), "14", &[]);
    switched.join().unwrap();
    assert!(ran.output.status.success(), "{}", ran.describe());
    let back: Vec<f64> = ran.of_kind("source_reopened").filter_map(|e| e["after_s"].as_f64()).collect();
    println!("{} frames, back after {back:.2?} s", ran.frames().len());
    assert!(ran.of_kind("source_lost").count() == 1 && back.len() == 1, "{}", ran.describe());
    assert!(ran.frames().len() > 120, "{}", ran.describe());
    ran
}

#[test]
#[ignore = "make test-cameras"]
fn a_network_camera_that_goes_away_is_found_again() {
    let ran = run_while_the_server_goes_away(|port| format!("rtsp://user:secret@127.0.0.1:{port}/live"));
    let everything = format!("{}{:?}", ran.describe(), ran.lines);
    assert!(everything.contains("rtsp://user:***@127.0.0.1") && !everything.contains("secret"), "{everything}");
}

#[test]
#[ignore = "make test-cameras"]
fn a_network_camera_that_is_not_there_says_so() {
    let ran = run(&format!("rtsp://127.0.0.1:{}/live", free_port()), "3", &[]);
    assert!(ran.output.status.code() == Some(3) && ran.stderr().contains("refused"), "{}", ran.describe());
}

/// `foveate run` on `source` for `seconds`, with an environment.
pub fn run(source: &str, seconds: &str, environment: &[(&str, &str)]) -> Streamed {
    let sandbox = Sandbox::new();
    let mark = sandbox.path().join("once");
    let mut command =
        sandbox.command(&["run", "--source", source, "--sink", "ndjson:out.ndjson", "--seconds", seconds]);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", stand_in().display())).env("ONCE", &mark);
    command.envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = std::fs::read_to_string(sandbox.path().join("out.ndjson")).unwrap_or_default();
    Streamed { output, lines: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() }
}

#[test]
#[ignore = "make test-cameras"]
fn an_rpicam_camera_streams_and_its_faults_are_told() {
    println!("{:8} {:>7} {:>8} {:>9}  told", "fault", "frames", "dropped", "back in s");
    for (fault, lost) in [
        ("", None),
        ("late", None),
        ("die", Some("timed out")),
        ("kill", Some("signal")),
        ("short", Some("within a frame")),
        ("silent", Some("no image")),
    ] {
        let ran = run("rpicam:0", if fault == "late" { "9" } else { "8" }, &[("FAULT", fault)]);
        assert!(ran.output.status.success(), "{fault}: {}", ran.describe());
        let told: Vec<String> = ran.of_kind("source_lost").map(|e| e["reason"].as_str().unwrap().to_owned()).collect();
        let back: Vec<f64> = ran.of_kind("source_reopened").filter_map(|e| e["after_s"].as_f64()).collect();
        let dropped: u64 = ran.of_kind("frames_dropped").filter_map(|e| e["count"].as_u64()).sum();
        println!("{fault:8} {:>7} {dropped:>8} {back:>9.2?}  {told:?}", ran.frames().len());
        match lost {
            None => assert!(told.is_empty(), "{fault}: {}", ran.describe()),
            Some(expected) => {
                assert!(told.len() == 1 && told[0].contains(expected), "{fault}: {}", ran.describe());
                assert!(back.len() == 1, "{fault}: {}", ran.describe());
            }
        }
        assert!(ran.frames().len() > 40, "{fault}: {}", ran.describe());
    }
}

#[test]
#[ignore = "make test-cameras"]
fn capture_times_are_those_of_the_sensor() {
    let ran = run("rpicam", "4", &[]);
    let frames = ran.frames();
    // Frames are exposed 33 ms apart; they arrive when the machine has time.
    let times: Vec<f64> = frames.iter().map(|frame| frame["time_s"].as_f64().unwrap()).collect();
    let sequences: Vec<f64> = frames.iter().map(|frame| frame["frame"].as_f64().unwrap()).collect();
    let mut late: Vec<f64> =
        times.iter().zip(&sequences).map(|(t, n)| (t - times[0] - (n - sequences[0]) / 30.0).abs()).collect();
    late.sort_by(f64::total_cmp);
    assert!(late[late.len() / 2] < 0.004, "{late:?}");
    let mut ages: Vec<f64> = frames.iter().filter_map(|frame| frame["age_ms"].as_f64()).collect();
    ages.sort_by(f64::total_cmp);
    println!("age of {} frames: median {:.1} ms, of which 12 ms are the stand-in's", ages.len(), ages[ages.len() / 2]);
    assert!(ages[0] >= 12.0, "{ages:?}");
    let wrong = run("rpicam", "4", &[("FAULT", "clock")]);
    assert!(wrong.of_kind("source_warned").next().is_some(), "{}", wrong.describe());
}

#[test]
#[ignore = "make test-cameras"]
fn a_camera_that_is_not_there_says_what_to_do() {
    let ran = run("rpicam:7", "2", &[]);
    assert!(!ran.output.status.success() && ran.stderr().contains("no cameras available"), "{}", ran.stderr());
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["run", "--source", "rpicam", "--sink", "ndjson:-"]);
    let output = command.env("PATH", "/nowhere").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("apt install rpicam-apps"), "{output:?}");
}

#[test]
#[ignore = "make test-cameras"]
fn doctor_lists_the_cameras_of_a_raspberry_pi() {
    let sandbox = Sandbox::new();
    let path = format!("{}:{}", stand_in().display(), std::env::var("PATH").unwrap_or_default());
    let output = sandbox.command(&["doctor"]).env("PATH", path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("rpicam:0") && text.contains("imx708"), "{text}");
}

#[test]
#[ignore = "make test-cameras"]
fn programs_that_write_frames_are_cameras() {
    let test = "ffmpeg -v error -re -f lavfi -i testsrc2=size=320x240:rate=30";
    let rows = [
        ("y4m", format!("pipe:{test} -pix_fmt yuv420p -f yuv4mpegpipe -")),
        ("mjpeg", format!("pipe:{test} -c:v mjpeg -f mjpeg -")),
        ("multipart", format!("pipe:{test} -c:v mjpeg -f mpjpeg -")),
        ("nv12", format!("pipe:{test} -pix_fmt nv12 -f rawvideo -?format=nv12&size=320x240&fps=30")),
        ("rgb24", format!("pipe:{test} -pix_fmt rgb24 -f rawvideo -?format=rgb24&size=320x240&fps=30")),
        ("shell", format!("pipe:{test} -pix_fmt gray -f rawvideo - | cat?format=gray&size=320x240&shell=true")),
    ];
    for (name, source) in rows {
        let ran = run(&source, "4", &[]);
        assert!(ran.output.status.success() && ran.frames().len() > 40, "{name}: {}", ran.describe());
        assert!(ran.of_kind("source_lost").next().is_none(), "{name}: {}", ran.describe());
    }
}

#[test]
#[ignore = "make test-cameras"]
fn standard_input_is_a_source_that_ends() {
    let sandbox = Sandbox::new();
    super::clips::ffmpeg(
        sandbox.path(),
        "-f lavfi -i testsrc2=size=160x120:rate=30:duration=1 -pix_fmt yuv420p in.y4m",
    );
    let mut command = sandbox.command(&["run", "--source", "pipe:-", "--sink", "ndjson:out.ndjson"]);
    let output = command.stdin(std::fs::File::open(sandbox.path().join("in.y4m")).unwrap()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(std::fs::read_to_string(sandbox.path().join("out.ndjson")).unwrap().contains("\"objects\""));
}

#[test]
#[ignore = "make test-cameras"]
fn no_program_outlives_the_stream() {
    let sandbox = Sandbox::new();
    let mark = format!("foveate-test-{}", std::process::id());
    let source = format!(
        "pipe:ffmpeg -v error -re -f lavfi -i testsrc2=size=64x48:rate=30 -metadata title={mark} -pix_fmt yuv420p -f yuv4mpegpipe -"
    );
    let ran = sandbox.foveate(&["run", "--source", &source, "--sink", "ndjson:out.ndjson", "--seconds", "1"]);
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    let alive = std::process::Command::new("pgrep").args(["-f", &mark]).output().unwrap();
    assert!(alive.stdout.is_empty(), "{}", String::from_utf8_lossy(&alive.stdout));
}
