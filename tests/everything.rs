//! Everything in a picture, as a user asks for it.

#[path = "common/program.rs"]
mod program;

use foveate::geometry::Size;
use foveate::mask::{Mask, Rle};
use foveate::scene::{Rendering, Scene};
use image::RgbImage;
use program::Sandbox;
use serde_json::Value;

const SIZE: Size = Size::new(480, 360);

/// A photo of the rendered scene as `images/1.png`, and which object lies in each of its pixels as `masks/1.png`.
fn photo(sandbox: &Sandbox, seed: u64) {
    let mut rendering = Rendering::default();
    Scene::new(seed, SIZE).render(0.5, &mut rendering);
    let rgb = RgbImage::from_raw(SIZE.width, SIZE.height, rendering.rgb).unwrap();
    rgb.save(sandbox.file("images/1.png", "")).unwrap();
    let ids = image::GrayImage::from_raw(SIZE.width, SIZE.height, rendering.ids).unwrap();
    ids.save(sandbox.file("masks/1.png", "")).unwrap();
}

#[test]
fn every_output_tells_of_the_same_masks() {
    let sandbox = Sandbox::new();
    photo(&sandbox, 7);
    let ran = sandbox.foveate(&[
        "everything",
        "images/1.png",
        "--precision",
        "f32",
        "--points-per-side",
        "16",
        "--coco",
        "found.json",
        "--id-map",
        "ids.png",
        "--overlay",
        "over.png",
        "--json",
    ]);
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    let answer: Value = serde_json::from_str(&ran.stdout()).unwrap();
    let masks = answer["masks"].as_array().unwrap();
    assert!(masks.len() > 3, "{}", ran.describe());
    let areas: Vec<u64> = masks.iter().map(|mask| mask["area"].as_u64().unwrap()).collect();
    assert!(areas.is_sorted_by(|a, b| a >= b));

    let coco: Value = serde_json::from_slice(&std::fs::read(sandbox.path().join("found.json")).unwrap()).unwrap();
    assert_eq!(coco["images"][0]["file_name"], "1.png");
    let annotations = coco["annotations"].as_array().unwrap();
    assert_eq!(annotations.len(), masks.len());
    let mut map = vec![0u16; SIZE.area()];
    let mut mask = Mask::default();
    for (at, annotation) in annotations.iter().enumerate() {
        let rle: Rle = serde_json::from_value(annotation["segmentation"].clone()).unwrap();
        rle.decode(&mut mask);
        let bbox = mask.bounding_box().unwrap();
        assert_eq!(annotation["area"], mask.area());
        assert_eq!(annotation["bbox"], serde_json::json!([bbox.x0, bbox.y0, bbox.width(), bbox.height()]));
        assert_eq!(annotation["crop_box"], serde_json::json!([0.0, 0.0, 480.0, 360.0]));
        for key in ["predicted_iou", "stability_score", "point_coords", "image_id", "category_id", "iscrowd", "id"] {
            assert!(!annotation[key].is_null(), "{key}");
        }
        for (out, inside) in map.iter_mut().zip(mask.data()) {
            if *inside != 0 {
                *out = at as u16 + 1;
            }
        }
    }
    let ids = image::open(sandbox.path().join("ids.png")).unwrap().into_luma16();
    assert!(ids.as_raw() == &map, "the map holds the masks, small ones above large ones");
    assert_eq!(image::open(sandbox.path().join("over.png")).unwrap().width(), SIZE.width);
}

/// The scene tests that things are found, not how well photos are; crops find at least as many.
#[test]
fn most_of_the_scene_is_found() {
    let sandbox = Sandbox::new();
    photo(&sandbox, 7);
    let recall = |more: &[&str]| {
        let ran =
            sandbox.foveate(&[&["eval", "everything", "--data", ".", "--precision", "f32", "--json"], more].concat());
        assert_eq!(ran.code(), 0, "{}", ran.describe());
        let report: Value = serde_json::from_str(&ran.stdout()).unwrap();
        report["recall_50"].as_f64().unwrap()
    };
    let found = recall(&[]);
    assert!(found >= 0.6, "{found}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sandbox = Sandbox::new();
    photo(&sandbox, 7);
    for (arguments, expected) in [
        (&["everything", "images/1.png", "--points-per-side", "0"][..], "points_per_side"),
        (&["everything", "images/1.png", "--pred-iou-thresh", "2"], "0 to 1"),
        (&["everything", "images/1.png", "images/1.png", "--overlay", "o.png"], "--coco"),
        (&["everything", "images/1.png", "--overlay", "images/1.png"], "give another file"),
        (&["everything", "none.png"], "none.png"),
        (&["everything"], "required"),
    ] {
        let ran = sandbox.foveate(arguments);
        assert!(ran.code() != 0 && ran.stderr().contains(expected), "{expected}{}", ran.describe());
    }
}
