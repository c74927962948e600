//! Attention as one operator: scores, softmax and the weighted sum of values.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::Add;
use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};

use super::planned::{Kernel, Planned};
use super::rows::{constant, shape_of};
use crate::engine::kernels::{Attention, AttentionSizes, Team, Variant};
use crate::engine::threads::Threads;

/// Queries, keys and values in, [batch, positions, heads, channels] of `f32` each; the answer has the queries' positions and
/// the values' channels.
pub(in crate::engine) type Attend = Planned<Attention>;

impl Kernel for Attention {
    const INPUTS: usize = 3;

    fn name(&self) -> [&'static str; 2] {
        ["Attention", "heads"]
    }

    fn scratch_len(&self) -> usize {
        self.scratch_len()
    }

    fn run(&self, variant: Variant, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32], team: &Team) {
        if let [queries, keys, values] = inputs {
            self.run(variant, [queries, keys, values], output, scratch, team);
        }
    }
}

/// The weighted sum of values at the end of an attention, with all before it: `ambk,anbk->abmn`, a constant added, softmax
/// over the last axis, `abmk,akbn->ambn`, whatever the letters.
pub(super) fn attention(
    threads: &Threads,
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &EinSum,
) -> TractResult<Option<TypedModelPatch>> {
    let Some(found) = found(model, node, op) else { return Ok(None) };
    let Found { inputs, sizes, bias } = found;
    let Some(shape) = shape_of(model, node.id.into()) else { return Ok(None) };
    let variant = Variant::best();
    let Some(plan) = Attention::new(variant.lanes(), sizes, bias.as_deref()) else { return Ok(None) };
    let op = Attend::new(plan, variant, &shape, threads);
    let mut patch = TypedModelPatch::new("attention");
    let inputs: TVec<OutletId> =
        inputs.iter().map(|input| patch.tap_model(model, *input)).collect::<TractResult<_>>()?;
    let wire = patch.wire_node(format!("{name}.attention"), op, &inputs)?[0];
    patch.shunt_outside(model, node.id.into(), wire)?;
    Ok(Some(patch))
}

struct Found {
    inputs: [OutletId; 3],
    sizes: AttentionSizes,
    bias: Option<Vec<f32>>,
}

/// The letters of a product of two tensors of rank 4.
fn letters(op: &EinSum) -> Option<[[char; 4]; 3]> {
    let (inputs, outputs) = op.axes.to_strs();
    let four = |text: &String| <[char; 4]>::try_from(text.chars().collect::<Vec<_>>()).ok();
    let ([first, second], [output]) = (inputs.as_slice(), outputs.as_slice()) else { return None };
    op.q_params.is_none().then_some([four(first)?, four(second)?, four(output)?])
}

fn found(model: &TypedModel, node: &TypedNode, op: &EinSum) -> Option<Found> {
    let [[a, b, m, k], value, output] = letters(op)?;
    if value != [a, k, b, value[3]] || output != [a, m, b, value[3]] {
        return None;
    }
    // Nobody else may read what lies between.
    let only = |outlet: OutletId| {
        let once = model.outlet_successors(outlet).len() == 1 && !model.outputs.contains(&outlet);
        once.then(|| model.node(outlet.node))
    };
    let weights = only(node.inputs[0])?;
    let softmax = weights.op_as::<Softmax>().filter(|s| *s.axes == [3] && s.kind == SoftmaxKind::Softmax)?;
    softmax.quant_output_dt.is_none().then_some(())?;
    let mut scores = only(weights.inputs[0])?;
    let mut bias = None;
    if let Some(sum) = scores.op_as::<TypedBinOp>() {
        (sum.0.is::<Add>() && sum.1.is_none()).then_some(())?;
        let ix = (0..2).find(|ix| constant(model, scores.inputs[*ix]).is_some())?;
        let shape = shape_of(model, scores.inputs[ix])?;
        (shape.len() == 4 && shape[0] == 1).then_some(())?;
        bias = Some(constant(model, scores.inputs[ix])?);
        scores = only(scores.inputs[1 - ix])?;
    }
    let [[a, m, b, k], key, output] = letters(scores.op_as::<EinSum>()?)?;
    if key != [a, key[1], b, k] || output != [a, b, m, key[1]] {
        return None;
    }
    let inputs = [scores.inputs[0], scores.inputs[1], node.inputs[1]];
    let [query, key, value] = [0, 1, 2].map(|ix| shape_of(model, inputs[ix]));
    let (query, key, value) = (query?, key?, value?);
    let sizes = AttentionSizes {
        batch: query[0],
        heads: query[2],
        queries: query[1],
        keys: key[1],
        depth: query[3],
        values: value[3],
    };
    let same = key[..] == [sizes.batch, sizes.keys, sizes.heads, sizes.depth]
        && value[..] == [sizes.batch, sizes.keys, sizes.heads, sizes.values];
    same.then_some(Found { inputs, sizes, bias })
}
