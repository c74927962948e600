use super::{Border, DistanceTransform, Mask};
use crate::geometry::Size;

/// Tolerance of the DAVIS benchmark as a share of the frame's diagonal.
const DAVIS_TOLERANCE: f64 = 0.008;

/// How well the contours of two masks agree: the boundary measure F of the DAVIS benchmark (Perazzi et al., "A
/// benchmark dataset and evaluation methodology for video object segmentation", 2016). Keep it between calls: its
/// buffers are reused.
///
/// Precision is the share of the answer's contour pixels that have one of the truth's within the tolerance, recall the
/// share of the truth's that have one of the answer's, and F their harmonic mean. Many contour pixels may be near the
/// same one, which approximates the benchmark's bipartite matching as its own code does, by dilation. A contour pixel
/// differs from its right, lower or lower right neighbour; the frame's edge is no contour.
#[derive(Clone, Debug, Default)]
pub struct BoundaryMeasure {
    answer: Mask,
    truth: Mask,
    distance: DistanceTransform,
}

impl BoundaryMeasure {
    /// The tolerance of the DAVIS benchmark in whole pixels: 0.8 % of the diagonal, rounded up.
    pub fn davis_tolerance(frame: Size) -> f32 {
        ((frame.width as f64).hypot(frame.height as f64) * DAVIS_TOLERANCE).ceil() as f32
    }

    /// F of `answer`, 0 to 1, with a tolerance in pixels. `ignored` pixels are clear in both masks, as the benchmark
    /// treats its void label. 1 when neither mask has a contour, 0 when one of them has.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn f(&mut self, answer: &Mask, truth: &Mask, ignored: &Mask, tolerance: f32) -> f64 {
        let sizes = (answer.size(), truth.size());
        assert_eq!(sizes, (ignored.size(), ignored.size()), "masks of one frame have one size");
        let in_answer = contour(answer, ignored, &mut self.answer);
        let in_truth = contour(truth, ignored, &mut self.truth);
        if in_answer == 0 || in_truth == 0 {
            return if in_answer == in_truth { 1.0 } else { 0.0 };
        }
        let mut near = |these: &Mask, those: &Mask| {
            self.distance.compute_to(those, 1, Border::Ignored);
            let pixels = these.data().iter().zip(self.distance.distances());
            pixels.filter(|(pixel, distance)| **pixel != 0 && **distance <= tolerance).count() as f64
        };
        let precision = near(&self.answer, &self.truth) / in_answer as f64;
        let recall = near(&self.truth, &self.answer) / in_truth as f64;
        if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
    }
}

/// Marks the contour pixels of `mask` without `ignored` in `out` and counts them.
fn contour(mask: &Mask, ignored: &Mask, out: &mut Mask) -> usize {
    let size = mask.size();
    out.reset(size);
    let mut count = 0;
    for y in 0..size.height {
        let below = (y + 1).min(size.height - 1);
        let counted = |y: u32, x: usize| mask.row(y)[x] & (ignored.row(y)[x] ^ 1);
        for (x, pixel) in out.row_mut(y).iter_mut().enumerate() {
            let right = (x + 1).min(size.width as usize - 1);
            let own = counted(y, x);
            *pixel = (own ^ counted(y, right)) | (own ^ counted(below, x)) | (own ^ counted(below, right));
            count += *pixel as usize;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::masks_of;
    use super::*;

    const SIZE: Size = Size::new(60, 50);

    /// Straight from the definition: every pair of contour pixels.
    fn reference(answer: &Mask, truth: &Mask, ignored: &Mask, tolerance: f32) -> f64 {
        let Size { width, height } = answer.size();
        let contour = |mask: &Mask| -> Vec<(i64, i64)> {
            let set = |x: u32, y: u32| mask.row(y)[x as usize] == 1 && ignored.row(y)[x as usize] == 0;
            let differs = |x: u32, y: u32| {
                let beside =
                    [(x + 1, y), (x, y + 1), (x + 1, y + 1)].map(|(u, v)| (u.min(width - 1), v.min(height - 1)));
                beside.iter().any(|(u, v)| set(*u, *v) != set(x, y))
            };
            let all = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
            all.filter(|(x, y)| differs(*x, *y)).map(|(x, y)| (x as i64, y as i64)).collect()
        };
        let (answer, truth) = (contour(answer), contour(truth));
        let share = |these: &[(i64, i64)], those: &[(i64, i64)]| {
            let near = |a: &(i64, i64), b: &(i64, i64)| ((a.0 - b.0) as f32).hypot((a.1 - b.1) as f32) <= tolerance;
            these.iter().filter(|a| those.iter().any(|b| near(a, b))).count() as f64 / these.len() as f64
        };
        match (answer.is_empty(), truth.is_empty()) {
            (true, true) => 1.0,
            (false, false) => {
                let (precision, recall) = (share(&answer, &truth), share(&truth, &answer));
                if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
            }
            _ => 0.0,
        }
    }

    fn block(x0: u32, y0: u32, x1: u32, y1: u32) -> Mask {
        Mask::from_fn(SIZE, |x, y| (x0..x1).contains(&x) && (y0..y1).contains(&y))
    }

    proptest! {
        #[test]
        fn agrees_with_every_pair(
            (answer, truth, ignored) in (1u32..24, 1u32..24).prop_flat_map(|(w, h)| {
                let size = Size::new(w, h);
                (masks_of(size), masks_of(size), prop_oneof![Just(Mask::new(size)), masks_of(size)])
            }),
            tolerance in 0u32..5,
        ) {
            let found = BoundaryMeasure::default().f(&answer, &truth, &ignored, tolerance as f32);
            let expected = reference(&answer, &truth, &ignored, tolerance as f32);
            prop_assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn contours_within_the_tolerance_agree() {
        let (truth, ignored) = (block(20, 15, 40, 35), Mask::new(SIZE));
        let mut measure = BoundaryMeasure::default();
        let mut moved = |dx: i32, tolerance: f32| {
            let mut answer = Mask::default();
            truth.shift_into(dx, 0, &mut answer);
            let f = measure.f(&answer, &truth, &ignored, tolerance);
            assert!((f - reference(&answer, &truth, &ignored, tolerance)).abs() < 1e-12);
            f
        };
        assert_eq!((moved(0, 0.0), moved(0, 3.0), moved(3, 3.0)), (1.0, 1.0, 1.0));
        let outside = moved(4, 3.0);
        assert!(outside > 0.4 && outside < 1.0, "upper and lower edges still agree: {outside}");
        assert_eq!(moved(25, 3.0), 0.0);
    }

    #[test]
    fn nothing_agrees_with_nothing_alone() {
        let (none, some) = (Mask::new(SIZE), block(20, 15, 40, 35));
        let mut measure = BoundaryMeasure::default();
        assert_eq!(measure.f(&none, &none, &none, 1.0), 1.0);
        assert_eq!((measure.f(&some, &none, &none, 1.0), measure.f(&none, &some, &none, 1.0)), (0.0, 0.0));
        assert_eq!(measure.f(&Mask::default(), &Mask::default(), &Mask::default(), 1.0), 1.0);
    }

    #[test]
    fn what_lies_in_ignored_pixels_draws_no_contour() {
        let truth = block(20, 15, 40, 35);
        let (wide, band) = (block(20, 15, 50, 35), block(40, 0, 60, 50));
        let mut measure = BoundaryMeasure::default();
        assert_eq!(measure.f(&wide, &truth, &band, 1.0), 1.0);
        assert!(measure.f(&wide, &truth, &Mask::new(SIZE), 1.0) < 1.0);
    }

    #[test]
    fn the_tolerance_is_of_the_diagonal() {
        assert_eq!(BoundaryMeasure::davis_tolerance(Size::new(300, 400)), 4.0);
        assert_eq!(BoundaryMeasure::davis_tolerance(Size::new(854, 480)), 8.0);
    }
}
