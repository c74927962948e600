use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Max, Min, Mul};
use tract_onnx::tract_core::ops::nn::{DataFormat, HardSwish, Reduce, Reducer, Resize};

use crate::engine::kernels::{Blend, Window};
use crate::engine::ops::resize_tables;

/// A node in the words of the kernels. `OutletId`s are what it reads.
#[derive(Clone, Debug)]
pub(super) enum Recognized {
    /// Weights [outputs, inputs, height, width], or [channels, 1, height, width] if depthwise; bias [outputs].
    Convolution {
        input: OutletId,
        window: Window,
        depthwise: bool,
        weights: Arc<Tensor>,
        bias: Vec<f32>,
    },
    /// Two pictures, or a picture and one of a single pixel.
    Add {
        picture: OutletId,
        other: OutletId,
    },
    /// Each channel times the first and plus the second.
    Affine {
        input: OutletId,
        scale: Vec<f32>,
        shift: Vec<f32>,
    },
    /// Not below the first, not above the second.
    Clamp {
        input: OutletId,
        low: f32,
        high: f32,
    },
    HardSwish {
        input: OutletId,
    },
    Resize {
        input: OutletId,
        rows: Vec<Blend>,
        columns: Vec<Blend>,
    },
    /// The sum over all pixels; its follower, by this name, makes the mean of it.
    Mean {
        input: OutletId,
    },
    /// What `Mean` has already done.
    MeanShare {
        input: OutletId,
    },
}

impl Recognized {
    /// What it reads.
    pub fn inputs(&self) -> TVec<OutletId> {
        match self {
            Recognized::Add { picture, other } => tvec!(*picture, *other),
            Recognized::Convolution { input, .. }
            | Recognized::Affine { input, .. }
            | Recognized::Clamp { input, .. }
            | Recognized::HardSwish { input }
            | Recognized::Resize { input, .. }
            | Recognized::Mean { input }
            | Recognized::MeanShare { input } => tvec!(*input),
        }
    }

    /// Whether a region is worth having for it.
    pub fn is_convolution(&self) -> bool {
        matches!(self, Recognized::Convolution { .. })
    }
}

/// The shape [channels, height, width] of a picture of `f32`, if `outlet` is one. tract drops a leading axis of 1 from
/// some.
pub(super) fn picture(model: &TypedModel, outlet: OutletId) -> Option<[usize; 3]> {
    let fact = model.outlet_fact(outlet).ok()?;
    match fact.shape.as_concrete()? {
        &[1, channels, height, width] | &[channels, height, width]
            if fact.datum_type == DatumType::F32 && channels * height * width > 0 =>
        {
            Some([channels, height, width])
        }
        _ => None,
    }
}

/// Pictures of fewer channels leave most of a register's lanes empty: what is not a convolution is cheaper outside.
const FEWEST_CHANNELS: usize = 8;

/// What `node` is, if the kernels have it and it is worth their layout.
pub(super) fn recognize(model: &TypedModel, node: &TypedNode) -> Option<Recognized> {
    if node.outputs.len() != 1 {
        return None;
    }
    let [channels, ..] = picture(model, node.id.into())?;
    if channels < FEWEST_CHANNELS {
        return None;
    }
    if let Some(conv) = node.op_as::<Conv>() {
        convolution(model, node, conv)
    } else if let Some(product) = node.op_as::<EinSum>() {
        pointwise(model, node, product)
    } else if let Some(op) = node.op_as::<TypedBinOp>() {
        binary(model, node, op, channels)
    } else if let Some(op) = node.op_as::<ElementWiseOp>() {
        op.0.is::<HardSwish>().then_some(Recognized::HardSwish { input: node.inputs[0] })
    } else if let Some(op) = node.op_as::<Resize>() {
        picture(model, node.inputs[0])?;
        let (rows, columns) = resize_tables(model, node, op).ok()??;
        Some(Recognized::Resize { input: node.inputs[0], rows, columns })
    } else if let Some(op) = node.op_as::<Reduce>() {
        picture(model, node.inputs[0])?;
        let next = model.single_succ(node.id).ok()??;
        let rank = model.outlet_fact(node.inputs[0]).ok()?.rank();
        let whole = op.reducer == Reducer::Sum && *op.axes == [rank - 2, rank - 1];
        (whole && mean_share(model, next).is_some()).then_some(Recognized::Mean { input: node.inputs[0] })
    } else {
        None
    }
}

fn floats(fact: &TypedFact) -> Option<Vec<f32>> {
    let values = fact.konst.as_ref().filter(|k| k.datum_type() == DatumType::F32)?;
    Some(values.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
}

fn convolution(model: &TypedModel, node: &TypedNode, op: &Conv) -> Option<Recognized> {
    let spec = &op.pool_spec;
    let [channels, height, width] = picture(model, node.inputs[0])?;
    let plain = op.q_params.is_none()
        && op.kernel_fmt == KernelFormat::OIHW
        && matches!(spec.data_format, DataFormat::NCHW | DataFormat::CHW)
        && spec.rank() == 2
        && (0..2).all(|axis| spec.dilation(axis) == 1)
        && spec.stride(0) == spec.stride(1);
    let depthwise = op.group > 1 && op.group == channels && op.output_channels() == channels;
    if !plain || !(op.group == 1 || depthwise) {
        return None;
    }
    let sides = spec.computed_padding(&[height, width]);
    let window = Window {
        kernel: [spec.kernel_shape[0], spec.kernel_shape[1]],
        stride: spec.stride(0),
        padding: [sides[0].pad_before, sides[1].pad_before],
    };
    let facts = model.node_input_facts(node.id).ok()?;
    let weights = facts.get(1)?.konst.clone().filter(|k| k.datum_type() == DatumType::F32)?;
    let bias = spread(floats(facts.get(2)?)?, op.output_channels())?;
    Some(Recognized::Convolution { input: node.inputs[0], window, depthwise, weights, bias })
}

/// A product over the channels: what tract makes of a 1x1 convolution.
fn pointwise(model: &TypedModel, node: &TypedNode, op: &EinSum) -> Option<Recognized> {
    let (inputs, outputs) = op.axes.to_strs();
    let [data, matrix] = inputs.as_slice() else { return None };
    let [output] = outputs.as_slice() else { return None };
    let letters = |s: &str| s.chars().collect::<Vec<_>>();
    let (data, matrix, output) = (letters(data), letters(matrix), letters(output));
    // A leading axis is 1 where there is one: `picture` sees to that.
    let (&[.., c, y, x], &[m, k]) = (data.as_slice(), matrix.as_slice()) else { return None };
    let leading = [data.split_last_chunk::<3>()?.0, output.split_last_chunk::<3>()?.0].concat();
    if op.q_params.is_some() || !output.ends_with(&[m, y, x]) || k != c || [c, y, x].contains(&m) {
        return None;
    }
    if leading.iter().any(|n| [c, y, x, m].contains(n)) {
        return None;
    }
    let [channels, ..] = picture(model, node.inputs[0])?;
    let [outputs, ..] = picture(model, node.id.into())?;
    let weights = model.outlet_fact(node.inputs[1]).ok()?.konst.clone()?;
    let fits = weights.datum_type() == DatumType::F32 && weights.shape() == [outputs, channels];
    let window = Window { kernel: [1, 1], stride: 1, padding: [0, 0] };
    let bias = vec![0.0; outputs];
    fits.then_some(Recognized::Convolution { input: node.inputs[0], window, depthwise: false, weights, bias })
}

/// One value, or one a channel, as one a channel.
fn spread(values: Vec<f32>, channels: usize) -> Option<Vec<f32>> {
    match values.len() {
        n if n == channels => Some(values),
        1 => Some(vec![values[0]; channels]),
        _ => None,
    }
}

fn binary(model: &TypedModel, node: &TypedNode, op: &TypedBinOp, channels: usize) -> Option<Recognized> {
    if op.1.is_some() {
        return None;
    }
    let facts = model.node_input_facts(node.id).ok()?;
    let out = picture(model, node.id.into())?;
    let constant = |ix: usize| {
        let values = floats(facts[ix])?;
        let across = facts[ix].shape.as_concrete()?;
        let by_channel = across.ends_with(&[channels, 1, 1]) || across.ends_with(&[1, 1, 1]);
        if by_channel || values.len() == 1 { spread(values, channels) } else { None }
    };
    let with = (0..2).find_map(|ix| Some((node.inputs[1 - ix], constant(ix)?)));
    if let Some((input, values)) = with {
        if picture(model, input)? != out {
            return None;
        }
        let uniform = values.iter().all(|v| *v == values[0]).then_some(values[0]);
        if op.0.is::<Mul>() && mean_share(model, node).is_some() {
            let sum = model.node(input.node);
            if matches!(recognize(model, sum), Some(Recognized::Mean { .. })) {
                return Some(Recognized::MeanShare { input });
            }
        }
        return if op.0.is::<Add>() {
            Some(Recognized::Affine { input, scale: vec![1.0; channels], shift: values })
        } else if op.0.is::<Mul>() {
            Some(Recognized::Affine { input, scale: values, shift: vec![0.0; channels] })
        } else if op.0.is::<Max>() {
            Some(Recognized::Clamp { input, low: uniform?, high: f32::INFINITY })
        } else if op.0.is::<Min>() {
            Some(Recognized::Clamp { input, low: f32::NEG_INFINITY, high: uniform? })
        } else {
            None
        };
    }
    if !op.0.is::<Add>() {
        return None;
    }
    let [a, b] = [picture(model, node.inputs[0])?, picture(model, node.inputs[1])?];
    let pixel = [channels, 1, 1];
    match (a == out, b == out) {
        (true, _) if b == out || b == pixel => Some(Recognized::Add { picture: node.inputs[0], other: node.inputs[1] }),
        (_, true) if a == pixel => Some(Recognized::Add { picture: node.inputs[1], other: node.inputs[0] }),
        _ => None,
    }
}

/// `Some` if `node` divides the sums over a picture's pixels by their number.
fn mean_share(model: &TypedModel, node: &TypedNode) -> Option<()> {
    let facts = model.node_input_facts(node.id).ok()?;
    let ix = (0..2).find(|ix| facts.get(1 - ix).is_some_and(|f| f.konst.is_some()))?;
    let sum = model.node(node.inputs[ix].node);
    node.op_as::<TypedBinOp>().filter(|op| op.0.is::<Mul>())?;
    sum.op_as::<Reduce>()?;
    let [_, height, width] = picture(model, sum.inputs[0])?;
    let share = floats(facts[1 - ix])?;
    let expected = 1.0 / (height * width) as f32;
    (share.len() == 1 && (share[0] - expected).abs() <= 1e-6 * expected).then_some(())
}
