//! Videos in and out: `track` on a clip and on its frames, outputs that play, what a stop leaves.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::clips::{ffmpeg, frame_times};
use super::program::Sandbox;

/// One entry of the first stream of a kind, by ffprobe.
fn probe(path: &Path, stream: &str, entry: &str) -> String {
    let entries = format!("stream={entry}");
    let arguments =
        ["-v", "error", "-count_frames", "-select_streams", stream, "-show_entries", &entries, "-of", "csv=p=0"];
    let output = Command::new("ffprobe").args(arguments).arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().trim_end_matches(',').to_owned()
}

/// A clip of a disc that moves over a still picture, with sound, and its frames: 40 of 320x240 at 20 a second.
fn clip_of_disc(sandbox: &Sandbox) {
    let frames = sandbox.path().join("frames");
    std::fs::create_dir_all(&frames).unwrap();
    for n in 0..40u32 {
        let image = image::RgbImage::from_fn(320, 240, |x, y| {
            let inside = (x as f32 - 100.0 - 2.0 * n as f32).hypot(y as f32 - 120.0) < 40.0;
            let wave = 90.0 + 40.0 * (x as f32 / 9.0).sin() * (y as f32 / 7.0).sin();
            if inside { image::Rgb([230, 120, 60]) } else { image::Rgb([60, wave as u8, 90]) }
        });
        image.save(frames.join(format!("{n:03}.png"))).unwrap();
    }
    ffmpeg(
        sandbox.path(),
        "-framerate 20 -i frames/%03d.png -f lavfi -i sine=duration=2 -c:v libx264 -crf 5 -pix_fmt yuv420p -c:a aac clip.mp4",
    );
}

#[test]
#[ignore = "make test-cameras"]
fn a_clip_is_followed_as_its_frames_are_and_comes_back() {
    let sandbox = Sandbox::new();
    clip_of_disc(&sandbox);
    let at = |name: &str| sandbox.path().join(name);
    let ran = sandbox.foveate(&[
        "track",
        "clip.mp4",
        "--point",
        "100,120",
        "--out",
        "a",
        "--overlay",
        "out.mp4",
        "--cutout",
        "cut.webm",
        "--matte",
        "matte",
    ]);
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    assert!(ran.stdout().contains("40 frames") && ran.stdout().contains("lost on 0"), "{}", ran.describe());
    let folder = sandbox.foveate(&["track", "frames", "--fps", "20", "--point", "100,120", "--out", "b"]);
    assert_eq!(folder.code(), 0, "{}", folder.describe());
    for n in 0..40 {
        let open = |path: String| image::open(at(&path)).unwrap().into_luma8();
        let (a, b, matte) =
            (open(format!("a/{n:06}.png")), open(format!("b/{n:03}.png")), open(format!("matte/{n:06}.png")));
        let pairs = || a.pixels().zip(b.pixels());
        let both = pairs().filter(|(a, b)| a.0[0] > 0 && b.0[0] > 0).count();
        let either = pairs().filter(|(a, b)| a.0[0] > 0 || b.0[0] > 0).count();
        assert!(both as f64 >= 0.97 * either as f64, "frame {n}: {both} of {either}");
        assert!(a.pixels().zip(matte.pixels()).all(|(a, m)| (a.0[0] > 0) == (m.0[0] >= 128)), "frame {n}");
    }
    let of = |name: &str, entry: &str| probe(&at(name), "v:0", entry);
    assert_eq!((of("out.mp4", "nb_read_frames"), of("out.mp4", "avg_frame_rate")), ("40".into(), "20/1".into()));
    assert_eq!(of("cut.webm", "nb_read_frames"), "40");
    assert_eq!(probe(&at("out.mp4"), "a:0", "codec_name"), "aac");
    assert_eq!(probe(&at("cut.webm"), "a:0", "codec_name"), "opus");
    // Transparent in the corner, opaque on the disc.
    ffmpeg(sandbox.path(), "-c:v libvpx-vp9 -i cut.webm -frames:v 1 -pix_fmt rgba cut.png");
    let cut = image::open(at("cut.png")).unwrap().into_rgba8();
    assert!(cut.get_pixel(5, 5).0[3] < 10 && cut.get_pixel(100, 120).0[3] > 245, "{:?}", cut.get_pixel(100, 120));
}

#[test]
#[ignore = "make test-cameras"]
fn times_of_any_rate_go_through() {
    let sandbox = Sandbox::new();
    clip_of_disc(&sandbox);
    let kept = r"select='not(mod(n\,5))+not(mod(n\,3))'";
    ffmpeg(sandbox.path(), &format!("-i clip.mp4 -an -vf {kept} -fps_mode vfr -c:v libx264 variable.mp4"));
    for out in ["out.mp4", "out.mkv", "out.webm", "out.mov", "out.avi", "out.gif", "cut.webm", "cut.mov"] {
        let kind = if out.starts_with("cut") { "--cutout" } else { "--overlay" };
        let ran = sandbox.foveate(&["track", "variable.mp4", "--point", "100,120", kind, out]);
        assert_eq!(ran.code(), 0, "{}", ran.describe());
        let times = |name: &str| frame_times(&sandbox.path().join(name));
        let (given, written) = (times("variable.mp4"), times(out));
        if out.ends_with("avi") {
            // It has frames at one rate only.
            assert!(written.len() > 15 && (written.last().unwrap() - given.last().unwrap()).abs() < 0.1, "{written:?}");
            continue;
        }
        assert_eq!(given.len(), written.len(), "{out}");
        // Matroska counts milliseconds, GIF hundredths of a second.
        let unit = if out.ends_with("gif") { 1.1e-2 } else { 1.1e-3 };
        assert!(given.iter().zip(&written).all(|(a, b)| (a - b).abs() < unit), "{out}: {given:?} {written:?}");
    }
}

#[test]
#[ignore = "make test-cameras"]
fn sound_stays_with_the_pictures() {
    let sandbox = Sandbox::new();
    clip_of_disc(&sandbox);
    // Pictures that begin a second after the sound, which a second of silence precedes.
    ffmpeg(sandbox.path(), "-i clip.mp4 -itsoffset 1 -i clip.mp4 -map 0:a -map 1:v -c copy late.mkv");
    for (given, out) in
        [("late.mkv", "out.mkv"), ("late.mkv", "out.mp4"), ("clip.mp4", "out.webm"), ("clip.mp4", "out.mov")]
    {
        let ran = sandbox.foveate(&["track", given, "--point", "100,120", "--overlay", out]);
        assert_eq!(ran.code(), 0, "{}", ran.describe());
        let start =
            |name: &str, stream: &str| probe(&sandbox.path().join(name), stream, "start_time").parse::<f64>().unwrap();
        let apart = |name: &str| start(name, "v:0") - start(name, "a:0");
        assert!((apart(given) - apart(out)).abs() < 0.03, "{out}: {} for {}", apart(out), apart(given));
        assert_eq!(probe(&sandbox.path().join(out), "v:0", "nb_read_frames"), "40", "{out}");
    }
}

#[test]
#[ignore = "make test-cameras"]
fn frames_of_several_sizes_are_refused_for_a_video() {
    let sandbox = Sandbox::new();
    for (name, width, height) in [("0.png", 320, 240), ("1.png", 320, 240), ("2.png", 240, 320)] {
        std::fs::create_dir_all(sandbox.path().join("frames")).unwrap();
        image::RgbImage::from_pixel(width, height, image::Rgb([90, 20, 30]))
            .save(sandbox.path().join("frames").join(name))
            .unwrap();
    }
    for (kind, out) in [("--overlay", "a.mp4"), ("--cutout", "b.webm"), ("--matte", "c.mp4")] {
        let ran = sandbox.foveate(&["track", "frames", "--point", "100,120", kind, out]);
        assert!(ran.code() == 1 && ran.stderr().contains("240x320"), "{}", ran.describe());
        assert_eq!(probe(&sandbox.path().join(out), "v:0", "nb_read_frames"), "2", "{out}");
    }
}

#[test]
#[ignore = "make test-cameras"]
fn a_stop_leaves_what_plays() {
    let sandbox = Sandbox::new();
    ffmpeg(
        sandbox.path(),
        "-f lavfi -i testsrc2=size=640x480:rate=30:duration=60 -c:v libx264 -preset ultrafast long.mp4",
    );
    for signal in ["INT", "KILL"] {
        let out = sandbox.path().join(format!("{signal}.mp4"));
        let arguments = ["track", "long.mp4", "--point", "320,240", "--overlay", out.to_str().unwrap()];
        let mut child = sandbox.command(&arguments).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(4));
        let killed = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        child.wait().unwrap();
        // ffmpeg ends the file by itself when this program is gone.
        let began = Instant::now();
        let frames = loop {
            let frames = probe(&out, "v:0", "nb_read_frames").parse::<u64>().unwrap_or(0);
            if frames > 0 || began.elapsed() > Duration::from_secs(20) {
                break frames;
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        println!("{signal}: {frames} frames play");
        assert!(frames > 5, "{signal}");
    }
}

#[test]
#[ignore = "make test-cameras"]
fn a_stream_is_recorded_and_a_clip_streams() {
    let sandbox = Sandbox::new();
    clip_of_disc(&sandbox);
    let script = "{\"time_s\":0.0,\"object\":1,\"points\":[[100,120,1]]}\n";
    sandbox.file("prompts.ndjson", script);
    let arguments =
        ["run", "--source", "video:clip.mp4", "--prompt", "script:prompts.ndjson", "--sink", "ndjson:out.ndjson"];
    let ran = sandbox.foveate(&[&arguments[..], &["--sink", "video:out.mp4"]].concat());
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    assert_eq!(probe(&sandbox.path().join("out.mp4"), "v:0", "nb_read_frames"), "40", "{}", ran.describe());
    let lines = std::fs::read_to_string(sandbox.path().join("out.ndjson")).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains("\"objects\":[{")).count(), 40, "{}", ran.describe());
    // The same again is the same, bit for bit, but for latencies.
    let masks = |text: &str| -> Vec<String> {
        let of = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["objects"].to_string();
        text.lines().map(of).collect()
    };
    let again = sandbox.foveate(&arguments);
    assert_eq!(again.code(), 0, "{}", again.describe());
    assert_eq!(masks(&lines), masks(&std::fs::read_to_string(sandbox.path().join("out.ndjson")).unwrap()));
    let looped = sandbox.foveate(&[
        "run",
        "--source",
        "video:clip.mp4",
        "--loop",
        "--seconds",
        "5",
        "--sink",
        "ndjson:out.ndjson",
        "--json",
    ]);
    assert_eq!(looped.code(), 0, "{}", looped.describe());
    let last: u64 = std::fs::read_to_string(sandbox.path().join("out.ndjson"))
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["frame"].as_u64())
        .max()
        .unwrap();
    assert!(last > 60, "{last}");
}

#[test]
#[ignore = "make test-cameras"]
fn outputs_that_cannot_be_are_refused_before_anything_is_done() {
    let sandbox = Sandbox::new();
    clip_of_disc(&sandbox);
    let rows: [(&[&str], &str); 6] = [
        (&["--overlay", "clip.mp4"], "written over"),
        (&["--overlay", "out.txt"], ".mp4, .mov"),
        (&["--cutout", "out.mp4"], ".webm, .mkv or .mov"),
        (&["--overlay", "a.mp4", "--matte", "a.mp4"], "a file of its own"),
        (&["--out", "x", "--cutout", "x"], "a folder of its own"),
        (&["--fps", "20"], "times of its own"),
    ];
    for (arguments, expected) in rows {
        let ran = sandbox.foveate(&[&["track", "clip.mp4", "--point", "100,120"], arguments].concat());
        assert!(ran.code() == 2 && ran.stderr().contains(expected), "{arguments:?}: {}", ran.describe());
    }
    let full = sandbox.foveate(&["track", "clip.mp4", "--point", "100,120", "--overlay", "/no/such/folder/out.mp4"]);
    assert!(full.code() != 0 && full.stderr().contains("cannot be written"), "{}", full.describe());
}
