use super::Mask;

/// Masks combined pixel by pixel. Both masks must have one size.
impl Mask {
    /// Adds the pixels of `other`.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn union_with(&mut self, other: &Mask) {
        self.combine(other, |a, b| a | b);
    }

    /// Keeps only the pixels that `other` has too.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn intersect_with(&mut self, other: &Mask) {
        self.combine(other, |a, b| a & b);
    }

    /// Removes the pixels of `other`.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn subtract(&mut self, other: &Mask) {
        self.combine(other, |a, b| a & (b ^ 1));
    }

    /// Sets what was clear and clears what was set.
    pub fn invert(&mut self) {
        self.data_mut().iter_mut().for_each(|pixel| *pixel ^= 1);
    }

    /// Writes this mask, moved by (`dx`, `dy`) pixels, into `out`. What leaves the frame is cut off, what comes in is
    /// clear.
    pub fn shift_into(&self, dx: i32, dy: i32, out: &mut Mask) {
        out.reset(self.size());
        let (width, height) = (self.size().width as usize, self.size().height as usize);
        let (columns, rows) = (dx.unsigned_abs() as usize, dy.unsigned_abs() as usize);
        if columns >= width || rows >= height {
            return;
        }
        let (from_x, to_x) = if dx >= 0 { (0, columns) } else { (columns, 0) };
        let (from_y, to_y) = if dy >= 0 { (0, rows) } else { (rows, 0) };
        let from = self.data().chunks_exact(width).skip(from_y);
        let to = out.data_mut().chunks_exact_mut(width).skip(to_y);
        for (to, from) in to.zip(from) {
            to[to_x..to_x + width - columns].copy_from_slice(&from[from_x..from_x + width - columns]);
        }
    }

    fn combine(&mut self, other: &Mask, operation: impl Fn(u8, u8) -> u8) {
        assert_eq!(self.size(), other.size(), "masks of one frame have one size");
        for (a, b) in self.data_mut().iter_mut().zip(other.data()) {
            *a = operation(*a, *b);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{masks, masks_of};
    use super::*;
    use crate::geometry::Size;

    proptest! {
        #[test]
        fn set_operations_agree_with_counting(
            (a, b) in (1u32..20, 1u32..20).prop_flat_map(|(w, h)| {
                let size = Size::new(w, h);
                (masks_of(size), masks_of(size))
            }),
        ) {
            let (mut either, mut both, mut rest) = (a.clone(), a.clone(), a.clone());
            either.union_with(&b);
            both.intersect_with(&b);
            rest.subtract(&b);
            prop_assert_eq!(either.area() + both.area(), a.area() + b.area());
            prop_assert_eq!(rest.area() + both.area(), a.area());
            let mut outside = b.clone();
            outside.invert();
            let mut again = a.clone();
            again.intersect_with(&outside);
            prop_assert_eq!(again, rest);
        }

        #[test]
        fn shifting_moves_each_pixel(mask in masks(), dx in -40i32..40, dy in -40i32..40) {
            let mut out = Mask::default();
            mask.shift_into(dx, dy, &mut out);
            let size = mask.size();
            let expected = Mask::from_fn(size, |x, y| {
                let (x, y) = (x as i64 - dx as i64, y as i64 - dy as i64);
                (0..size.width as i64).contains(&x)
                    && (0..size.height as i64).contains(&y)
                    && mask.row(y as u32)[x as usize] == 1
            });
            prop_assert_eq!(out, expected);
        }
    }

    #[test]
    fn shifting_out_of_sight_leaves_nothing() {
        let (mask, mut out) = (Mask::from_fn(Size::new(3, 2), |_, _| true), Mask::default());
        mask.shift_into(i32::MIN, i32::MAX, &mut out);
        assert!(out.is_empty() && out.size() == mask.size());
        Mask::default().shift_into(1, 1, &mut out);
        assert_eq!(out.size(), Size::default());
    }
}
