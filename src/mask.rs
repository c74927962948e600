//! Binary masks and the logits they come from: scaling, cleaning, measuring and writing them.
//!
//! Work that needs memory of its own is a struct or a scratch argument that the caller keeps, so that a running stream
//! allocates nothing.

mod bilinear;
mod binary;
mod boundary;
mod combine;
mod components;
mod contour;
mod cutout;
mod distance;
mod downsample;
pub mod file;
mod logits;
mod logits_motion;
mod matte;
mod morphology;
mod nms;
mod reproject;
mod resize;
mod rle;
mod runs;
mod stability;
#[cfg(test)]
mod testing;
mod upsample;

pub(crate) use bilinear::Between;
pub use binary::Mask;
pub use boundary::BoundaryMeasure;
pub use components::{Component, Components, Connectivity, fill_small_holes, keep_largest, remove_small_islands};
pub use contour::{Contour, Contours};
pub use cutout::cut_out;
pub use distance::{Border, DistanceTransform};
pub use downsample::{MASK_PROMPT_LOGIT, low_res_from_mask, mask_prompt};
pub use logits::{LowResLogits, probability};
pub use matte::matte;
pub use morphology::{Morphology, StructuringElement};
pub use nms::{nms_boxes, nms_masks};
pub use reproject::reproject;
pub use resize::move_point;
pub use rle::Rle;
pub use stability::stability_score;
pub use upsample::{MaskExtent, UpsampleScratch, upsample_mask};
