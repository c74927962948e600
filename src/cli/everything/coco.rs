//! A COCO data set of what was found, with the fields that Segment Anything's automatic mask generator gives.

use std::path::Path;

use serde::Serialize;

use crate::geometry::{BoundingBox, Size};
use crate::mask::Rle;
use crate::segment::FoundMask;

/// The data set; photos and annotations are numbered from 1.
#[derive(Serialize)]
pub struct Coco {
    info: Info,
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: [Category; 1],
}

#[derive(Serialize)]
struct Info {
    description: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Image {
    id: usize,
    file_name: String,
    width: u32,
    height: u32,
}

/// Boxes are x, y, width and height.
#[derive(Serialize)]
struct Annotation {
    id: usize,
    image_id: usize,
    category_id: usize,
    iscrowd: u8,
    segmentation: Rle,
    bbox: [f32; 4],
    area: usize,
    predicted_iou: f32,
    point_coords: [[f32; 2]; 1],
    stability_score: f32,
    crop_box: [f32; 4],
}

#[derive(Serialize)]
struct Category {
    id: usize,
    name: &'static str,
}

impl Default for Coco {
    fn default() -> Self {
        Coco {
            info: Info { description: "foveate everything", version: env!("CARGO_PKG_VERSION") },
            images: Vec::new(),
            annotations: Vec::new(),
            categories: [Category { id: 1, name: "object" }],
        }
    }
}

impl Coco {
    /// Adds a photo and what was found on it.
    pub fn add(&mut self, photo: &Path, size: Size, found: &[FoundMask]) {
        let image_id = self.images.len() + 1;
        let file_name = photo.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.images.push(Image { id: image_id, file_name, width: size.width, height: size.height });
        for found in found {
            self.annotations.push(Annotation {
                id: self.annotations.len() + 1,
                image_id,
                category_id: 1,
                iscrowd: 0,
                segmentation: found.mask.clone(),
                bbox: corner_and_size(found.bbox),
                area: found.area,
                predicted_iou: found.predicted_iou,
                point_coords: [[found.point.x, found.point.y]],
                stability_score: found.stability,
                crop_box: corner_and_size(found.crop.as_box()),
            });
        }
    }
}

fn corner_and_size(bbox: BoundingBox) -> [f32; 4] {
    [bbox.x0, bbox.y0, bbox.width(), bbox.height()]
}
