use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::math::{add, div, exp, ln, max, min, mul, sub};
use tract_onnx::tract_core::ops::nn::{Reducer, sigmoid};
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};

use super::Built;
use super::extremes::Extreme;
use super::wiring::{Wiring, axis_of};

/// `max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`; tract leaves out the factor before the bracket.
#[derive(Clone, Debug)]
struct Celu {
    alpha: f32,
}

pub(super) fn celu(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    Ok((expand(Celu { alpha: node.get_attr_opt("alpha")?.unwrap_or(1.0) }), vec![]))
}

impl Expansion for Celu {
    fn name(&self) -> StaticName {
        "Celu".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        alike(s, inputs, outputs)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let (x, mut w) = (inputs[0], Wiring::new(prefix, model));
        let [zero, one, alpha] = [0.0, 1.0, self.alpha].map(|v| w.scalar(v, x));
        let (zero, one, alpha) = (zero?, one?, alpha?);
        let scaled = w.binary(div(), x, alpha)?;
        let grown = w.node("exp", exp(), &[scaled])?;
        let lifted = w.binary(sub(), grown, one)?;
        let curve = w.binary(mul(), lifted, alpha)?;
        let below = w.binary(min(), curve, zero)?;
        let above = w.binary(max(), x, zero)?;
        Ok(tvec!(w.binary(add(), above, below)?))
    }
}

/// `x * sigmoid(alpha * x)`.
#[derive(Clone, Debug)]
struct Swish {
    alpha: f32,
}

pub(super) fn swish(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    Ok((expand(Swish { alpha: node.get_attr_opt("alpha")?.unwrap_or(1.0) }), vec![]))
}

impl Expansion for Swish {
    fn name(&self) -> StaticName {
        "Swish".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        alike(s, inputs, outputs)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let (x, mut w) = (inputs[0], Wiring::new(prefix, model));
        let alpha = w.scalar(self.alpha, x)?;
        let steep = if self.alpha == 1.0 { x } else { w.binary(mul(), x, alpha)? };
        let gate = w.node("gate", sigmoid(), &[steep])?;
        Ok(tvec!(w.binary(mul(), x, gate)?))
    }
}

/// `x - max - ln(sum(exp(x - max)))`; tract takes the logarithm of the softmax, which is minus infinity wherever that
/// rounds to zero.
#[derive(Clone, Debug)]
struct LogSoftmax {
    axis: i64,
    /// Operator sets below 13 normalise over every axis from `axis` on.
    flattening: bool,
}

pub(super) fn log_softmax(ctx: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let flattening = ctx.onnx_operator_set_version < 13;
    let axis = node.get_attr_opt("axis")?.unwrap_or(if flattening { 1 } else { -1 });
    Ok((expand(LogSoftmax { axis, flattening }), vec![]))
}

impl Expansion for LogSoftmax {
    fn name(&self) -> StaticName {
        "LogSoftmax".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        alike(s, inputs, outputs)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let (x, mut w) = (inputs[0], Wiring::new(prefix, model));
        let rank = w.fact(x)?.rank();
        let first = axis_of(self.axis, rank)?;
        let axes: Vec<usize> = if self.flattening { (first..rank).collect() } else { vec![first] };
        let (_, sum) = log_sum_exp(&mut w, x, &axes)?;
        Ok(tvec!(w.binary(sub(), x, sum)?))
    }
}

/// The maximum over `axes`, at least the smallest float, and the logarithm of the sum of exponentials.
pub(super) fn log_sum_exp(w: &mut Wiring<'_>, x: OutletId, axes: &[usize]) -> TractResult<(OutletId, OutletId)> {
    let largest = Extreme::Most.wire(w, axes, x)?;
    let floor = w.scalar(f32::MIN, x)?;
    let largest = w.binary(max(), largest, floor)?;
    let shifted = w.binary(sub(), x, largest)?;
    let grown = w.node("exp", exp(), &[shifted])?;
    let sum = w.reduce(Reducer::Sum, axes, grown)?;
    let log = w.node("ln", ln(), &[sum])?;
    Ok((largest, w.binary(add(), log, largest)?))
}

/// One output of the input's shape and type.
pub(super) fn alike<'r, 'p: 'r>(
    s: &mut Solver<'r>,
    inputs: &'p [TensorProxy],
    outputs: &'p [TensorProxy],
) -> InferenceResult {
    s.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
    s.equals(&inputs[0].shape, &outputs[0].shape)
}
