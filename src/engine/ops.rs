//! Operators of our own, put in the place of tract's where those are slow, or where tract has none.

mod attention;
mod bilinear;
mod fake_quantize;
mod mix;
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
pub(super) use mix::Mixed;
pub(super) use permute::Permute;
pub(super) use region::ConvRegion;
pub(super) use resources::Resources;
pub(super) use rows::Rows;

/// Whether what `node` gives out is kept by the graph, to be filled again.
pub(super) fn is_pooled(node: &TypedNode) -> bool {
    planned_scratch(node).is_some() || node.op_is::<ConvRegion>()
}

/// Bytes of scratch that an operator of ours takes, regions apart.
pub(super) fn scratch_bytes(node: &TypedNode) -> usize {
    planned_scratch(node).unwrap_or(0)
}

fn planned_scratch(node: &TypedNode) -> Option<usize> {
    (node.op_as::<Rows>().map(Rows::scratch_bytes))
        .or_else(|| node.op_as::<Attend>().map(Attend::scratch_bytes))
        .or_else(|| node.op_as::<Mixed>().map(Mixed::scratch_bytes))
        .or_else(|| node.op_as::<Permute>().map(Permute::scratch_bytes))
}

/// Replaces, in a decluttered model of fixed shapes, every single operator that has a faster one here.
pub(super) fn substitute(model: &mut TypedModel, resources: &Resources) -> TractResult<()> {
    Rewriter::default().with_rule_for("bilinear-resize", bilinear::replace_resize).rewrite(&(), model)?;
    Rewriter::default()
        .with_rule_for("layer-norm", rows::layer_norm)
        .with_rule_for("linear", rows::linear)
        .with_rule_for("attention", attention::attention)
        .with_rule_for("mix", mix::mix)
        .rewrite(resources, model)?;
    Rewriter::default().with_rule_for("permute", permute::permute).rewrite(resources, model)?;
    shapes::absorb(model)
}
