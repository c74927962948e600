use crate::error::PromptError;
use crate::geometry::{BoundingBox, Label, Size};
use crate::model::Prompt;

/// Refuses a prompt that cannot be answered on a frame of `frame` pixels.
///
/// A box that lies partly outside the frame is allowed (see [`clip_box`]); so are background points alone as long as a
/// box or a mask says which object they correct.
///
/// # Errors
/// [`PromptError`] for an empty prompt, numbers that are not finite, a point outside the frame, a box without area
/// inside the frame, more than `max_points` points, and a mask prompt that is not of `mask_size`.
pub fn check_prompt(prompt: &Prompt, frame: Size, max_points: usize, mask_size: Size) -> Result<(), PromptError> {
    if prompt.points.is_empty() && prompt.bbox.is_none() && prompt.mask.is_none() {
        return Err(PromptError::Empty);
    }
    if prompt.points.len() > max_points {
        return Err(PromptError::TooManyPoints { given: prompt.points.len(), limit: max_points });
    }
    for p in &prompt.points {
        if !p.point.is_finite() {
            return Err(PromptError::NotFinite { what: "a point" });
        }
        if !frame.contains(p.point) {
            return Err(PromptError::PointOutside { point: p.point, frame });
        }
    }
    if let Some(bbox) = prompt.bbox {
        clip_box(bbox, frame)?;
    }
    if let Some(mask) = &prompt.mask {
        if mask.size != mask_size {
            return Err(PromptError::MaskSize { given: mask.size, expected: mask_size });
        }
        if mask.data.len() != mask_size.area() {
            return Err(PromptError::MaskLength { given: mask.data.len(), expected: mask_size });
        }
        if !mask.data.iter().all(|v| v.is_finite()) {
            return Err(PromptError::NotFinite { what: "the mask prompt" });
        }
    }
    if prompt.bbox.is_none() && prompt.mask.is_none() && prompt.points.iter().all(|p| p.label == Label::Background) {
        return Err(PromptError::OnlyBackground);
    }
    Ok(())
}

/// The part of a box prompt that lies inside the frame.
///
/// # Errors
/// [`PromptError::NotFinite`], and [`PromptError::EmptyBox`] when that part has no area (the box is inverted, flat, or
/// entirely outside).
pub fn clip_box(bbox: BoundingBox, frame: Size) -> Result<BoundingBox, PromptError> {
    if !bbox.is_finite() {
        return Err(PromptError::NotFinite { what: "the box" });
    }
    let inside = bbox.intersect(BoundingBox::of_frame(frame));
    if inside.area() > 0.0 {
        Ok(inside)
    } else {
        let BoundingBox { x0, y0, x1, y1 } = bbox;
        Err(PromptError::EmptyBox { x0, y0, x1, y1, frame })
    }
}
