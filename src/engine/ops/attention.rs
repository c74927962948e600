//! Attention as one operator: scores, softmax and the weighted sum of values.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::Add;
use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};

use super::recycled::{Recycled, only_mine};
use super::rows::{constant, shape_of};
use crate::engine::kernels::{Attention, AttentionSizes, Variant};
use crate::engine::threads::Threads;

/// Queries, keys and values in, [batch, positions, heads, channels] of `f32` each; the answer has the queries' positions and
/// the values' channels.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Attend(Arc<Inner>);

struct Inner {
    plan: Attention,
    variant: Variant,
    shape: TVec<usize>,
    threads: Threads,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "attention to {:?} on {}", self.shape, self.variant)
    }
}

impl PartialEq for Attend {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Attend {}

impl Attend {
    /// What it does, in the audit's words.
    pub fn label(&self) -> String {
        format!("Attention f32: heads {}", self.0.variant)
    }
}

impl Op for Attend {
    fn name(&self) -> StaticName {
        "Attention".into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Attend {
    not_out_of_plan!();

    fn state(&self, _: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        Ok(Some(Box::new(AttendState::new(self.clone()))))
    }
}

impl TypedOp for Attend {
    as_op!();

    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&*self.0.shape)))
    }
}

/// One session's memory.
#[derive(Debug)]
struct AttendState {
    op: Attend,
    scratch: Vec<f32>,
    given: Recycled,
}

impl AttendState {
    fn new(op: Attend) -> Self {
        let scratch = vec![0.0; op.0.threads.team.threads() * op.0.plan.scratch_len()];
        AttendState { op, scratch, given: Recycled::default() }
    }
}

impl Clone for AttendState {
    fn clone(&self) -> Self {
        // Nothing survives from one run to the next.
        AttendState::new(self.op.clone())
    }
}

impl OpState for AttendState {
    fn eval(&mut self, _: &EvalContext, _: &dyn Op, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let Inner { plan, variant, shape, threads } = &*self.op.0;
        let [queries, keys, values] = inputs.as_slice() else { bail!("attention of {} tensors", inputs.len()) };
        let (queries, keys, values) =
            (queries.try_as_plain_ram()?, keys.try_as_plain_ram()?, values.try_as_plain_ram()?);
        let operands = [queries.as_slice::<f32>()?, keys.as_slice::<f32>()?, values.as_slice::<f32>()?];
        let mut output = self.given.take(shape)?;
        plan.run(*variant, operands, only_mine(&mut output)?, &mut self.scratch, &threads.team);
        self.given.give(&output);
        Ok(tvec!(output.into_tvalue()))
    }

    fn reset_lanes(&mut self, _: &[LaneId]) -> TractResult<()> {
        Ok(())
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
    let op = Attend(Arc::new(Inner { plan, variant, shape, threads: threads.clone() }));
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
