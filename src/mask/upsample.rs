//! Low-resolution logits to a mask at the frame's resolution.
//!
//! Bilinear with half-pixel centres, in two passes: each row of the grid is interpolated along x once, then every frame
//! row is a blend of two such rows and a comparison. A blend of values below the threshold stays below it, so only the
//! columns beside a cell above the threshold are looked at, which spares most of an image.

use super::logits::content_cells;
use super::{LowResLogits, Mask, runs};
use crate::geometry::{BoundingBox, Letterbox, Region, Size};

/// What [`upsample_mask`] learns of a mask on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MaskExtent {
    /// Number of set pixels.
    pub area: usize,
    /// The tightest box around them, `None` when there are none.
    pub bbox: Option<BoundingBox>,
}

/// Tables and rows that [`upsample_mask`] keeps between calls. The tables are made again when the geometry changes.
#[derive(Clone, Debug, Default)]
pub struct UpsampleScratch {
    geometry: Option<(Letterbox, Size)>,
    columns: Axis,
    rows: Axis,
    /// For each row of the grid, the first and last cell above the threshold.
    active: Vec<Option<(usize, usize)>>,
    upper: Vec<f32>,
    lower: Vec<f32>,
}

/// Where the frame's pixels lie on one axis of the grid.
#[derive(Clone, Debug, Default)]
struct Axis {
    /// Cells that show the frame.
    cells: usize,
    /// Pixels `starts[i]..starts[i + 1]` lie between the centres of cells `i` and `i + 1`, those beyond the first and
    /// the last centre included.
    starts: Vec<usize>,
    /// Share of cell `i + 1` in each pixel.
    weights: Vec<f32>,
}

impl Axis {
    fn fill(&mut self, pixels: u32, content: u32, input: u32, grid: u32, cells: u32) {
        let cells_per_pixel = content as f64 / pixels as f64 * (grid as f64 / input as f64);
        let last = cells.saturating_sub(1) as usize;
        let intervals = last.max(1);
        self.cells = cells as usize;
        self.weights.clear();
        self.starts.clear();
        for pixel in 0..pixels as usize {
            let at = ((pixel as f64 + 0.5) * cells_per_pixel - 0.5).clamp(0.0, last as f64);
            let interval = (at as usize).min(intervals - 1);
            while self.starts.len() <= interval {
                self.starts.push(pixel);
            }
            self.weights.push((at - interval as f64) as f32);
        }
        self.starts.resize(intervals + 1, pixels as usize);
    }

    /// Number of intervals between neighbouring cells, one even if there is a single cell.
    fn intervals(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The intervals that touch a cell from `first` to `last`.
    fn touching(&self, (first, last): (usize, usize)) -> std::ops::Range<usize> {
        first.saturating_sub(1)..(last + 1).min(self.intervals())
    }
}

/// Scales `logits` to the frame of `letterbox` and writes into `out` the pixels where they exceed `threshold`; outside the
/// letterbox's region none do.
///
/// The centre of each pixel of the region is looked up bilinearly between the centres of the cells that show the region;
/// beyond the outermost centres the outermost value holds, so that padding never bleeds in. A logit that is not a number
/// is below every threshold.
///
/// # Panics
/// If `logits.data` is not as long as `logits.size` says.
pub fn upsample_mask(
    logits: &LowResLogits,
    letterbox: &Letterbox,
    threshold: f32,
    scratch: &mut UpsampleScratch,
    out: &mut Mask,
) -> MaskExtent {
    assert_eq!(logits.data.len(), logits.size.area(), "logits fill their size");
    out.reset(letterbox.frame);
    let content = content_cells(letterbox, logits.size);
    if content.area() == 0 || !letterbox.region.fits(letterbox.frame) {
        return MaskExtent::default();
    }
    scratch.prepare(letterbox, logits.size, content);
    scratch.mark_active(logits, threshold);
    scratch.blend(logits, threshold, letterbox.region, out)
}

impl UpsampleScratch {
    fn prepare(&mut self, letterbox: &Letterbox, grid: Size, cells: Size) {
        if self.geometry == Some((*letterbox, grid)) {
            return;
        }
        let Letterbox { region: Region { size, .. }, input, content, .. } = *letterbox;
        self.columns.fill(size.width, content.width, input.width, grid.width, cells.width);
        self.rows.fill(size.height, content.height, input.height, grid.height, cells.height);
        for row in [&mut self.upper, &mut self.lower] {
            row.clear();
            row.resize(size.width as usize, 0.0);
        }
        self.geometry = Some((*letterbox, grid));
    }

    fn mark_active(&mut self, logits: &LowResLogits, threshold: f32) {
        let rows = logits.data.chunks_exact(logits.size.width as usize).take(self.rows.cells);
        self.active.clear();
        self.active.extend(rows.map(|row| {
            let row = &row[..self.columns.cells];
            let first = row.iter().position(|value| *value > threshold)?;
            let last = row.iter().rposition(|value| *value > threshold)?;
            Some((first, last))
        }));
    }

    fn blend(&mut self, logits: &LowResLogits, threshold: f32, region: Region, out: &mut Mask) -> MaskExtent {
        let (left, top) = (region.x as usize, region.y as usize);
        let mut extent = Extent::default();
        let mut lower_holds = None;
        for interval in 0..self.rows.intervals() {
            let pixels = self.rows.starts[interval]..self.rows.starts[interval + 1];
            let below = (interval + 1).min(self.rows.cells - 1);
            let Some(active) = hull(self.active[interval], self.active[below]) else { continue };
            if pixels.is_empty() {
                continue;
            }
            if lower_holds == Some(interval) {
                std::mem::swap(&mut self.upper, &mut self.lower);
            } else {
                interpolate(logits, interval, &self.columns, &self.active, &mut self.upper);
            }
            interpolate(logits, below, &self.columns, &self.active, &mut self.lower);
            lower_holds = Some(below);

            let intervals = self.columns.touching(active);
            let (x0, x1) = (self.columns.starts[intervals.start], self.columns.starts[intervals.end]);
            for y in pixels {
                let row = &mut out.row_mut((top + y) as u32)[left + x0..left + x1];
                blend_row(&self.upper[x0..x1], &self.lower[x0..x1], self.rows.weights[y], threshold, row);
                extent.add_row(top + y, left + x0, row);
            }
        }
        extent.finish()
    }
}

/// Interpolates grid row `cell` along x into `out`, as far as a blend with either neighbour can need it.
fn interpolate(logits: &LowResLogits, cell: usize, columns: &Axis, active: &[Option<(usize, usize)>], out: &mut [f32]) {
    let neighbours = &active[cell.saturating_sub(1)..(cell + 2).min(active.len())];
    let Some(active) = neighbours.iter().copied().reduce(hull).flatten() else { return };
    let row = &logits.data[cell * logits.size.width as usize..][..columns.cells];
    for interval in columns.touching(active) {
        let pixels = columns.starts[interval]..columns.starts[interval + 1];
        let left = row[interval];
        let step = row.get(interval + 1).map_or(0.0, |right| right - left);
        for (value, weight) in out[pixels.clone()].iter_mut().zip(&columns.weights[pixels]) {
            *value = left + step * weight;
        }
    }
}

fn hull(a: Option<(usize, usize)>, b: Option<(usize, usize)>) -> Option<(usize, usize)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (one, other) => one.or(other),
    }
}

fn blend_row(upper: &[f32], lower: &[f32], weight: f32, threshold: f32, out: &mut [u8]) {
    for ((pixel, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
        *pixel = (upper + (lower - upper) * weight > threshold) as u8;
    }
}

/// Box and area gathered row by row, from the top.
#[derive(Default)]
struct Extent {
    area: usize,
    x0: usize,
    x1: usize,
    y0: usize,
    y1: usize,
}

impl Extent {
    /// Takes in row `y`, of which `pixels` starts at column `from`.
    fn add_row(&mut self, y: usize, from: usize, pixels: &[u8]) {
        let Some(first) = runs::find(pixels, 0, 1) else { return };
        let last = pixels.iter().rposition(|pixel| *pixel != 0).unwrap_or(first);
        let (x0, x1) = (from + first, from + last + 1);
        if self.area == 0 {
            (self.x0, self.x1, self.y0) = (x0, x1, y);
        }
        (self.x0, self.x1, self.y1) = (self.x0.min(x0), self.x1.max(x1), y + 1);
        // Runs of at most 255 bytes cannot overflow a lane of u8.
        self.area += pixels.chunks(255).map(|c| c.iter().fold(0u8, |n, v| n.wrapping_add(*v)) as usize).sum::<usize>();
    }

    fn finish(self) -> MaskExtent {
        let Extent { area, x0, x1, y0, y1 } = self;
        let bbox = (area > 0).then(|| BoundingBox::new(x0 as f32, y0 as f32, x1 as f32, y1 as f32));
        MaskExtent { area, bbox }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The value at the centre of pixel (`x`, `y`) of the region, straight from the definition.
    fn reference(logits: &LowResLogits, letterbox: &Letterbox, x: u32, y: u32) -> f64 {
        let content = logits.content(letterbox);
        let axis = |pixel: u32, frame: u32, shown: u32, input: u32, grid: u32, cells: u32| {
            let on_input = (pixel as f64 + 0.5) * shown as f64 / frame as f64;
            let at = (on_input * grid as f64 / input as f64 - 0.5).clamp(0.0, (cells - 1) as f64);
            (at.floor() as usize, (at.floor() as usize + 1).min(cells as usize - 1), at - at.floor())
        };
        let Letterbox { region: Region { size, .. }, input, content: shown, .. } = *letterbox;
        let (xa, xb, u) = axis(x, size.width, shown.width, input.width, logits.size.width, content.width);
        let (ya, yb, v) = axis(y, size.height, shown.height, input.height, logits.size.height, content.height);
        let at = |x: usize, y: usize| logits.data[y * logits.size.width as usize + x] as f64;
        (at(xa, ya) * (1.0 - u) + at(xb, ya) * u) * (1.0 - v) + (at(xa, yb) * (1.0 - u) + at(xb, yb) * u) * v
    }

    fn sizes(side: u32) -> impl Strategy<Value = Size> {
        (1..side, 1..side).prop_map(|(width, height)| Size::new(width, height))
    }

    fn case() -> impl Strategy<Value = (LowResLogits, Letterbox)> {
        let logits = sizes(14).prop_flat_map(|size| {
            // Mostly below the threshold, as real logits are, so that the shortcuts are taken.
            let value = prop_oneof![3 => -9.0f32..-0.5, 1 => -0.5f32..9.0];
            prop::collection::vec(value, size.area()).prop_map(move |data| LowResLogits { size, data })
        });
        let region = (0u32..20, 0u32..20, 0u32..20, 0u32..20, any::<bool>());
        (logits, sizes(60), sizes(40), region).prop_map(|(logits, size, input, (x, y, right, below, whole))| {
            if whole {
                return (logits, Letterbox::new(size, input));
            }
            let region = Region { x: x / 2 * 2, y: y / 2 * 2, size };
            let frame = Size::new(region.x + size.width + right, region.y + size.height + below);
            (logits, Letterbox::of_region(frame, region, input))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]
        #[test]
        fn agrees_with_the_definition(
            cases in prop::collection::vec(case(), 1..3),
            threshold in prop_oneof![Just(0.0f32), -2.0f32..2.0],
        ) {
            // One scratch for all cases: tables of an earlier geometry must not leak into a later one.
            let (mut scratch, mut out) = (UpsampleScratch::default(), Mask::default());
            for (logits, letterbox) in cases {
                let extent = upsample_mask(&logits, &letterbox, threshold, &mut scratch, &mut out);
                prop_assert_eq!(out.size(), letterbox.frame);
                for y in 0..letterbox.frame.height {
                    for x in 0..letterbox.frame.width {
                        let set = out.row(y)[x as usize] == 1;
                        let Region { x: left, y: top, size } = letterbox.region;
                        if x < left || y < top || x >= left + size.width || y >= top + size.height {
                            prop_assert!(!set, "({x}, {y}) lies outside the region");
                            continue;
                        }
                        let value = reference(&logits, &letterbox, x - left, y - top) - threshold as f64;
                        prop_assert!(value.abs() < 1e-4 || set == (value > 0.0), "({x}, {y}): {value}, {set}");
                    }
                }
                prop_assert_eq!(extent, MaskExtent { area: out.area(), bbox: out.bounding_box() });
            }
        }
    }

    #[test]
    fn padding_does_not_bleed_in() {
        let letterbox = Letterbox::new(Size::new(64, 32), Size::new(16, 16));
        let size = Size::new(8, 8);
        let data = (0..64).map(|cell| if cell / 8 < 4 { -1.0 } else { 1e9 }).collect();
        let mut out = Mask::default();
        let extent =
            upsample_mask(&LowResLogits { size, data }, &letterbox, 0.0, &mut UpsampleScratch::default(), &mut out);
        assert_eq!(extent, MaskExtent::default());
        assert!(out.is_empty());
    }

    #[test]
    fn hostile_values_are_below() {
        let letterbox = Letterbox::new(Size::new(9, 9), Size::new(8, 8));
        let (mut scratch, mut out) = (UpsampleScratch::default(), Mask::default());
        for (value, area) in [(f32::NAN, 0), (f32::NEG_INFINITY, 0), (f32::MAX, 81)] {
            let logits = LowResLogits { size: Size::new(4, 4), data: vec![value; 16] };
            assert_eq!(upsample_mask(&logits, &letterbox, 0.0, &mut scratch, &mut out).area, area, "{value}");
        }
        let nothing = LowResLogits::default();
        assert_eq!(upsample_mask(&nothing, &letterbox, 0.0, &mut scratch, &mut out), MaskExtent::default());
        assert_eq!(out.size(), letterbox.frame);
    }
}
