//! Prompts as the point list of Segment Anything's exports.
//!
//! Coordinates are pixels of the letterboxed input. The exports count pixels by index and add one half to reach the
//! pixel's centre (`point_coords + 0.5` in segment-anything's `SamOnnxModel`); the library's coordinates are those of the
//! plane already, so one half is taken off. Labels: 1 foreground, 0 background, 2 and 3 a box's corners, -1 no point.

use crate::geometry::{Label, Letterbox, Point};
use crate::model::Prompt;

const NO_POINT: f32 = -1.0;
const TOP_LEFT: f32 = 2.0;
const BOTTOM_RIGHT: f32 = 3.0;

/// The two point inputs of a decoder, padded to a length.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PointList {
    /// x and y of each point.
    pub coords: Vec<f32>,
    pub labels: Vec<f32>,
}

impl PointList {
    /// Overwrites the list with `prompt` and returns its length. As in Segment Anything, clicks without a box have one
    /// padding point and others none; a decoder of one `fixed` length gets as many as it wants.
    pub fn set(&mut self, prompt: &Prompt, letterbox: &Letterbox, fixed: Option<usize>) -> usize {
        self.coords.clear();
        self.labels.clear();
        for p in &prompt.points {
            let label = if p.label == Label::Foreground { 1.0 } else { 0.0 };
            self.push(letterbox.to_input(p.point), label);
        }
        let mut least = self.labels.len();
        match prompt.bbox {
            Some(bbox) => {
                let b = letterbox.box_to_input(bbox);
                self.push(Point::new(b.x0, b.y0), TOP_LEFT);
                self.push(Point::new(b.x1, b.y1), BOTTOM_RIGHT);
                least += 2;
            }
            None => least += 1,
        }
        let length = fixed.unwrap_or(least).max(least);
        self.labels.resize(length, NO_POINT);
        self.coords.resize(length * 2, 0.0);
        length
    }

    fn push(&mut self, at: Point, label: f32) {
        self.coords.extend([at.x - 0.5, at.y - 0.5]);
        self.labels.push(label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{BoundingBox, LabeledPoint, Size};

    fn list(points: Vec<LabeledPoint>, bbox: Option<BoundingBox>) -> (usize, PointList) {
        let letterbox = Letterbox::new(Size::new(512, 256), Size::new(1024, 1024));
        let mut list = PointList::default();
        let length = list.set(&Prompt { points, bbox, mask: None }, &letterbox, None);
        (length, list)
    }

    #[test]
    fn a_click_is_padded_with_one_point() {
        let (length, list) = list(vec![LabeledPoint::foreground(10.0, 20.5)], None);
        assert_eq!(length, 2);
        assert_eq!(list.coords, [19.5, 40.5, 0.0, 0.0]);
        assert_eq!(list.labels, [1.0, -1.0]);
    }

    #[test]
    fn a_box_is_two_corners_without_padding() {
        let (length, list) = list(vec![], Some(BoundingBox::new(1.0, 2.0, 3.0, 4.0)));
        assert_eq!(length, 2);
        assert_eq!(list.coords, [1.5, 3.5, 5.5, 7.5]);
        assert_eq!(list.labels, [2.0, 3.0]);
    }

    #[test]
    fn only_a_fixed_length_pads_more() {
        let points = vec![LabeledPoint::foreground(0.0, 0.0), LabeledPoint::background(9.0, 9.0)];
        let (length, clicks) = list(points.clone(), None);
        assert_eq!((length, clicks.labels), (3, vec![1.0, 0.0, -1.0]));
        let bbox = Some(BoundingBox::new(0.0, 0.0, 9.0, 9.0));
        let (length, mut both) = list(points.clone(), bbox);
        assert_eq!((length, &both.labels), (4, &vec![1.0, 0.0, 2.0, 3.0]));
        let letterbox = Letterbox::new(Size::new(512, 256), Size::new(1024, 1024));
        assert_eq!(both.set(&Prompt { points, bbox, mask: None }, &letterbox, Some(6)), 6);
        assert_eq!(both.labels, [1.0, 0.0, 2.0, 3.0, -1.0, -1.0]);
        assert_eq!(both.coords.len(), 12);
    }
}
