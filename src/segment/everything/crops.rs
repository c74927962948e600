use crate::geometry::{Region, Size};

/// A part of the picture that is encoded by itself, and its layer: 0 is the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    pub region: Region,
    pub layer: u32,
}

/// The whole frame, then `layers` of crops with 2, 4, 8 and so on of them on a side; neighbours share `overlap` of the frame's short side
/// in the first layer and half as much in each further one. As Segment Anything's `generate_crop_boxes`.
pub fn crops(frame: Size, layers: u32, overlap: f32) -> Vec<Crop> {
    let mut crops = vec![Crop { region: Region::of_frame(frame), layer: 0 }];
    let short = frame.width.min(frame.height) as f32;
    for layer in 1..=layers {
        let count = 1u32 << layer;
        let shared = (overlap * short * (2.0 / count as f32)) as u32;
        let length = |side: u32| (shared * (count - 1) + side).div_ceil(count).max(1);
        let (width, height) = (length(frame.width), length(frame.height));
        let start = |at: u32, length: u32| length.saturating_sub(shared) * at;
        for column in 0..count {
            for row in 0..count {
                let (x, y) = (start(column, width), start(row, height));
                if x >= frame.width || y >= frame.height {
                    continue;
                }
                let (right, bottom) = ((x + width).min(frame.width), (y + height).min(frame.height));
                // Regions begin at even pixels.
                let (x, y) = (x / 2 * 2, y / 2 * 2);
                crops.push(Crop { region: Region { x, y, size: Size::new(right - x, bottom - y) }, layer });
            }
        }
    }
    crops
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Figures of Segment Anything's own function for 1500x1000 pixels.
    #[test]
    fn crops_are_those_of_segment_anything() {
        let found = crops(Size::new(1500, 1000), 1, 512.0 / 1500.0);
        let boxes: Vec<_> =
            found.iter().map(|c| (c.region.x, c.region.y, c.region.size.width, c.region.size.height)).collect();
        assert_eq!(
            boxes,
            [(0, 0, 1500, 1000), (0, 0, 921, 671), (0, 330, 921, 670), (580, 0, 920, 671), (580, 330, 920, 670)]
        );
        assert_eq!(crops(Size::new(1500, 1000), 2, 512.0 / 1500.0).len(), 1 + 4 + 16);
    }

    proptest! {
        #[test]
        fn crops_lie_in_the_frame_and_cover_it(width in 1u32..300, height in 1u32..300, layers in 0u32..4, overlap in 0.0f32..0.9) {
            let frame = Size::new(width, height);
            let found = crops(frame, layers, overlap);
            for crop in &found {
                prop_assert!(crop.region.fits(frame), "{crop:?}");
            }
            for layer in 0..=layers {
                let right = found.iter().filter(|c| c.layer == layer).map(|c| c.region.x + c.region.size.width).max();
                let bottom = found.iter().filter(|c| c.layer == layer).map(|c| c.region.y + c.region.size.height).max();
                prop_assert_eq!((right, bottom), (Some(width), Some(height)));
            }
        }
    }
}
