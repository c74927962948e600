//! Masks for property tests.

use proptest::prelude::*;

use super::Mask;
use crate::geometry::Size;

/// Masks from 1x1 to 33x29 pixels: noise of every density, blobs, empty and full ones.
pub(super) fn masks() -> impl Strategy<Value = Mask> {
    (1u32..34, 1u32..30).prop_flat_map(|(width, height)| masks_of(Size::new(width, height)))
}

/// Masks of one size, as in [`masks`].
pub(super) fn masks_of(size: Size) -> impl Strategy<Value = Mask> {
    let noise = (prop::collection::vec(0u8..100, size.area()), 0u8..101).prop_map(move |(values, share)| {
        Mask::from_fn(size, |x, y| values[y as usize * size.width as usize + x as usize] < share)
    });
    let waves = prop::array::uniform4(0.05f32..0.9);
    let blobs = (waves, -1.0f32..1.0).prop_map(move |([a, b, c, d], level)| {
        Mask::from_fn(size, |x, y| {
            let (x, y) = (x as f32, y as f32);
            (a * x + b * y).sin() + (c * x - d * y).cos() > level
        })
    });
    prop_oneof![noise, blobs]
}
