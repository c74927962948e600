//! Pictures and masks as users have them, through the commands: what is a frame, what is damage, and what a mask means.

#[path = "common/program.rs"]
mod program;

use image::{GrayImage, Luma, Rgb, RgbImage};
use program::Sandbox;

/// A bright disc about (60, 40).
fn inside(x: u32, y: u32) -> bool {
    (x as i32 - 60).pow(2) + (y as i32 - 40).pow(2) < 400
}

fn picture() -> RgbImage {
    RgbImage::from_fn(120, 80, |x, y| if inside(x, y) { Rgb([230, 200, 40]) } else { Rgb([30, 60, 90]) })
}

fn jpeg() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture().write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// Five frames of which the third is cut short behind an end marker, and what others keep beside them.
fn frames(sandbox: &Sandbox) {
    let whole = jpeg();
    for n in 1..=5 {
        let cut = [&whole[..whole.len() * 2 / 3], &[0xff, 0xd9]].concat();
        sandbox.file(&format!("frames/{n}.jpg"), if n == 3 { &cut } else { &whole });
    }
    for name in ["._1.jpg", "Thumbs.db", ".thumbnails/1.jpg", "@eaDir/1.jpg"] {
        sandbox.file(&format!("frames/{name}"), "none");
    }
}

#[test]
fn track_goes_on_past_a_damaged_frame() {
    let sandbox = Sandbox::new();
    frames(&sandbox);
    let ran = sandbox.foveate(&["track", "frames", "--point", "60,40", "--out", "masks"]);
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    assert!(ran.stdout().contains("4 frames") && ran.stdout().contains("1 more damaged"), "{}", ran.describe());
    assert!(ran.stderr().contains("frame 2") && ran.stderr().contains("3.jpg"), "{}", ran.describe());
    for n in 1..=5 {
        assert_eq!(sandbox.path().join(format!("masks/{n}.png")).is_file(), n != 3, "{n}");
    }
    let ran = sandbox.foveate(&["track", "frames", "--point", "60,40", "--json"]);
    let lines: Vec<serde_json::Value> = ran.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5, "{}", ran.describe());
    assert!(lines[2]["damaged"].as_str().unwrap().contains("3.jpg") && lines[2].get("rle").is_none());
    assert_eq!((&lines[2]["frame"], &lines[3]["frame"]), (&2.into(), &3.into()));
}

#[test]
fn run_sees_the_same_frames() {
    let sandbox = Sandbox::new();
    frames(&sandbox);
    let ran = sandbox.foveate(&["run", "--source", "files:frames", "--fps", "5", "--sink", "ndjson:-"]);
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    let lines: Vec<serde_json::Value> = ran.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<u64> = lines.iter().filter_map(|line| line["frame"].as_u64()).collect();
    assert!(numbers.iter().all(|n| [0, 1, 3, 4].contains(n)) && !numbers.is_empty(), "{numbers:?}");
    assert!(ran.stdout().contains("3.jpg"), "{}", ran.describe());
}

#[test]
fn masks_are_prompts_by_their_meaning() {
    let sandbox = Sandbox::new();
    picture().save(sandbox.path().join("photo.png")).unwrap();
    let save = |name: &str, level: &dyn Fn(u32, u32) -> u8| {
        GrayImage::from_fn(120, 80, |x, y| Luma([level(x, y)])).save(sandbox.path().join(name)).unwrap();
    };
    save("ones.png", &|x, y| u8::from(inside(x, y)));
    save("black.png", &|_, _| 0);
    save("labels.png", &|x, y| if inside(x, y) { 2 } else { u8::from(x < 9) });
    let segment = |arguments: &[&str]| sandbox.foveate(&[&["segment", "photo.png", "--json"], arguments].concat());

    let ran = segment(&["--mask", "ones.png"]);
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    let area = answer["masks"][0]["area"].as_f64().unwrap();
    assert!((area / 1257.0 - 1.0).abs() < 0.3, "{area}");
    let chosen = segment(&["--mask", "labels.png", "--mask-label", "2"]);
    assert_eq!(chosen.code(), 0, "{}", chosen.describe());

    for (name, words) in [("black.png", "empty"), ("labels.png", "--mask-label")] {
        let ran = segment(&["--mask", name]);
        assert!(ran.code() != 0 && ran.stderr().contains(words) && ran.stderr().contains(name), "{}", ran.describe());
    }
}

#[test]
fn too_large_frames_are_refused_with_what_they_take() {
    let sandbox = Sandbox::new();
    frames(&sandbox);
    let ran = sandbox.foveate(&["run", "--source", "files:frames", "--max-memory", "300K"]);
    assert!(ran.code() != 0 && ran.stderr().contains("--max-memory"), "{}", ran.describe());
    let ran = sandbox.foveate(&["track", "frames", "--point", "60,40", "--max-memory", "20K"]);
    assert!(ran.code() != 0 && ran.stderr().contains("to decode"), "{}", ran.describe());
}
