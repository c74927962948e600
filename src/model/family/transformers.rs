//! Segment Anything, SlimSAM and Segment Anything 2 as Hugging Face's `transformers` has them and `optimum` and others export them.
//!
//! * encoder: `pixel_values` [1, 3, H, W] → `image_embeddings` [1, C, E, F] and `image_positional_embeddings`, or three levels
//!   of embeddings;
//! * decoder: what the encoder makes, `input_points` [1, 1, N, 2], `input_labels` [1, 1, N] and in some exports `input_boxes`
//!   [1, 1, 4] → `pred_masks` [1, 1, M, h, w], `iou_scores` [1, 1, M].
//!
//! An export that takes boxes is compiled without its points for a lone box, and without its boxes for clicks.

use super::Need;
use super::point_decoder::{Dialect, PointFamily};
use crate::engine::OnnxModel;
use crate::error::TensorRole;

/// The row of the table.
pub(super) static TRANSFORMERS: PointFamily = PointFamily {
    dialect: Dialect {
        family: "transformers",
        coords: &["input_points"],
        labels: &["input_labels"],
        points_rank: 4,
        boxes: &["input_boxes"],
        fills: -10.0,
    },
    summary: "Segment Anything (such as SlimSAM) and its second version as Hugging Face's transformers exports them: prompts as points",
    is_encoder,
    encoder_needs: || {
        vec![
            Need::named(TensorRole::Input, &["pixel_values"], "[1, 3, H, W]"),
            Need {
                role: TensorRole::Output,
                what: "`image_embeddings…` [1, C, E, F]".into(),
                is: Box::new(|name| name.starts_with(EMBEDDINGS)),
            },
        ]
    },
};

/// How the names of the embeddings begin.
const EMBEDDINGS: &str = "image_embeddings";

fn is_encoder(file: &OnnxModel) -> bool {
    let embeddings = file.outputs().iter().any(|output| output.name.starts_with(EMBEDDINGS));
    matches!(file.inputs(), [only] if only.name == "pixel_values") && embeddings
}
