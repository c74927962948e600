//! Changes of shape that move no number: what is behind and before our operators goes into them. tract copies a tensor that
//! somebody else holds to change its shape, and what our operators give out is held for the next run.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::TractResult;
use tract_onnx::tract_core::model::Rewriter;
use tract_onnx::tract_core::ops::change_axes::AxisOp;

use super::ours;
use super::outlets::{read_once, replaced, shape_of};
use super::planned::{Kernel, Planned};
use crate::engine::kernels::{Attention, Mix, Permutation, RowWork};

/// Takes changes of shape into the operators that they follow or precede.
pub(super) fn absorb(model: &mut TypedModel) -> TractResult<()> {
    Rewriter::default()
        .with_rule_for("shape-behind", behind)
        .with_rule_for("shape-before-rows", before::<RowWork>)
        .with_rule_for("shape-before-attention", before::<Attention>)
        .with_rule_for("shape-before-mix", before::<Mix>)
        .with_rule_for("shape-before-permute", before::<Permutation>)
        .rewrite(&(), model)
}

/// Whether `node` only says otherwise what shape its numbers have.
fn is_view(model: &TypedModel, node: &TypedNode) -> bool {
    match node.op_as::<AxisOp>() {
        Some(AxisOp::Move(from, to)) => {
            let (from, to) = (*from.min(to), *from.max(to));
            let Some(shape) = shape_of(model, node.inputs[0]) else { return false };
            shape.get(from..=to).is_some_and(|crossed| crossed.iter().filter(|size| **size > 1).count() < 2)
        }
        Some(_) => true,
        None => false,
    }
}

fn behind(_: &(), model: &TypedModel, node: &TypedNode, _: &str, _: &AxisOp) -> TractResult<Option<TypedModelPatch>> {
    let maker = model.node(node.inputs[0].node);
    let taken = read_once(model, node.inputs[0]) && is_view(model, node);
    let Some((op, shape)) = ours(maker).filter(|_| taken).zip(shape_of(model, node.id.into())) else { return Ok(None) };
    replaced(model, node.id.into(), maker.name.clone(), op.shaped(&shape), &maker.inputs)
}

fn before<K: Kernel + Clone>(
    _: &(),
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &Planned<K>,
) -> TractResult<Option<TypedModelPatch>> {
    let through = |outlet: &OutletId| {
        let maker = model.node(outlet.node);
        is_view(model, maker).then(|| maker.inputs[0])
    };
    if !node.inputs.iter().any(|input| through(input).is_some()) {
        return Ok(None);
    }
    let inputs: TVec<OutletId> = node.inputs.iter().map(|input| through(input).unwrap_or(*input)).collect();
    replaced(model, node.id.into(), name.to_owned(), op.clone(), &inputs)
}
