use super::zoom::{enlargement, shown};
use crate::geometry::{BoundingBox, Region, Size};
use crate::model::Prompt;

/// Surroundings that are shown with an object, in mean sides of its box: half of them on each side.
const SURROUNDINGS: f32 = 1.0;
/// A frame is enlarged to so many input pixels for each of its own at most: beyond it there is nothing more to see.
const MOST: f32 = 2.0;
/// By how much a region has to be enlarged against the whole frame to be worth a run of the encoder of its own.
const WORTHWHILE: f32 = 1.2;

/// The part of a `frame` of a stream for a second look at an answer to `prompt` whose mask has the box `mask`, in pixels of the frame:
/// the mask and everything in the prompt with wide surroundings, in the proportions of the model's `input`, so that all of it
/// is used, and moved into the frame where it would reach beyond. `None` where the input would show little more than it does of the
/// whole frame, and for what lies beside the frame.
pub fn fovea_region(mask: BoundingBox, prompt: &Prompt, frame: Size, input: Size) -> Option<Region> {
    let bbox = shown(Some(mask), prompt)?;
    if frame.area() == 0 || !bbox.is_finite() || bbox.intersect(BoundingBox::of_frame(frame)).area() <= 0.0 {
        return None;
    }
    let around = SURROUNDINGS * bbox.area().max(0.0).sqrt();
    let side = |side: f32, least: u32, limit: u32| {
        let side = (side + around).max(least as f32 / MOST);
        side.min(limit as f32)
    };
    let (width, height) =
        (side(bbox.width(), input.width, frame.width), side(bbox.height(), input.height, frame.height));
    let aspect = input.width as f32 / input.height.max(1) as f32;
    let (width, height) = (width.max(height * aspect), height.max(width / aspect));
    // Regions begin at even pixels, also those that end where the frame does.
    let pixels = |side: f32, limit: u32| limit - (limit - (side.ceil() as u32).clamp(1, limit)) / 2 * 2;
    let size = Size::new(pixels(width, frame.width), pixels(height, frame.height));
    let center = bbox.center();
    let from = |center: f32, side: u32, limit: u32| (center - side as f32 / 2.0).min((limit - side) as f32).max(0.0);
    let (x, y) = (from(center.x, size.width, frame.width), from(center.y, size.height, frame.height));
    let region = Region { x: x as u32 / 2 * 2, y: y as u32 / 2 * 2, size };
    (enlargement(region, frame, input) >= WORTHWHILE).then_some(region)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: Size = Size::new(854, 480);
    const INPUT: Size = Size::new(352, 192);

    #[test]
    fn a_small_thing_is_seen_with_its_surroundings_at_the_inputs_proportions() {
        let region =
            fovea_region(BoundingBox::new(400.0, 200.0, 500.0, 300.0), &Prompt::default(), FRAME, INPUT).unwrap();
        let Size { width, height } = region.size;
        assert!((200..=220).contains(&height) && (366..=404).contains(&width), "{region:?}");
        assert!(region.as_box().center().distance(BoundingBox::new(400.0, 200.0, 500.0, 300.0).center()) < 4.0);
    }

    #[test]
    fn no_more_is_shown_of_a_speck_than_its_pixels_tell() {
        let speck = fovea_region(BoundingBox::new(3.0, 470.0, 7.0, 474.0), &Prompt::default(), FRAME, INPUT).unwrap();
        assert!((176..=214).contains(&speck.size.width) && speck.x == 0, "{speck:?}");
    }

    #[test]
    fn what_fills_the_frame_or_lies_beside_it_has_no_region() {
        assert_eq!(fovea_region(BoundingBox::new(100.0, 50.0, 700.0, 400.0), &Prompt::default(), FRAME, INPUT), None);
        assert_eq!(fovea_region(BoundingBox::new(900.0, 50.0, 950.0, 90.0), &Prompt::default(), FRAME, INPUT), None);
        let nan = BoundingBox::new(f32::NAN, 50.0, 950.0, 90.0);
        assert_eq!(fovea_region(nan, &Prompt::default(), FRAME, INPUT), None);
        assert_eq!(
            fovea_region(BoundingBox::new(10.0, 10.0, 20.0, 20.0), &Prompt::default(), Size::new(64, 48), INPUT),
            None
        );
    }

    proptest! {
        #[test]
        fn regions_lie_in_the_frame_and_show_the_box(
            at in (0f32..850.0, 0f32..470.0, 1f32..400.0, 1f32..300.0),
            input in (1u32..12, 1u32..12),
        ) {
            let bbox = BoundingBox::new(at.0, at.1, at.0 + at.2, at.1 + at.3);
            let input = Size::new(input.0 * 32, input.1 * 32);
            if let Some(region) = fovea_region(bbox, &Prompt::default(), FRAME, input) {
                prop_assert!(region.fits(FRAME));
                let seen = bbox.intersect(BoundingBox::of_frame(FRAME));
                prop_assert!(region.as_box().intersect(seen).area() >= 0.999 * seen.area(), "{region:?}");
            }
        }
    }
}
