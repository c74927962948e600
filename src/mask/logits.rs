use crate::geometry::{Letterbox, Size};

/// A mask as the decoder gives it: logits on the letterboxed input at a fraction of its resolution, row by row. It is
/// the mask prompt of a next call (positive inside the object).
#[derive(Debug, Default, PartialEq)]
pub struct LowResLogits {
    pub size: Size,
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

    /// The cells, from the top-left one, that show the frame at least in part; the rest is padding.
    pub fn content(&self, letterbox: &Letterbox) -> Size {
        content_cells(letterbox, self.size)
    }
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
    fn a_cell_that_shows_a_little_of_the_frame_counts() {
        let letterbox = Letterbox::new(Size::new(640, 361), Size::new(256, 256));
        assert_eq!(letterbox.content, Size::new(256, 144));
        assert_eq!(content_cells(&letterbox, Size::new(64, 64)), Size::new(64, 36));
        let letterbox = Letterbox { content: Size::new(256, 145), ..letterbox };
        assert_eq!(content_cells(&letterbox, Size::new(64, 64)), Size::new(64, 37));
        assert_eq!(content_cells(&letterbox, Size::new(0, 0)), Size::new(0, 0));
    }
}
