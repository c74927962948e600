//! Following through recorded frames from the command line, as somebody who measures it would: every frame encoded, and every
//! second one.

#[allow(dead_code)]
#[path = "common/program.rs"]
mod program;

use foveate::geometry::Size;
use foveate::scene::{Rendering, Scene};
use program::Sandbox;
use serde_json::Value;

const SIZE: Size = Size::new(320, 240);
const FRAMES: usize = 9;

/// A rendered sequence in DAVIS's form in a folder of its own: frames, and masks of the object that shows most of itself.
fn sequence() -> Sandbox {
    let sandbox = Sandbox::new();
    let (images, masks) = (sandbox.path().join("images/scene"), sandbox.path().join("masks/scene"));
    for dir in [&images, &masks] {
        std::fs::create_dir_all(dir).unwrap();
    }
    let scene = Scene::new(7, SIZE);
    let mut rendering = Rendering::default();
    scene.render(0.0, &mut rendering);
    let area = |id: u8| rendering.ids.iter().filter(|other| **other == id).count();
    let objects = scene.objects().iter().map(|o| o.id).filter(|id| area(*id) * 5 < SIZE.area());
    let object = objects.max_by_key(|id| area(*id)).unwrap();
    for frame in 0..FRAMES {
        scene.render(frame as f64 / 24.0, &mut rendering);
        let name = format!("{frame:05}.png");
        let rgb = image::RgbImage::from_raw(SIZE.width, SIZE.height, rendering.rgb.clone()).unwrap();
        rgb.save(images.join(&name)).unwrap();
        let inside = rendering.ids.iter().map(|id| if *id == object { 255 } else { 0 }).collect();
        image::GrayImage::from_raw(SIZE.width, SIZE.height, inside).unwrap().save(masks.join(&name)).unwrap();
    }
    sandbox
}

fn report(sandbox: &Sandbox, more: &[&str]) -> Value {
    let ran = sandbox.foveate(&[&["eval", "davis", "--data", ".", "--json"], more].concat());
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    serde_json::from_str(&ran.stdout()).unwrap_or_else(|e| panic!("{e}: {}", ran.describe()))
}

#[test]
fn a_sequence_is_followed_with_fewer_encodings_too() {
    let sandbox = sequence();
    for every in [1, 2, 4] {
        let measured = report(&sandbox, &["--encode-every", &every.to_string()]);
        assert_eq!(measured["encode_every"], every, "{measured:#}");
        // Neither the first frame, which is given, nor the last one counts.
        assert_eq!(measured["images"], FRAMES - 2, "{measured:#}");
        assert!(measured["jf"].as_f64().unwrap() > 0.8, "{measured:#}");
        let positive = |key: &str| measured[key].as_f64().is_some_and(|value| value > 0.0);
        assert!(positive("encoder_ms") && positive("frame_ms") && positive("frame_encodings"), "{measured:#}");
    }
    let none = sandbox.foveate(&["eval", "davis", "--data", ".", "--encode-every", "0"]);
    assert_eq!(none.code(), 2, "{}", none.describe());
}

#[test]
fn every_frame_has_a_mask_whether_it_was_encoded_or_not() {
    let sandbox = sequence();
    let ran = sandbox.foveate(&[
        "track",
        "images/scene",
        "--first-mask",
        "masks/scene/00000.png",
        "--encode-every",
        "3",
        "--out",
        "out",
        "--json",
    ]);
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    let lines: Vec<Value> = ran.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), FRAMES, "{}", ran.describe());
    for (frame, line) in lines.iter().enumerate() {
        assert_eq!(line["frame"], frame, "{}", ran.describe());
        let open = |folder: &str| {
            let path = sandbox.path().join(folder).join(format!("{frame:05}.png"));
            image::open(path).unwrap().to_luma8().into_raw()
        };
        let (found, truth) = (open("out"), open("masks/scene"));
        let pairs = || found.iter().zip(&truth).map(|(a, b)| (*a > 127, *b > 127));
        let (both, either) = (pairs().filter(|(a, b)| *a && *b).count(), pairs().filter(|(a, b)| *a || *b).count());
        assert!(both as f32 / either as f32 > 0.75, "frame {frame}: {both} of {either}");
    }
}
