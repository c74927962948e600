//! Operators of our own, put in the place of tract's where those are slow, or where tract has none.

mod activation;
mod attention;
mod bilinear;
mod fake_quantize;
mod mix;
mod outlets;
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

pub(super) use activation::activation;
#[cfg(test)]
use attention::Attend;
pub(super) use bilinear::{doubles, resize_tables};
pub(super) use fake_quantize::FakeQuantize;
#[cfg(test)]
use mix::Mixed;
pub(super) use outlets::read_once;
use planned::{Kernel, Ours, Planned};
pub(super) use region::ConvRegion;
pub(super) use resources::Resources;
#[cfg(test)]
use rows::Rows;

use super::kernels::{Attention, Mix, Permutation, RowWork};

/// The operator of one of our kernels that `node` is.
pub(super) fn ours(node: &TypedNode) -> Option<&dyn Ours> {
    fn of<K: Kernel + Clone>(node: &TypedNode) -> Option<&dyn Ours> {
        node.op_as::<Planned<K>>().map(|op| op as &dyn Ours)
    }
    [of::<RowWork>, of::<Attention>, of::<Mix>, of::<Permutation>].iter().find_map(|of| of(node))
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
