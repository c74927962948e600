//! Indices below zero, which count from the end: tract takes them for out of range.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{GatherNd as CoreGatherNd, ScatterNd as CoreScatterNd, ScatterReduction};
use tract_onnx::tract_core::ops::logic::{comp_eq, comp_lt};
use tract_onnx::tract_core::ops::math::add;
use tract_onnx::tract_hir::infer::{InferenceRulesOp, Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};
use tract_onnx::tract_hir::ops::array::ScatterNd as HirScatterNd;

use super::Built;
use super::wiring::{Wiring, axis_of, known, whole};

#[derive(Clone, Debug)]
struct GatherNd(CoreGatherNd);

pub(super) fn gather_nd(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let batch_dims = node.get_attr_opt("batch_dims")?.unwrap_or(0);
    Ok((expand(GatherNd(CoreGatherNd::new(batch_dims))), vec![]))
}

impl Expansion for GatherNd {
    fn name(&self) -> StaticName {
        "GatherND".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        self.0.rules(s, inputs, outputs)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let indices = from_start(&mut w, inputs[0], inputs[1], self.0.batch_dims)?;
        w.model.wire_node(prefix, self.0.clone(), &[inputs[0], indices])
    }
}

#[derive(Clone, Debug)]
struct ScatterNd(HirScatterNd);

pub(super) fn scatter_nd(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let reduction = ScatterReduction::parse(node.get_attr_opt("reduction")?.unwrap_or("none"))?;
    Ok((expand(ScatterNd(HirScatterNd { reduction })), vec![]))
}

impl Expansion for ScatterNd {
    fn name(&self) -> StaticName {
        "ScatterND".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        self.0.rules(s, inputs, outputs)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let indices = from_start(&mut w, inputs[0], inputs[1], 0)?;
        let updates = w.cast(w.fact(inputs[0])?.datum_type, inputs[2])?;
        w.model.wire_node(prefix, CoreScatterNd::new(self.0.reduction), &[inputs[0], indices, updates])
    }
}

/// `indices` into `data` from its axis `first` on, all counted from the start.
fn from_start(w: &mut Wiring<'_>, data: OutletId, indices: OutletId, first: usize) -> TractResult<OutletId> {
    let lengths = w.shape(data)?;
    let depth = *w.shape(indices)?.last().context("indices of no dimension")?;
    let lengths = lengths.get(first..first + depth).context("indices deeper than the tensor")?;
    let lengths: Vec<i64> = lengths.iter().map(|d| *d as i64).collect();
    let lengths = w.constant(tensor1(&lengths))?;
    counted(w, indices, lengths)
}

/// Adds `lengths` to what is below zero of `indices`.
fn counted(w: &mut Wiring<'_>, indices: OutletId, lengths: OutletId) -> TractResult<OutletId> {
    let indices = w.cast(DatumType::I64, indices)?;
    let zero = w.constant(tensor0(0i64))?;
    let negative = w.compare(comp_lt(), indices, zero)?;
    let wrapped = w.binary(add(), indices, lengths)?;
    w.choose(negative, wrapped, indices)
}

/// Compares every index with 0 to depth - 1, so that one out of range is off everywhere, as ONNX wants.
#[derive(Clone, Debug)]
struct OneHot {
    axis: i64,
}

pub(super) fn one_hot(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    Ok((expand(OneHot { axis: node.get_attr_opt("axis")?.unwrap_or(-1) }), vec![]))
}

impl Expansion for OneHot {
    fn name(&self) -> StaticName {
        "OneHot".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        s.equals(&inputs[2].datum_type, &outputs[0].datum_type)?;
        s.given_2(&inputs[0].shape, &inputs[1].value, move |s, shape, depth| {
            let Ok(mut shape) = known(&shape) else { return Ok(()) };
            let depth = whole(&depth)?.first().and_then(|d| usize::try_from(*d).ok()).context("a depth below zero")?;
            shape.insert(axis_of(self.axis, shape.len() + 1)?, depth);
            let shape: TVec<TDim> = shape.iter().map(|d| d.to_dim()).collect();
            s.equals(&outputs[0].shape, shape)
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let depth = *w.constants(inputs[1], "depth")?.first().context("no depth")?;
        ensure!(depth >= 0, "a depth below zero");
        let axis = axis_of(self.axis, w.fact(inputs[0])?.rank() + 1)?;
        let rank = w.fact(inputs[0])?.rank() + 1;
        let lengths = w.constant(tensor0(depth))?;
        let indices = counted(&mut w, inputs[0], lengths)?;
        let indices = w.node("axis", AxisOp::Add(axis), &[indices])?;
        let mut shape = vec![1; rank];
        shape[axis] = depth as usize;
        let places = tensor1(&(0..depth).collect::<Vec<i64>>()).into_shape(&shape)?;
        let places = w.constant(places)?;
        let hot = w.compare(comp_eq(), indices, places)?;
        let mut value = |at: usize| -> TractResult<OutletId> {
            let start = at.to_dim();
            let end = (at + 1).to_dim();
            let one =
                w.node("value", tract_onnx::tract_core::ops::array::Slice { axis: 0, start, end }, &[inputs[2]])?;
            w.node("scalar", AxisOp::Rm(0), &[one])
        };
        let (off, on) = (value(0)?, value(1)?);
        Ok(tvec!(w.choose(hot, on, off)?))
    }
}
