use std::ops::Range;

use crate::geometry::{BoundingBox, Letterbox, Point, Size};

/// A mask as the decoder gives it: logits on the letterboxed input at a fraction of its resolution, row by row. It is
/// the mask prompt of a next call (positive inside the object).
#[derive(Debug, Default, PartialEq)]
pub struct LowResLogits {
    /// Columns and rows of the grid.
    pub size: Size,
    /// One logit a cell, row by row from the top left.
    pub data: Vec<f32>,
}

impl Clone for LowResLogits {
    fn clone(&self) -> Self {
        LowResLogits { size: self.size, data: self.data.clone() }
    }

    /// Reuses the buffer, which the derived one does not: a tracked object copies its logits on every frame.
    fn clone_from(&mut self, source: &Self) {
        self.size = source.size;
        self.data.clone_from(&source.data);
    }
}

impl LowResLogits {
    /// IoU of two masks on one grid; 0 if the grids differ or both masks are empty.
    pub fn iou(&self, other: &LowResLogits) -> f32 {
        if self.size != other.size {
            return 0.0;
        }
        let (mut both, mut either) = (0u32, 0u32);
        for (a, b) in self.data.iter().zip(&other.data) {
            let (a, b) = (*a > 0.0, *b > 0.0);
            both += (a && b) as u32;
            either += (a || b) as u32;
        }
        if either == 0 { 0.0 } else { both as f32 / either as f32 }
    }

    /// Columns and rows of the tightest box around the cells that are inside, of those in the top-left `within`; `None` if there
    /// are none.
    pub fn extent(&self, within: Size) -> Option<(Range<usize>, Range<usize>)> {
        let mut found: Option<(Range<usize>, Range<usize>)> = None;
        let (stride, shown) = (self.size.width as usize, within.width.min(self.size.width) as usize);
        for (y, row) in self.data.chunks_exact(stride.max(1)).take(within.height as usize).enumerate() {
            let row = &row[..shown];
            let inside = |v: &f32| *v > 0.0;
            let (Some(first), Some(last)) = (row.iter().position(inside), row.iter().rposition(inside)) else {
                continue;
            };
            let (columns, rows) = found.get_or_insert((first..last + 1, y..y + 1));
            *columns = columns.start.min(first)..columns.end.max(last + 1);
            rows.end = y + 1;
        }
        found
    }

    /// The tightest box around the cells that are inside, in pixels of the frame that `letterbox` shows; `None` if there are none.
    pub fn bounding_box(&self, letterbox: &Letterbox) -> Option<BoundingBox> {
        let (columns, rows) = self.extent(self.content(letterbox))?;
        let cell = |input: u32, cells: u32| input as f32 / cells.max(1) as f32;
        let (w, h) = (cell(letterbox.input.width, self.size.width), cell(letterbox.input.height, self.size.height));
        let at = |x: usize, y: usize| letterbox.to_frame(Point::new(x as f32 * w, y as f32 * h));
        let (from, to) = (at(columns.start, rows.start), at(columns.end, rows.end));
        Some(BoundingBox::new(from.x, from.y, to.x, to.y))
    }

    /// The cells, from the top-left one, that show the frame at least in part; the rest is padding.
    pub fn content(&self, letterbox: &Letterbox) -> Size {
        content_cells(letterbox, self.size)
    }

    /// The logit at `point`, in pixels of a frame that lies in the model's input as `letterbox` says; `None` beside what is
    /// shown.
    pub fn logit_at(&self, point: Point, letterbox: &Letterbox) -> Option<f32> {
        if !letterbox.region.as_box().contains(point) {
            return None;
        }
        let (p, input) = (letterbox.to_input(point), letterbox.input);
        let x = (p.x / input.width as f32 * self.size.width as f32) as usize;
        let y = (p.y / input.height as f32 * self.size.height as f32) as usize;
        let inside = x < self.size.width as usize && y < self.size.height as usize;
        self.data.get(y * self.size.width as usize + x).copied().filter(|_| inside)
    }

    /// True if the mask covers `point`; see [`Self::logit_at`].
    pub fn covers(&self, point: Point, letterbox: &Letterbox) -> bool {
        self.logit_at(point, letterbox).is_some_and(|logit| logit > 0.0)
    }

    /// Cells inside the mask.
    pub fn area(&self) -> usize {
        self.data.iter().filter(|v| **v > 0.0).count()
    }

    /// How many sides of the frame the mask reaches.
    pub fn sides_reached(&self, letterbox: &Letterbox) -> usize {
        let content = self.content(letterbox);
        let Some((columns, rows)) = self.extent(content) else { return 0 };
        let reached = [
            columns.start == 0,
            rows.start == 0,
            columns.end == content.width as usize,
            rows.end == content.height as usize,
        ];
        reached.into_iter().filter(|reaches| *reaches).count()
    }

    /// How wide the mask's outline is, in cells: the sum of `p (1 - p)` over the frame for each cell of the outline. For logits
    /// that rise by `k` a cell across it that is `1 / k`; whatever else is uncertain adds to it.
    pub fn outline_width(&self, letterbox: &Letterbox) -> f32 {
        let content = self.content(letterbox);
        let (columns, stride) = (content.width as usize, self.size.width as usize);
        let row = |y: usize| &self.data[y * stride..][..columns];
        let (mut uncertain, mut outline) = (0.0f32, 0u32);
        for y in 0..content.height as usize {
            let here = row(y);
            let above = if y > 0 { row(y - 1) } else { here };
            let below = if y + 1 < content.height as usize { row(y + 1) } else { here };
            for x in 0..columns {
                let p = probability(here[x]);
                uncertain += p * (1.0 - p);
                let around = [above[x], below[x], here[x.saturating_sub(1)], here[(x + 1).min(columns - 1)]];
                outline += u32::from(here[x] > 0.0 && around.iter().any(|neighbour| *neighbour <= 0.0));
            }
        }
        uncertain / outline.max(1) as f32
    }
}

/// The probability that a cell of this logit is inside the mask.
pub fn probability(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// How many cells of a `grid` over the letterbox's input show the frame at least in part.
pub(super) fn content_cells(letterbox: &Letterbox, grid: Size) -> Size {
    let cells = |content: u32, cells: u32, input: u32| {
        let shown = (content as u64 * cells as u64).div_ceil(input.max(1) as u64);
        shown.min(cells as u64) as u32
    };
    Size::new(
        cells(letterbox.content.width, grid.width, letterbox.input.width),
        cells(letterbox.content.height, grid.height, letterbox.input.height),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extent_is_that_of_cells_that_are_inside_and_within() {
        let mut logits = LowResLogits { size: Size::new(6, 5), data: vec![-1.0; 30] };
        assert_eq!(logits.extent(logits.size), None);
        for (x, y) in [(2, 1), (4, 3), (5, 4)] {
            logits.data[y * 6 + x] = 0.5;
        }
        assert_eq!(logits.extent(logits.size), Some((2..6, 1..5)));
        assert_eq!(logits.extent(Size::new(5, 4)), Some((2..5, 1..4)));
        assert_eq!(logits.extent(Size::new(2, 5)), None);
        assert_eq!(LowResLogits::default().extent(Size::new(3, 3)), None);
    }

    #[test]
    fn a_cell_that_shows_a_little_of_the_frame_counts() {
        let letterbox = Letterbox::new(Size::new(640, 361), Size::new(256, 256));
        assert_eq!(letterbox.content, Size::new(256, 144));
        assert_eq!(content_cells(&letterbox, Size::new(64, 64)), Size::new(64, 36));
        let letterbox = Letterbox { content: Size::new(256, 145), ..letterbox };
        assert_eq!(content_cells(&letterbox, Size::new(64, 64)), Size::new(64, 37));
        assert_eq!(content_cells(&letterbox, Size::new(0, 0)), Size::new(0, 0));
    }

    #[test]
    fn outline_width_is_one_over_its_slope() {
        let letterbox = Letterbox::new(Size::new(80, 40), Size::new(40, 40));
        for slope in [1.0, 2.0, 4.0] {
            let at = |i: usize| ((i % 40) as f32 + 0.5, (i / 40) as f32 + 0.5);
            let data = (0..1600).map(at).map(|(x, y)| slope * (7.0 - (x - 20.0f32).hypot(y - 10.0))).collect();
            let width = LowResLogits { size: Size::new(40, 40), data }.outline_width(&letterbox);
            // An outline along cells has fewer of them than it is long.
            assert!((0.8..1.5).contains(&(width * slope)), "slope {slope}: {width}");
        }
    }

    #[test]
    fn a_point_is_looked_up_where_it_lies_in_the_input() {
        let letterbox = Letterbox::new(Size::new(40, 20), Size::new(8, 8));
        let data = (0..16).map(|i| if i % 4 < 2 { 1.0 } else { -1.0 }).collect();
        let logits = LowResLogits { size: Size::new(4, 4), data };
        assert_eq!(logits.logit_at(Point::new(39.0, 5.0), &letterbox), Some(-1.0));
        assert_eq!(logits.logit_at(Point::new(41.0, 5.0), &letterbox), None);
        assert!(logits.covers(Point::new(15.0, 5.0), &letterbox));
        assert_eq!(logits.area(), 8);
    }
}
