//! The simulated user: where the next click goes.
//!
//! The rule of the interactive-segmentation literature (Sofiiuk et al., "Reviving iterative training with mask guidance
//! for interactive segmentation", 2021): of the two kinds of error, pixels of the object that the answer lacks and
//! pixels that it has too many, the kind whose deepest pixel lies deeper is clicked, at that pixel. Depth is the
//! Euclidean distance to the nearest pixel that is not such an error, the outside of the photo included.

use crate::geometry::{Label, LabeledPoint, Point};
use crate::mask::{Border, DistanceTransform, Mask};

use super::dataset::Truth;

/// Clicks on the errors of answers about one object.
pub struct Clicker<'a> {
    truth: &'a Truth,
    clicked: Vec<usize>,
    missing: Mask,
    extra: Mask,
    depth: DistanceTransform,
}

impl<'a> Clicker<'a> {
    /// No click yet.
    pub fn new(truth: &'a Truth) -> Self {
        Clicker {
            truth,
            clicked: Vec::new(),
            missing: Mask::default(),
            extra: Mask::default(),
            depth: DistanceTransform::default(),
        }
    }

    /// The click that corrects `answer` best, at the centre of a pixel; `None` when nothing is left to correct. No pixel
    /// is clicked twice, and of equally deep pixels the first in reading order is taken. The first click of all is the
    /// one on an empty answer.
    pub fn next(&mut self, answer: &Mask) -> Option<LabeledPoint> {
        let Truth { object, ignored } = self.truth;
        self.missing.reset(object.size());
        self.extra.reset(object.size());
        let errors = self.missing.data_mut().iter_mut().zip(self.extra.data_mut());
        let pixels = answer.data().iter().zip(object.data()).zip(ignored.data());
        for ((missing, extra), ((answer, object), ignored)) in errors.zip(pixels) {
            let counted = ignored ^ 1;
            *missing = counted & object & (answer ^ 1);
            *extra = counted & answer & (object ^ 1);
        }
        self.depth.compute(&self.missing, Border::Background);
        let missing = deepest(self.depth.distances(), &self.clicked);
        self.depth.compute(&self.extra, Border::Background);
        let extra = deepest(self.depth.distances(), &self.clicked);

        let depth = |place: Option<(usize, f32)>| place.map_or(0.0, |(_, depth)| depth);
        let (label, place) =
            if depth(missing) > depth(extra) { (Label::Foreground, missing) } else { (Label::Background, extra) };
        let (pixel, _) = place?;
        self.clicked.push(pixel);
        let width = object.size().width.max(1) as usize;
        let point = Point::new((pixel % width) as f32 + 0.5, (pixel / width) as f32 + 0.5);
        Some(LabeledPoint { point, label })
    }
}

/// The first of the deepest pixels that was not clicked yet, with its depth above 0.
fn deepest(depth: &[f32], clicked: &[usize]) -> Option<(usize, f32)> {
    let mut best = None;
    let mut limit = 0.0;
    for (pixel, &depth) in depth.iter().enumerate() {
        if depth > limit && !clicked.contains(&pixel) {
            limit = depth;
            best = Some((pixel, depth));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    const SIZE: Size = Size::new(40, 30);

    fn block(x0: u32, y0: u32, x1: u32, y1: u32) -> Mask {
        Mask::from_fn(SIZE, |x, y| (x0..x1).contains(&x) && (y0..y1).contains(&y))
    }

    fn truth(object: Mask) -> Truth {
        Truth { object, ignored: Mask::new(SIZE) }
    }

    #[test]
    fn the_first_click_is_deepest_inside_the_object() {
        // 9x9 has one deepest pixel, its middle; beside it a smaller part that does not draw the click.
        let object = Mask::from_fn(SIZE, |x, y| ((10..19).contains(&x) && (8..17).contains(&y)) || x > 35);
        let click = Clicker::new(&truth(object)).next(&Mask::new(SIZE));
        assert_eq!(click, Some(LabeledPoint::foreground(14.5, 12.5)));
    }

    #[test]
    fn the_border_of_the_photo_is_outside() {
        // Without padding the deepest pixel of a block in the corner would be the corner itself.
        let click = Clicker::new(&truth(block(0, 0, 9, 9))).next(&Mask::new(SIZE));
        assert_eq!(click, Some(LabeledPoint::foreground(4.5, 4.5)));
        let click = Clicker::new(&truth(block(0, 0, 40, 30))).next(&Mask::new(SIZE)).unwrap();
        assert_eq!(click, LabeledPoint::foreground(14.5, 14.5));
    }

    #[test]
    fn the_deeper_kind_of_error_is_clicked() {
        let truth = truth(block(10, 5, 30, 25));
        // Missing: the rightmost 5 columns (depth 3). Too many: 7 columns at the left (depth 4).
        let answer = block(3, 5, 25, 25);
        assert_eq!(Clicker::new(&truth).next(&answer), Some(LabeledPoint::background(6.5, 8.5)));
        // Missing: 9 columns (depth 5). Too many: 7 columns.
        let answer = block(3, 5, 21, 25);
        assert_eq!(Clicker::new(&truth).next(&answer), Some(LabeledPoint::foreground(25.5, 9.5)));
        // Equal depths: too many is taken.
        let answer = block(5, 5, 25, 25);
        assert_eq!(Clicker::new(&truth).next(&answer).map(|c| c.label), Some(Label::Background));
    }

    #[test]
    fn ignored_pixels_are_no_error() {
        let ignored = block(0, 0, 40, 10);
        let truth = Truth { object: block(10, 12, 20, 22), ignored };
        let answer = Mask::from_fn(SIZE, |x, y| y < 10 || ((10..20).contains(&x) && (12..22).contains(&y)));
        assert_eq!(Clicker::new(&truth).next(&answer), None);
    }

    #[test]
    fn no_pixel_is_clicked_twice() {
        let truth = truth(block(10, 10, 13, 13));
        let mut clicker = Clicker::new(&truth);
        let clicks: Vec<_> = (0..9).filter_map(|_| clicker.next(&Mask::new(SIZE))).collect();
        assert_eq!(clicks[0], LabeledPoint::foreground(11.5, 11.5));
        assert_eq!(clicks[1], LabeledPoint::foreground(10.5, 10.5));
        for (i, click) in clicks.iter().enumerate() {
            assert!(!clicks[..i].contains(click));
        }
        assert_eq!((clicks.len(), clicker.next(&Mask::new(SIZE))), (9, None));
    }
}
