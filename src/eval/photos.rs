//! Clicks and boxes on photos with known masks.
//!
//! Each object is prompted for with one click, with the tightest box, and with up to [`MAX_CLICKS`] clicks: the first at the
//! point deepest inside the object, each further one at the centre of the larger error of the answer before, whose logits go
//! in as the mask prompt; then the first click is moved a little ([`Jitter`]).

mod clicks_plot;
mod contact_sheet;
mod evaluator;
mod images;
mod jitter;
mod protocol;
mod report;
mod sizes;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use super::dataset::{self, Layout, Photo, Truth};
use super::progress::Progress;
use crate::error::{Error, ImageError};
use crate::frame::{self, Frame};
use crate::segment::Predictor;
use crate::statistics::Samples;
use crate::sync::StopToken;
use evaluator::Evaluator;

pub use images::ResultImages;
pub use jitter::{Jitter, REACH};
pub use protocol::{MAX_CLICKS, Outcome};
pub use report::Report;
pub use sizes::{ClassFigures, SizeClass, Sizes};

/// A run over a set of photos, with what was found so far.
pub struct Evaluation {
    layout: Layout,
    zoom: bool,
    images: Option<ResultImages>,
    outcomes: Vec<Outcome>,
    encoding: Samples,
    decoding: Samples,
    finished: usize,
}

impl Evaluation {
    /// Nothing evaluated yet. Masks are coded as `layout` says; with `zoom` each answer is looked at again from nearer by
    /// ([`Predictor::zoom_in`]); what was found is drawn into `images`, if any are wanted.
    pub fn new(layout: Layout, zoom: bool, images: Option<ResultImages>) -> Self {
        let (encoding, decoding) = Default::default();
        Evaluation { layout, zoom, images, outcomes: Vec::new(), encoding, decoding, finished: 0 }
    }

    /// Evaluates `photos` in turn until `stop` is raised. Returns how many are finished, earlier calls included.
    ///
    /// # Errors
    /// A photo or mask that cannot be read or is of another size than its counterpart, an error of the model, or an image
    /// that cannot be written.
    pub fn run(
        &mut self,
        predictor: &mut Predictor,
        photos: &[Photo],
        progress: &mut dyn Progress,
        stop: &StopToken,
    ) -> Result<usize, Error> {
        for (number, photo) in photos.iter().enumerate() {
            self.photo(predictor, photo, stop)?;
            if stop.is_stopped() {
                break;
            }
            let sum: f64 = self.outcomes.iter().map(Outcome::iou_1click).sum();
            let mean = sum / self.outcomes.len().max(1) as f64;
            progress.report(number + 1, &format!("IoU {mean:.3} after a click"));
        }
        Ok(self.finished)
    }

    /// Evaluates every object of one photo. When `stop` is raised in between, the photo does not count.
    fn photo(&mut self, predictor: &mut Predictor, photo: &Photo, stop: &StopToken) -> Result<(), Error> {
        let frame = Arc::new(frame::open_image(&photo.image)?);
        let (mut outcomes, mut thumbnails) = (Vec::new(), Vec::new());
        self.encoding.time(|| predictor.set_frame(&frame))?;
        for mask in &photo.masks {
            let truths = dataset::truths(mask, self.layout)?;
            if truths.is_empty() {
                tracing::warn!("{}: no object in it, left out", mask.display());
            }
            for (index, truth) in truths.iter().enumerate() {
                if stop.is_stopped() {
                    return Ok(());
                }
                same_size(truth, &frame, mask, &photo.image)?;
                let (zoom, timings) = (self.zoom, &mut self.decoding);
                let mut evaluator = Evaluator { predictor: &mut *predictor, photo: &frame, zoom, timings };
                let (outcome, answers) = protocol::evaluate(&mut evaluator, truth)?;
                if let Some(images) = &self.images {
                    let name = images::name(mask, (truths.len() > 1).then_some(index + 1));
                    thumbnails.push(images.draw(name, &frame, truth, &answers, &outcome)?);
                }
                outcomes.push(outcome);
            }
        }
        self.outcomes.append(&mut outcomes);
        if let Some(images) = &mut self.images {
            images.keep(thumbnails);
        }
        self.finished += 1;
        Ok(())
    }

    /// The figures of what was evaluated, by `model` in `precision`.
    pub fn report(&self, model: String, precision: String, interrupted: bool) -> Report {
        let figures = Report::new(model, precision, &self.outcomes, &self.encoding, &self.decoding);
        Report { images: self.finished, zoom: self.zoom, interrupted, ..figures }
    }

    /// Writes the images of the whole set, if any are wanted.
    ///
    /// # Errors
    /// [`crate::error::IoError`] for an image that cannot be written.
    pub fn write_images(&self, report: &Report) -> Result<(), Error> {
        let Some(images) = &self.images else { return Ok(()) };
        let title = format!("{} ({}), {} photos", report.model, report.precision, report.images);
        images.finish(&title, &self.outcomes)
    }
}

fn same_size(truth: &Truth, frame: &Frame, mask: &Path, image: &Path) -> Result<(), ImageError> {
    let given = truth.object.size();
    if given == frame.size {
        return Ok(());
    }
    let expected_of = format!("{} (the photo of {})", image.display(), mask.display());
    Err(ImageError::SizeMismatch { given, expected: frame.size, expected_of })
}
