//! Products of two computed tensors of which one is small and the other wide.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::einsum::EinSum;

use super::outlets::{replaced, shape_of};
use super::planned::{Kernel, Planned};
use super::resources::Resources;
use crate::engine::kernels::{Mix, Team, Variant};

/// More rows than this are worth packing the wide one for.
const MOST_ROWS: usize = 16;
/// With fewer columns there is nothing to gain.
const MIN_COLUMNS: usize = 1024;

/// [rows, depth] and [depth, columns] in, [rows, columns] out, with axes of 1 anywhere; columns may be of several axes.
pub(in crate::engine) type Mixed = Planned<Mix>;

impl Kernel for Mix {
    fn inputs(&self) -> usize {
        2
    }

    fn name(&self) -> [&'static str; 2] {
        ["MatMul", "mixtures"]
    }

    fn scratch_len(&self) -> usize {
        0
    }

    fn run(&self, variant: Variant, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32], team: &Team) {
        if let [small, wide] = *inputs {
            self.run(variant, [small, wide], output, team);
        }
    }
}

/// A product of which the wide factor and what is made lie with their columns last.
pub(super) fn mix(
    resources: &Resources,
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &EinSum,
) -> TractResult<Option<TypedModelPatch>> {
    let Some((inputs, sizes)) = found(model, node, op) else { return Ok(None) };
    let (Some(kernel), Some(shape)) = (Mix::new(sizes), shape_of(model, node.id.into())) else { return Ok(None) };
    let op = Mixed::new(kernel, Variant::best(), &shape, resources);
    replaced(model, node.id.into(), format!("{name}.mix"), op, &inputs)
}

/// The small factor and the wide one; rows, depth and columns.
fn found(model: &TypedModel, node: &TypedNode, op: &EinSum) -> Option<([OutletId; 2], [usize; 3])> {
    let (letters, outputs) = op.axes.to_strs();
    let ([_, _], [output], [first, second]) = (letters.as_slice(), outputs.as_slice(), &node.inputs[..]) else {
        return None;
    };
    let constant = |outlet: &OutletId| model.outlet_fact(*outlet).is_ok_and(|fact| fact.konst.is_some());
    if op.q_params.is_some() || constant(first) || constant(second) {
        return None;
    }
    let given = [*first, *second];
    // Letters of which there is more than 1, and how many.
    let many = |outlet: OutletId, letters: &str| -> Option<Vec<(char, usize)>> {
        let shape = shape_of(model, outlet)?;
        Some(letters.chars().zip(shape).filter(|(_, size)| *size > 1).collect())
    };
    let made = many(node.id.into(), output)?;
    (0..2).find_map(|small| {
        let (few, wide) = (many(given[small], &letters[small])?, many(given[1 - small], &letters[1 - small])?);
        let ([row, depth], [same, columns @ ..]) = (&few[..], &wide[..]) else { return None };
        let [first, rest @ ..] = &made[..] else { return None };
        let apart = row.0 != depth.0 && columns.iter().all(|(letter, _)| *letter != row.0 && *letter != depth.0);
        let count: usize = columns.iter().map(|(_, size)| size).product();
        let fits = depth == same && first == row && rest == columns && apart;
        let worth = row.1 <= MOST_ROWS && count >= MIN_COLUMNS;
        (fits && worth).then(|| ([given[small], given[1 - small]], [row.1, depth.1, count]))
    })
}
