//! Segment Anything and its descendants (MobileSAM, EdgeSAM, NanoSAM, EfficientViT-SAM, SAM-HQ, Segment Anything 2), as
//! their own export scripts write them.
//!
//! * encoder: one image input [1, 3, H, W] → an embedding [1, C, E, F], and whatever else its decoder takes;
//! * decoder: what the encoder makes, points [1, N, 2], labels [1, N], and in most exports `mask_input` [1, 1, h, w] with
//!   `has_mask_input` [1], and `orig_im_size` [2] → masks [1, M, h, w] and in most exports ratings [1, M].
//!
//! Inputs and outputs are known by their names or else by their shapes (`point_decoder::roles`). The masks that are taken are the
//! small ones; upsampling is ours.

use super::Need;
use super::point_decoder::{Dialect, PointFamily};
use crate::engine::OnnxModel;
use crate::error::TensorRole;

/// The row of the table.
pub(super) static SAM: PointFamily = PointFamily {
    dialect: Dialect {
        family: "sam",
        coords: &["point_coords", "input_points", "points", "coords"],
        labels: &["point_labels", "input_labels", "labels"],
        points_rank: 3,
        boxes: &[],
        fills: -1.0,
    },
    summary: "Segment Anything and its descendants (such as MobileSAM): prompts as points",
    is_encoder,
    encoder_needs: || {
        vec![
            Need {
                role: TensorRole::Input,
                what: "one image [1, 3, H, W]".into(),
                is: Box::new(|name| name != "pixel_values"),
            },
            Need {
                role: TensorRole::Output,
                what: "an embedding [1, C, E, F] whose name ends with `embeddings`, `embedding` or `image_embed`"
                    .into(),
                is: Box::new(is_embedding),
            },
        ]
    },
};

fn is_embedding(name: &str) -> bool {
    ["embeddings", "image_embed", "embedding"].iter().any(|end| name.ends_with(end))
}

/// Exports call the input and the embeddings by several names.
fn is_encoder(file: &OnnxModel) -> bool {
    let made = || file.outputs().iter().map(|output| output.name.as_str());
    let takes_an_image = matches!(file.inputs(), [only] if only.name != "pixel_values");
    takes_an_image && made().any(is_embedding) && !made().any(|name| name == "skip")
}
