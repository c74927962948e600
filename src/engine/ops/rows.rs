//! Products with a constant matrix and layer normalisation, over the last axis of a tensor.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Mul, Sub};
use tract_onnx::tract_core::ops::nn::{GeluExact, Reduce, Reducer, RmsNorm};

use super::recycled::{Recycled, only_mine};
use crate::engine::kernels::{Activation, LayerNorm, Linear, RowWork, Variant};
use crate::engine::threads::Threads;

/// With fewer multiply-accumulates than this a product is not worth packing its weights.
const FEWEST_MACS: usize = 100_000;

/// An `f32` tensor whose last axes make rows, to one of the given shape.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Rows(Arc<Inner>);

struct Inner {
    work: RowWork,
    variant: Variant,
    shape: TVec<usize>,
    threads: Threads,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rows of {} to {} on {}", self.work.inputs(), self.work.outputs(), self.variant)
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Rows {}

impl Rows {
    fn new(work: RowWork, variant: Variant, shape: &[usize], threads: &Threads) -> Self {
        Rows(Arc::new(Inner { work, variant, shape: shape.into(), threads: threads.clone() }))
    }

    /// What it does, in the audit's words.
    pub fn label(&self) -> String {
        let what = match self.0.work {
            RowWork::Linear(_) => "MatMul",
            RowWork::Normalize(_) => "LayerNorm",
        };
        format!("{what} f32: rows {}", self.0.variant)
    }
}

impl Op for Rows {
    fn name(&self) -> StaticName {
        match self.0.work {
            RowWork::Linear(_) => "Linear".into(),
            RowWork::Normalize(_) => "LayerNorm".into(),
        }
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Rows {
    not_out_of_plan!();

    fn state(&self, _: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        Ok(Some(Box::new(RowsState { rows: self.clone(), given: Recycled::default() })))
    }
}

impl TypedOp for Rows {
    as_op!();

    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&*self.0.shape)))
    }
}

/// One session's memory.
#[derive(Debug)]
struct RowsState {
    rows: Rows,
    given: Recycled,
}

impl Clone for RowsState {
    fn clone(&self) -> Self {
        // Nothing survives from one run to the next.
        RowsState { rows: self.rows.clone(), given: Recycled::default() }
    }
}

impl OpState for RowsState {
    fn eval(&mut self, _: &EvalContext, _: &dyn Op, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let Inner { work, variant, shape, threads } = &*self.rows.0;
        let input = args_1!(inputs);
        let mut output = self.given.take(shape)?;
        work.run(*variant, input.try_as_plain_ram()?.as_slice::<f32>()?, only_mine(&mut output)?, &threads.team);
        self.given.give(&output);
        Ok(tvec!(output.into_tvalue()))
    }

    fn reset_lanes(&mut self, _: &[LaneId]) -> TractResult<()> {
        Ok(())
    }
}

pub(super) fn shape_of(model: &TypedModel, outlet: OutletId) -> Option<TVec<usize>> {
    let fact = model.outlet_fact(outlet).ok()?;
    (fact.datum_type == DatumType::F32).then(|| fact.shape.as_concrete().map(Into::into))?
}

pub(super) fn constant(model: &TypedModel, outlet: OutletId) -> Option<Vec<f32>> {
    let values = model.outlet_fact(outlet).ok()?.konst.clone().filter(|k| k.datum_type() == DatumType::F32)?;
    Some(values.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
}

/// A product over the last axes of a tensor with a constant matrix, with what follows it: a bias, then GELU.
pub(super) fn linear(
    threads: &Threads,
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &EinSum,
) -> TractResult<Option<TypedModelPatch>> {
    let Some(found) = Found::of(model, node, op) else { return Ok(None) };
    let Found { last, bias, activation } = found.with_followers(model, node);
    let (Some(weights), Some(shape)) = (constant(model, node.inputs[1]), shape_of(model, last.into())) else {
        return Ok(None);
    };
    let variant = Variant::best();
    let outputs = bias.len();
    let sizes = [weights.len() / outputs.max(1), outputs];
    let Some(work) = Linear::new(variant.lanes(), sizes, &weights, &bias, activation) else { return Ok(None) };
    let op = Rows::new(RowWork::Linear(work), variant, &shape, threads);
    let mut patch = TypedModelPatch::new("rows times a matrix");
    let input = patch.tap_model(model, node.inputs[0])?;
    let wire = patch.wire_node(format!("{name}.rows"), op, &[input])?[0];
    patch.shunt_outside(model, last.into(), wire)?;
    Ok(Some(patch))
}

/// A product of rows and what was found behind it.
struct Found {
    /// The last node that it includes.
    last: usize,
    bias: Vec<f32>,
    activation: Activation,
}

impl Found {
    /// The inputs' last axes, in their order, are those summed over; the output's last is the matrix's own.
    fn of(model: &TypedModel, node: &TypedNode, op: &EinSum) -> Option<Found> {
        let (inputs, outputs) = op.axes.to_strs();
        let ([data, matrix], [output]) = (inputs.as_slice(), outputs.as_slice()) else { return None };
        let letters = |text: &str| text.chars().collect::<Vec<char>>();
        let (data, matrix, output) = (letters(data), letters(matrix), letters(output));
        let (own, summed) = matrix.split_last()?;
        let rows = data.strip_suffix(summed)?;
        let rest = output.strip_suffix(&[*own])?;
        let (given, made) = (shape_of(model, node.inputs[0])?, shape_of(model, node.id.into())?);
        let kept = |letters: &[char], shape: &[usize]| -> Vec<(char, usize)> {
            letters.iter().copied().zip(shape.iter().copied()).filter(|(_, len)| *len != 1).collect()
        };
        let same = kept(rows, &given) == kept(rest, &made) && !summed.is_empty() && !rows.contains(own);
        let outputs = *made.last()?;
        let macs = given.iter().product::<usize>() * outputs;
        (op.q_params.is_none() && same && macs >= FEWEST_MACS).then(|| Found {
            last: node.id,
            bias: vec![0.0; outputs],
            activation: Activation::None,
        })
    }

    fn with_followers(mut self, model: &TypedModel, node: &TypedNode) -> Found {
        let mut at = node.id;
        while let Ok(Some(next)) = model.single_succ(at) {
            if model.outputs.contains(&at.into()) {
                break;
            }
            if let Some(op) = next.op_as::<TypedBinOp>()
                && op.0.is::<Add>()
                && op.1.is_none()
                && self.activation == Activation::None
            {
                let Some(bias) = self.added(model, next) else { break };
                self.bias.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
            } else if self.activation == Activation::None
                && next.op_as::<ElementWiseOp>().is_some_and(|op| op.1.is_none() && op.0.is::<GeluExact>())
            {
                self.activation = Activation::Gelu;
            } else {
                break;
            }
            at = next.id;
        }
        self.last = at;
        self
    }

    /// The constant row that `node` adds.
    fn added(&self, model: &TypedModel, node: &TypedNode) -> Option<Vec<f32>> {
        let ix = (0..2).find(|ix| constant(model, node.inputs[*ix]).is_some())?;
        let (shape, made) = (shape_of(model, node.inputs[ix])?, shape_of(model, node.id.into())?);
        let row = shape.last() == made.last() && shape.iter().product::<usize>() == self.bias.len();
        let same = shape_of(model, node.inputs[1 - ix])? == made;
        constant(model, node.inputs[ix]).filter(|_| row && same)
    }
}

/// Normalisation of rows by mean and variance, as tract writes layer normalisation: the root mean square of what is left
/// without the mean.
pub(super) fn layer_norm(
    threads: &Threads,
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &RmsNorm,
) -> TractResult<Option<TypedModelPatch>> {
    let Some((input, epsilon)) = centred(model, node, op) else { return Ok(None) };
    let Some(shape) = shape_of(model, node.id.into()) else { return Ok(None) };
    let variant = Variant::best();
    let channels = shape.last().copied().unwrap_or(0);
    let Some(work) = LayerNorm::new(variant.lanes(), channels, epsilon) else { return Ok(None) };
    let op = Rows::new(RowWork::Normalize(work), variant, &shape, threads);
    let mut patch = TypedModelPatch::new("layer normalisation of rows");
    let input = patch.tap_model(model, input)?;
    let wire = patch.wire_node(format!("{name}.rows"), op, &[input])?[0];
    patch.shunt_outside(model, node.id.into(), wire)?;
    Ok(Some(patch))
}

/// What `node` normalises if its mean is taken off first, and the epsilon.
fn centred(model: &TypedModel, node: &TypedNode, op: &RmsNorm) -> Option<(OutletId, f32)> {
    let rank = model.outlet_fact(node.inputs[0]).ok()?.rank();
    let difference = model.node(node.inputs[0].node);
    difference.op_as::<TypedBinOp>().filter(|op| op.0.is::<Sub>() && op.1.is_none())?;
    let [input, mean] = [difference.inputs[0], difference.inputs[1]];
    let share = model.node(mean.node);
    share.op_as::<TypedBinOp>().filter(|op| op.0.is::<Mul>() && op.1.is_none())?;
    let ix = (0..2).find(|ix| constant(model, share.inputs[1 - ix]).is_some())?;
    let factor = constant(model, share.inputs[1 - ix])?;
    let sum = model.node(share.inputs[ix].node);
    let reduce = sum.op_as::<Reduce>()?;
    let channels = *shape_of(model, input)?.last()?;
    let last = op.axis + 1 == rank && reduce.reducer == Reducer::Sum && *reduce.axes == [rank - 1];
    let mean = factor.len() == 1 && (factor[0] * channels as f32 - 1.0).abs() < 1e-5;
    let epsilon = op.eps.cast_to_scalar::<f32>().ok()?;
    (last && mean && sum.inputs[0] == input).then_some((input, epsilon))
}
