//! Pools over every axis after the channels that tract gets wrong: `GlobalLpPool` and `GlobalMaxPool`.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::math::{abs, pow};
use tract_onnx::tract_core::ops::nn::Reducer;
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};

use super::Built;
use super::extremes::Extreme;
use super::wiring::Wiring;

#[derive(Clone, Debug)]
enum GlobalPool {
    /// `(sum |x|^p)^(1/p)`.
    Lp(i64),
    Max,
}

pub(super) fn global_lp_pool(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let p = node.get_attr_opt("p")?.unwrap_or(2);
    ensure!(p > 0, "p is {p}");
    Ok((expand(GlobalPool::Lp(p)), vec![]))
}

pub(super) fn global_max_pool(_: &ParsingContext, _: &NodeProto) -> TractResult<Built> {
    Ok((expand(GlobalPool::Max), vec![]))
}

impl Expansion for GlobalPool {
    fn name(&self) -> StaticName {
        match self {
            GlobalPool::Lp(_) => "GlobalLpPool",
            GlobalPool::Max => "GlobalMaxPool",
        }
        .into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        s.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        s.given(&inputs[0].shape, move |s, shape| {
            let shape: TVec<TDim> =
                shape.iter().enumerate().map(|(ix, d)| if ix < 2 { d.clone() } else { 1.to_dim() }).collect();
            s.equals(&outputs[0].shape, shape)
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let (x, mut w) = (inputs[0], Wiring::new(prefix, model));
        let axes: Vec<usize> = (2..w.fact(x)?.rank()).collect();
        let pooled = match *self {
            GlobalPool::Max => Extreme::Most.wire(&mut w, &axes, x)?,
            GlobalPool::Lp(p) => {
                let power = w.scalar(p as f32, x)?;
                let root = w.scalar(1.0 / p as f32, x)?;
                let sizes = w.node("abs", abs(), &[x])?;
                let powers = w.binary(pow(), sizes, power)?;
                let sum = w.reduce(Reducer::Sum, &axes, powers)?;
                w.binary(pow(), sum, root)?
            }
        };
        Ok(tvec!(pooled))
    }
}
