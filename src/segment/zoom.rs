use super::Prediction;
use crate::geometry::{BoundingBox, Letterbox, Region, Size};
use crate::model::Prompt;

/// Surroundings that are shown with the object, as a share of its sides on each side (RITM's expansion ratio of 1.4).
const MARGIN: f32 = 0.2;
/// The shortest side of a region, as a share of the frame's longer side: less has too few pixels to say more.
const LEAST: f32 = 0.1;
/// By how much a region has to be enlarged against the whole frame to be worth another run of the encoder.
const WORTHWHILE: f32 = 1.1;

/// The part of the frame to zoom in to for a second look at `earlier`, the answer to `prompt` or to the prompts before it:
/// the mask and everything in the prompt, with a margin (the zoom-in of Sofiiuk et al., "Reviving Iterative Training with
/// Mask Guidance for Interactive Segmentation", 2021). `None` where the model, whose input is `input`, would see little
/// more than it did in the whole frame.
pub fn zoom_region(earlier: &Prediction, prompt: &Prompt, input: Size) -> Option<Region> {
    let frame = earlier.mask.size();
    let shown = shown(earlier.bbox, prompt)?;
    let least = LEAST * frame.width.max(frame.height) as f32 / 2.0;
    let center = shown.center();
    let half = |side: f32| (side * (0.5 + MARGIN)).max(least);
    let (w, h) = (half(shown.width()), half(shown.height()));
    let wanted = BoundingBox::new(center.x - w, center.y - h, center.x + w, center.y + h);
    let region = Region::covering(wanted, frame)?;
    (enlargement(region, frame, input) >= WORTHWHILE).then_some(region)
}

/// The least box around `mask`, the box of an answer, and everything in `prompt`; `None` where there is neither.
pub(super) fn shown(mask: Option<BoundingBox>, prompt: &Prompt) -> Option<BoundingBox> {
    let points = prompt.points.iter().map(|p| BoundingBox::new(p.point.x, p.point.y, p.point.x, p.point.y));
    mask.into_iter().chain(prompt.bbox).chain(points).reduce(BoundingBox::hull)
}

/// By how much a model of `input` sees `region` larger than it sees the whole `frame`.
pub(super) fn enlargement(region: Region, frame: Size, input: Size) -> f32 {
    Letterbox::of_region(frame, region, input).scale_x() / Letterbox::new(frame, input).scale_x().max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::LabeledPoint;
    use crate::mask::Mask;

    const INPUT: Size = Size::new(256, 256);

    fn answer(x: u32, y: u32, side: u32) -> Prediction {
        let mask =
            Mask::from_fn(Size::new(640, 480), |px, py| (x..x + side).contains(&px) && (y..y + side).contains(&py));
        Prediction { bbox: mask.bounding_box(), mask, ..Prediction::default() }
    }

    #[test]
    fn the_mask_and_its_margin_are_shown() {
        let region = zoom_region(&answer(200, 100, 100), &Prompt::default(), INPUT).unwrap();
        assert_eq!(region, Region { x: 180, y: 80, size: Size::new(140, 140) });
    }

    #[test]
    fn a_far_click_and_the_box_are_shown_too() {
        let points = vec![LabeledPoint::foreground(400.0, 150.0)];
        let region = zoom_region(&answer(200, 100, 100), &Prompt { points, ..Prompt::default() }, INPUT).unwrap();
        assert!(region.as_box().contains(crate::geometry::Point::new(400.0, 150.0)));
        let bbox = Some(BoundingBox::new(100.0, 90.0, 310.0, 250.0));
        let region = zoom_region(&answer(200, 100, 100), &Prompt { bbox, ..Prompt::default() }, INPUT).unwrap();
        assert!(region.x <= 100 && region.y <= 90 && region.as_box().x1 >= 310.0);
    }

    #[test]
    fn a_speck_keeps_its_surroundings_and_the_frame_its_edge() {
        let region = zoom_region(&answer(630, 470, 4), &Prompt::default(), INPUT).unwrap();
        assert_eq!(region, Region { x: 600, y: 440, size: Size::new(40, 40) });
    }

    #[test]
    fn what_fills_the_frame_needs_no_second_look() {
        assert_eq!(zoom_region(&answer(90, 10, 460), &Prompt::default(), INPUT), None);
        assert_eq!(zoom_region(&answer(0, 0, 0), &Prompt::default(), INPUT), None);
    }
}
