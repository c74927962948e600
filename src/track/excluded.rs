use crate::geometry::{BoundingBox, Label, LabeledPoint, Point};

/// Points that are kept: the last ones.
const LIMIT: usize = 4;

/// A foreground point nearer than this, in parts of the box's sides, takes an excluded place back in.
const TAKEN_BACK: f32 = 0.15;

/// What a user took out of an object: places within its box, which move and grow with it.
///
/// Features do not distinguish a part from the object that it belongs to, so that what was taken out would come back with the next
/// frames; the points go with each frame's prompt instead.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Excluded {
    /// In parts of the box's sides, from its upper left corner.
    places: Vec<Point>,
}

impl Excluded {
    /// Adds the background points among `points`, in pixels of the frame in which the object's box is `bbox`; foreground
    /// points take back what was excluded beside them. Background points beside the box are left out: the box itself keeps
    /// their places out.
    pub fn add(&mut self, points: &[LabeledPoint], bbox: BoundingBox) {
        let (width, height) = (bbox.x1 - bbox.x0, bbox.y1 - bbox.y0);
        for LabeledPoint { point, label } in points.iter().filter(|p| bbox.contains(p.point)) {
            let place = Point::new((point.x - bbox.x0) / width, (point.y - bbox.y0) / height);
            match label {
                Label::Foreground => self.places.retain(|excluded| excluded.distance(place) > TAKEN_BACK),
                Label::Background => self.places.push(place),
            }
        }
        self.places.drain(..self.places.len().saturating_sub(LIMIT));
    }

    /// Appends the points to `out`, in pixels of a frame in which the object's box is `bbox`.
    pub fn place(&self, bbox: BoundingBox, out: &mut Vec<LabeledPoint>) {
        let (width, height) = (bbox.x1 - bbox.x0, bbox.y1 - bbox.y0);
        out.extend(self.places.iter().map(|p| LabeledPoint::background(bbox.x0 + p.x * width, bbox.y0 + p.y * height)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn background_points_within_the_box_go_where_it_goes() {
        let mut excluded = Excluded::default();
        let points = [
            LabeledPoint::foreground(15.0, 15.0),
            LabeledPoint::background(12.0, 15.0),
            LabeledPoint::background(35.0, 15.0),
        ];
        excluded.add(&points, BoundingBox::new(10.0, 10.0, 20.0, 30.0));
        let mut placed = Vec::new();
        excluded.place(BoundingBox::new(100.0, 0.0, 140.0, 20.0), &mut placed);
        assert_eq!(placed, [LabeledPoint::background(108.0, 5.0)]);
    }

    #[test]
    fn a_foreground_point_takes_back_what_was_beside_it() {
        let bbox = BoundingBox::new(0.0, 0.0, 100.0, 50.0);
        let mut excluded = Excluded::default();
        excluded.add(&[LabeledPoint::background(20.0, 20.0), LabeledPoint::background(80.0, 20.0)], bbox);
        excluded.add(&[LabeledPoint::foreground(25.0, 22.0)], bbox);
        let mut placed = Vec::new();
        excluded.place(bbox, &mut placed);
        assert_eq!(placed, [LabeledPoint::background(80.0, 20.0)]);
    }

    #[test]
    fn the_last_few_are_kept() {
        let mut excluded = Excluded::default();
        let bbox = BoundingBox::new(0.0, 0.0, 10.0, 10.0);
        for x in 0..9 {
            excluded.add(&[LabeledPoint::background(x as f32, 1.0)], bbox);
        }
        let mut placed = Vec::new();
        excluded.place(bbox, &mut placed);
        assert_eq!(placed.iter().map(|p| p.point.x).collect::<Vec<_>>(), [5.0, 6.0, 7.0, 8.0]);
    }
}
