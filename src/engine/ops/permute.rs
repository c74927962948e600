//! Axes in another order.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::change_axes::AxisOp;

use super::outlets::{read_once, replaced, shape_of};
use super::planned::{Kernel, Planned};
use super::resources::Resources;
use crate::engine::kernels::{Permutation, Team, Variant};

/// With fewer numbers than this there is nothing to gain.
const MIN_LEN: usize = 4096;

/// A tensor of `f32` to one with its axes in another order.
pub(in crate::engine) type Permute = Planned<Permutation>;

impl Kernel for Permutation {
    fn inputs(&self) -> usize {
        1
    }

    fn name(&self) -> [&'static str; 2] {
        ["Transpose", "tiles"]
    }

    fn scratch_len(&self) -> usize {
        0
    }

    fn run(&self, variant: Variant, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32], team: &Team) {
        if let [input] = inputs {
            self.run(variant, input, output, team);
        }
    }
}

/// A move of an axis, with the moves before it that nobody else reads.
pub(super) fn permute(
    resources: &Resources,
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &AxisOp,
) -> TractResult<Option<TypedModelPatch>> {
    let AxisOp::Move(..) = op else { return Ok(None) };
    let is_move = |node: &TypedNode| matches!(node.op_as::<AxisOp>(), Some(AxisOp::Move(..)));
    // The last of a chain takes all of it.
    let readers = model.outlet_successors(node.id.into());
    if let [reader] = readers
        && read_once(model, node.id.into())
        && is_move(model.node(reader.node))
    {
        return Ok(None);
    }
    let mut chain = vec![node];
    while let Some(input) = chain.last().map(|node| node.inputs[0])
        && read_once(model, input)
        && is_move(model.node(input.node))
    {
        chain.push(model.node(input.node));
    }
    let Some(source) = chain.last().map(|node| node.inputs[0]) else { return Ok(None) };
    let (Some(given), Some(made)) = (shape_of(model, source), shape_of(model, node.id.into())) else { return Ok(None) };
    let mut order: Vec<usize> = (0..given.len()).collect();
    for node in chain.iter().rev() {
        let Some(AxisOp::Move(from, to)) = node.op_as::<AxisOp>() else { return Ok(None) };
        let axis = order.remove(*from);
        order.insert(*to, axis);
    }
    let Some(plan) = Permutation::new(&given, &order).filter(|plan| plan.len() >= MIN_LEN) else { return Ok(None) };
    let op = Permute::new(plan, Variant::best(), &made, resources);
    replaced(model, node.id.into(), format!("{name}.permute"), op, &[source])
}
