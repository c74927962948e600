//! Masks of a photo: of everything in it, or of what lies in a detector's boxes.

use std::path::Path;

use crate::frame::Frame;
use crate::geometry::{BoundingBox, Size};
use crate::model::LoadedModel;
use crate::segment::{Everything, FoundMask, Predictor, masks_in_boxes};

use super::super::progress;
use super::EverythingArgs;
use super::detections::Detection;

/// A mask, and what it was asked for with where a detector found it.
pub struct Found {
    pub mask: FoundMask,
    pub detection: Option<Detection>,
}

/// The model, and what finds masks with it.
pub struct Finding {
    pub model: LoadedModel,
    pub finder: Finder,
}

/// What finds masks.
pub enum Finder {
    Everything(Box<Everything>),
    InBoxes(Box<Predictor>),
}

impl Finding {
    /// For photos of the form of `size`.
    pub fn open(args: &EverythingArgs, size: Size) -> anyhow::Result<Self> {
        if args.boxes.is_some() {
            // What is asked about is what `segment` answers.
            let model = args.model.load()?;
            let predictor = Predictor::new(model.encoder()?, model.decoder()?);
            return Ok(Finding { model, finder: Finder::InBoxes(Box::new(predictor)) });
        }
        let (model, everything) = args.options.open(&args.model, Some(size))?;
        Ok(Finding { model, finder: Finder::Everything(Box::new(everything)) })
    }
}

impl Finder {
    /// What is found on the photo at `path`, the largest first; in boxes in their order.
    pub fn find(
        &mut self,
        path: &Path,
        photo: &Frame,
        mut boxes: Vec<Detection>,
        args: &EverythingArgs,
    ) -> anyhow::Result<Vec<Found>> {
        let predictor = match self {
            Finder::InBoxes(predictor) => predictor,
            Finder::Everything(everything) => {
                let bar = progress::bar(0, "points");
                let found = everything.find(photo, &mut |done, all| bar.set(done, all))?;
                bar.clear();
                return Ok(found.into_iter().map(|mask| Found { mask, detection: None }).collect());
            }
        };
        let least = args.box_score_thresh.unwrap_or(f32::NEG_INFINITY);
        boxes.retain(|found| found.score.is_none_or(|score| score >= least));
        let places: Vec<BoundingBox> = boxes.iter().map(|found| found.bbox).collect();
        let bar = progress::bar(0, "boxes");
        let answers = masks_in_boxes(predictor, photo, &places, !args.no_zoom, &mut |done, all| bar.set(done, all))?;
        bar.clear();
        let mut found = Vec::with_capacity(boxes.len());
        for (detection, answer) in boxes.into_iter().zip(answers) {
            match answer {
                Ok(mask) if mask.area > 0 => found.push(Found { mask, detection: Some(detection) }),
                Ok(_) => tracing::warn!("{}: the box {} shows nothing", path.display(), written(detection.bbox)),
                Err(error) => tracing::warn!("{}: a box is left out: {error}", path.display()),
            }
        }
        Ok(found)
    }
}

fn written(bbox: BoundingBox) -> String {
    format!("{},{},{},{}", bbox.x0, bbox.y0, bbox.x1, bbox.y1)
}
