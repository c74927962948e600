//! Products with a constant matrix and layer normalisation, over the last axis of a tensor.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Mul, Sub};
use tract_onnx::tract_core::ops::nn::{GeluExact, Reduce, Reducer, RmsNorm};

use super::planned::{Kernel, Planned};
use crate::engine::kernels::{Activation, LayerNorm, Linear, RowWork, Team, Variant};
use crate::engine::threads::Threads;

/// With fewer multiply-accumulates than this a product is not worth packing its weights.
const MIN_MACS: usize = 100_000;

/// An `f32` tensor whose last axes make rows, to one of the given shape.
pub(in crate::engine) type Rows = Planned<RowWork>;

impl Kernel for RowWork {
    const INPUTS: usize = 1;

    fn name(&self) -> [&'static str; 2] {
        match self {
            RowWork::Linear(_) => ["MatMul", "rows"],
            RowWork::Normalize(_) => ["LayerNorm", "rows"],
        }
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
        (op.q_params.is_none() && same && macs >= MIN_MACS).then(|| Found {
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
