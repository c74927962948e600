use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PoolSpec};
use tract_onnx::tract_core::ops::downsample::Downsample;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Max, Min, Mul};
use tract_onnx::tract_core::ops::nn::{DataFormat, Reduce, Reducer, Resize};

use crate::engine::kernels::{Activation, Blend, Grid, MAX_PACKED, Window};
use crate::engine::ops::{FakeQuantize, activation, resize_tables};

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
    Activation {
        input: OutletId,
        activation: Activation,
    },
    /// A picture times one of a single pixel.
    Scale {
        picture: OutletId,
        pixel: OutletId,
    },
    MaxPool {
        input: OutletId,
        window: Window,
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
    /// Rounds to a grid of bytes.
    Round {
        input: OutletId,
        grid: Grid,
    },
}

impl Recognized {
    /// What it reads.
    pub fn inputs(&self) -> TVec<OutletId> {
        match self {
            Recognized::Add { picture, other } => tvec!(*picture, *other),
            Recognized::Scale { picture, pixel } => tvec!(*picture, *pixel),
            Recognized::Convolution { input, .. }
            | Recognized::Affine { input, .. }
            | Recognized::Clamp { input, .. }
            | Recognized::Activation { input, .. }
            | Recognized::MaxPool { input, .. }
            | Recognized::Resize { input, .. }
            | Recognized::Mean { input }
            | Recognized::MeanShare { input }
            | Recognized::Round { input, .. } => tvec!(*input),
        }
    }

    /// Whether a region is worth having for it.
    pub fn is_convolution(&self) -> bool {
        matches!(self, Recognized::Convolution { .. })
    }
}

/// The shape [channels, height, width] of a picture of `f32`, if `outlet` is one. tract drops axes of 1 from some.
pub(super) fn picture(model: &TypedModel, outlet: OutletId) -> Option<[usize; 3]> {
    let fact = model.outlet_fact(outlet).ok()?;
    match fact.shape.as_concrete()? {
        &[1, channels, height, width] | &[channels, height, width]
            if fact.datum_type == DatumType::F32 && channels * height * width > 0 =>
        {
            Some([channels, height, width])
        }
        &[channels] if fact.datum_type == DatumType::F32 && channels > 0 => Some([channels, 1, 1]),
        _ => None,
    }
}

/// Pictures of fewer channels leave most of a register's lanes empty, which only a single pixel can afford.
const MIN_CHANNELS: usize = 8;

/// What `node` is, if the kernels have it and it is worth their layout.
pub(super) fn recognize(model: &TypedModel, node: &TypedNode) -> Option<Recognized> {
    if node.outputs.len() != 1 {
        return None;
    }
    let [channels, height, width] = picture(model, node.id.into())?;
    if channels < MIN_CHANNELS && height * width > 1 && !takes_few(model, node, channels) {
        return None;
    }
    if let Some(op) = node.op_as::<FakeQuantize>() {
        picture(model, node.inputs[0])?;
        Some(Recognized::Round { input: node.inputs[0], grid: grid(op)? })
    } else if let Some(conv) = node.op_as::<Conv>() {
        convolution(model, node, conv)
    } else if let Some(product) = node.op_as::<EinSum>() {
        pointwise(model, node, product)
    } else if let Some(op) = node.op_as::<TypedBinOp>() {
        binary(model, node, op, channels)
    } else if let Some(op) = node.op_as::<ElementWiseOp>() {
        picture(model, node.inputs[0])?;
        Some(Recognized::Activation { input: node.inputs[0], activation: activation(op)? })
    } else if let Some(op) = node.op_as::<MaxPool>() {
        let window = window(model, node, &op.pool_spec).filter(|_| op.with_index_outputs.is_none())?;
        Some(Recognized::MaxPool { input: node.inputs[0], window })
    } else if let Some(op) = node.op_as::<Resize>() {
        picture(model, node.inputs[0])?;
        let (rows, columns) = resize_tables(model, node, op).ok()??;
        Some(Recognized::Resize { input: node.inputs[0], rows, columns })
    } else if let Some(op) = node.op_as::<Reduce>() {
        picture(model, node.inputs[0])?;
        let next = model.single_succ(node.id).ok()??;
        let rank = model.outlet_fact(node.inputs[0]).ok()?.rank();
        let whole = op.reducer == Reducer::Sum && rank >= 3 && *op.axes == [rank - 2, rank - 1];
        (whole && mean_share(model, next).is_some()).then_some(Recognized::Mean { input: node.inputs[0] })
    } else {
        None
    }
}

/// Whether `node` is worth the layout though it makes few channels: a convolution of many, what rounds one, or what rounds
/// for convolutions alone, which take few channels packed.
fn takes_few(model: &TypedModel, node: &TypedNode, channels: usize) -> bool {
    let is_convolution = |id: usize| model.node(id).op_as::<Conv>().is_some_and(|conv| conv.group == 1);
    let Some(input) = node.inputs.first() else { return false };
    if node.op_is::<FakeQuantize>() {
        let readers = &node.outputs[0].successors;
        let only_read = !readers.is_empty() && !model.outputs.contains(&node.id.into());
        is_convolution(input.node)
            || channels <= MAX_PACKED && only_read && readers.iter().all(|reader| is_convolution(reader.node))
    } else {
        is_convolution(node.id) && picture(model, *input).is_some_and(|[channels, ..]| channels >= MIN_CHANNELS)
    }
}

/// A grid of all 256 bytes, signed or not.
fn grid(op: &FakeQuantize) -> Option<Grid> {
    let zero = match (op.low, op.high) {
        (0, 255) => op.zero_point,
        (-128, 127) => op.zero_point + 128,
        _ => return None,
    };
    Grid::new(op.scale, zero)
}

fn floats(fact: &TypedFact) -> Option<Vec<f32>> {
    let values = fact.konst.as_ref().filter(|k| k.datum_type() == DatumType::F32)?;
    Some(values.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
}

fn convolution(model: &TypedModel, node: &TypedNode, op: &Conv) -> Option<Recognized> {
    let [channels, ..] = picture(model, node.inputs[0])?;
    let plain = op.q_params.is_none() && op.kernel_fmt == KernelFormat::OIHW;
    let each = op.output_channels() / channels;
    let depthwise =
        op.group > 1 && op.group == channels && op.output_channels() == each * channels && matches!(each, 1 | 2);
    if !plain || !(op.group == 1 || depthwise) {
        return None;
    }
    let window = window(model, node, &op.pool_spec)?;
    let facts = model.node_input_facts(node.id).ok()?;
    let weights = facts.get(1)?.konst.clone().filter(|k| k.datum_type() == DatumType::F32)?;
    let bias = spread(floats(facts.get(2)?)?, op.output_channels())?;
    Some(Recognized::Convolution { input: node.inputs[0], window, depthwise, weights, bias })
}

/// The window that `spec` slides over the picture that `node` reads.
fn window(model: &TypedModel, node: &TypedNode, spec: &PoolSpec) -> Option<Window> {
    let [_, height, width] = picture(model, node.inputs[0])?;
    let plain = matches!(spec.data_format, DataFormat::NCHW | DataFormat::CHW)
        && spec.rank() == 2
        && (0..2).all(|axis| spec.dilation(axis) == 1)
        && spec.stride(0) == spec.stride(1);
    let sides = spec.computed_padding(&[height, width]);
    plain.then(|| Window {
        kernel: [spec.kernel_shape[0], spec.kernel_shape[1]],
        stride: spec.stride(0),
        padding: [sides[0].pad_before, sides[1].pad_before],
    })
}

/// What a picture was before every `stride`th of its rows and columns was kept, and that stride: tract makes a 1x1
/// convolution with a stride of the two.
fn thinned(model: &TypedModel, outlet: OutletId) -> Option<(OutletId, usize)> {
    let thin = |outlet: OutletId| {
        let node = model.node(outlet.node);
        let op = node.op_as::<Downsample>().filter(|op| op.modulo == 0 && op.stride > 0)?;
        let from_the_end = model.outlet_fact(outlet).ok()?.rank() - op.axis;
        Some((node.inputs[0], from_the_end, op.stride as usize))
    };
    let (between, last, stride) = thin(outlet)?;
    let (source, first, other) = thin(between)?;
    let both = last.min(first) == 1 && last.max(first) == 2;
    (both && stride == other).then_some((source, stride))
}

/// A product over the channels: what tract makes of a 1x1 convolution.
fn pointwise(model: &TypedModel, node: &TypedNode, op: &EinSum) -> Option<Recognized> {
    let (inputs, outputs) = op.axes.to_strs();
    let [data, matrix] = inputs.as_slice() else { return None };
    let [output] = outputs.as_slice() else { return None };
    let letters = |s: &str| s.chars().collect::<Vec<_>>();
    let (data, matrix, output) = (letters(data), letters(matrix), letters(output));
    let &[m, k] = matrix.as_slice() else { return None };
    let [channels, height, width] = picture(model, node.inputs[0])?;
    let [outputs, out_height, out_width] = picture(model, node.id.into())?;
    // What follows the channel is rows and columns, or nothing where both are 1; before it is an axis of 1 or nothing.
    let after = |letters: &[char], channel: char| {
        let at = letters.iter().position(|l| *l == channel)?;
        Some(letters[at + 1..].to_vec())
    };
    let (pixels, out_pixels) = (after(&data, k)?, after(&output, m)?);
    let pixel = height * width == 1;
    let same = pixels == out_pixels && pixels.len() == 2 || pixel;
    if op.q_params.is_some() || !same || [height, width] != [out_height, out_width] || data.contains(&m) {
        return None;
    }
    let weights = model.outlet_fact(node.inputs[1]).ok()?.konst.clone()?;
    let fits = weights.datum_type() == DatumType::F32 && weights.shape() == [outputs, channels];
    let (input, stride) = match thinned(model, node.inputs[0]) {
        Some(thinned) if picture(model, thinned.0).is_some() => thinned,
        _ => (node.inputs[0], 1),
    };
    let window = Window { kernel: [1, 1], stride, padding: [0, 0] };
    let bias = vec![0.0; outputs];
    fits.then_some(Recognized::Convolution { input, window, depthwise: false, weights, bias })
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
        let by_channel = across == [channels] && out[1..] == [1, 1]
            || across.ends_with(&[channels, 1, 1])
            || across.ends_with(&[1, 1, 1]);
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
    if !op.0.is::<Add>() && !op.0.is::<Mul>() {
        return None;
    }
    let [a, b] = [picture(model, node.inputs[0])?, picture(model, node.inputs[1])?];
    let pixel = [channels, 1, 1];
    if op.0.is::<Mul>() {
        return if a == out && b == pixel {
            Some(Recognized::Scale { picture: node.inputs[0], pixel: node.inputs[1] })
        } else if b == out && a == pixel {
            Some(Recognized::Scale { picture: node.inputs[1], pixel: node.inputs[0] })
        } else {
            None
        };
    }
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
