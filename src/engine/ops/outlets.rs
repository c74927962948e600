//! What is known of the tensors of a graph, and how an operator of ours comes into it.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::TypedOp;

/// The shape of a tensor of `f32`.
pub(super) fn shape_of(model: &TypedModel, outlet: OutletId) -> Option<TVec<usize>> {
    let fact = model.outlet_fact(outlet).ok()?;
    (fact.datum_type == DatumType::F32).then(|| fact.shape.as_concrete().map(Into::into))?
}

/// The values of a constant of `f32`.
pub(super) fn constant(model: &TypedModel, outlet: OutletId) -> Option<Vec<f32>> {
    let values = model.outlet_fact(outlet).ok()?.konst.clone().filter(|k| k.datum_type() == DatumType::F32)?;
    Some(values.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
}

/// Whether one node alone reads the tensor, and it leaves the graph nowhere: that node may take its maker into itself.
pub(in crate::engine) fn read_once(model: &TypedModel, outlet: OutletId) -> bool {
    model.outlet_successors(outlet).len() == 1 && !model.outputs.contains(&outlet)
}

/// The patch that computes `place` by `op`, called `name`, from tensors of the graph.
pub(super) fn replaced(
    model: &TypedModel,
    place: OutletId,
    name: String,
    op: impl Into<Box<dyn TypedOp>>,
    inputs: &[OutletId],
) -> TractResult<Option<TypedModelPatch>> {
    let mut patch = TypedModelPatch::new("an operator of our own");
    let inputs: TVec<OutletId> =
        inputs.iter().map(|input| patch.tap_model(model, *input)).collect::<TractResult<_>>()?;
    let wire = patch.wire_node(name, op, &inputs)?[0];
    patch.shunt_outside(model, place, wire)?;
    Ok(Some(patch))
}
