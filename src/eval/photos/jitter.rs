//! How much an answer depends on where exactly the click lies.

use std::f32::consts::FRAC_PI_4;

use crate::error::Result;
use crate::eval::dataset::Truth;
use crate::eval::overlap::{iou, iou_between};
use crate::geometry::{LabeledPoint, Point};
use crate::mask::Mask;
use crate::model::Prompt;

use super::evaluator::Evaluator;

/// How far the click is moved, in pixels of the photo.
pub const REACH: u32 = 5;

/// Means over the moved clicks on one object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter {
    /// IoU of the answer to a moved click with the answer to the click itself.
    pub iou: f64,
    /// How much lower the IoU with the truth is after a moved click; below 0 where moving helps.
    pub drop: f64,
}

/// Asks again with `click` moved in eight directions; `answer` is what the click itself gave. `None` when it cannot be
/// moved without leaving the object.
pub fn measure(evaluator: &mut Evaluator, click: Point, answer: &Mask, truth: &Truth) -> Result<Option<Jitter>> {
    let points = moved(click, &truth.object);
    if points.is_empty() {
        return Ok(None);
    }
    let still = iou(answer, truth);
    let (mut agreement, mut loss) = (0.0, 0.0);
    for point in &points {
        let prompt = Prompt { points: vec![LabeledPoint::foreground(point.x, point.y)], ..Prompt::default() };
        let elsewhere = &evaluator.best(&prompt)?.mask;
        agreement += iou_between(elsewhere, answer, &truth.ignored);
        loss += still - iou(elsewhere, truth);
    }
    let count = points.len() as f64;
    Ok(Some(Jitter { iou: agreement / count, drop: loss / count }))
}

/// `click` moved by [`REACH`] pixels in eight directions, by whole pixels less where that would leave the object. A
/// direction in which not even one pixel is left is left out.
fn moved(click: Point, object: &Mask) -> Vec<Point> {
    let directions = (0..8).map(|eighth| (eighth as f32 * FRAC_PI_4).sin_cos());
    let farthest = directions.filter_map(|(sin, cos)| {
        let at = |distance: u32| Point::new(click.x + distance as f32 * cos, click.y + distance as f32 * sin);
        (1..=REACH).rev().map(at).find(|p| object.contains(*p))
    });
    farthest.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    fn block(x0: u32, y0: u32, x1: u32, y1: u32) -> Mask {
        Mask::from_fn(Size::new(40, 30), |x, y| (x0..x1).contains(&x) && (y0..y1).contains(&y))
    }

    #[test]
    fn eight_points_on_a_circle_where_there_is_room() {
        let click = Point::new(20.5, 15.5);
        let points = moved(click, &block(0, 0, 40, 30));
        assert_eq!(points.len(), 8);
        assert!(points.iter().all(|p| (p.distance(click) - 5.0).abs() < 1e-4), "{points:?}");
        let apart = |i: usize| points[i].distance(points[(i + 1) % 8]);
        assert!((0..8).all(|i| (apart(i) - 3.8268).abs() < 1e-3), "{points:?}");
    }

    #[test]
    fn moved_clicks_stay_in_the_object() {
        // Three pixels of room at the left and none above, where the photo ends.
        let object = block(3, 0, 40, 2);
        let click = Point::new(6.5, 0.5);
        let points = moved(click, &object);
        assert!(points.iter().all(|p| object.contains(*p)), "{points:?}");
        assert_eq!(points.len(), 5, "nothing above: {points:?}");
        assert!(points.iter().any(|p| (p.x - 3.5).abs() < 1e-4), "{points:?}");
    }

    #[test]
    fn a_single_pixel_leaves_no_room() {
        assert!(moved(Point::new(8.5, 8.5), &block(8, 8, 9, 9)).is_empty());
    }
}
