//! Operators of our own, put in the place of tract's where those are slow, or where tract has none.

mod attention;
mod bilinear;
mod fake_quantize;
mod permute;
mod planned;
mod region;
mod resources;
mod rows;
mod shapes;
#[cfg(test)]
mod tests;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::TractResult;
use tract_onnx::tract_core::model::Rewriter;

pub(super) use attention::Attend;
pub(super) use bilinear::{doubles, resize_tables};
pub(super) use fake_quantize::FakeQuantize;
pub(super) use permute::Permute;
pub(super) use region::ConvRegion;
pub(super) use resources::Resources;
pub(super) use rows::Rows;

/// Replaces, in a decluttered model of fixed shapes, every single operator that has a faster one here.
pub(super) fn substitute(model: &mut TypedModel, resources: &Resources) -> TractResult<()> {
    Rewriter::default().with_rule_for("bilinear-resize", bilinear::replace_resize).rewrite(&(), model)?;
    Rewriter::default()
        .with_rule_for("layer-norm", rows::layer_norm)
        .with_rule_for("linear", rows::linear)
        .with_rule_for("attention", attention::attention)
        .rewrite(resources, model)?;
    Rewriter::default().with_rule_for("permute", permute::permute).rewrite(resources, model)?;
    shapes::absorb(model)
}
