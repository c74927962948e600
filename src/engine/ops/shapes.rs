//! Changes of shape that move no number: what is behind and before our operators goes into them. tract copies a tensor that
//! somebody else holds to change its shape, and what our operators give out is held for the next run.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{TractResult, TypedOp};
use tract_onnx::tract_core::model::Rewriter;
use tract_onnx::tract_core::ops::change_axes::AxisOp;

use super::planned::{Kernel, Planned};
use super::rows::shape_of;
use super::{Attend, Mixed, Permute, Rows};
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
    let alone = model.outlet_successors(node.inputs[0]).len() == 1 && !model.outputs.contains(&node.inputs[0]);
    let Some(shape) = shape_of(model, node.id.into()).filter(|_| alone && is_view(model, node)) else {
        return Ok(None);
    };
    let op: Box<dyn TypedOp> = if let Some(op) = maker.op_as::<Rows>() {
        Box::new(op.shaped(&shape))
    } else if let Some(op) = maker.op_as::<Attend>() {
        Box::new(op.shaped(&shape))
    } else if let Some(op) = maker.op_as::<Mixed>() {
        Box::new(op.shaped(&shape))
    } else if let Some(op) = maker.op_as::<Permute>() {
        Box::new(op.shaped(&shape))
    } else {
        return Ok(None);
    };
    let mut patch = TypedModelPatch::new("a shape goes into what makes it");
    let inputs: TVec<OutletId> =
        maker.inputs.iter().map(|input| patch.tap_model(model, *input)).collect::<TractResult<_>>()?;
    let wire = patch.wire_node(maker.name.clone(), op, &inputs)?[0];
    patch.shunt_outside(model, node.id.into(), wire)?;
    Ok(Some(patch))
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
    let mut patch = TypedModelPatch::new("a shape that an operator does not ask for");
    let inputs: TVec<OutletId> = (node.inputs.iter())
        .map(|input| patch.tap_model(model, through(input).unwrap_or(*input)))
        .collect::<TractResult<_>>()?;
    let wire = patch.wire_node(name, op.clone(), &inputs)?[0];
    patch.shunt_outside(model, node.id.into(), wire)?;
    Ok(Some(patch))
}
