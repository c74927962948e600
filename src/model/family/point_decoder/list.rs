//! Prompts as lists of points.
//!
//! Coordinates are pixels of the plane that the decoder takes them in. Exports count pixels by index and add one half to reach
//! the pixel's centre (`point_coords + 0.5` in segment-anything's `SamOnnxModel`); the library's coordinates are those of the
//! plane already, so one half is taken off. Labels: 1 foreground, 0 background, 2 and 3 a box's corners, -1 no point.

use crate::geometry::{BoundingBox, Label, LabeledPoint, Letterbox, Point, Size};

const NO_POINT: f32 = -1.0;
const TOP_LEFT: f32 = 2.0;
const BOTTOM_RIGHT: f32 = 3.0;

/// How a decoder wants its list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ListRules {
    /// Width and height of its plane.
    pub plane: [f32; 2],
    /// Who adds the padding point that Segment Anything was trained with.
    pub padding: Padding,
    /// Whether a box is two points of the list.
    pub corners: bool,
    /// The length that it wants, if only one.
    pub fixed: Option<usize>,
    /// The label of points that only make up that length.
    pub filler: f32,
}

/// When a padding point is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// To clicks without a box, as Segment Anything's predictor does.
    Clicks,
    /// Never: the graph does it.
    Never,
}

/// The point inputs of a decoder.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PointList {
    /// x and y of each point.
    pub coords: Vec<f32>,
    pub labels: Vec<f32>,
    /// x and y of the corners of a box that has an input of its own.
    pub bbox: Vec<f32>,
}

impl PointList {
    /// Overwrites the list with points and a box in pixels of the frame that `letterbox` places.
    pub fn set(
        &mut self,
        points: &[LabeledPoint],
        bbox: Option<BoundingBox>,
        letterbox: &Letterbox,
        rules: &ListRules,
    ) {
        self.coords.clear();
        self.labels.clear();
        self.bbox.clear();
        let at = |p: Point| {
            let Size { width, height } = letterbox.input;
            [p.x * rules.plane[0] / width as f32 - 0.5, p.y * rules.plane[1] / height as f32 - 0.5]
        };
        for p in points {
            let label = if p.label == Label::Foreground { 1.0 } else { 0.0 };
            self.push(at(letterbox.to_input(p.point)), label);
        }
        if let Some(b) = bbox.map(|bbox| letterbox.box_to_input(bbox)) {
            let corners = [at(Point::new(b.x0, b.y0)), at(Point::new(b.x1, b.y1))];
            if rules.corners {
                self.push(corners[0], TOP_LEFT);
                self.push(corners[1], BOTTOM_RIGHT);
            } else {
                self.bbox.extend(corners.as_flattened());
            }
        } else if rules.padding == Padding::Clicks || points.is_empty() {
            // A mask alone has one in any case, as in Segment Anything 2.
            self.labels.push(NO_POINT);
        }
        let length = if self.labels.is_empty() { 0 } else { rules.fixed.unwrap_or(0) };
        self.labels.resize(length.max(self.labels.len()), rules.filler);
        self.coords.resize(self.labels.len() * 2, 0.0);
    }

    /// Points in it, padding included.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    fn push(&mut self, at: [f32; 2], label: f32) {
        self.coords.extend(at);
        self.labels.push(label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: ListRules =
        ListRules { plane: [1024.0; 2], padding: Padding::Clicks, corners: true, fixed: None, filler: -1.0 };

    fn list(points: &[LabeledPoint], bbox: Option<BoundingBox>, rules: ListRules) -> PointList {
        let letterbox = Letterbox::new(Size::new(512, 256), Size::new(1024, 1024));
        let mut list = PointList::default();
        list.set(points, bbox, &letterbox, &rules);
        assert_eq!((list.coords.len(), list.len()), (list.labels.len() * 2, list.labels.len()));
        list
    }

    #[test]
    fn a_click_is_padded_with_one_point() {
        let click = [LabeledPoint::foreground(10.0, 20.5)];
        let padded = list(&click, None, RULES);
        assert_eq!((padded.coords, padded.labels), (vec![19.5, 40.5, 0.0, 0.0], vec![1.0, -1.0]));
        let by_the_graph = list(&click, None, ListRules { padding: Padding::Never, ..RULES });
        assert_eq!((by_the_graph.coords, by_the_graph.labels), (vec![19.5, 40.5], vec![1.0]));
    }

    #[test]
    fn a_box_is_two_corners_without_padding() {
        let bbox = Some(BoundingBox::new(1.0, 2.0, 3.0, 4.0));
        let corners = list(&[], bbox, RULES);
        assert_eq!((corners.coords, corners.labels), (vec![1.5, 3.5, 5.5, 7.5], vec![2.0, 3.0]));
        let own = list(&[], bbox, ListRules { corners: false, fixed: Some(3), ..RULES });
        assert_eq!((own.len(), own.bbox), (0, vec![1.5, 3.5, 5.5, 7.5]));
    }

    #[test]
    fn only_a_fixed_length_pads_more() {
        let points = [LabeledPoint::foreground(0.0, 0.0), LabeledPoint::background(9.0, 9.0)];
        assert_eq!(list(&points, None, RULES).labels, [1.0, 0.0, -1.0]);
        let bbox = Some(BoundingBox::new(0.0, 0.0, 9.0, 9.0));
        assert_eq!(list(&points, bbox, RULES).labels, [1.0, 0.0, 2.0, 3.0]);
        let fixed = ListRules { fixed: Some(6), filler: -10.0, ..RULES };
        assert_eq!(list(&points, bbox, fixed).labels, [1.0, 0.0, 2.0, 3.0, -10.0, -10.0]);
    }

    #[test]
    fn coordinates_are_those_of_the_decoders_plane() {
        let click = [LabeledPoint::foreground(256.0, 128.0)];
        // The frame's middle lies in the middle and a quarter down in the letterbox, on a plane of any size.
        let half = list(&click, None, ListRules { plane: [512.0, 256.0], ..RULES });
        assert_eq!(half.coords[..2], [255.5, 63.5]);
    }
}
