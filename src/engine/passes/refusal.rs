use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat};
use tract_onnx::tract_core::ops::nn::DataFormat;

use super::recognize::picture;
use crate::engine::ops::FakeQuantize;

/// A convolution, or a rounding to a grid, that the kernels do not take, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Refusal {
    /// The node's name.
    pub node: String,
    pub reason: &'static str,
}

impl Refusal {
    pub fn new(node: &str, reason: &'static str) -> Self {
        Refusal { node: node.to_owned(), reason }
    }
}

/// Why no region has taken `node`; `None` for nodes that none is made for.
pub(super) fn refusal(model: &TypedModel, node: &TypedNode) -> Option<Refusal> {
    let reason = if let Some(conv) = node.op_as::<Conv>() {
        of_convolution(model, node, conv)
    } else if let Some(op) = node.op_as::<FakeQuantize>() {
        match (op.low, op.high) {
            (0, 255) | (-128, 127) if picture(model, node.id.into()).is_some() => {
                "it rounds few channels that not only convolutions read"
            }
            (0, 255) | (-128, 127) => "what it rounds is no picture",
            _ => "its grid has other than 256 steps",
        }
    } else {
        return None;
    };
    Some(Refusal::new(&node.name, reason))
}

fn of_convolution(model: &TypedModel, node: &TypedNode, conv: &Conv) -> &'static str {
    let input = node.inputs.first().and_then(|input| picture(model, *input));
    let constant =
        |ix: usize| node.inputs.get(ix).is_some_and(|i| model.outlet_fact(*i).is_ok_and(|f| f.konst.is_some()));
    let spec = &conv.pool_spec;
    if conv.q_params.is_some() {
        "it is an integer operator of tract's"
    } else if picture(model, node.id.into()).is_none() || input.is_none() {
        "it is not of one picture of 32-bit floats"
    } else if conv.group > 1 && (input.is_none_or(|[c, ..]| conv.group != c) || conv.output_channels() != conv.group) {
        "it has groups of several channels"
    } else if !constant(1) || !constant(2) {
        "its weights are no constants"
    } else if conv.kernel_fmt != KernelFormat::OIHW
        || !matches!(spec.data_format, DataFormat::NCHW | DataFormat::CHW)
        || spec.rank() != 2
    {
        "its layout is not channels first, in two dimensions"
    } else if (0..2).any(|axis| spec.dilation(axis) != 1) {
        "it is dilated"
    } else if spec.stride(0) != spec.stride(1) {
        "its strides differ"
    } else {
        "it has fewer than eight channels"
    }
}
