//! Segment Anything, SlimSAM and Segment Anything 2 as Hugging Face's `transformers` has them and `optimum` and others export them.
//!
//! * encoder: `pixel_values` [1, 3, H, W] → `image_embeddings` [1, C, E, F] and `image_positional_embeddings`, or three levels
//!   of embeddings;
//! * decoder: what the encoder makes, `input_points` [1, 1, N, 2], `input_labels` [1, 1, N] and in some exports `input_boxes`
//!   [1, 1, 4] → `pred_masks` [1, 1, M, h, w], `iou_scores` [1, 1, M].
//!
//! An export that takes boxes is compiled without its points for a lone box, and without its boxes for clicks.

use super::point_decoder::{self, Dialect};
use super::{CompileFor, Conventions, DecoderPart, EncoderPart, Family, Part};
use crate::engine::OnnxModel;
use crate::error::ModelError;
use crate::geometry::Size;

/// How these exports call their tensors.
const DIALECT: Dialect = Dialect {
    family: "transformers",
    coords: &["input_points"],
    labels: &["input_labels"],
    points_rank: 4,
    boxes: &["input_boxes"],
    fills: -10.0,
};

/// The row of the table.
pub(super) struct Transformers;

impl Family for Transformers {
    fn name(&self) -> &'static str {
        DIALECT.family
    }

    fn summary(&self) -> &'static str {
        "Segment Anything (such as SlimSAM) and its second version as Hugging Face's transformers exports them: prompts as points"
    }

    fn recognizes(&self, part: Part, file: &OnnxModel) -> bool {
        match part {
            Part::Encoder => {
                let embeddings = file.outputs().iter().any(|output| output.name.starts_with("image_embeddings"));
                matches!(file.inputs(), [only] if only.name == "pixel_values") && embeddings
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
