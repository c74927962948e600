//! Which object was looked at: a recording made of the rendered scene, whose truth is known, and one that was taken.

#[allow(dead_code)]
#[path = "common/program.rs"]
mod program;

use std::path::Path;

use foveate::geometry::Size;
use foveate::scene::{Rendering, Scene};
use program::{Ran, Sandbox};

const SIZE: Size = Size::new(320, 240);
const FPS: f64 = 24.0;
const FRAMES: usize = 36;

/// Rows of a table, each field by its column's name.
fn rows(text: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| names.iter().zip(line.split(',')).map(|(n, f)| ((*n).to_owned(), f.to_owned())).collect();
    lines.map(row).collect()
}

fn done(ran: Ran) -> String {
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    ran.stdout()
}

/// The middle of the pixels of an object that lie deepest, so to say: that of its middle row.
fn middle(ids: &[u8], id: u8) -> Option<(f64, f64)> {
    let pixels: Vec<usize> = (0..ids.len()).filter(|at| ids[*at] == id).collect();
    let y = pixels.get(pixels.len() / 2)? / SIZE.width as usize;
    let row: Vec<usize> = pixels.iter().copied().filter(|at| at / SIZE.width as usize == y).collect();
    let x = row[row.len() / 2] % SIZE.width as usize;
    Some((x as f64 + 0.5, y as f64 + 0.5))
}

/// A recording of somebody who looks at one object for a second, at another for a third of one, and then beside both.
fn recording(sandbox: &Sandbox) -> [(f64, f64); 2] {
    let scene = Scene::new(3, SIZE);
    let mut rendering = Rendering::default();
    std::fs::create_dir_all(sandbox.path().join("eye/frames")).unwrap();
    scene.render(0.0, &mut rendering);
    let mut objects: Vec<u8> = scene.objects().iter().map(|object| object.id).collect();
    objects.sort_by_key(|id| std::cmp::Reverse(rendering.ids.iter().filter(|other| *other == id).count()));
    let clicked = [0, 1].map(|n| middle(&rendering.ids, objects[n]).unwrap());
    let mut gaze = String::from("timestamp\tframe_idx\tconfidence\tnorm_pos_x\tnorm_pos_y\n");
    let mut times = String::from("frame_idx,pts_s\n");
    for frame in 0..FRAMES {
        scene.render(frame as f64 / FPS, &mut rendering);
        let image = image::RgbImage::from_raw(SIZE.width, SIZE.height, rendering.rgb.clone()).unwrap();
        image.save(sandbox.path().join(format!("eye/frames/{frame:05}.png"))).unwrap();
        times += &format!("{frame},{:.6}\n", frame as f64 / FPS);
        let looked = match frame {
            0..24 => middle(&rendering.ids, objects[0]),
            24..32 => middle(&rendering.ids, objects[1]),
            _ => middle(&rendering.ids, 0),
        };
        let (x, y) = looked.expect("the scene has a ground");
        for sample in 0..5 {
            let ms = 70_000.0 + (frame as f64 + sample as f64 / 5.0) * 1000.0 / FPS;
            let (x, y) = (x / f64::from(SIZE.width), y / f64::from(SIZE.height));
            gaze += &format!("{ms:.4}\t{frame}\t1.0\t{x:.6}\t{y:.6}\n");
        }
    }
    sandbox.file("eye/gazeData_world.tsv", gaze);
    sandbox.file("eye/frame_pts.csv", times);
    clicked
}

#[test]
fn dwell_times_of_a_made_recording_are_those_it_was_made_with() {
    let sandbox = Sandbox::new();
    let [(ax, ay), (bx, by)] = recording(&sandbox);
    let (first, second) = (format!("{ax},{ay}"), format!("{bx},{by}@0"));
    let arguments = ["aoi", "eye", "--point", &first, "--point", &second, "--fixations", "fixations.csv"];
    let table = rows(&done(sandbox.foveate(&arguments)));
    let number = |row: usize, name: &str| table[row][name].parse::<f64>().unwrap();
    assert_eq!(table.len(), 2, "{table:#?}");
    assert!((number(0, "dwell_s") - 1.0).abs() < 0.15, "{table:#?}");
    assert!((number(1, "dwell_s") - 1.0 / 3.0).abs() < 0.1, "{table:#?}");
    assert!(number(0, "first_look_s") < 0.1 && (number(1, "first_look_s") - 1.0).abs() < 0.1, "{table:#?}");
    assert!(number(0, "visits") >= 1.0 && number(0, "visible_s") > 1.0, "{table:#?}");
    let fixations = rows(&std::fs::read_to_string(sandbox.path().join("fixations.csv")).unwrap());
    assert!(
        fixations.iter().any(|row| row["object"] == "1" && row["share"].parse::<f64>().unwrap() > 0.5),
        "{fixations:#?}"
    );
    let counted = |object: &str| fixations.iter().filter(|row| row["object"] == object).count() as f64;
    assert_eq!((counted("1"), counted("2")), (number(0, "fixations"), number(1, "fixations")));
}

#[test]
fn what_cannot_be_told_is_refused_with_what_to_do() {
    let sandbox = Sandbox::new();
    let [(x, y), _] = recording(&sandbox);
    let point = format!("{x},{y}");
    let rows: [(&[&str], &str); 5] = [
        (&["eye"], "--point"),
        (&["eye", "--point", "1,2@soon"], "seconds after the first frame"),
        (&["eye", "--point", "9999,5"], "320x240"),
        (&["eye", "--point", &point, "--dwell", "eye/frame_pts.csv"], "another file"),
        (&["nowhere", "--point", &point], "--video"),
    ];
    for (arguments, expected) in rows {
        let ran = sandbox.foveate(&[&["aoi"], arguments].concat());
        assert!(ran.code() != 0 && ran.stderr().contains(expected), "{expected}: {}", ran.describe());
    }
}

/// A recording that was taken with an eye tracker, where it lies beside the checkout.
#[test]
fn a_taken_recording_gives_a_table() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/gaze/mobile_gaze_mapping");
    if !data.is_dir() {
        eprintln!("no recording beside the checkout: nothing was tried");
        return;
    }
    let sandbox = Sandbox::new();
    let frames = sandbox.path().join("frames");
    std::fs::create_dir(&frames).unwrap();
    for n in 0..20 {
        let name = format!("{n:05}.jpg");
        std::fs::copy(data.join("frames").join(&name), frames.join(&name)).unwrap();
    }
    let data = data.to_str().unwrap();
    let table =
        rows(&done(sandbox.foveate(&["aoi", data, "--video", "frames", "--point", "640,360", "--fixations", "f.csv"])));
    assert_eq!(table.len(), 1);
    assert!(table[0]["visible_s"].parse::<f64>().unwrap() > 0.0, "{table:#?}");
}
