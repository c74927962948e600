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

/// Each thing of the scene that is large enough to be seen, as a detector would find it: its number and its box.
fn detected(sandbox: &Sandbox) -> Vec<(u8, Mask)> {
    let ids = image::open(sandbox.path().join("masks/1.png")).unwrap().into_luma8();
    let mask = |id: u8| Mask::from_fn(SIZE, |x, y| ids.get_pixel(x, y)[0] == id);
    (1..=255).map(|id| (id, mask(id))).filter(|(_, mask)| mask.area() > 400).collect()
}

fn mean_iou(masks: &[Value], things: &[(u8, Mask)]) -> f32 {
    assert_eq!(masks.len(), things.len());
    let mut found = Mask::default();
    let overlaps = masks.iter().zip(things).map(|(mask, (_, truth))| {
        serde_json::from_value::<Rle>(mask.clone()).unwrap().decode(&mut found);
        found.iou(truth)
    });
    overlaps.sum::<f32>() / things.len() as f32
}

#[test]
fn what_a_detector_found_is_outlined_and_keeps_its_name() {
    let sandbox = Sandbox::new();
    photo(&sandbox, 7);
    let things = detected(&sandbox);
    assert!(things.len() > 3);
    let boxes = || things.iter().map(|(id, mask)| (*id, mask.bounding_box().unwrap()));
    let line = |(id, b): (u8, foveate::geometry::BoundingBox)| {
        serde_json::json!({"image": "1.png", "box": b, "label": format!("thing {id}"), "score": 0.5}).to_string()
    };
    let lines: Vec<String> = boxes().map(line).collect();
    let beside = r#"{"image": "1.png", "box": [900, 900, 990, 990]}"#;
    let other = r#"{"image": "2.png", "box": [0, 0, 9, 9]}"#;
    sandbox.file("found.ndjson", [&lines.join("\n"), beside, other].join("\n"));
    let ran = sandbox.foveate(&["everything", "images/1.png", "--boxes", "found.ndjson", "--json"]);
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    assert!(ran.stderr().contains("1 of") && ran.stderr().contains("no area inside"), "{}", ran.describe());
    let answer: Value = serde_json::from_str(&ran.stdout()).unwrap();
    let masks: Vec<Value> = answer["masks"].as_array().unwrap().iter().map(|mask| mask["rle"].clone()).collect();
    let overlap = mean_iou(&masks, &things);
    assert!(overlap > 0.7, "{overlap}");
    assert_eq!(answer["masks"][0]["label"], format!("thing {}", things[0].0));
    assert!(answer["masks"][0]["point"].is_null());

    let row = |(id, b): (u8, foveate::geometry::BoundingBox)| serde_json::json!({"image_id": 1, "category_id": id, "bbox": [b.x0, b.y0, b.width(), b.height()], "score": 0.5});
    let rows: Vec<Value> = boxes().map(row).collect();
    sandbox.file("found.json", serde_json::to_string(&rows).unwrap());
    let command = ["everything", "images/1.png", "--boxes", "found.json", "--no-zoom", "--coco", "masks.json"];
    let ran = sandbox.foveate(&command);
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    let coco: Value = serde_json::from_slice(&std::fs::read(sandbox.path().join("masks.json")).unwrap()).unwrap();
    let annotations = coco["annotations"].as_array().unwrap();
    for (annotation, (id, _)) in annotations.iter().zip(&things) {
        assert_eq!((&annotation["category_id"], &annotation["image_id"]), (&(*id).into(), &1.into()));
        assert_eq!((&annotation["score"], &annotation["point_coords"]), (&0.5.into(), &serde_json::json!([])));
    }
    let masks: Vec<Value> = annotations.iter().map(|annotation| annotation["segmentation"].clone()).collect();
    let overlap = mean_iou(&masks, &things);
    assert!(overlap > 0.6, "{overlap}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sandbox = Sandbox::new();
    photo(&sandbox, 7);
    sandbox.file("others.json", "{\"image\": \"2.png\", \"box\": [0, 0, 9, 9]}");
    for (arguments, expected) in [
        (&["everything", "images/1.png", "--points-per-side", "0"][..], "points_per_side"),
        (&["everything", "images/1.png", "--pred-iou-thresh", "2"], "0 to 1"),
        (&["everything", "images/1.png", "images/1.png", "--overlay", "o.png"], "--coco"),
        (&["everything", "images/1.png", "--overlay", "images/1.png"], "give another file"),
        (&["everything", "images/1.png", "--boxes", "others.json"], "`2.png`"),
        (&["everything", "images/1.png", "--boxes", "images/1.png"], "UTF-8"),
        (&["everything", "images/1.png", "--boxes", "others.json", "--every-point"], "cannot be used with"),
        (&["everything", "none.png"], "none.png"),
        (&["everything"], "required"),
    ] {
        let ran = sandbox.foveate(arguments);
        assert!(ran.code() != 0 && ran.stderr().contains(expected), "{expected}{}", ran.describe());
    }
}
