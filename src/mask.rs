//! Binary masks and the logits they come from.

mod binary;
mod logits;

pub use binary::Mask;
pub use logits::LowResLogits;
