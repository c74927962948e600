use crate::geometry::Size;

/// A mask as the decoder gives it: logits on the letterboxed input at a fraction of its resolution, row by row. It is
/// the mask prompt of a next call (positive inside the object).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LowResLogits {
    pub size: Size,
    pub data: Vec<f32>,
}
