//! What the program writes: never over what it reads, never twice into one file, never emptied by a start that fails, and ended
//! in good order by whatever happens to its reader or its disk.

#![cfg(unix)]

#[path = "common/program.rs"]
mod program;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use program::{Ran, Sandbox};

/// A folder with `frames/1.png` to `frames/4.png`, a disc that moves; `photo.png`, `script.ndjson`, `small.png` (a mask).
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path().join("frames")).unwrap();
    for n in 1..=4i32 {
        let inside = |x: u32, y: u32| (x as i32 - 50 - 3 * n).pow(2) + (y as i32 - 40).pow(2) < 400;
        let pixel = |x, y| if inside(x, y) { Rgb([220, 60, 40]) } else { Rgb([60, (x * 2) as u8, (y * 3) as u8]) };
        let picture = RgbImage::from_fn(120, 80, pixel);
        picture.save(sandbox.path().join(format!("frames/{n}.png"))).unwrap();
    }
    fs::copy(sandbox.path().join("frames/1.png"), sandbox.path().join("photo.png")).unwrap();
    let mask =
        image::GrayImage::from_fn(120, 80, |x, y| image::Luma([if x > 30 && x < 70 && y > 20 { 255 } else { 0 }]));
    mask.save(sandbox.path().join("small.png")).unwrap();
    sandbox.file("script.ndjson", "{\"time_s\":0,\"object\":1,\"points\":[[53,40,1]]}\n");
    sandbox
}

/// Every file below a folder with its content, links as what they lead to.
fn contents(folder: &Path) -> Vec<(OsString, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push((path.clone().into_os_string(), fs::read(path).unwrap_or_default())),
            }
        }
    }
    found.sort();
    found
}

fn run(sandbox: &Sandbox, line: &str) -> Ran {
    sandbox.foveate(&line.split(' ').collect::<Vec<_>>())
}

/// Ends what a failed test would leave.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> Self {
        Running(command.spawn().unwrap())
    }

    /// The exit code, once it has ended; `None` after so long.
    fn code_within(&mut self, limit: Duration) -> Option<i32> {
        let began = Instant::now();
        while began.elapsed() < limit {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Longer than anything here takes on a busy machine; a program that hangs is found by it.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn no_command_writes_over_what_it_reads() {
    let sandbox = sandbox();
    let at = |name: &str| sandbox.path().join(name);
    symlink("frames", at("same")).unwrap();
    symlink("photo.png", at("soft.png")).unwrap();
    symlink("small.png", at("depth.ply")).unwrap();
    symlink("script.ndjson", at("poses.ply")).unwrap();
    fs::hard_link(at("photo.png"), at("hard.png")).unwrap();
    fs::create_dir(at("links")).unwrap();
    symlink("../frames/1.png", at("links/1.png")).unwrap();
    fs::create_dir_all(at("set/images")).unwrap();
    fs::create_dir_all(at("set/masks")).unwrap();
    fs::copy(at("photo.png"), at("set/images/a.png")).unwrap();
    fs::copy(at("small.png"), at("set/masks/a.png")).unwrap();
    for sequence in ["davis/images/one", "davis/masks/one"] {
        fs::create_dir_all(at(sequence)).unwrap();
        fs::copy(at("small.png"), at(sequence).join("1.png")).unwrap();
    }
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    fs::create_dir(at("models")).unwrap();
    for file in ["manifest.toml", "foveate-encoder.onnx", "foveate-decoder.onnx"] {
        fs::copy(models.join(file), at("models").join(file)).unwrap();
    }
    fs::create_dir(at("overlays")).unwrap();
    fs::copy(at("photo.png"), at("overlays/overlay-000001.png")).unwrap();
    let before = contents(sandbox.path());
    let commands = [
        "segment photo.png --point 53,40 --out-mask photo.png",
        "segment photo.png --point 53,40 --overlay ./frames/../photo.png",
        "segment photo.png --point 53,40 --overlay soft.png",
        "segment soft.png --point 53,40 --out-mask hard.png",
        "segment photo.png --point 53,40 --mask small.png --out-mask small.png",
        "segment photo.png --point 53,40 --out-mask new.png --overlay ./new.png",
        "segment photo.png --point 53,40 --models-dir models --out-mask models/foveate-decoder.onnx",
        "segment photo.png --point 53,40 --depth small.png --intrinsics 90,90,60,40 --lift depth.ply",
        "track frames --point 53,40 --depth frames --intrinsics 90,90,60,40 --poses script.ndjson --lift poses.ply",
        "track frames --point 53,40 --out frames",
        "track frames --point 53,40 --out same",
        "track same --point 53,40 --out frames/.",
        "track frames --point 53,40 --out links",
        "track frames --first-mask small.png --out .//frames",
        "run --source files:frames --sink overlay:frames",
        "run --source files:overlays --sink overlay:./overlays?format=png",
        "run --source files:frames --sink ndjson:frames/2.png",
        "run --source files:frames --prompt script:script.ndjson --sink ndjson:script.ndjson",
        "run --source files:frames --prompt gaze:file:script.ndjson --sink ndjson:script.ndjson?share_gaze=true",
        "run --source files:frames --sink ndjson:new.ndjson --sink ndjson:./new.ndjson",
        "run --source files:frames --sink overlay:new --sink overlay:./new",
        "run --source files:frames --models-dir models --sink ndjson:models/manifest.toml",
        "demo --source files:frames --out same --seconds 1",
        "quantize models/foveate-encoder.onnx --precision f16 --out models/../models/foveate-encoder.onnx",
        "quantize --model foveate --models-dir models --precision f16 --out models/foveate-encoder.onnx",
        "quantize --model foveate --models-dir models --precision f16 --out models/manifest.toml",
        "quantize models/foveate-encoder.onnx --precision f16 --calibration frames --out frames/1.png",
        "eval photos --data set --out set/masks",
        "eval photos --data set --out set/images",
        "eval davis --data davis --out davis/masks",
        "eval davis --data davis --out davis/images",
    ];
    for command in commands {
        let ran = run(&sandbox, command);
        assert_eq!(ran.code(), 2, "{}", ran.describe());
        assert!(ran.stderr().contains("give "), "{}", ran.describe());
        assert!(contents(sandbox.path()) == before, "{}", ran.describe());
    }
}

#[test]
fn two_frames_never_share_a_mask() {
    let sandbox = sandbox();
    RgbImage::new(120, 80).save(sandbox.path().join("frames/2.jpg")).unwrap();
    let ran = run(&sandbox, "track frames --point 53,40 --out masks");
    assert_eq!(ran.code(), 2, "{}", ran.describe());
    assert!(ran.stderr().contains("2.jpg") && ran.stderr().contains("rename"), "{}", ran.describe());
    assert!(!sandbox.path().join("masks").exists());
}

#[test]
fn a_start_that_fails_empties_nothing() {
    let sandbox = sandbox();
    sandbox.file("run.ndjson", "of an earlier run");
    sandbox.file("out/overlay-000001.jpg", "of an earlier run");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let before = contents(sandbox.path());
    let sinks = "--sink ndjson:run.ndjson --sink overlay:out";
    for (command, code) in [
        (format!("run --source files:frames {sinks} --model unknown"), 4),
        (format!("run --source files:missing {sinks}"), 1),
        (format!("run --source files:frames {sinks} --prompt script:missing"), 1),
        (format!("run --source files:frames {sinks} --seconds nan"), 2),
        (format!("run --source files:frames {sinks} --sink console --listen 127.0.0.1:{port}"), 2),
        ("track frames --point 53,40 --out masks --model unknown".to_owned(), 4),
    ] {
        let ran = run(&sandbox, &command);
        assert_eq!(ran.code(), code, "{}", ran.describe());
        assert!(contents(sandbox.path()) == before, "{}", ran.describe());
        assert!(!sandbox.path().join("masks").exists());
    }
}

#[test]
fn what_another_run_writes_is_left_to_it() {
    let sandbox = sandbox();
    let file = sandbox.file("run.ndjson", "half a line");
    sandbox.file("out/overlay-000001.jpg", "a picture");
    sandbox.file("other.ndjson", "of an earlier run");
    sandbox.file("other/overlay-000001.jpg", "of an earlier run");
    let (file, folder) = (File::open(file).unwrap(), File::open(sandbox.path().join("out")).unwrap());
    file.lock().unwrap();
    folder.lock().unwrap();
    let before = contents(sandbox.path());
    for command in [
        "run --source files:frames --sink ndjson:run.ndjson",
        "run --source files:frames --sink overlay:out",
        "run --source files:frames --sink ndjson:other.ndjson --sink overlay:other --sink ndjson:run.ndjson",
        "track frames --point 53,40 --out out",
    ] {
        let ran = run(&sandbox, command);
        assert_eq!(ran.code(), 1, "{}", ran.describe());
        assert!(ran.stderr().contains("another run"), "{}", ran.describe());
        assert!(contents(sandbox.path()) == before, "{}", ran.describe());
    }
    drop((file, folder));
    assert_eq!(run(&sandbox, "run --source files:frames --fps 50 --sink ndjson:run.ndjson").code(), 0);
}

#[test]
fn a_disk_without_room_leaves_no_part_of_a_picture() {
    let sandbox = sandbox();
    let program = env!("CARGO_BIN_EXE_foveate");
    for command in [
        "segment photo.png --point 53,40 --overlay out/o.png",
        "run --source files:frames --fps 20 --sink overlay:out?format=png",
    ] {
        fs::create_dir_all(sandbox.path().join("out")).unwrap();
        // A file may not grow beyond one block; what signals that is left to the write.
        let limited = format!("trap '' XFSZ; ulimit -f 1; exec {program} {command}");
        let mut shell = sandbox.command(&[]);
        let settings: Vec<_> = shell.get_envs().map(|(k, v)| (k.to_owned(), v.map(OsStr::to_owned))).collect();
        shell = Command::new("sh");
        shell.args(["-c", &limited]).current_dir(sandbox.path());
        for (key, value) in settings {
            shell.env(key, value.unwrap_or_default());
        }
        let output = shell.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(contents(&sandbox.path().join("out")).is_empty(), "{command}");
    }
}

fn fifo(sandbox: &Sandbox) -> std::path::PathBuf {
    let path = sandbox.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// A reader of the pipe who takes nothing, while the pipe has no room left.
fn stuffed(path: &Path) -> File {
    // Open for both, so that opening waits for nobody.
    let reader = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap();
    while (&reader).write(&[b' '; 4096]).is_ok() {}
    reader
}

/// Lines of a file by their `type`.
fn count(sandbox: &Sandbox, file: &str, kind: &str) -> usize {
    let text = fs::read_to_string(sandbox.path().join(file)).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter(|line| line["type"] == kind).count()
}

#[test]
fn a_pipe_without_a_reader_holds_up_nothing() {
    let sandbox = sandbox();
    fifo(&sandbox);
    let sinks = ["--sink", "ndjson:pipe", "--sink", "ndjson:other.ndjson"];
    let source = ["run", "--source", "files:frames", "--fps", "20", "--loop", "--seconds", "1"];
    let mut command = sandbox.command(&[&source[..], &sinks[..]].concat());
    command.stderr(Stdio::piped());
    let mut running = Running::start(command);
    assert_eq!(running.code_within(LONG), Some(1), "what nobody read is told");
    let mut told = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("start its reader"), "{told}");
    assert_eq!((count(&sandbox, "other.ndjson", "header"), count(&sandbox, "other.ndjson", "summary")), (1, 1));
}

#[test]
fn a_reader_who_takes_nothing_does_not_keep_a_stream_from_ending() {
    let sandbox = sandbox();
    let _reader = stuffed(&fifo(&sandbox));
    let arguments = "run --source files:frames --fps 20 --loop --seconds 2 --prompt script:script.ndjson --sink ndjson:pipe --sink ndjson:other.ndjson";
    let mut running = Running::start(sandbox.command(&arguments.split(' ').collect::<Vec<_>>()));
    assert_eq!(running.code_within(LONG), Some(1));
    assert_eq!(count(&sandbox, "other.ndjson", "summary"), 1);
}

#[test]
fn a_signal_ends_a_stream_whose_reader_takes_nothing() {
    let sandbox = sandbox();
    let _reader = stuffed(&fifo(&sandbox));
    let arguments = "run --source files:frames --fps 20 --loop --prompt script:script.ndjson --sink ndjson:pipe --sink ndjson:other.ndjson";
    let mut running = Running::start(sandbox.command(&arguments.split(' ').collect::<Vec<_>>()));
    let began = Instant::now();
    let frames = || fs::read_to_string(sandbox.path().join("other.ndjson")).unwrap_or_default().lines().count();
    while frames() < 5 && began.elapsed() < LONG {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").arg(running.0.id().to_string()).status().unwrap().success());
    assert_eq!(running.code_within(LONG), Some(1));
    assert_eq!(count(&sandbox, "other.ndjson", "summary"), 1);
}

#[test]
fn a_reader_who_goes_away_ends_its_sink_and_no_other() {
    let sandbox = sandbox();
    let arguments = "run --source files:frames --fps 20 --loop --seconds 3 --sink ndjson:- --sink ndjson:other.ndjson";
    let mut command = sandbox.command(&arguments.split(' ').collect::<Vec<_>>());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(command);
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("header"), "{line}");
    assert_eq!(running.code_within(LONG), Some(1));
    let mut told = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("ndjson:-: the reader went away"), "{told}");
    assert!(count(&sandbox, "other.ndjson", "frame") > 1, "the other sink went on");
    assert_eq!(count(&sandbox, "other.ndjson", "summary"), 1);
    let text = fs::read_to_string(sandbox.path().join("other.ndjson")).unwrap();
    assert!(text.contains("sink_failed") && text.contains("ndjson:-"), "{text}");
}

#[test]
fn the_only_reader_ends_the_stream_with_a_word() {
    let sandbox = sandbox();
    let arguments = "run --source files:frames --fps 20 --loop --sink ndjson:-";
    let mut command = sandbox.command(&arguments.split(' ').collect::<Vec<_>>());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(command);
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(running.code_within(LONG), Some(0), "as for every program before `head`");
    let mut told = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("the reader went away"), "{told}");
}

#[test]
fn a_full_device_fails_its_own_sink() {
    let sandbox = sandbox();
    let ran = run(&sandbox, "run --source files:frames --fps 20 --sink ndjson:/dev/full --sink ndjson:other.ndjson");
    assert_eq!(ran.code(), 1, "{}", ran.describe());
    assert!(ran.stderr().contains("writes failed"), "{}", ran.describe());
    assert_eq!((count(&sandbox, "other.ndjson", "header"), count(&sandbox, "other.ndjson", "summary")), (1, 1));
}

#[test]
fn names_that_are_no_text_work_or_are_named() {
    let sandbox = sandbox();
    let name = OsStr::from_bytes(b"caf\xe9");
    fs::rename(sandbox.path().join("frames"), sandbox.path().join(name)).unwrap();
    let photo = OsStr::from_bytes(b"caf\xe9.png");
    fs::rename(sandbox.path().join("photo.png"), sandbox.path().join(photo)).unwrap();
    fs::copy(sandbox.path().join(photo), sandbox.path().join(name).join(OsStr::from_bytes(b"\xff.png"))).unwrap();
    let with = |arguments: &[&OsStr]| {
        let mut command = sandbox.command(&[]);
        let output = command.args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let word = OsStr::new;
    let point = [word("--point"), word("53,40"), word("--json")];
    let (code, json, told) = with(&[&[word("segment"), photo, word("--out-mask"), photo_mask()], &point[..]].concat());
    assert_eq!(code, Some(0), "{told}");
    let answer: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(answer["image"], "caf\u{fffd}.png");
    assert!(sandbox.path().join(photo_mask()).is_file());

    let masks = OsStr::from_bytes(b"mask\xe9s");
    let (code, lines, told) = with(&[&[word("track"), name, word("--out"), masks], &point[..]].concat());
    assert_eq!((code, lines.lines().count()), (Some(0), 5), "{told}");
    assert!(sandbox.path().join(masks).join(OsStr::from_bytes(b"\xff.png")).is_file());

    let address = OsStr::from_bytes(b"files:caf\xe9");
    let (code, _, told) = with(&[word("run"), word("--source"), address]);
    assert_eq!(code, Some(2));
    assert!(told.contains("files:caf\u{fffd}") && told.contains("not UTF-8") && told.contains("ln -s"), "{told}");
}

fn photo_mask() -> &'static OsStr {
    OsStr::from_bytes(b"m\xe9.png")
}

#[test]
fn a_log_that_nobody_watches_has_no_colours() {
    let sandbox = sandbox();
    let ran = run(&sandbox, "run --source files:frames --fps 20 --sink ndjson:/dev/full -vv");
    assert!(!ran.stderr().is_empty() && !ran.stderr().contains('\u{1b}'), "{}", ran.describe());
    let usage = run(&sandbox, "run --source files:frames --fps x");
    assert!(!usage.stderr().contains('\u{1b}'), "{}", usage.describe());
}

#[test]
fn numbers_have_ranges_and_messages_an_end() {
    let sandbox = sandbox();
    let long = "9".repeat(100_000);
    let segment = "segment photo.png --point 53,40";
    for command in [
        "run --source files:frames --fps 1e-300".to_owned(),
        "run --source files:frames --fps 1e9".to_owned(),
        "run --source files:frames --fps=-1".to_owned(),
        "run --source files:frames --seconds 1e300".to_owned(),
        "run --source files:frames --seconds inf".to_owned(),
        "run --source files:frames --seconds=-1".to_owned(),
        "run --source files:frames --threads 0".to_owned(),
        "run --source files:frames --threads 100000".to_owned(),
        "run --source files:frames --max-objects 0".to_owned(),
        "demo --seconds nan".to_owned(),
        "track frames --point 53,40 --fps 1e-300".to_owned(),
        "track frames --point 53,40 --fps inf".to_owned(),
        format!("{segment} --threads 0"),
        format!("{segment} --input-size 4294967295x4294967295"),
        "bench --runs 4294967295".to_owned(),
        "quantize m.onnx --precision int8 --calibration frames --out o.onnx --percentile 1e300".to_owned(),
        "eval gaze --noise 1e300".to_owned(),
        "eval gaze --rate 0".to_owned(),
        format!("run --source files:frames --fps {long}"),
        format!("run --source files:frames --seconds {long}"),
        format!("run --source nothing:{long}"),
        format!("{segment} --point {long}"),
        format!("run --source files:frames --sink overlay:out?{long}=1"),
    ] {
        let ran = run(&sandbox, &command);
        assert_eq!(ran.code(), 2, "{:.200}", ran.describe());
        let told = ran.stderr();
        assert!(!told.contains("panicked") && told.len() < 6000, "{} bytes: {told:.500}", told.len());
        assert!(["give ", "use ", " to ", "..", " in "].iter().any(|word| told.contains(word)), "{told}");
    }
    for command in [format!("{segment} --model {long}"), format!("segment {long} --point 1,1")] {
        let ran = run(&sandbox, &command);
        assert!(ran.code() > 0 && ran.stderr().len() < 6000, "{:.500}", ran.stderr());
    }
}

#[test]
fn a_slow_rate_and_a_long_limit_are_computed() {
    let sandbox = sandbox();
    let ran = run(&sandbox, "run --source files:frames --fps 0.001 --seconds 0.5 --sink ndjson:slow.ndjson");
    assert_eq!((ran.code(), count(&sandbox, "slow.ndjson", "frame")), (0, 1), "{}", ran.describe());
    let ran = run(&sandbox, "run --source files:frames --fps 100 --seconds 1e9 --sink ndjson:long.ndjson");
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    let ran = run(&sandbox, "track frames --point 53,40 --fps 0.001");
    assert_eq!(ran.code(), 0, "{}", ran.describe());
}

#[cfg(feature = "console")]
#[test]
fn the_console_listens_on_a_name() {
    let sandbox = sandbox();
    let ran = run(&sandbox, "run --source files:frames --fps 20 --sink console --listen localhost:0");
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    assert!(ran.stderr().contains("console at http://"), "{}", ran.describe());
}
