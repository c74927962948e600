//! Products with a constant matrix and layer normalisation, over the last axis of a tensor.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::change_axes::{AxisOp, perm_to_ops};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Max, Mul, Sub};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer, RmsNorm};

use super::activation::activation as element_wise;
use super::outlets::{constant, replaced, shape_of};
use super::planned::{Kernel, Planned};
use super::resources::Resources;
use crate::engine::kernels::{Activation, LayerNorm, Linear, PixelNorm, RowWork, Team, Variant};

/// With fewer multiply-accumulates than this a product is not worth packing its weights.
const MIN_MACS: usize = 100_000;

/// An `f32` tensor whose last axes make rows, to one of the given shape.
pub(in crate::engine) type Rows = Planned<RowWork>;

impl Kernel for RowWork {
    fn inputs(&self) -> usize {
        1
    }

    fn name(&self) -> [&'static str; 2] {
        match self {
            RowWork::Linear(_) => ["MatMul", "rows"],
            RowWork::Normalize(_) => ["LayerNorm", "rows"],
            RowWork::NormalizePixels(_) => ["LayerNorm", "pixels"],
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

/// A product over axes of a tensor with a constant matrix, with what follows it: a bias, then an activation.
pub(super) fn linear(
    resources: &Resources,
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &EinSum,
) -> TractResult<Option<TypedModelPatch>> {
    let Some(found) = Found::of(model, node, op) else { return Ok(None) };
    let Found { input, before, weights, shape, after, last, bias, activation } = found.with_followers(model, node);
    let variant = Variant::best();
    let sizes = [weights.len() / bias.len().max(1), bias.len()];
    let Some(work) = Linear::new(variant.lanes(), sizes, &weights, &bias, activation) else { return Ok(None) };
    let op = Rows::new(RowWork::Linear(work), variant, &shape, resources);
    let mut patch = TypedModelPatch::new("rows times a matrix");
    let mut wire = patch.tap_model(model, input)?;
    for (ix, change) in before.into_iter().enumerate() {
        wire = patch.wire_node(format!("{name}.before.{ix}"), change, &[wire])?[0];
    }
    wire = patch.wire_node(format!("{name}.rows"), op, &[wire])?[0];
    for (ix, change) in after.into_iter().enumerate() {
        wire = patch.wire_node(format!("{name}.after.{ix}"), change, &[wire])?[0];
    }
    patch.shunt_outside(model, last.into(), wire)?;
    Ok(Some(patch))
}

/// A product of rows and what was found behind it.
struct Found {
    input: OutletId,
    /// Bring what is summed over to the end.
    before: TVec<AxisOp>,
    /// [summed over, made].
    weights: Vec<f32>,
    /// Of what is made, rows first.
    shape: TVec<usize>,
    /// Bring what is made to its place.
    after: TVec<AxisOp>,
    /// The last node that it includes.
    last: usize,
    bias: Vec<f32>,
    activation: Activation,
}

impl Found {
    fn of(model: &TypedModel, node: &TypedNode, op: &EinSum) -> Option<Found> {
        let (inputs, outputs) = op.axes.to_strs();
        let ([_, _], [output]) = (inputs.as_slice(), outputs.as_slice()) else { return None };
        let matrix = (0..2).find(|ix| model.outlet_fact(node.inputs[*ix]).is_ok_and(|fact| fact.konst.is_some()))?;
        let input = node.inputs[1 - matrix];
        let [data, of_matrix, output] = [&inputs[1 - matrix], &inputs[matrix], output].map(|text| letters(text));
        let (given, made) = (shape_of(model, input)?, shape_of(model, node.id.into())?);

        // Letters of the matrix of which there is more than 1: one is made, the others are summed over.
        let sizes = shape_of(model, node.inputs[matrix])?;
        let matrix_letters: Vec<char> =
            of_matrix.iter().zip(&sizes).filter(|(_, size)| **size > 1).map(|(letter, _)| *letter).collect();
        let own = *matrix_letters.iter().find(|letter| output.contains(letter) && !data.contains(letter))?;
        let values = constant(model, node.inputs[matrix])?;
        let (summed, weights) = if matrix_letters.last() == Some(&own) {
            (&matrix_letters[..matrix_letters.len() - 1], values)
        } else {
            let summed = matrix_letters.strip_prefix(&[own])?;
            let outputs = made[output.iter().position(|letter| *letter == own)?];
            (summed, transposed(&values, outputs))
        };
        let sums = summed.iter().all(|letter| data.contains(letter) && !output.contains(letter));
        let unit = |letter: &char| data.iter().zip(&given).any(|(own, size)| own == letter && *size == 1);

        // Rows are what the tensor has beside, in the output's order.
        let place = |letter: &char| data.iter().position(|own| own == letter);
        let rest: Vec<char> = output.iter().copied().filter(|letter| *letter != own).collect();
        let mut order: Vec<usize> = rest.iter().filter_map(place).collect();
        order.extend(
            data.iter().filter(|letter| !output.contains(letter) && !summed.contains(letter)).filter_map(place),
        );
        order.extend(summed.iter().filter_map(place));
        let summed_away = data.iter().filter(|letter| !output.contains(letter) && !summed.contains(letter)).all(unit);
        let known = rest.iter().all(|letter| {
            data.contains(letter) || output.iter().zip(&made).any(|(own, size)| own == letter && *size == 1)
        });
        let same: usize = rest.iter().filter(|letter| data.contains(letter)).count();
        let outputs = made[output.iter().position(|letter| *letter == own)?];
        let rows: usize = made.iter().product::<usize>() / outputs.max(1);
        let macs = given.iter().product::<usize>() * outputs;
        let whole = order.len() == data.len() && same + summed.len() <= data.len() && rows * weights.len() == macs;
        if op.q_params.is_some() || !sums || summed.is_empty() || !summed_away || !known || !whole || macs < MIN_MACS {
            return None;
        }
        let mut shape: TVec<usize> =
            output.iter().zip(&made).filter(|(letter, _)| **letter != own).map(|(_, n)| *n).collect();
        shape.push(outputs);
        let back: Vec<usize> =
            (output.iter()).map(|letter| rest.iter().position(|other| other == letter).unwrap_or(rest.len())).collect();
        Some(Found {
            input,
            before: moves(&order, &given),
            weights,
            after: moves(&back, &shape),
            shape,
            last: node.id,
            bias: vec![0.0; outputs],
            activation: Activation::None,
        })
    }

    fn with_followers(mut self, model: &TypedModel, node: &TypedNode) -> Found {
        let mut at = node.id;
        while let Ok(Some(next)) = model.single_succ(at) {
            if model.outputs.contains(&at.into()) || !self.after.is_empty() {
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
                && let Some(activation) = activation(model, next)
            {
                self.activation = activation;
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

fn letters(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// `values` [rows, columns] as [columns, rows].
fn transposed(values: &[f32], rows: usize) -> Vec<f32> {
    let columns = values.len() / rows.max(1);
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}

/// What brings the axes of a tensor of `shape` into `order`; nothing where no number moves.
fn moves(order: &[usize], shape: &[usize]) -> TVec<AxisOp> {
    let moved: Vec<usize> =
        order.iter().copied().filter(|axis| shape.get(*axis).is_none_or(|size| *size > 1)).collect();
    if moved.is_sorted() { tvec!() } else { perm_to_ops(order) }
}

/// What `node` does to each number, if the kernels of rows have it.
fn activation(model: &TypedModel, node: &TypedNode) -> Option<Activation> {
    if let Some(op) = node.op_as::<ElementWiseOp>() {
        return element_wise(op);
    }
    node.op_as::<TypedBinOp>().filter(|op| op.0.is::<Max>() && op.1.is_none())?;
    let zero = |ix: usize| constant(model, node.inputs[ix]).is_some_and(|values| values == [0.0]);
    (zero(0) || zero(1)).then_some(Activation::Relu)
}

/// Normalisation of rows, or of every pixel's channels, by mean and variance, as tract writes layer normalisation: the root
/// mean square of what is left without the mean.
pub(super) fn layer_norm(
    resources: &Resources,
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &RmsNorm,
) -> TractResult<Option<TypedModelPatch>> {
    let Some((input, epsilon)) = centred(model, node, op) else { return Ok(None) };
    let Some(shape) = shape_of(model, node.id.into()) else { return Ok(None) };
    let variant = Variant::best();
    let Some(channels) = shape.get(op.axis).copied().filter(|channels| *channels > 0) else { return Ok(None) };
    let pixels: usize = shape[op.axis + 1..].iter().product();
    let work = match pixels {
        0 => return Ok(None),
        1 => RowWork::Normalize(LayerNorm::new(channels, epsilon)),
        _ => RowWork::NormalizePixels(PixelNorm::new(channels, pixels, epsilon)),
    };
    let op = Rows::new(work, variant, &shape, resources);
    replaced(model, node.id.into(), format!("{name}.rows"), op, &[input])
}

/// What `node` normalises if its mean is taken off first, and the epsilon.
fn centred(model: &TypedModel, node: &TypedNode, op: &RmsNorm) -> Option<(OutletId, f32)> {
    let difference = model.node(node.inputs[0].node);
    difference.op_as::<TypedBinOp>().filter(|op| op.0.is::<Sub>() && op.1.is_none())?;
    let [input, mean] = [difference.inputs[0], difference.inputs[1]];
    let share = model.node(mean.node);
    share.op_as::<TypedBinOp>().filter(|op| op.0.is::<Mul>() && op.1.is_none())?;
    let ix = (0..2).find(|ix| constant(model, share.inputs[1 - ix]).is_some())?;
    let factor = constant(model, share.inputs[1 - ix])?;
    let sum = model.node(share.inputs[ix].node);
    let reduce = sum.op_as::<Reduce>()?;
    let channels = *shape_of(model, input)?.get(op.axis)?;
    let last = reduce.reducer == Reducer::Sum && *reduce.axes == [op.axis];
    let mean = factor.len() == 1 && (factor[0] * channels as f32 - 1.0).abs() < 1e-5;
    let epsilon = op.eps.cast_to_scalar::<f32>().ok()?;
    (last && mean && sum.inputs[0] == input).then_some((input, epsilon))
}
