//! Operators of ONNX that tract gets wrong or lacks, in its place.
//!
//! docs/operators.md lists what every operator of the audit came to. Each module here reads a node as ONNX's text has it and
//! wires tract's plain operators, which the audit found right.

mod accept;
mod accepted;
mod activations;
mod attention;
mod conv_transpose;
mod extremes;
mod fused_matmul;
mod global_pool;
mod grid_sample;
mod indices;
mod matmul_integer;
mod modulo;
mod pad;
mod quantize;
mod reductions;
mod resize;
mod small;
mod wiring;

use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_core::downcast_rs::Downcast;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::infer::InferenceOp;
use tract_onnx::tract_hir::internal::Expansion;

pub(super) use accept::check;
#[cfg(any(test, fuzzing))]
pub(super) use accepted::ACCEPTED;

/// An operator and the outer tensors that its subgraphs read.
type Built = (Box<dyn InferenceOp>, Vec<String>);

type Builder = fn(&ParsingContext, &NodeProto) -> TractResult<Built>;

/// What is read here instead of by tract, and why.
pub(super) const MENDED: &[(&str, Builder, &str)] = &[
    ("ArgMax", extremes::arg_max, "tract finds the first of infinite numbers alone, and passes over NaN"),
    ("ArgMin", extremes::arg_min, "tract finds the first of infinite numbers alone, and passes over NaN"),
    ("Attention", attention::attention, "tract knows no softcap and only one mask"),
    ("Celu", activations::celu, "tract leaves out a factor of alpha"),
    ("ConvTranspose", conv_transpose::conv_transpose, "tract ignores output_shape, and output_padding beside auto_pad"),
    ("DequantizeLinear", quantize::dequantize, "tract has 8 bits, constants and no blocks only"),
    ("Einsum", small::einsum, "tract leaves the sum of a whole tensor unsummed"),
    ("Equal", small::equal, "tract compares no truth values"),
    ("FusedMatMul", fused_matmul::fused_matmul, "tract has none"),
    ("GatherND", indices::gather_nd, "tract refuses negative indices while it runs"),
    ("GlobalLpPool", global_pool::global_lp_pool, "tract takes a mean, and signs"),
    ("GlobalMaxPool", global_pool::global_max_pool, "tract hides infinity and NaN"),
    ("GridSample", grid_sample::grid_sample, "tract moves points to the border where cubic taps should be"),
    ("LogSoftmax", activations::log_softmax, "tract takes the logarithm of what rounds to zero"),
    (
        "MatMulInteger",
        matmul_integer::matmul_integer,
        "tract sums constants in floats, and mistakes the shape of a line's product",
    ),
    ("Mod", modulo::modulo, "tract gives remainders of dimensions the dividend's sign"),
    ("OneHot", indices::one_hot, "tract refuses negative and large indices while it runs"),
    ("Pad", pad::pad, "tract takes negative pads for huge ones; wrap, truth values and a value as an input are ours"),
    ("QuantizeLinear", quantize::quantize, "tract has 8 bits, constants and no blocks only"),
    ("Range", small::range, "tract counts neither floats nor downwards"),
    ("ReduceLogSumExp", reductions::reduce_log_sum_exp, "tract overflows far from zero"),
    ("ReduceMax", extremes::reduce_max, "tract takes no truth values, and hides infinity and NaN"),
    ("ReduceMin", extremes::reduce_min, "tract takes no truth values, and hides infinity and NaN"),
    (
        "Resize",
        resize::resize,
        "tract stretches align_corners over a broken length; nearest of operator set 10 rounds down",
    ),
    ("ScatterND", indices::scatter_nd, "tract refuses negative indices while it runs"),
    ("Swish", activations::swish, "tract ignores alpha"),
    ("Upsample", resize::upsample, "tract has none"),
];

/// Puts them into `onnx`. What they replace stays there under a name that no file can give: its node would be refused.
pub(super) fn register(onnx: &mut Onnx) {
    for (operator, builder, _) in MENDED {
        if let Some(theirs) = onnx.op_register.0.insert((*operator).to_owned(), *builder) {
            onnx.op_register.0.insert(aside(operator), theirs);
        }
    }
}

/// Where tract's own reading of an operator is kept.
fn aside(operator: &str) -> String {
    format!("tract::{operator}")
}

/// What tract makes of `node`.
fn upstream(ctx: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let builder = ctx.framework.op_register.0.get(&aside(&node.op_type));
    builder.with_context(|| format!("tract has no {}", node.op_type))?(ctx, node)
}

/// What tract reads as an expansion, to be wired by ours with other inputs.
fn expansion(built: Built) -> TractResult<Box<dyn Expansion>> {
    let op: &dyn InferenceOp = built.0.as_ref();
    Downcast::as_any(op).downcast_ref::<Box<dyn Expansion>>().cloned().context("tract reads it as no expansion")
}
