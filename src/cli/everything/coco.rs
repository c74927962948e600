//! A COCO data set of what was found, with the fields that Segment Anything's automatic mask generator gives.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::geometry::{BoundingBox, Size};
use crate::mask::Rle;

use super::detections::Detections;
use super::finder::Found;

/// The data set. Annotations are numbered from 1, and so are photos and categories that a detector has no numbers for.
#[derive(Default)]
pub struct Coco {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    /// The largest number that a photo has, or a detector's photo may get.
    largest: usize,
    /// Names of categories.
    categories: BTreeMap<usize, String>,
}

/// Its form in a file.
#[derive(Serialize)]
struct File<'a> {
    info: Info,
    images: &'a [Image],
    annotations: &'a [Annotation],
    categories: Vec<Category<'a>>,
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
    /// Empty for what was asked for with a box.
    point_coords: Vec<[f32; 2]>,
    stability_score: f32,
    crop_box: [f32; 4],
    /// A detector's.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
}

#[derive(Serialize)]
struct Category<'a> {
    id: usize,
    name: &'a str,
}

/// What is found without a detector is called so.
const OBJECT: &str = "object";

impl Coco {
    /// A data set of what a detector found, with its categories and its numbers.
    pub fn of(detections: &Detections) -> Self {
        let categories = detections.categories.iter().map(|(id, name)| (*id as usize, name.clone())).collect();
        Coco { categories, largest: detections.largest_number() as usize, ..Coco::default() }
    }

    /// Adds a photo, which has the number `number` where a detector gave it one ([`Detections::refuse_twins`]), and what was found on
    /// it.
    pub fn add(&mut self, photo: &Path, number: Option<u64>, size: Size, found: &[Found]) {
        // Free numbers lie behind all that a detector's photos have.
        self.largest += usize::from(number.is_none());
        let image_id = number.map_or(self.largest, |number| number as usize);
        let file_name = photo.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.images.push(Image { id: image_id, file_name, width: size.width, height: size.height });
        for Found { mask, detection } in found {
            let detection = detection.as_ref();
            let category = detection.and_then(|found| found.category);
            let name = detection.and_then(|found| found.label.as_deref()).unwrap_or(OBJECT);
            let annotation = Annotation {
                id: self.annotations.len() + 1,
                image_id,
                category_id: self.category(category, name),
                iscrowd: 0,
                segmentation: mask.mask.clone(),
                bbox: corner_and_size(mask.bbox),
                area: mask.area,
                predicted_iou: mask.predicted_iou,
                point_coords: mask.point.iter().map(|point| [point.x, point.y]).collect(),
                stability_score: mask.stability,
                crop_box: corner_and_size(mask.crop.as_box()),
                score: detection.and_then(|found| found.score),
            };
            self.annotations.push(annotation);
        }
    }

    /// The bytes of its file.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&File {
            info: Info { description: "foveate everything", version: env!("CARGO_PKG_VERSION") },
            images: &self.images,
            annotations: &self.annotations,
            categories: self.categories.iter().map(|(id, name)| Category { id: *id, name }).collect(),
        })
    }

    /// The number of the category called `name`, which has `number` if a detector gave it one.
    fn category(&mut self, number: Option<u64>, name: &str) -> usize {
        if let Some(number) = number {
            self.categories.entry(number as usize).or_insert_with(|| name.to_owned());
            return number as usize;
        }
        let known = self.categories.iter().find(|(_, known)| *known == name).map(|(id, _)| *id);
        known.unwrap_or_else(|| {
            let free = self.categories.last_key_value().map_or(1, |(last, _)| last + 1);
            self.categories.insert(free, name.to_owned());
            free
        })
    }
}

fn corner_and_size(bbox: BoundingBox) -> [f32; 4] {
    [bbox.x0, bbox.y0, bbox.width(), bbox.height()]
}
