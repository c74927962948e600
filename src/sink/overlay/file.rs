use std::path::Path;
use std::sync::Arc;

use super::Painter;
use crate::error::Error;
use crate::frame::{self, Frame};
use crate::geometry::Size;
use crate::mask::file::write_image;
use crate::model::Prompt;
use crate::record::FrameRecord;
use crate::segment::{FoundMask, Prediction};
use crate::track::ObjectState;

/// Writes `photo` with the mask, its box and the prompt's points drawn over it.
///
/// # Errors
/// A frame that cannot be converted, and as [`write_rgb`].
pub fn write_overlay(path: &Path, photo: &Arc<Frame>, answer: &Prediction, prompt: &Prompt) -> Result<(), Error> {
    let mut record = FrameRecord::default();
    record.frame = Some(photo.clone());
    let object = record.push_object();
    object.object = 1;
    object.state = ObjectState::Selected;
    object.score = answer.predicted_iou;
    object.bbox = prompt.bbox.or(answer.bbox);
    object.area = answer.area;
    object.mask.clone_from(&answer.mask);
    object.points.clone_from(&prompt.points);
    let mut rgb = Vec::new();
    frame::to_rgb(photo, &mut rgb)?;
    Painter::new().with_boxes(prompt.bbox.is_some()).draw(&mut rgb, photo.size, &record);
    write_rgb(path, &rgb, photo.size)
}

/// Writes `photo` with everything drawn over it that was `found`, the first below the others.
///
/// # Errors
/// As [`write_overlay`].
pub fn write_found<'a>(
    path: &Path,
    photo: &Frame,
    found: impl IntoIterator<Item = &'a FoundMask>,
) -> Result<(), Error> {
    let mut rgb = Vec::new();
    frame::to_rgb(photo, &mut rgb)?;
    Painter::new().draw_masks(&mut rgb, photo.size, found.into_iter().map(|found| &found.mask));
    write_rgb(path, &rgb, photo.size)
}

/// Writes `rgb` (three bytes a pixel, no padding) in the format that the file's name asks for, PNG or JPEG.
///
/// # Errors
/// [`crate::error::IoError`] for a place that cannot be written, or a name that is of no image.
pub fn write_rgb(path: &Path, rgb: &[u8], size: Size) -> Result<(), Error> {
    write_image(path, rgb, size, image::ExtendedColorType::Rgb8)
}
