//! Clips of all kinds, made by ffmpeg: every frame, in order, at its own time, as ffprobe counts them; or a clear error.

use std::path::{Path, PathBuf};
use std::process::Command;

use foveate::error::VideoError;
use foveate::frame::Frame;
use foveate::geometry::Size;
use foveate::video::{Clip, ClipReader};

use super::program::Sandbox;

/// Runs ffmpeg with these arguments, words apart, in `folder`.
pub fn ffmpeg(folder: &Path, arguments: &str) {
    let words = arguments.split_whitespace();
    let output = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "ffmpeg {arguments}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// What ffprobe says of a file's pictures: a line for each value of `entries`.
fn probe(path: &Path, entries: &str) -> String {
    let arguments = ["-v", "quiet", "-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0"];
    let output = Command::new("ffprobe").args(arguments).arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The times of all frames as ffprobe decodes them.
pub fn frame_times(path: &Path) -> Vec<f64> {
    let time = |line: &str| line.trim_end_matches(',').trim().parse::<f64>().ok();
    probe(path, "frame=best_effort_timestamp_time").lines().filter_map(time).collect()
}

/// The same from the file's start on.
fn times_by_ffprobe(path: &Path) -> Vec<f64> {
    let start: f64 = probe(path, "format=start_time").trim().parse().unwrap_or(0.0);
    frame_times(path).iter().map(|time| time - start).collect()
}

/// All frames: their times, and the last one.
fn read(path: &Path) -> Result<(Vec<f64>, Frame, String), VideoError> {
    let mut reader = ClipReader::open(Clip::open(path)?)?;
    let (mut times, mut frame) = (Vec::new(), Frame::default());
    while reader.read(&mut frame)? {
        assert_eq!(frame.sequence, times.len() as u64);
        frame.check().unwrap();
        times.push(frame.captured_at.as_secs_f64());
    }
    Ok((times, frame, reader.complaints()))
}

const TEST: &str = "-f lavfi -i testsrc2=size=320x240:rate=30:duration=2";

struct Kind {
    name: &'static str,
    make: fn(&Path),
    size: (u32, u32),
}

fn make(folder: &Path, arguments: &str) {
    ffmpeg(folder, arguments);
}

/// An H.264 clip that begins in the middle of a group of pictures.
fn without_key_frame(folder: &Path) {
    make(folder, &format!("{TEST} -c:v libx264 -g 20 -bf 0 whole.ts"));
    let bytes = std::fs::read(folder.join("whole.ts")).unwrap();
    // Packets of a transport stream have 188 bytes. Its tables come first and again later.
    let from = bytes.len() / 188 / 3 * 188;
    std::fs::write(folder.join("headless.ts"), &bytes[from..]).unwrap();
}

/// A file that says in its header (`tkhd`, ISO/IEC 14496-12) that it is shown turned by a quarter, as a phone's does.
fn turned(folder: &Path) {
    make(folder, &format!("{TEST} -c:v libx264 upright.mp4"));
    let mut bytes = std::fs::read(folder.join("upright.mp4")).unwrap();
    let header = bytes.windows(4).position(|name| name == b"tkhd").unwrap();
    let matrix: [i32; 9] = [0, 1 << 16, 0, -(1 << 16), 0, 0, 240 << 16, 0, 1 << 30];
    let matrix: Vec<u8> = matrix.iter().flat_map(|value| value.to_be_bytes()).collect();
    bytes[header + 44..][..36].copy_from_slice(&matrix);
    std::fs::write(folder.join("turned.mp4"), bytes).unwrap();
}

/// A Matroska file of which the last third is missing.
fn cut_short(folder: &Path) {
    make(folder, &format!("{TEST} -c:v libx264 whole.mkv"));
    let bytes = std::fs::read(folder.join("whole.mkv")).unwrap();
    std::fs::write(folder.join("cut.mkv"), &bytes[..bytes.len() * 2 / 3]).unwrap();
}

const KINDS: &[Kind] = &[
    Kind {
        name: "h264.mp4",
        make: |f| make(f, &format!("{TEST} -c:v libx264 -bf 3 -g 12 h264.mp4")),
        size: (320, 240),
    },
    Kind {
        name: "h265.mov",
        make: |f| make(f, &format!("{TEST} -c:v libx265 -x265-params log-level=error h265.mov")),
        size: (320, 240),
    },
    Kind {
        name: "variable.mp4",
        make: |f| {
            let kept = r"select='not(mod(n\,7))+not(mod(n\,3))'";
            make(f, &format!("{TEST} -vf {kept} -fps_mode vfr -c:v libx264 -bf 2 variable.mp4"));
        },
        size: (320, 240),
    },
    Kind { name: "turned.mp4", make: turned, size: (240, 320) },
    Kind {
        name: "ten_bits.mkv",
        make: |f| make(f, &format!("{TEST} -c:v libx264 -pix_fmt yuv420p10le ten_bits.mkv")),
        size: (320, 240),
    },
    Kind {
        name: "odd.mkv",
        make: |f| {
            make(
                f,
                "-f lavfi -i testsrc2=size=320x240:rate=25:duration=1 -vf format=yuv444p,scale=321:241 -c:v ffv1 odd.mkv",
            )
        },
        size: (321, 241),
    },
    Kind {
        name: "large.mp4",
        make: |f| {
            make(f, "-f lavfi -i testsrc2=size=3840x2160:rate=24:duration=0.5 -c:v libx264 -preset ultrafast large.mp4")
        },
        size: (3840, 2160),
    },
    Kind { name: "one.mp4", make: |f| make(f, &format!("{TEST} -frames:v 1 -c:v libx264 one.mp4")), size: (320, 240) },
    Kind { name: "cut.mkv", make: cut_short, size: (320, 240) },
    Kind { name: "headless.ts", make: without_key_frame, size: (320, 240) },
    Kind {
        name: "vp9.webm",
        make: |f| make(f, &format!("{TEST} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 vp9.webm")),
        size: (320, 240),
    },
    Kind { name: "motion.avi", make: |f| make(f, &format!("{TEST} -c:v mjpeg motion.avi")), size: (320, 240) },
    Kind { name: "moving.gif", make: |f| make(f, &format!("{TEST} -r 10 moving.gif")), size: (320, 240) },
    Kind {
        name: "late.mp4",
        make: |f| {
            make(
                f,
                &format!(
                    "-f lavfi -i sine=duration=3 -itsoffset 0.5 {TEST} -map 1:v -map 0:a -c:v libx264 -c:a aac late.mp4"
                ),
            );
        },
        size: (320, 240),
    },
];

#[test]
#[ignore = "make test-cameras"]
fn every_frame_of_a_clip_comes_once_at_its_own_time() {
    let folder = tempfile::tempdir().unwrap();
    println!("{:14} {:>6} {:>10}  complaints", "clip", "frames", "last (s)");
    let mut failed = Vec::new();
    for Kind { name, make, size } in KINDS {
        make(folder.path());
        let path = folder.path().join(name);
        let expected = times_by_ffprobe(&path);
        let (times, last, complaints) = read(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        println!("{name:14} {:>6} {:>10.3}  {complaints}", times.len(), times.last().unwrap());
        let far = times.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if times.len() != expected.len() || far > 2e-6 || last.size != Size::new(size.0, size.1) {
            failed.push(format!("{name}: {} of {} frames, off by {far}, {:?}", times.len(), expected.len(), last.size));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
#[ignore = "make test-cameras"]
fn frames_hold_what_the_clip_shows() {
    let folder = tempfile::tempdir().unwrap();
    // Colours that a wrong matrix or range would change, in either.
    for (name, colours) in [
        ("bt601.mkv", "out_color_matrix=bt601:out_range=tv -colorspace smpte170m -color_range tv"),
        ("bt709.mkv", "out_color_matrix=bt709:out_range=tv -colorspace bt709 -color_range tv"),
        ("full.mkv", "out_color_matrix=bt709:out_range=pc -colorspace bt709 -color_range pc"),
    ] {
        let picture = "-f lavfi -i color=c=0x2060c0:size=64x48:rate=10:duration=0.3";
        ffmpeg(folder.path(), &format!("{picture} -vf format=rgb24,scale={colours} -pix_fmt yuv420p -c:v ffv1 {name}"));
        let (_, last, _) = read(&folder.path().join(name)).unwrap();
        let mut rgb = Vec::new();
        foveate::frame::to_rgb(&last, &mut rgb).unwrap();
        let far = rgb.chunks(3).flat_map(|p| p.iter().zip([0x20u8, 0x60, 0xc0]).map(|(a, b)| a.abs_diff(b))).max();
        assert!(far.unwrap() <= 3, "{name}: {:?} {:?}", &rgb[..3], last.colorimetry);
    }
}

#[test]
#[ignore = "make test-cameras"]
fn what_is_no_clip_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    ffmpeg(folder.path(), "-f lavfi -i sine=duration=1 sound.m4a");
    ffmpeg(folder.path(), &format!("{TEST} -c:v libx264 whole.mp4"));
    let whole = std::fs::read(at("whole.mp4")).unwrap();
    std::fs::write(at("cut.mp4"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(at("text.mp4"), "no video at all").unwrap();
    std::fs::write(at("empty.mp4"), "").unwrap();
    assert!(matches!(read(&at("sound.m4a")), Err(VideoError::OnlySound { .. })));
    for (name, expected) in [
        ("cut.mp4", "moov"),
        ("text.mp4", "Invalid data"),
        ("empty.mp4", ""),
        ("none.mp4", "No such file"),
        ("", "no file"),
    ] {
        let error = read(&at(name)).unwrap_err();
        assert!(matches!(error, VideoError::Unreadable { .. }), "{name}: {error:?}");
        assert!(error.to_string().contains(expected) && error.to_string().contains("convert it"), "{name}: {error}");
    }
}

#[test]
#[ignore = "make test-cameras"]
fn a_clip_cannot_make_ffmpeg_open_what_lies_in_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let list = folder.path().join("list.m3u8");
    std::fs::write(
        &list,
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://{address}/a.ts\n#EXT-X-ENDLIST\n"),
    )
    .unwrap();
    let _ = read(&list).unwrap_err();
    assert!(listener.accept().is_err(), "it was asked for");
}

/// Writes a folder's photos as `png/%05d.png`, exactly as this program's own decoder has them; says how many they are.
fn as_pngs(photos: &Path, folder: &Path) -> usize {
    std::fs::create_dir(folder.join("png")).unwrap();
    let files = foveate::capture::list_images(photos).unwrap();
    for (number, file) in files.iter().enumerate() {
        let frame = foveate::frame::open_image(file).unwrap();
        let path = folder.join(format!("png/{number:05}.png"));
        let Size { width, height } = frame.size;
        image::save_buffer(path, &frame.data, width, height, image::ExtendedColorType::Rgb8).unwrap();
    }
    files.len()
}

/// Whether each pixel is inside, of each mask in a folder, in their order.
fn masks(folder: &Path) -> Vec<Vec<bool>> {
    let files = foveate::capture::list_images(folder).unwrap();
    let mask = |path: &PathBuf| image::open(path).unwrap().into_luma8().into_raw().iter().map(|v| *v > 127).collect();
    files.iter().map(mask).collect()
}

fn iou(a: &[bool], b: &[bool]) -> f64 {
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    let either = a.iter().zip(b).filter(|(a, b)| **a || **b).count();
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

#[test]
#[ignore = "make test-cameras"]
fn a_clip_gives_the_masks_that_its_frames_give() {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/eval/davis/images/dog");
    if !photos.exists() {
        println!("skipped: there is no {}", photos.display());
        return;
    }
    let sandbox = Sandbox::new();
    let count = as_pngs(&photos, sandbox.path());
    let track = |frames: &str, more: &[&str], out: &str| {
        let ran = sandbox.foveate(&[&["track", frames, "--point", "420,250", "--out", out], more].concat());
        assert_eq!(ran.code(), 0, "{}", ran.describe());
        masks(&sandbox.path().join(out))
    };
    let expected = track("png", &["--fps", "24"], "of-frames");
    assert_eq!(expected.len(), count);
    let rows = [
        ("png.mov", "-c:v png -pix_fmt rgb24", 1.0, 1.0),
        ("ffv1.mkv", "-c:v ffv1 -pix_fmt bgr0", 1.0, 1.0),
        ("h264rgb.mp4", "-c:v libx264rgb -crf 0 -preset ultrafast -pix_fmt rgb24", 1.0, 1.0),
        // A quarter of the colours, and those not exactly.
        ("h264.mp4", "-c:v libx264 -crf 18 -pix_fmt yuv420p", 0.97, 0.9),
    ];
    println!("{:12} {:>9} {:>9}", "clip", "mean IoU", "least");
    for (name, encoder, mean_needed, least_needed) in rows {
        ffmpeg(sandbox.path(), &format!("-framerate 24 -i png/%05d.png {encoder} {name}"));
        let found = track(name, &[], &format!("of-{name}"));
        assert_eq!(found.len(), count, "{name}");
        let each: Vec<f64> = found.iter().zip(&expected).map(|(a, b)| iou(a, b)).collect();
        let (mean, least) = (each.iter().sum::<f64>() / count as f64, each.iter().copied().fold(1.0, f64::min));
        println!("{name:12} {mean:9.4} {least:9.4}");
        assert!(mean >= mean_needed && least >= least_needed, "{name}: {mean} {least}");
    }
}
