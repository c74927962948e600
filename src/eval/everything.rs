//! How much of what is in a photo is found without a prompt: recall over the things of id maps.

use std::path::Path;

use serde::Serialize;

use super::dataset::{self, Layout, Photo, Truth};
use super::overlap::iou_between;
use super::photos::SizeClass;
use super::progress::Progress;
use crate::error::{Error, ImageError};
use crate::frame::{self, Frame};
use crate::mask::Mask;
use crate::segment::{Everything, FoundMask};
use crate::statistics::{Samples, mean};
use crate::sync::StopToken;

/// Masks of a photo that count, by their predicted IoU: COCO's `AR@100` of proposals.
const MOST: usize = 100;
/// IoUs over which recall is averaged, as COCO has them: 0.50, 0.55 and so on to 0.95.
const THRESHOLDS: [f64; 10] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

/// Figures over all things of a set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EverythingReport {
    /// Name of the model.
    pub model: String,
    /// What its encoder computes in.
    pub precision: String,
    /// Photos that were looked at.
    pub photos: usize,
    /// True if the run was stopped before the last photo.
    pub interrupted: bool,
    /// Things in them.
    pub things: usize,
    /// Masks found on a photo, mean.
    pub masks: Option<f64>,
    /// Milliseconds a photo, median.
    pub ms: Option<f64>,
    /// Share of things that a mask of their own meets with an IoU of 0.5 or more.
    pub recall_50: Option<f64>,
    /// The same averaged over IoUs from 0.5 to 0.95, of at most 100 masks a photo.
    pub average_recall: Option<f64>,
    /// `average_recall` of things below 2 %, to 15 % and above 15 % of their photo.
    pub sizes: [Option<f64>; 3],
}

/// A run over photos, with what was found so far.
#[derive(Default)]
pub struct EverythingEvaluation {
    /// Of each thing: its class of size, and the IoU of the mask that is its.
    things: Vec<(SizeClass, f64)>,
    masks: Vec<f64>,
    times: Samples,
}

impl EverythingEvaluation {
    /// Looks at `photos`, whose masks are id maps, until `stop` is raised; how many it saw.
    ///
    /// # Errors
    /// A photo or map that cannot be read or is of another size than its counterpart, an error of the model.
    pub fn run(
        &mut self,
        everything: &mut Everything,
        photos: &[Photo],
        progress: &mut dyn Progress,
        stop: &StopToken,
    ) -> Result<usize, Error> {
        for photo in photos {
            if stop.is_stopped() {
                break;
            }
            let frame = frame::open_image(&photo.image)?;
            let truths = truths(photo, &frame)?;
            let mut found = self.times.time(|| everything.find(&frame, &mut |_, _| {}))?;
            self.masks.push(found.len() as f64);
            found.sort_by(|a, b| b.predicted_iou.total_cmp(&a.predicted_iou));
            found.truncate(MOST);
            self.take(&truths, &found, frame.size.area());
            progress.report(self.masks.len(), &format!("recall {:.2}", self.recall(0.5).unwrap_or_default()));
        }
        Ok(self.masks.len())
    }

    /// Gives each thing the mask that meets it best, and each mask to one thing, the surest pairs first.
    fn take(&mut self, truths: &[Truth], found: &[FoundMask], pixels: usize) {
        let mut pairs = Vec::new();
        let mut decoded = Mask::default();
        for (mask, found) in found.iter().enumerate() {
            found.mask.decode(&mut decoded);
            for (thing, truth) in truths.iter().enumerate() {
                pairs.push((iou_between(&decoded, &truth.object, &truth.ignored), thing, mask));
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut met, mut given) = (vec![0.0; truths.len()], vec![false; found.len()]);
        for (iou, thing, mask) in pairs {
            if met[thing] == 0.0 && !given[mask] {
                (met[thing], given[mask]) = (iou, true);
            }
        }
        let class = |truth: &Truth| SizeClass::of(truth.object.area() as f64 / pixels as f64);
        self.things.extend(truths.iter().map(class).zip(met));
    }

    /// The figures.
    pub fn report(&self, model: String, precision: String, interrupted: bool) -> EverythingReport {
        let average = |class: Option<SizeClass>| {
            let of_class: Vec<f64> = self
                .things
                .iter()
                .filter(|(of, _)| class.is_none_or(|class| class == *of))
                .map(|(_, iou)| *iou)
                .collect();
            mean(of_class.iter().map(|iou| THRESHOLDS.iter().filter(|least| iou >= *least).count() as f64 / 10.0))
        };
        EverythingReport {
            model,
            precision,
            photos: self.masks.len(),
            interrupted,
            things: self.things.len(),
            masks: mean(self.masks.iter().copied()),
            ms: self.times.median_ms(),
            recall_50: self.recall(0.5),
            average_recall: average(None),
            sizes: [SizeClass::Small, SizeClass::Medium, SizeClass::Large].map(|class| average(Some(class))),
        }
    }

    fn recall(&self, least: f64) -> Option<f64> {
        mean(self.things.iter().map(|(_, iou)| f64::from(u8::from(*iou >= least))))
    }
}

fn truths(photo: &Photo, frame: &Frame) -> Result<Vec<Truth>, Error> {
    let mut all = Vec::new();
    for path in &photo.masks {
        for truth in dataset::truths(path, Layout::Ids)? {
            check_size(path, &truth.object, frame)?;
            all.push(truth);
        }
    }
    Ok(all)
}

fn check_size(path: &Path, mask: &Mask, frame: &Frame) -> Result<(), Error> {
    if mask.size() == frame.size {
        return Ok(());
    }
    let expected_of = path.display().to_string();
    Err(ImageError::SizeMismatch { given: mask.size(), expected: frame.size, expected_of }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Region, Size};
    use crate::mask::Rle;

    const SIZE: Size = Size::new(10, 10);

    fn columns(from: u32, to: u32) -> Mask {
        Mask::from_fn(SIZE, |x, _| (from..to).contains(&x))
    }

    fn found(mask: Mask) -> FoundMask {
        FoundMask {
            bbox: mask.bounding_box().unwrap(),
            area: mask.area(),
            mask: Rle::from_mask(&mask),
            predicted_iou: 0.9,
            stability: 1.0,
            point: None,
            crop: Region::of_frame(SIZE),
        }
    }

    #[test]
    fn one_mask_meets_one_thing() {
        let truth = |object: Mask| Truth { object, ignored: columns(9, 10) };
        let mut evaluation = EverythingEvaluation::default();
        // The first mask is the first thing's, where pixels count; the other things have to share what is left.
        let truths = [truth(columns(0, 4)), truth(columns(4, 8)), truth(columns(4, 9))];
        evaluation.take(&truths, &[found(columns(0, 4)), found(columns(4, 10))], SIZE.area());
        evaluation.masks.push(2.0);
        let report = evaluation.report("m".into(), "f32".into(), false);
        assert_eq!(evaluation.things.iter().map(|(_, iou)| *iou).collect::<Vec<_>>(), [1.0, 0.0, 1.0]);
        assert_eq!((report.things, report.recall_50), (3, Some(2.0 / 3.0)));
        assert_eq!(report.sizes, [None, None, Some(2.0 / 3.0)]);
    }

    #[test]
    fn average_recall_counts_every_threshold() {
        let evaluation = EverythingEvaluation {
            things: vec![(SizeClass::Small, 0.77), (SizeClass::Medium, 0.2)],
            ..Default::default()
        };
        let report = evaluation.report("m".into(), "f32".into(), true);
        assert_eq!((report.average_recall, report.sizes[0]), (Some(0.3), Some(0.6)));
        assert!(report.interrupted && report.masks.is_none());
    }
}
