//! Segment Anything and its descendants (MobileSAM, EdgeSAM, NanoSAM, EfficientViT-SAM, SAM-HQ, Segment Anything 2), as
//! their own export scripts write them.
//!
//! * encoder: one image input [1, 3, H, W] → an embedding [1, C, E, F], and whatever else its decoder takes;
//! * decoder: what the encoder makes, points [1, N, 2], labels [1, N], and in most exports `mask_input` [1, 1, h, w] with
//!   `has_mask_input` [1], and `orig_im_size` [2] → masks [1, M, h, w] and in most exports ratings [1, M].
//!
//! Inputs and outputs are known by their names or else by their shapes (`point_decoder::roles`). The masks that are taken are the
//! small ones; upsampling is ours.

use super::point_decoder::{self, Dialect};
use super::{CompileFor, Conventions, DecoderPart, EncoderPart, Family, Part};
use crate::engine::{OnnxModel, TensorInfo};
use crate::error::ModelError;
use crate::geometry::Size;

/// How these exports call their tensors.
const DIALECT: Dialect = Dialect {
    family: "sam",
    coords: &["point_coords", "input_points", "points", "coords"],
    labels: &["point_labels", "input_labels", "labels"],
    points_rank: 3,
    boxes: &[],
    fills: -1.0,
};

/// The row of the table.
pub(super) struct Sam;

impl Family for Sam {
    fn name(&self) -> &'static str {
        DIALECT.family
    }

    fn summary(&self) -> &'static str {
        "Segment Anything and its descendants (such as MobileSAM): prompts as points"
    }

    fn recognizes(&self, part: Part, file: &OnnxModel) -> bool {
        match part {
            // Exports call the input and the embeddings by several names.
            Part::Encoder => {
                let image = |input: &TensorInfo| input.name != "pixel_values";
                let is_embedding = |output: &TensorInfo| {
                    ["embeddings", "image_embed", "embedding"].iter().any(|end| output.name.ends_with(end))
                };
                let skips = file.outputs().iter().any(|output| output.name == "skip");
                matches!(file.inputs(), [only] if image(only)) && file.outputs().iter().any(is_embedding) && !skips
            }
            Part::Decoder => point_decoder::recognizes(&DIALECT, file),
        }
    }

    fn load_encoder(&self, file: &OnnxModel, input: Size, compile: &CompileFor) -> Result<EncoderPart, ModelError> {
        point_decoder::load_encoder(&DIALECT, file, input, compile)
    }

    fn load_decoder(
        &self,
        file: OnnxModel,
        encoder: &EncoderPart,
        conventions: &Conventions,
        compile: &CompileFor,
    ) -> Result<Box<dyn DecoderPart>, ModelError> {
        point_decoder::load_decoder(&DIALECT, file, encoder, conventions, compile)
    }
}
