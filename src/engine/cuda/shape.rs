//! Makes a decluttered graph of fixed shapes fit for tract-cuda, with the same numbers but for rounding.
//!
//! 1. Bilinear doubling, which it lacks, becomes a convolution and a pixel shuffle. The four pixels that come of one are four
//!    sums over its 3x3 surroundings, so that each channel has a convolution of its own with four outputs. At the edges the
//!    convolution's zeros stand where the resize repeats the edge: every such sum lacks a quarter, which a product with 4/3
//!    there gives back.
//! 2. Products over the channels of pictures become the 1x1 convolutions that they were in the file. tract's matrix products
//!    transpose pictures before and after; cuDNN takes them as they lie.
//! 3. Convolutions with uneven padding, which miss cuDNN there, get their padding by an operator before them.
//! 4. Convolutions of pictures whose batch axis tract has taken away, which miss it too, get the axis back.
//!
//! tract's declutter undoes 2 to 4, so nothing is decluttered after this. Other resizes and pooling stay, and run on the
//! processor.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::model::Rewriter;
use tract_onnx::tract_core::ops::array::{Pad, PadMode};
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math;
use tract_onnx::tract_core::ops::nn::{DataFormat, Resize};

use crate::engine::ops::doubles;

/// Rewrites what tract-cuda has no or no fast kernel for.
pub(in crate::engine) fn fit(model: &mut TypedModel) -> TractResult<()> {
    Rewriter::default()
        .with_rule_for("doubling", doubling)
        .with_rule_for("pointwise", pointwise)
        .with_rule_for("uneven padding", padding)
        .with_rule_for("batch axis", batched)
        .rewrite(&(), model)?;
    model.compact()
}

/// How an axis of one pixel's surroundings makes its first and its second pixel.
const PHASES: [[f32; 3]; 2] = [[0.25, 0.75, 0.0], [0.0, 0.75, 0.25]];

fn doubling(
    _: &(),
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &Resize,
) -> TractResult<Option<TypedModelPatch>> {
    rule_if!(doubles(model, node, op)?);
    let fact = model.outlet_fact(node.inputs[0])?;
    rule_if_some!(dims = fact.shape.as_concrete());
    let &[1, channels, height, width] = dims else { return Ok(None) };
    let element = fact.datum_type;

    let mut patch = TypedModelPatch::new("bilinear doubling as a convolution");
    let picture = patch.tap_model(model, node.inputs[0])?;
    let phase = |ix: usize| {
        let (rows, columns) = (PHASES[ix / 2], PHASES[ix % 2]);
        rows.into_iter().flat_map(move |row| columns.into_iter().map(move |column| row * column))
    };
    let weights: Vec<f32> = (0..channels).flat_map(|_| (0..4).flat_map(phase)).collect();
    let weights = constant(&mut patch, &format!("{name}.phases"), element, &[4 * channels, 1, 3, 3], &weights)?;
    let conv = convolution([channels, 4 * channels], channels, [3, 3], PaddingSpec::Explicit(tvec!(1, 1), tvec!(1, 1)));
    let mut wire = convolved(&mut patch, &format!("{name}.convolved"), conv, [picture, weights])?;

    // [1, 4C, H, W] to [C, H, 2, W, 2], without the batch's axis: copies of fewer axes are quicker.
    let (c, h, w) = (channels.to_dim(), height.to_dim(), width.to_dim());
    let (four, two, one) = ((4 * channels).to_dim(), 2.to_dim(), 1.to_dim());
    let (tall, wide) = ((2 * height).to_dim(), (2 * width).to_dim());
    let shuffle = [
        AxisOp::Reshape(0, tvec!(one.clone(), four), tvec!(c.clone(), two.clone(), two.clone())),
        AxisOp::Move(1, 3),
        AxisOp::Move(1, 4),
        AxisOp::Reshape(0, tvec!(c.clone(), h, two.clone(), w, two), tvec!(one, c, tall, wide)),
    ];
    for (ix, op) in shuffle.into_iter().enumerate() {
        wire = patch.wire_node(format!("{name}.shuffled-{ix}"), op, &[wire])?[0];
    }

    let lacks = |at: usize, count: usize| if at == 0 || at + 1 == count { 4.0 / 3.0 } else { 1.0 };
    let edges = (0..2 * height).flat_map(|y| (0..2 * width).map(move |x| lacks(y, 2 * height) * lacks(x, 2 * width)));
    let shape = [1, 1, 2 * height, 2 * width];
    let edges = constant(&mut patch, &format!("{name}.edges"), element, &shape, &edges.collect::<Vec<f32>>())?;
    let wire = patch.wire_node(name, math::mul(), &[wire, edges])?[0];
    patch.shunt_outside(model, node.id.into(), wire)?;
    Ok(Some(patch))
}

/// Takes products of a picture [N, I, H, W] with a constant matrix of its channels, also where a batch of one has no axis.
fn pointwise(
    _: &(),
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &EinSum,
) -> TractResult<Option<TypedModelPatch>> {
    rule_if!(op.q_params.is_none() && node.inputs.len() == 2);
    let (inputs, outputs) = op.axes.to_strs();
    let matrix_ix = usize::from(model.outlet_fact(node.inputs[1])?.konst.is_some());
    let letters = |text: &str| text.chars().collect::<Vec<char>>();
    let (data, matrix, output) = (letters(&inputs[1 - matrix_ix]), letters(&inputs[matrix_ix]), letters(&outputs[0]));
    rule_if!((3..=4).contains(&data.len()) && matrix.len() == 2 && (3..=4).contains(&output.len()));
    let places = |letters: &[char]| [letters[letters.len() - 2], letters[letters.len() - 1]];
    let (from, to) = (data[data.len() - 3], output[output.len() - 3]);
    rule_if!(places(&data) == places(&output) && from != to && !places(&data).iter().any(|l| matrix.contains(l)));
    let batch = |letters: &[char]| (letters.len() == 4).then(|| letters[0]);
    rule_if!(batch(&data).is_none_or(|n| !matrix.contains(&n)) && batch(&output).is_none_or(|n| !matrix.contains(&n)));
    let transposed = matrix == [from, to];
    rule_if!(transposed || matrix == [to, from]);
    let fact = model.outlet_fact(node.inputs[1 - matrix_ix])?;
    // A batch that only one of the two has is of one.
    let of_one = |letters: &[char], fact: &TypedFact| letters.len() == 3 || fact.shape[0].is_one();
    let made = model.outlet_fact(node.id.into())?;
    rule_if!(batch(&data) == batch(&output) || of_one(&data, fact) && of_one(&output, made));
    rule_if_some!(weights = &model.outlet_fact(node.inputs[matrix_ix])?.konst);
    rule_if!(fact.datum_type.is_float() && weights.datum_type() == fact.datum_type);

    let mut weights = weights.clone().into_tensor();
    if transposed {
        weights = weights.permute_axes(&[1, 0])?;
    }
    let (outputs, inputs) = (weights.shape()[0], weights.shape()[1]);
    let weights = weights.into_shape(&[outputs, inputs, 1, 1])?;
    let mut patch = TypedModelPatch::new("product over channels as a convolution");
    let mut picture = patch.tap_model(model, node.inputs[1 - matrix_ix])?;
    if data.len() == 3 {
        picture = patch.wire_node(format!("{name}.batch"), AxisOp::Add(0), &[picture])?[0];
    }
    let weights = patch.add_const(format!("{name}.matrix"), weights)?;
    let conv = convolution([inputs, outputs], 1, [1, 1], PaddingSpec::Valid);
    let mut wire = convolved(&mut patch, name, conv, [picture, weights])?;
    if output.len() == 3 {
        wire = patch.wire_node(format!("{name}.no-batch"), AxisOp::Rm(0), &[wire])?[0];
    }
    patch.shunt_outside(model, node.id.into(), wire)?;
    Ok(Some(patch))
}

fn padding(
    _: &(),
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &Conv,
) -> TractResult<Option<TypedModelPatch>> {
    let fact = model.outlet_fact(node.inputs[0])?;
    rule_if_some!(dims = fact.shape.as_concrete());
    let shape = op.pool_spec.data_format.shape(dims)?;
    let sides = op.pool_spec.computed_padding(shape.hw_dims());
    rule_if!(op.q_params.is_none() && sides.iter().any(|side| side.pad_before != side.pad_after));

    let mut pads = vec![(0, 0); dims.len()];
    for (axis, side) in sides.iter().enumerate() {
        pads[shape.h_axis() + axis] = (side.pad_before, side.pad_after);
    }
    let mut patch = TypedModelPatch::new("uneven padding before its convolution");
    let mut inputs = patch.taps(model, &node.inputs)?;
    let zero = Tensor::zero_scalar_dt(fact.datum_type)?.into_arc_tensor();
    inputs[0] = patch.wire_node(format!("{name}.padded"), Pad::new(pads, PadMode::Constant(zero)), &inputs[..1])?[0];
    let pool_spec = PoolSpec { padding: PaddingSpec::Valid, ..op.pool_spec.clone() };
    let wire = patch.wire_node(name, Conv { pool_spec, ..op.clone() }, &inputs)?[0];
    patch.shunt_outside(model, node.id.into(), wire)?;
    Ok(Some(patch))
}

/// Takes convolutions of a picture [I, H, W].
fn batched(
    _: &(),
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &Conv,
) -> TractResult<Option<TypedModelPatch>> {
    rule_if!(op.q_params.is_none() && op.pool_spec.data_format == DataFormat::CHW);
    let mut patch = TypedModelPatch::new("a convolution with its batch axis");
    let mut inputs = patch.taps(model, &node.inputs)?;
    inputs[0] = patch.wire_node(format!("{name}.batch"), AxisOp::Add(0), &inputs[..1])?[0];
    let pool_spec = PoolSpec { data_format: DataFormat::NCHW, ..op.pool_spec.clone() };
    let wire = patch.wire_node(name, Conv { pool_spec, ..op.clone() }, &inputs)?[0];
    let wire = patch.wire_node(format!("{name}.no-batch"), AxisOp::Rm(0), &[wire])?[0];
    patch.shunt_outside(model, node.id.into(), wire)?;
    Ok(Some(patch))
}

/// A convolution from and to so many channels, with a stride of 1.
fn convolution([inputs, outputs]: [usize; 2], group: usize, kernel: [usize; 2], padding: PaddingSpec) -> Conv {
    let pool_spec = PoolSpec {
        data_format: DataFormat::NCHW,
        kernel_shape: (&kernel[..]).into(),
        padding,
        dilations: None,
        strides: None,
        input_channels: inputs,
        output_channels: outputs,
    };
    Conv { pool_spec, kernel_fmt: KernelFormat::OIHW, group, q_params: None }
}

/// Wires `conv` of a picture with weights, without a bias.
fn convolved(
    patch: &mut TypedModelPatch,
    name: &str,
    conv: Conv,
    [picture, weights]: [OutletId; 2],
) -> TractResult<OutletId> {
    let element = patch.outlet_fact(picture)?.datum_type;
    let bias = patch.add_const(format!("{name}.no-bias"), Tensor::zero_scalar_dt(element)?)?;
    Ok(patch.wire_node(name, conv, &[picture, weights, bias])?[0])
}

fn constant(
    patch: &mut TypedModelPatch,
    name: &str,
    element: DatumType,
    shape: &[usize],
    values: &[f32],
) -> TractResult<OutletId> {
    let tensor = Tensor::from_shape(shape, values)?.cast_to_dt(element)?.into_owned();
    patch.add_const(name, tensor)
}
