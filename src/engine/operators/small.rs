//! Operators that need a line or two of their own: `Equal` of truth values, `Range` downwards and of floats, `Einsum` to a
//! scalar, and what is known only after a run.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::logic::comp_eq;
use tract_onnx::tract_core::ops::nn::Reducer;
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};
use tract_onnx::tract_hir::ops::binary;

use super::wiring::Wiring;
use super::{Built, expansion, upstream};

#[derive(Clone, Debug)]
struct Equal;

pub(super) fn equal(_: &ParsingContext, _: &NodeProto) -> TractResult<Built> {
    Ok((expand(Equal), vec![]))
}

impl Expansion for Equal {
    fn name(&self) -> StaticName {
        "Equal".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        binary::rules(s, inputs, outputs, |_, _| Ok(DatumType::Bool))
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let (a, b) = (w.fact(inputs[0])?.datum_type, w.fact(inputs[1])?.datum_type);
        let both = a.common_super_type(b).with_context(|| format!("it compares {a:?} with {b:?}"))?;
        let both = if both == DatumType::Bool { DatumType::U8 } else { both };
        let (a, b) = (w.cast(both, inputs[0])?, w.cast(both, inputs[1])?);
        Ok(tvec!(w.compare(comp_eq(), a, b)?))
    }
}

/// A constant line of numbers: the sizes of all tensors are fixed, so what a range is made from is as well.
#[derive(Clone, Debug)]
struct Range;

pub(super) fn range(_: &ParsingContext, _: &NodeProto) -> TractResult<Built> {
    Ok((expand(Range), vec![]))
}

/// The numbers from `start` by `step` up to `limit`, which is left out.
fn numbers(start: &Tensor, limit: &Tensor, step: &Tensor) -> TractResult<Tensor> {
    let of = start.datum_type();
    if of.is_float() {
        let scalar = |t: &Tensor| t.cast_to_scalar::<f64>();
        let (start, limit, step) = (scalar(start)?, scalar(limit)?, scalar(step)?);
        let count = ((limit - start) / step).ceil().max(0.0);
        ensure!(count.is_finite() && count <= MOST as f64, "a range from {start} to {limit} by {step}");
        let values: Vec<f64> = (0..count as usize).map(|ix| start + ix as f64 * step).collect();
        return Ok(tensor1(&values).cast_to_dt(of)?.into_owned());
    }
    let scalar = |t: &Tensor| t.cast_to_scalar::<i64>();
    let (start, limit, step) = (scalar(start)?, scalar(limit)?, scalar(step)?);
    let (span, size) = (i128::from(limit) - i128::from(start), i128::from(step));
    ensure!(size != 0, "a range by steps of 0");
    let count = ((span + size - size.signum()) / size).max(0);
    ensure!(count <= MOST, "a range from {start} to {limit} by {step}");
    let values: Vec<i64> = (0..count as i64).map(|ix| start + ix * step).collect();
    let of = if of == DatumType::TDim { DatumType::I64 } else { of };
    Ok(tensor1(&values).cast_to_dt(of)?.into_owned())
}

/// Beyond any axis of a picture or its tokens; a file must not take memory by a number that it names.
const MOST: i128 = 1 << 24;

impl Expansion for Range {
    fn name(&self) -> StaticName {
        "Range".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        s.given(&inputs[0].datum_type, move |s, of| {
            s.equals(&outputs[0].datum_type, if of == DatumType::TDim { DatumType::I64 } else { of })
        })?;
        s.equals(&outputs[0].rank, 1)?;
        s.given_3(&inputs[0].value, &inputs[1].value, &inputs[2].value, move |s, start, limit, step| {
            s.equals(&outputs[0].shape[0], numbers(&start, &limit, &step)?.len().to_dim())
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let value = |ix: usize| -> TractResult<Arc<Tensor>> {
            let value = model.outlet_fact(inputs[ix])?.konst.clone();
            value.context("its start, limit and delta depend on the data: they must be constants")
        };
        let values = numbers(&*value(0)?, &*value(1)?, &*value(2)?)?;
        Ok(tvec!(model.add_const(prefix, values)?))
    }
}

/// A product of which nothing is left but its sum: tract gives it the shape of the axes that one operand alone has. Those
/// stay for it, and are summed afterwards.
#[derive(Clone, Debug)]
struct Summed(Option<Box<dyn Expansion>>);

pub(super) fn einsum(ctx: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let equation = node.get_attr::<String>("equation")?.replace(' ', "");
    let Some(operands) = equation.strip_suffix("->") else { return upstream(ctx, node) };
    let lone: String = operands.chars().filter(|c| c.is_alphabetic() && operands.matches(*c).count() == 1).collect();
    if lone.is_empty() {
        return upstream(ctx, node);
    }
    ensure!(!operands.contains('.'), "an ellipsis is summed to nothing");
    if !operands.contains(',') && lone.len() == operands.len() {
        return Ok((expand(Summed(None)), vec![]));
    }
    let mut kept = node.clone();
    for attribute in kept.attribute.iter_mut().filter(|a| a.name == "equation") {
        attribute.s = format!("{equation}{lone}").into();
    }
    Ok((expand(Summed(Some(expansion(upstream(ctx, &kept)?)?))), vec![]))
}

impl Expansion for Summed {
    fn name(&self) -> StaticName {
        "Einsum".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        s.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        s.equals(&outputs[0].rank, 0)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let product = match &self.0 {
            Some(product) => product.wire(&format!("{prefix}.product"), model, inputs)?[0],
            None => inputs[0],
        };
        let mut w = Wiring::new(prefix, model);
        let axes: Vec<usize> = (0..w.fact(product)?.rank()).collect();
        let mut sum = w.reduce(Reducer::Sum, &axes, product)?;
        for _ in axes {
            sum = w.node("squeeze", AxisOp::Rm(0), &[sum])?;
        }
        Ok(tvec!(sum))
    }
}
