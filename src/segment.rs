//! Encode once, prompt many times: [`Predictor`] and its parts.
//!
//! [`Predictor`] is the convenient face: it owns an encoder, a decoder and the embedding of one frame, and returns
//! masks that the caller may keep. [`MaskDecoder`] is the core under it for callers that hold embeddings themselves and
//! reuse their buffers, such as a stream's decoding thread. Both decode through [`CheckedDecoder`].
//!
//! Prompts and masks are in pixels of the frame; only [`crate::geometry::Letterbox`] knows the model's input.

mod alternatives;
mod boxes;
mod check;
mod checked_decoder;
mod choice;
mod decoder;
mod everything;
mod fovea;
mod prediction;
mod predictor;
#[cfg(test)]
mod tests;
mod written;
mod zoom;

pub use alternatives::next_alternative;
pub use boxes::masks_in_boxes;
pub use check::{check_prompt, clip_box};
pub use checked_decoder::CheckedDecoder;
pub use choice::{best_matching_prompt, points_matched};
pub use decoder::MaskDecoder;
pub use everything::{Everything, EverythingOptions, FoundMask, Progress};
pub use fovea::fovea_region;
pub use prediction::{Prediction, Predictions};
pub use predictor::Predictor;
pub use written::{WrittenError, written_box, written_id, written_label, written_point};
pub use zoom::zoom_region;
