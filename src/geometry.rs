//! Points, boxes, the letterbox between frame and model input, and camera intrinsics.
//!
//! Everywhere in the library coordinates are **pixels of the original frame**, x right, y down, origin at the top-left
//! corner of the top-left pixel, so the centre of the first pixel is (0.5, 0.5). [`Letterbox`] is the one place that
//! converts to and from the model's input.

mod bbox;
mod intrinsics;
mod letterbox;
mod point;
mod region;

pub use bbox::BoundingBox;
pub use intrinsics::Intrinsics;
pub use letterbox::{Fit, Letterbox};
pub use point::{Label, LabeledPoint, Point, Size};
pub use region::Region;
