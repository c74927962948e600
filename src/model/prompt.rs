use crate::geometry::{BoundingBox, LabeledPoint};
use crate::mask::LowResLogits;

/// One prompt set: any mix of points, a box and the logits of an earlier round, all about one object.
///
/// Points and box are pixels of the original frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    pub points: Vec<LabeledPoint>,
    pub bbox: Option<BoundingBox>,
    pub mask: Option<LowResLogits>,
}
