use crate::geometry::{BoundingBox, LabeledPoint};
use crate::mask::LowResLogits;

/// One prompt set: any mix of points, a box and the logits of an earlier round, all about one object.
///
/// Points and box are pixels of the original frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// Clicks on the object and beside it.
    pub points: Vec<LabeledPoint>,
    /// Around the object.
    pub bbox: Option<BoundingBox>,
    /// Of the decoder's own [`mask_size`](super::Decoder::mask_size).
    pub mask: Option<LowResLogits>,
}
