use serde_json::{Value, json};

use crate::mask::Contours;
use crate::record::{FrameRecord, ObjectRecord};
use crate::sink::overlay::object_color;
use crate::track::ObjectState;

/// Corners may move by so many pixels, so that outlines stay small.
const TOLERANCE: f32 = 0.7;
/// Foxglove's `LINE_LOOP` and `POINTS`.
const LINE_LOOP: u32 = 2;
const POINTS: u32 = 1;

/// The outlines of a frame's objects with their names, and the points that were prompted, as Foxglove's `ImageAnnotations`.
pub fn annotations(record: &FrameRecord, time: &Value, contours: &mut Contours) -> Value {
    let (mut outlines, mut texts) = (Vec::new(), Vec::new());
    for object in record.objects() {
        let color = color(object, 1.0);
        if object.state != ObjectState::Lost && object.mask.size().area() > 0 {
            contours.trace(&object.mask);
            contours.simplify(TOLERANCE);
            for contour in contours.iter() {
                let corners: Vec<Value> = contour.points.iter().map(|p| json!({ "x": p.x, "y": p.y })).collect();
                outlines.push(points(time, LINE_LOOP, corners, &color, 2.0));
            }
        }
        let prompted: Vec<Value> = object.points.iter().map(|p| json!({ "x": p.point.x, "y": p.point.y })).collect();
        if !prompted.is_empty() {
            outlines.push(points(time, POINTS, prompted, &color, 6.0));
        }
        if let Some(bbox) = object.bbox {
            texts.push(json!({
                "timestamp": time,
                "position": { "x": bbox.x0, "y": bbox.y0 },
                "text": format!("{} {:.2}", object.object, object.score),
                "font_size": 14,
                "text_color": color,
                "background_color": { "r": 0, "g": 0, "b": 0, "a": 0.6 },
                "metadata": [],
            }));
        }
    }
    json!({ "circles": [], "points": outlines, "texts": texts })
}

fn points(time: &Value, kind: u32, points: Vec<Value>, color: &Value, thickness: f32) -> Value {
    json!({
        "timestamp": time,
        "type": kind,
        "points": points,
        "outline_color": color,
        "outline_colors": [],
        "fill_color": { "r": 0, "g": 0, "b": 0, "a": 0 },
        "thickness": thickness,
        "metadata": [],
    })
}

fn color(object: &ObjectRecord, alpha: f32) -> Value {
    let [r, g, b] = object_color(object.object).map(|c| f32::from(c) / 255.0);
    json!({ "r": r, "g": g, "b": b, "a": alpha })
}
