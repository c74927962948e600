use super::{FoundMask, Prediction, Predictor, Progress, clip_box};
use crate::error::{PromptError, Result};
use crate::frame::Frame;
use crate::geometry::BoundingBox;
use crate::mask::{Mask, Rle};
use crate::model::Prompt;

/// Boxes that are decoded before their masks are compressed: it bounds the memory of masks at the frame's size.
const AT_ONCE: usize = 16;

/// The mask of what lies in each of `boxes`, in pixels of `frame`, which is encoded once: what a detector found, outlined. With
/// `zoom` each is looked at once more from nearer by ([`Predictor::zoom_in`]), which costs an encoding a box. `progress` is called after each box. The answer to a box is
/// its own: an error for one that has no area in the frame, an empty mask where the model sees nothing.
///
/// # Errors
/// Those of encoder and decoder.
pub fn masks_in_boxes(
    predictor: &mut Predictor,
    frame: &Frame,
    boxes: &[BoundingBox],
    zoom: bool,
    progress: Progress,
) -> Result<Vec<std::result::Result<FoundMask, PromptError>>> {
    predictor.set_frame(frame)?;
    let count = boxes.len();
    let mut answers = Vec::with_capacity(count);
    for boxes in boxes.chunks(AT_ONCE) {
        let clipped: Vec<_> = boxes.iter().map(|bbox| clip_box(*bbox, frame.size)).collect();
        let prompt = |bbox: &BoundingBox| Prompt { bbox: Some(*bbox), ..Prompt::default() };
        let prompts: Vec<Prompt> = clipped.iter().flatten().map(prompt).collect();
        let mut found = predictor.predict_batch(&prompts, false)?.into_iter().zip(&prompts);
        for bbox in clipped {
            let answer = match bbox {
                Err(error) => Err(error),
                Ok(_) => Ok(match found.next() {
                    Some((mut ranked, prompt)) => best(predictor, frame, prompt, ranked.pop(), zoom)?,
                    None => nothing(frame),
                }),
            };
            answers.push(answer);
            progress(answers.len(), count);
        }
    }
    Ok(answers)
}

/// What a first answer becomes, looked at again with `zoom`.
fn best(
    predictor: &mut Predictor,
    frame: &Frame,
    prompt: &Prompt,
    first: Option<Prediction>,
    zoom: bool,
) -> Result<FoundMask> {
    let Some(first) = first else { return Ok(nothing(frame)) };
    let closer = if zoom { predictor.zoom_in(frame, prompt, &first)? } else { None };
    let Prediction { mask, predicted_iou, stability, region, bbox, area, .. } = closer.unwrap_or(first);
    Ok(FoundMask {
        mask: Rle::from_mask(&mask),
        bbox: bbox.unwrap_or_default(),
        area,
        predicted_iou,
        stability,
        point: None,
        crop: region,
    })
}

/// An empty mask.
fn nothing(frame: &Frame) -> FoundMask {
    FoundMask { mask: Rle::from_mask(&Mask::new(frame.size)), ..FoundMask::default() }
}
