use crate::geometry::{BoundingBox, Point, Size};

/// A binary mask at frame resolution, one byte a pixel (0 or 1), rows top to bottom without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    size: Size,
    data: Vec<u8>,
}

impl Mask {
    /// An empty mask.
    pub fn new(size: Size) -> Self {
        Mask { size, data: vec![0; size.area()] }
    }

    /// A mask of the pixels for which `inside(x, y)` holds.
    pub fn from_fn(size: Size, mut inside: impl FnMut(u32, u32) -> bool) -> Self {
        let mut mask = Mask::new(size);
        for y in 0..size.height {
            for (x, pixel) in mask.row_mut(y).iter_mut().enumerate() {
                *pixel = inside(x as u32, y) as u8;
            }
        }
        mask
    }

    /// Columns and rows, in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// All pixels, row by row; each 0 or 1.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All pixels for writing; write only 0 and 1.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// Row `y`, `width` bytes of 0 or 1.
    pub fn row(&self, y: u32) -> &[u8] {
        let w = self.size.width as usize;
        &self.data[y as usize * w..][..w]
    }

    /// Row `y` to write to; bytes must stay 0 or 1.
    pub fn row_mut(&mut self, y: u32) -> &mut [u8] {
        let w = self.size.width as usize;
        &mut self.data[y as usize * w..][..w]
    }

    /// Takes `size` and clears every pixel, keeping the buffer's capacity.
    pub fn reset(&mut self, size: Size) {
        self.size = size;
        self.data.clear();
        self.data.resize(size.area(), 0);
    }

    /// Whether the pixel that holds `p` is set; false outside the frame.
    pub fn contains(&self, p: Point) -> bool {
        if !(p.x >= 0.0 && p.y >= 0.0) {
            return false;
        }
        let (x, y) = (p.x as u32, p.y as u32);
        x < self.size.width && y < self.size.height && self.row(y)[x as usize] != 0
    }

    /// Number of set pixels.
    pub fn area(&self) -> usize {
        // Bytes are summed in runs of at most 255 so that a lane of u8 cannot overflow and the loop vectorizes.
        self.data.chunks(255).map(|c| c.iter().fold(0u8, |sum, v| sum.wrapping_add(*v)) as usize).sum()
    }

    /// True if no pixel is set.
    pub fn is_empty(&self) -> bool {
        self.data.iter().all(|v| *v == 0)
    }

    /// The tightest box around the set pixels, `None` when there are none.
    pub fn bounding_box(&self) -> Option<BoundingBox> {
        let (mut x0, mut x1, mut y0, mut y1) = (usize::MAX, 0, u32::MAX, 0);
        for y in 0..self.size.height {
            let row = self.row(y);
            if let Some(first) = row.iter().position(|v| *v != 0) {
                let last = row.iter().rposition(|v| *v != 0).unwrap_or(first);
                (x0, x1) = (x0.min(first), x1.max(last + 1));
                (y0, y1) = (y0.min(y), y + 1);
            }
        }
        (y0 < y1).then(|| BoundingBox::new(x0 as f32, y0 as f32, x1 as f32, y1 as f32))
    }

    /// Mean position of the set pixels' centres, `None` when there are none.
    pub fn centroid(&self) -> Option<Point> {
        let (mut n, mut sx, mut sy) = (0u64, 0u64, 0u64);
        for y in 0..self.size.height {
            for (x, v) in self.row(y).iter().enumerate() {
                let v = *v as u64;
                n += v;
                sx += v * x as u64;
                sy += v * y as u64;
            }
        }
        (n > 0).then(|| {
            let at = |sum: u64| (sum as f64 / n as f64 + 0.5) as f32;
            Point::new(at(sx), at(sy))
        })
    }

    /// Intersection over union with a mask of the same size; 1 when both are empty.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn iou(&self, other: &Mask) -> f32 {
        assert_eq!(self.size, other.size, "masks of one frame have one size");
        let (mut both, mut either) = (0usize, 0usize);
        for (a, b) in self.data.chunks(255).zip(other.data.chunks(255)) {
            let (mut i, mut u) = (0u8, 0u8);
            for (a, b) in a.iter().zip(b) {
                i = i.wrapping_add(a & b);
                u = u.wrapping_add(a | b);
            }
            both += i as usize;
            either += u as usize;
        }
        if either == 0 { 1.0 } else { both as f32 / either as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(x0: u32, y0: u32, x1: u32, y1: u32) -> Mask {
        Mask::from_fn(Size::new(40, 30), |x, y| (x0..x1).contains(&x) && (y0..y1).contains(&y))
    }

    #[test]
    fn measures_of_a_block() {
        let m = block(5, 6, 15, 26);
        assert_eq!(m.area(), 200);
        assert_eq!(m.bounding_box(), Some(BoundingBox::new(5.0, 6.0, 15.0, 26.0)));
        assert_eq!(m.centroid(), Some(Point::new(10.0, 16.0)));
        assert!(m.contains(Point::new(5.0, 6.0)) && !m.contains(Point::new(15.0, 6.0)));
        assert!(!m.contains(Point::new(f32::NAN, 1.0)));
    }

    #[test]
    fn empty_masks_have_no_box() {
        let m = Mask::new(Size::new(7, 3));
        assert!(m.is_empty() && m.bounding_box().is_none() && m.centroid().is_none());
        assert_eq!(m.iou(&m), 1.0);
    }

    #[test]
    fn iou_counts_past_a_byte() {
        let a = block(0, 0, 40, 20);
        let b = block(0, 10, 40, 30);
        assert!((a.iou(&b) - 400.0 / 1200.0).abs() < 1e-6);
    }
}
