//! The examples of the library do what they say: on a rendered scene and the bundled model.

use std::path::Path;
use std::process::Command;

use foveate::geometry::{Point, Size};
use foveate::mask::Mask;
use foveate::scene::{Rendering, Scene};

const SIZE: Size = Size::new(480, 360);
const SEED: u64 = 64;

/// Runs a program of `examples/`, which `cargo test` builds beside the tests.
fn example(name: &str, arguments: &[&str]) -> String {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(program.is_file(), "no {}: run `cargo build --release --examples` first", program.display());
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let output = Command::new(program).args(arguments).env("FOVEATE_MODELS", models).output().unwrap();
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{name} {arguments:?}: {stdout}{stderr}");
    stdout
}

/// Frames of a scene as files, and the mask on the first and on the last of the object that fills most of the first.
fn video(folder: &Path, frames: u32) -> [Mask; 2] {
    let scene = Scene::new(SEED, SIZE);
    let mut rendering = Rendering::default();
    let mut ids = Vec::new();
    for frame in 0..frames {
        scene.render(f64::from(frame) / 25.0, &mut rendering);
        let image = image::RgbImage::from_raw(SIZE.width, SIZE.height, rendering.rgb.clone()).unwrap();
        image.save(folder.join(format!("{frame}.png"))).unwrap();
        ids.push(rendering.ids.clone());
    }
    let mask_of = |ids: &[u8], id| Mask::from_fn(SIZE, |x, y| ids[(y * SIZE.width + x) as usize] == id);
    let id = (1..=scene.objects().len() as u8).max_by_key(|id| mask_of(&ids[0], *id).area()).unwrap();
    [mask_of(&ids[0], id), mask_of(ids.last().unwrap(), id)]
}

/// A point well within a mask, as an argument.
fn place(mask: &Mask) -> String {
    let center = mask.bounding_box().unwrap().center();
    assert!(mask.contains(center), "the center of the object's box lies beside it");
    format!("{},{}", center.x.round(), center.y.round())
}

/// The first number in a line.
fn number(line: &str) -> f64 {
    line.split(' ')
        .find_map(|word| word.trim_end_matches(',').parse().ok())
        .unwrap_or_else(|| panic!("no number: {line}"))
}

#[test]
fn photo_gives_masks_of_about_the_object() {
    let folder = tempfile::tempdir().unwrap();
    let [mask, _] = video(folder.path(), 1);
    let photo = folder.path().join("0.png");
    let out = example("photo", &[photo.to_str().unwrap(), &place(&mask)]);
    let areas: Vec<f64> = out.lines().map(number).collect();
    assert!(out.lines().count() >= 2, "several readings: {out}");
    let truth = mask.area() as f64;
    assert!(areas.iter().any(|area| (0.6..1.6).contains(&(area / truth))), "{truth} pixels in truth: {out}");
}

#[test]
fn follow_video_reports_a_box_on_every_frame() {
    let folder = tempfile::tempdir().unwrap();
    let [first, last] = video(folder.path(), 12);
    let out = example("follow_video", &[folder.path().to_str().unwrap(), &place(&first)]);
    assert_eq!(out.lines().count(), 12, "{out}");
    assert!(out.lines().all(|line| !line.contains("Lost")), "{out}");
    let line = out.lines().last().unwrap();
    assert!(line.starts_with("11.png"), "in natural order: {out}");
    let center = last.bounding_box().unwrap().center();
    let corners: Vec<f32> = line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let [x0, y0, x1, y1, ..] = corners[..] else { panic!("{line}") };
    assert!(Point::new((x0 + x1) / 2.0, (y0 + y1) / 2.0).distance(center) < 30.0, "{center:?}: {line}");
}

#[test]
fn own_sink_hears_of_frames_and_events() {
    let out = example("own_sink", &[]);
    assert!(out.starts_with("scene:1 at 640x480"), "{out}");
    assert!(out.contains("Selected { object: 1"), "{out}");
    let tracked = out.lines().filter(|line| line.starts_with("frame") && line.contains("object 1 Tracked at")).count();
    // A busy machine drops frames; those that come out are right.
    assert!(tracked > 2, "{out}");
    assert!(out.lines().last().unwrap().contains("frames in"), "{out}");
}

#[test]
fn own_source_is_followed() {
    let out = example("own_source", &[]);
    let records: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut tracked = 0;
    for record in records.iter().filter(|record| record["type"] == "frame") {
        let Some(object) = record["objects"].get(0).filter(|object| object["state"] == "tracked") else { continue };
        // The ball, as the example draws it.
        let frame = record["frame"].as_u64().unwrap() as f64;
        let x = 240.0 + 120.0 * (frame / 20.0).sin();
        let corner = |i: usize| object["box"][i].as_f64().unwrap();
        assert!(((corner(0) + corner(2)) / 2.0 - x).abs() < 15.0, "the ball is at {x}: {record}");
        tracked += 1;
    }
    assert!(tracked > 2, "{tracked} frames: {out}");
}
