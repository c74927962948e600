use super::{Border, DistanceTransform, Mask, runs};

/// The neighbourhood that a mask grows or shrinks by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StructuringElement {
    /// All pixels whose centre is at most `radius` pixels away.
    Disc {
        /// Radius in pixels.
        radius: f32,
    },
    /// The square of `2 * radius + 1` pixels a side.
    Square {
        /// Half of the side, in pixels, without the centre.
        radius: u32,
    },
}

/// Growing and shrinking of masks, in time that does not depend on the radius. Keep it between calls: its buffers are
/// reused. What lies outside the frame neither grows into a mask nor eats at it.
#[derive(Clone, Debug, Default)]
pub struct Morphology {
    distance: DistanceTransform,
    /// For each column, rows since a pixel was within reach.
    since: Vec<u32>,
    widened: Vec<u8>,
}

impl Morphology {
    /// Adds every pixel with a set pixel in its neighbourhood.
    pub fn dilate(&mut self, mask: &mut Mask, element: StructuringElement) {
        self.grow(mask, 1, element);
    }

    /// Removes every pixel with a clear pixel in its neighbourhood.
    pub fn erode(&mut self, mask: &mut Mask, element: StructuringElement) {
        self.grow(mask, 0, element);
    }

    /// Removes what is thinner than the element: erodes, then dilates.
    pub fn open(&mut self, mask: &mut Mask, element: StructuringElement) {
        self.erode(mask, element);
        self.dilate(mask, element);
    }

    /// Fills what is narrower than the element: dilates, then erodes.
    pub fn close(&mut self, mask: &mut Mask, element: StructuringElement) {
        self.dilate(mask, element);
        self.erode(mask, element);
    }

    /// Gives `value` to every pixel that has one of `value` in its neighbourhood.
    fn grow(&mut self, mask: &mut Mask, value: u8, element: StructuringElement) {
        match element {
            StructuringElement::Disc { radius } => {
                self.distance.compute_to(mask, value, Border::Ignored);
                for (pixel, distance) in mask.data_mut().iter_mut().zip(self.distance.distances()) {
                    *pixel = if *distance <= radius && distance.is_finite() { value } else { *pixel };
                }
            }
            StructuringElement::Square { radius } => self.grow_square(mask, value, radius),
        }
    }

    fn grow_square(&mut self, mask: &mut Mask, value: u8, radius: u32) {
        let (width, height) = (mask.size().width as usize, mask.size().height);
        if width == 0 {
            return;
        }
        // `widened` says which pixels have one of `value` within reach along their row.
        self.widened.clear();
        self.widened.resize(mask.size().area(), 0);
        for (out, y) in self.widened.chunks_exact_mut(width).zip(0..height) {
            for (start, end) in runs::runs(mask.row(y), value) {
                let end = end.saturating_add(radius as usize).min(width);
                out[start.saturating_sub(radius as usize)..end].fill(1);
            }
        }
        for downwards in [true, false] {
            self.since.clear();
            self.since.resize(width, u32::MAX);
            for step in 0..height {
                let y = if downwards { step } else { height - 1 - step };
                let reached = &self.widened[y as usize * width..][..width];
                for ((pixel, since), reached) in mask.row_mut(y).iter_mut().zip(&mut self.since).zip(reached) {
                    *since = if *reached != 0 { 0 } else { since.saturating_add(1) };
                    // A column with nothing in reach so far stays at the largest number, which no radius covers.
                    *pixel = if *since <= radius && *since != u32::MAX { value } else { *pixel };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::masks;
    use super::*;

    fn reference(mask: &Mask, value: u8, inside: impl Fn(i64, i64) -> bool) -> Mask {
        let size = mask.size();
        let near = |x: u32, y: u32| {
            (0..size.height).any(|v| {
                let row = mask.row(v);
                (0..size.width).any(|u| row[u as usize] == value && inside(u as i64 - x as i64, v as i64 - y as i64))
            })
        };
        Mask::from_fn(size, |x, y| if near(x, y) { value == 1 } else { value == 0 })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn discs_and_squares_agree_with_the_definition(mask in masks(), radius in 0u32..6, tenths in 0u32..50) {
            let mut morphology = Morphology::default();
            let disc_radius = tenths as f32 / 10.0;
            let square = StructuringElement::Square { radius };
            let disc = StructuringElement::Disc { radius: disc_radius };
            for value in [0, 1] {
                let mut squared = mask.clone();
                morphology.grow(&mut squared, value, square);
                let reach = radius as i64;
                prop_assert_eq!(squared, reference(&mask, value, |dx, dy| dx.abs().max(dy.abs()) <= reach));
                let mut rounded = mask.clone();
                morphology.grow(&mut rounded, value, disc);
                let within = |dx: i64, dy: i64| ((dx * dx + dy * dy) as f32).sqrt() <= disc_radius;
                prop_assert_eq!(rounded, reference(&mask, value, within));
            }
        }

        #[test]
        fn opening_shrinks_and_closing_grows(mask in masks(), radius in 0u32..5) {
            let element = StructuringElement::Disc { radius: radius as f32 };
            let (mut opened, mut closed) = (mask.clone(), mask.clone());
            Morphology::default().open(&mut opened, element);
            Morphology::default().close(&mut closed, element);
            opened.subtract(&mask);
            prop_assert!(opened.is_empty());
            let mut missing = mask.clone();
            missing.subtract(&closed);
            prop_assert!(missing.is_empty());
        }
    }

    #[test]
    fn absurd_radii_do_no_harm() {
        let mut mask = Mask::from_fn(crate::geometry::Size::new(5, 4), |x, y| (x, y) == (1, 1));
        let mut morphology = Morphology::default();
        morphology.dilate(&mut mask, StructuringElement::Disc { radius: f32::NAN });
        assert_eq!(mask.area(), 1);
        morphology.dilate(&mut mask, StructuringElement::Square { radius: u32::MAX });
        assert_eq!(mask.area(), 20);
        morphology.erode(&mut mask, StructuringElement::Disc { radius: f32::INFINITY });
        assert_eq!(mask.area(), 20);
    }
}
