//! What `foveate run` wrote in the virtual machine, against the image that its camera showed.

use std::fs;
use std::path::Path;

use foveate::geometry::Size;
use foveate::mask::Mask;
use image::RgbImage;
use serde_json::{Value, json};

use super::suite::Row;

/// Frames that must carry the object.
const FRAMES: usize = 30;
/// Least agreement of each frame's mask with the square. An edge that is off by one pixel of the model's 256 all round costs
/// the square of 256 pixels, 102 of the model's, 4 in a hundred; a wrong object or the whole image has 0.3 or less.
const LEAST_IOU: f32 = 0.9;
/// A pixel belongs to the square if a channel differs from the ground's by more levels than conversion can.
const CONTRAST: u8 = 60;

/// The rows of the stream's records and images in `dir`.
pub fn check(dir: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut case = |name: &str, outcome: Result<Value, String>| rows.push(Row::new("system", name, outcome));
    case("doctor", doctor(dir));
    let (records, square) = match (records(dir), square(dir)) {
        (Ok(records), Ok(square)) => (records, square),
        (records, square) => {
            let reasons: Vec<_> = [records.err(), square.err()].into_iter().flatten().collect();
            case("records", Err(reasons.join("; ")));
            return rows;
        }
    };
    case("records", complete(&records));
    case("object under the tap", selected(&records, &square));
    case("mask", masks(&records, &square));
    case("overlay", overlay(dir, &square));
    rows
}

fn read(dir: &Path, name: &str) -> Result<String, String> {
    fs::read_to_string(dir.join(name)).map_err(|e| format!("{name}: {e}"))
}

fn open(dir: &Path, name: &str) -> Result<RgbImage, String> {
    Ok(image::open(dir.join(name)).map_err(|e| format!("{name}: {e}"))?.into_rgb8())
}

fn records(dir: &Path) -> Result<Vec<Value>, String> {
    let parse = |line: &str| serde_json::from_str(line).map_err(|e| format!("frames.ndjson: {e}: {line}"));
    read(dir, "frames.ndjson")?.lines().filter(|line| !line.is_empty()).map(parse).collect()
}

fn of_type<'a>(records: &'a [Value], name: &'a str) -> impl DoubleEndedIterator<Item = &'a Value> {
    records.iter().filter(move |record| record["type"] == name)
}

/// The square that the camera showed: what differs from the image's corner, checked to be a filled rectangle in the middle.
fn square(dir: &Path) -> Result<Mask, String> {
    let scene = open(dir, "scene.png")?;
    let ground = scene.get_pixel(0, 0).0;
    let differs = |x, y| scene.get_pixel(x, y).0.iter().zip(ground).any(|(a, b)| a.abs_diff(b) > CONTRAST);
    let mask = Mask::from_fn(Size::new(scene.width(), scene.height()), differs);
    let found = mask.bounding_box().ok_or("scene.png: no square on the ground")?;
    let filled = mask.area() as f32 / found.area();
    let centre = found.center();
    let off = (centre.x - scene.width() as f32 / 2.0).abs().max((centre.y - scene.height() as f32 / 2.0).abs());
    if filled < 0.99 || off > 2.0 {
        return Err(format!("scene.png: no plain square in the middle: {found:?}, {:.1} % filled", filled * 100.0));
    }
    Ok(mask)
}

/// Header first, summary last, frames with rising numbers, none older than the one before.
fn complete(records: &[Value]) -> Result<Value, String> {
    if records.first().is_none_or(|first| first["type"] != "header") {
        return Err("the first record is no header".into());
    }
    if records.last().is_none_or(|last| last["type"] != "summary") {
        return Err("the last record is no summary".into());
    }
    let sequence: Vec<_> = of_type(records, "frame").map(|frame| frame["frame"].as_u64()).collect();
    if sequence.iter().any(Option::is_none) || !sequence.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err(format!("the frames' numbers do not rise: {sequence:?}"));
    }
    Ok(json!({"frames": sequence.len(), "events": of_type(records, "event").count()}))
}

/// One object was selected, and its box holds the middle of the square.
fn selected(records: &[Value], square: &Mask) -> Result<Value, String> {
    let events: Vec<_> =
        of_type(records, "event").filter(|e| e["event"] == "selected" || e["event"] == "rejected").collect();
    let [event] = events[..] else {
        return Err(format!("one selection is expected, these came: {}", json!(events)));
    };
    if event["event"] == "rejected" {
        return Err(format!("the tap was rejected: {event}"));
    }
    let object = &event["object"];
    let first =
        of_type(records, "frame").flat_map(|f| f["objects"].as_array()).flatten().find(|o| o["object"] == *object);
    let found: Option<[f32; 4]> = first.and_then(|o| serde_json::from_value(o["box"].clone()).ok());
    let [x0, y0, x1, y1] = found.ok_or_else(|| format!("no frame has a box of object {object}"))?;
    let (x, y) = (square.size().width as f32 / 2.0, square.size().height as f32 / 2.0);
    if !(x0 <= x && x < x1 && y0 <= y && y < y1) {
        return Err(format!("the tap at {x},{y} is not in the object's box {x0},{y0},{x1},{y1}"));
    }
    Ok(json!({"object": object, "frame": event["frame"], "box": [x0, y0, x1, y1]}))
}

/// Every frame's mask against the square.
fn masks(records: &[Value], square: &Mask) -> Result<Value, String> {
    let mut agreement = Vec::new();
    for object in of_type(records, "frame").flat_map(|f| f["objects"].as_array()).flatten() {
        agreement.push(decode(&object["rle"], square.size())?.iou(square));
    }
    agreement.sort_by(f32::total_cmp);
    let (Some(least), middle) = (agreement.first(), agreement.get(agreement.len() / 2)) else {
        return Err("no frame has a mask".into());
    };
    let measured = json!({"masks": agreement.len(), "iou_least": least, "iou_median": middle, "iou_wanted": LEAST_IOU});
    if agreement.len() < FRAMES || *least < LEAST_IOU {
        return Err(format!("{FRAMES} masks of at least {LEAST_IOU} are wanted: {measured}"));
    }
    Ok(measured)
}

/// Decodes COCO's run lengths with hotcoco, so that a mistake in our own coder cannot hide itself.
fn decode(rle: &Value, size: Size) -> Result<Mask, String> {
    if rle["size"] != json!([size.height, size.width]) {
        return Err(format!("a mask of {} in frames of {}x{}", rle["size"], size.width, size.height));
    }
    let counts = rle["counts"].as_str().ok_or_else(|| format!("a mask without counts: {rle}"))?;
    let runs = hotcoco::mask::rle_from_string(counts, size.height, size.width).map_err(|e| format!("{counts}: {e}"))?;
    let columns = hotcoco::mask::decode(&runs);
    Ok(Mask::from_fn(size, |x, y| columns[(x * size.height + y) as usize] != 0))
}

/// Images came, of the frames' size, and show the object otherwise than its ground.
fn overlay(dir: &Path, square: &Mask) -> Result<Value, String> {
    let scene = open(dir, "scene.png")?;
    let entries = fs::read_dir(dir.join("overlay")).map_err(|e| format!("overlay: {e}"))?;
    let mut names: Vec<_> =
        entries.filter_map(|e| Some(e.ok()?.path().strip_prefix(dir).ok()?.display().to_string())).collect();
    names.sort();
    let last = names.last().ok_or("overlay: no pictures")?;
    let image = open(dir, last)?;
    if image.dimensions() != scene.dimensions() {
        return Err(format!("{last}: {:?} for frames of {:?}", image.dimensions(), scene.dimensions()));
    }
    let changed = |inside: bool| {
        let (mut sum, mut count) = (0u64, 0u64);
        for (x, y, pixel) in image.enumerate_pixels().filter(|(x, y, _)| (square.row(*y)[*x as usize] != 0) == inside) {
            sum += pixel.0.iter().zip(scene.get_pixel(x, y).0).map(|(a, b)| u64::from(a.abs_diff(b))).sum::<u64>();
            count += 3;
        }
        sum as f64 / count.max(1) as f64
    };
    let (inside, outside) = (changed(true), changed(false));
    // Outside, only the label and the contour's outer half are drawn.
    if inside < 3.0 * outside.max(1.0) {
        return Err(format!("{last}: pixels changed by {inside:.1} levels on the object and {outside:.1} beside it"));
    }
    Ok(json!({"pictures": names.len(), "levels_on_object": inside, "levels_beside": outside}))
}

/// What `foveate doctor --json` found: the right board, its instructions, its camera, and no failure.
fn doctor(dir: &Path) -> Result<Value, String> {
    let report: Value = serde_json::from_str(&read(dir, "doctor.json")?).map_err(|e| format!("doctor.json: {e}"))?;
    let failed: Vec<_> =
        report["findings"].as_array().into_iter().flatten().filter(|f| f["status"] == "fail").collect();
    if !failed.is_empty() {
        return Err(format!("findings: {}", json!(failed)));
    }
    let machine = &report["machine"];
    let sets = machine["instruction_sets"].to_string();
    if report["board"] != "generic-aarch64" || machine["arch"] != "aarch64" || !sets.contains("dotprod") {
        return Err(format!("another machine than a virtual Cortex-A76: board {}, {machine}", report["board"]));
    }
    let choice = &report["cameras"][0]["choice"];
    if choice.is_null() {
        return Err(format!("no camera that could stream: {}", report["cameras"]));
    }
    Ok(json!({"board": report["board"], "instruction_sets": machine["instruction_sets"], "camera": choice}))
}
