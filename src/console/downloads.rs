use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use serde_json::json;

use super::hub::Snapshot;
use super::names::Names;
use crate::error::{ImageError, Result};
use crate::mask::Mask;

/// The masks of one frame as COCO's annotations with compressed run lengths.
pub fn coco(snapshot: &Snapshot, names: &Names) -> String {
    let name = |object| names.get(object).and_then(|n| n.name.clone()).unwrap_or_else(|| format!("object {object}"));
    let annotations: Vec<_> = snapshot
        .objects
        .iter()
        .map(|o| {
            let bbox = o.bbox.unwrap_or_default();
            json!({
                "id": o.object, "image_id": snapshot.frame, "category_id": o.object, "iscrowd": 0, "area": o.area,
                "bbox": [bbox.x0, bbox.y0, bbox.width(), bbox.height()], "segmentation": o.rle, "score": o.score,
            })
        })
        .collect();
    let categories: Vec<_> =
        snapshot.objects.iter().map(|o| json!({ "id": o.object, "name": name(o.object) })).collect();
    let file_name = format!("frame-{}.jpg", snapshot.frame);
    json!({
        "info": { "description": "foveate", "version": env!("CARGO_PKG_VERSION") },
        "images": [{
            "id": snapshot.frame, "file_name": file_name, "width": snapshot.size.width, "height": snapshot.size.height,
            "time_s": snapshot.time_s,
        }],
        "annotations": annotations,
        "categories": categories,
    })
    .to_string()
}

/// The masks of one frame as a PNG map of object identities, 8 bits, 0 for the background. Where masks overlap the later
/// object counts.
///
/// # Errors
/// If the PNG cannot be written.
pub fn png(snapshot: &Snapshot) -> Result<Vec<u8>> {
    let size = snapshot.size;
    let mut map = vec![0u8; size.area()];
    let mut mask = Mask::default();
    for object in &snapshot.objects {
        object.rle.decode(&mut mask);
        let id = u8::try_from(object.object).unwrap_or(u8::MAX).max(1);
        map.iter_mut().zip(mask.data()).filter(|(_, inside)| **inside != 0).for_each(|(out, _)| *out = id);
    }
    let mut out = Vec::new();
    let written = PngEncoder::new(&mut out).write_image(&map, size.width, size.height, ExtendedColorType::L8);
    written.map_err(|error| ImageError::Unencodable { what: "mask".into(), reason: error.to_string() })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::hub::SnapshotObject;
    use crate::frame::decode_image;
    use crate::geometry::{BoundingBox, Size};
    use crate::mask::Rle;

    fn snapshot() -> Snapshot {
        let size = Size::new(8, 6);
        let object = |object, x0: u32, x1: u32| {
            let mask = Mask::from_fn(size, |x, y| (x0..x1).contains(&x) && y < 3);
            SnapshotObject {
                object,
                score: 0.9,
                bbox: Some(BoundingBox::new(x0 as f32, 0.0, x1 as f32, 3.0)),
                area: mask.area(),
                rle: Rle::from_mask(&mask),
            }
        };
        Snapshot {
            frame: 4,
            time_s: 0.5,
            size,
            jpeg: Default::default(),
            objects: vec![object(1, 0, 2), object(9, 4, 8)],
        }
    }

    #[test]
    fn coco_annotations_read_back() {
        let value: serde_json::Value = serde_json::from_str(&coco(&snapshot(), &Names::default())).unwrap();
        assert_eq!(value["images"][0]["width"], 8);
        let annotation = &value["annotations"][1];
        assert_eq!((&annotation["id"], &annotation["area"]), (&9.into(), &12.into()));
        assert_eq!(annotation["bbox"], json!([4.0, 0.0, 4.0, 3.0]));
        let rle: Rle = serde_json::from_value(annotation["segmentation"].clone()).unwrap();
        assert_eq!(rle.area(), 12);
        assert_eq!(value["categories"][0]["name"], "object 1");
    }

    #[test]
    fn the_map_holds_each_object_by_its_number() {
        let png = png(&snapshot()).unwrap();
        let frame = decode_image(&png, "map").unwrap();
        assert_eq!(frame.size, Size::new(8, 6));
        let read = image::load_from_memory(&png).unwrap().into_luma8();
        assert_eq!([read.get_pixel(1, 1)[0], read.get_pixel(3, 1)[0], read.get_pixel(7, 2)[0]], [1, 0, 9]);
        assert_eq!(read.get_pixel(7, 3)[0], 0);
    }
}
