//! One prediction drawn over its photo, as a file.

use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::frame::{self, Frame};
use crate::model::Prompt;
use crate::record::FrameRecord;
use crate::segment::Prediction;
use crate::sink::overlay::Painter;
use crate::track::ObjectState;

use super::mask_file::write_rgb;

/// Writes `photo` with the mask, its box and the prompt's points drawn over it.
pub fn write_overlay(path: &Path, photo: &Arc<Frame>, answer: &Prediction, prompt: &Prompt) -> Result<(), Error> {
    let mut record = FrameRecord { frame: Some(photo.clone()), ..FrameRecord::default() };
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
