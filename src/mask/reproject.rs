use super::logits::content_cells;
use super::{Between, LowResLogits};
use crate::geometry::{Letterbox, Size};

/// Writes into `out`, which is reused, what `logits` on the grid of `from` say on a `size` grid over the input of `to`: the
/// same frame, or another region of it.
///
/// The centre of each cell is looked up bilinearly; beyond the outermost centres of the region of `from` the outermost
/// value holds. Outside that region, and in the padding, the logit is `unknown`. `from` and `to` are of one frame.
///
/// # Panics
/// If `logits.data` is not as long as `logits.size` says.
pub fn reproject(
    logits: &LowResLogits,
    from: &Letterbox,
    to: &Letterbox,
    size: Size,
    unknown: f32,
    out: &mut LowResLogits,
) {
    assert_eq!(logits.data.len(), logits.size.area(), "logits fill their size");
    out.size = size;
    out.data.clear();
    out.data.resize(size.area(), unknown);
    let (content, known) = (content_cells(to, size), content_cells(from, logits.size));
    if content.area() == 0 || known.area() == 0 {
        return;
    }
    let columns = Axis {
        scale: to.input.width as f32 / size.width as f32 / to.scale_x(),
        offset: to.region.x as f32 - from.region.x as f32,
        extent: from.region.size.width as f32,
        cells_per_pixel: from.scale_x() * logits.size.width as f32 / from.input.width as f32,
        cells: known.width as usize,
    };
    let rows = Axis {
        scale: to.input.height as f32 / size.height as f32 / to.scale_y(),
        offset: to.region.y as f32 - from.region.y as f32,
        extent: from.region.size.height as f32,
        cells_per_pixel: from.scale_y() * logits.size.height as f32 / from.input.height as f32,
        cells: known.height as usize,
    };
    let stride = logits.size.width as usize;
    for (y, row) in out.data.chunks_exact_mut(size.width as usize).take(content.height as usize).enumerate() {
        let Some(down) = rows.look_up(y) else { continue };
        let (upper, lower) = (&logits.data[down.first * stride..], &logits.data[down.second * stride..]);
        for (x, value) in row[..content.width as usize].iter_mut().enumerate() {
            let Some(across) = columns.look_up(x) else { continue };
            *value = down.value(across.of(upper), across.of(lower));
        }
    }
}

/// One axis, from the cells of one grid to those of the other.
struct Axis {
    /// Frame pixels a cell of the new grid.
    scale: f32,
    /// Where the new region begins, in pixels of the old region.
    offset: f32,
    /// The old region's side in pixels.
    extent: f32,
    /// Cells of the old grid a pixel.
    cells_per_pixel: f32,
    /// Cells of the old grid that show its region.
    cells: usize,
}

impl Axis {
    /// The two old cells about the centre of a new one; `None` outside the old region.
    fn look_up(&self, cell: usize) -> Option<Between> {
        let pixel = (cell as f32 + 0.5) * self.scale + self.offset;
        let inside = (0.0..=self.extent).contains(&pixel);
        inside.then(|| Between::cells(pixel * self.cells_per_pixel, self.cells))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Mask, UpsampleScratch, low_res_from_mask, upsample_mask};
    use super::*;
    use crate::geometry::Region;

    const FRAME: Size = Size::new(640, 480);
    const INPUT: Size = Size::new(256, 256);
    const GRID: Size = Size::new(128, 128);

    fn ramp(letterbox: &Letterbox) -> LowResLogits {
        // Each cell holds the frame column of its centre.
        let column = |x: u32| {
            letterbox.region.x as f32 + (x as f32 + 0.5) * (INPUT.width / GRID.width) as f32 / letterbox.scale_x()
        };
        LowResLogits { size: GRID, data: (0..GRID.area() as u32).map(|i| column(i % GRID.width)).collect() }
    }

    #[test]
    fn every_cell_keeps_its_place_in_the_frame() {
        let whole = Letterbox::new(FRAME, INPUT);
        let region = Region { x: 200, y: 120, size: Size::new(160, 160) };
        let part = Letterbox::of_region(FRAME, region, INPUT);
        let mut out = LowResLogits::default();
        reproject(&ramp(&whole), &whole, &part, GRID, -1.0, &mut out);
        for (found, expected) in out.data.iter().zip(&ramp(&part).data) {
            assert!((found - expected).abs() < 0.01, "{found} {expected}");
        }
        reproject(&ramp(&part), &part, &whole, GRID, -1.0, &mut out);
        let row = |y: usize| &out.data[y * 128..][..128];
        // A cell is five pixels wide: cells 40 to 71 lie in the region, rows 24 to 55.
        assert!(row(10).iter().all(|v| *v == -1.0));
        assert_eq!((row(30)[39], row(30)[72]), (-1.0, -1.0));
        for x in 41..71 {
            assert!((row(30)[x] - (x as f32 + 0.5) * 5.0).abs() < 0.01, "{x}");
        }
        assert!(row(100).iter().all(|v| *v == -1.0), "padding");
    }

    #[test]
    fn a_shape_survives_the_way_into_a_region_and_back() {
        let whole = Letterbox::new(FRAME, INPUT);
        let disc = Mask::from_fn(FRAME, |x, y| (x as f32 - 300.0).hypot(y as f32 - 200.0) < 60.0);
        let part = Letterbox::of_region(FRAME, Region { x: 220, y: 110, size: Size::new(180, 170) }, INPUT);
        let (mut coarse, mut fine, mut back) = (LowResLogits::default(), LowResLogits::default(), Mask::default());
        low_res_from_mask(&disc, &whole, GRID, 8.0, &mut coarse);
        reproject(&coarse, &whole, &part, GRID, -8.0, &mut fine);
        upsample_mask(&fine, &part, 0.0, &mut UpsampleScratch::default(), &mut back);
        assert!(disc.iou(&back) > 0.95, "{}", disc.iou(&back));
        let copy = fine.clone();
        reproject(&copy, &part, &part, GRID, 0.0, &mut fine);
        assert_eq!(copy.content(&part), fine.content(&part));
        for y in 0..fine.content(&part).height as usize {
            let rows = copy.data[y * 128..].iter().zip(&fine.data[y * 128..]).take(fine.content(&part).width as usize);
            assert!(rows.clone().all(|(a, b)| (a - b).abs() < 1e-3), "onto itself, row {y}");
        }
    }
}
