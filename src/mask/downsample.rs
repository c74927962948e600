use super::logits::content_cells;
use super::{LowResLogits, Mask, runs};
use crate::error::ImageError;
use crate::geometry::{Letterbox, Size};

/// Logit of a mask prompt's cell that lies entirely inside the mask, as in SAM 2 (`20 * mask - 10`); outside it is the
/// negative of it.
pub const MASK_PROMPT_LOGIT: f32 = 10.0;

/// A mask of the letterbox's frame as a mask prompt of `size`, see [`low_res_from_mask`].
///
/// # Errors
/// [`ImageError::SizeMismatch`] when the mask is not of the frame's size.
pub fn mask_prompt(mask: &Mask, letterbox: &Letterbox, size: Size) -> Result<LowResLogits, ImageError> {
    let (given, expected) = (mask.size(), letterbox.frame);
    if given != expected {
        return Err(ImageError::SizeMismatch { given, expected, expected_of: "the frame".to_owned() });
    }
    let mut logits = LowResLogits::default();
    low_res_from_mask(mask, letterbox, size, MASK_PROMPT_LOGIT, &mut logits);
    Ok(logits)
}

/// Turns a mask of the frame into a mask prompt: each cell of a `size` grid over the letterbox's input gets
/// `magnitude * (2 * share - 1)`, where `share` is how much of the cell's part of the region is set. Padding gets
/// `-magnitude`. `out` is reused.
///
/// # Panics
/// If the mask is not of the letterbox's frame.
pub fn low_res_from_mask(mask: &Mask, letterbox: &Letterbox, size: Size, magnitude: f32, out: &mut LowResLogits) {
    assert_eq!(mask.size(), letterbox.frame, "the mask is one of the letterbox's frame");
    out.size = size;
    out.data.clear();
    out.data.resize(size.area(), -magnitude);
    let content = content_cells(letterbox, size);
    let Letterbox { frame, region, input, content: shown, .. } = *letterbox;
    if content.area() == 0 || !region.fits(frame) {
        return;
    }
    let columns = Axis::new(region.size.width, shown.width, input.width, size.width);
    let rows = Axis::new(region.size.height, shown.height, input.height, size.height);

    for (cell_y, values) in out.data.chunks_exact_mut(size.width as usize).take(content.height as usize).enumerate() {
        let (top, bottom) = rows.span(cell_y);
        // First the area that is set in each cell, then its logit.
        let values = &mut values[..content.width as usize];
        values.fill(0.0);
        for y in top as usize..(bottom.ceil() as usize).min(region.size.height as usize) {
            let height = bottom.min(y as f32 + 1.0) - top.max(y as f32);
            let row = &mask.row(region.y + y as u32)[region.x as usize..][..region.size.width as usize];
            let Some(first) = runs::find(row, 0, 1) else { continue };
            let last = row.iter().rposition(|pixel| *pixel != 0).unwrap_or(first);
            let cells = columns.cell_of(first)..(columns.cell_of(last + 1) + 1).min(values.len());
            for (offset, value) in values[cells.clone()].iter_mut().enumerate() {
                let (left, right) = columns.span(cells.start + offset);
                *value += height * length_set(row, left, right);
            }
        }
        for (cell_x, value) in values.iter_mut().enumerate() {
            let (left, right) = columns.span(cell_x);
            let share = *value / ((right - left) * (bottom - top)).max(f32::MIN_POSITIVE);
            *value = magnitude * (2.0 * share.clamp(0.0, 1.0) - 1.0);
        }
    }
}

/// One axis of the grid, in pixels of the region.
struct Axis {
    pixels: u32,
    pixels_per_cell: f64,
}

impl Axis {
    fn new(pixels: u32, shown: u32, input: u32, cells: u32) -> Self {
        let pixels_per_cell = pixels as f64 * input as f64 / (shown as f64 * cells as f64);
        Axis { pixels, pixels_per_cell }
    }

    /// The part of the region that the cell covers.
    fn span(&self, cell: usize) -> (f32, f32) {
        let start = cell as f64 * self.pixels_per_cell;
        let end = (start + self.pixels_per_cell).min(self.pixels as f64);
        (start as f32, end as f32)
    }

    /// The cell that holds the left edge of `pixel`, or the one before it where rounding may put the edge there.
    fn cell_of(&self, pixel: usize) -> usize {
        (pixel as f64 / self.pixels_per_cell - 1e-6).max(0.0) as usize
    }
}

/// Length of the set pixels between `left` and `right`.
fn length_set(row: &[u8], left: f32, right: f32) -> f32 {
    let (start, end) = (left as usize, (right.ceil() as usize).min(row.len()));
    let Some(pixels) = row.get(start..end) else { return 0.0 };
    let (Some(first), Some(last)) = (pixels.first(), pixels.last()) else { return 0.0 };
    let whole: u32 = pixels.iter().map(|pixel| *pixel as u32).sum();
    whole as f32 - (left - start as f32) * *first as f32 - (end as f32 - right) * *last as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::masks;
    use super::super::{UpsampleScratch, upsample_mask};
    use super::*;
    use crate::geometry::Region;

    fn overlap(a: (f64, f64), b: (f64, f64)) -> f64 {
        (a.1.min(b.1) - a.0.max(b.0)).max(0.0)
    }

    proptest! {
        #[test]
        fn agrees_with_areas_added_pixel_by_pixel(
            mask in masks(),
            input in (1u32..40, 1u32..40),
            grid in (1u32..20, 1u32..20),
        ) {
            let letterbox = Letterbox::new(mask.size(), Size::new(input.0, input.1));
            let size = Size::new(grid.0, grid.1);
            let mut out = LowResLogits::default();
            low_res_from_mask(&mask, &letterbox, size, 8.0, &mut out);
            let content = out.content(&letterbox);
            let frame = letterbox.frame;
            let per_cell = |pixels: u32, input: u32, shown: u32, cells: u32| {
                pixels as f64 / shown as f64 * input as f64 / cells as f64
            };
            let cell_width = per_cell(frame.width, letterbox.input.width, letterbox.content.width, size.width);
            let cell_height = per_cell(frame.height, letterbox.input.height, letterbox.content.height, size.height);
            for cy in 0..size.height {
                for cx in 0..size.width {
                    let value = out.data[(cy * size.width + cx) as usize];
                    if cx >= content.width || cy >= content.height {
                        prop_assert_eq!(value, -8.0);
                        continue;
                    }
                    let across = (cx as f64 * cell_width, ((cx + 1) as f64 * cell_width).min(frame.width as f64));
                    let down = (cy as f64 * cell_height, ((cy + 1) as f64 * cell_height).min(frame.height as f64));
                    let mut set = 0.0;
                    for y in 0..frame.height {
                        for x in 0..frame.width {
                            set += mask.row(y)[x as usize] as f64
                                * overlap(across, (x as f64, x as f64 + 1.0))
                                * overlap(down, (y as f64, y as f64 + 1.0));
                        }
                    }
                    let share = set / ((across.1 - across.0) * (down.1 - down.0));
                    prop_assert!((value as f64 - 8.0 * (2.0 * share - 1.0)).abs() < 0.01, "({cx}, {cy}) {value} {share}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_region_is_as_a_frame_of_its_own(mask in masks(), at in (0u32..9, 0u32..9, 1u32..30, 1u32..30), input in (1u32..40, 1u32..40)) {
            let frame = mask.size();
            let (x, y) = ((at.0 / 2 * 2).min((frame.width - 1) / 2 * 2), (at.1 / 2 * 2).min((frame.height - 1) / 2 * 2));
            let size = Size::new(at.2.min(frame.width - x), at.3.min(frame.height - y));
            let (input, grid) = (Size::new(input.0, input.1), Size::new(7, 5));
            let part = Mask::from_fn(size, |px, py| mask.row(y + py)[(x + px) as usize] != 0);
            let (mut of_region, mut of_part) = (LowResLogits::default(), LowResLogits::default());
            let letterbox = Letterbox::of_region(frame, Region { x, y, size }, input);
            low_res_from_mask(&mask, &letterbox, grid, 8.0, &mut of_region);
            low_res_from_mask(&part, &Letterbox::new(size, input), grid, 8.0, &mut of_part);
            prop_assert_eq!(of_region, of_part);
        }
    }

    #[test]
    fn down_and_up_again_keeps_a_large_shape() {
        let frame = Size::new(640, 427);
        let letterbox = Letterbox::new(frame, Size::new(256, 256));
        let disc = Mask::from_fn(frame, |x, y| (x as f32 - 300.0).hypot(y as f32 - 200.0) < 110.0);
        let (mut logits, mut back) = (LowResLogits::default(), Mask::default());
        low_res_from_mask(&disc, &letterbox, Size::new(64, 64), 8.0, &mut logits);
        upsample_mask(&logits, &letterbox, 0.0, &mut UpsampleScratch::default(), &mut back);
        assert!(disc.iou(&back) > 0.97, "{}", disc.iou(&back));
    }
}
