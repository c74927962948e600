//! Reductions that tract gets wrong: `ReduceLogSumExp` far from zero, and the extremes of what is no plain number.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};

use super::Built;
use super::activations::log_sum_exp;
use super::extremes::Extreme;
use super::wiring::{Wiring, axis_of, known, whole};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    LogSumExp,
    Extreme(Extreme),
}

/// Over the axes of an attribute or of the second input.
#[derive(Clone, Debug)]
pub(super) struct Reduction {
    kind: Kind,
    axes: Option<Vec<i64>>,
    has_axes_input: bool,
    keep: bool,
    /// Empty axes mean none rather than all.
    noop: bool,
}

pub(super) fn reduce_log_sum_exp(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    reduction(node, Kind::LogSumExp)
}

fn reduction(node: &NodeProto, kind: Kind) -> TractResult<Built> {
    let op = Reduction {
        kind,
        axes: node.get_attr_opt_vec("axes")?,
        has_axes_input: node.input.get(1).is_some_and(|name| !name.is_empty()),
        keep: node.get_attr_opt::<i64>("keepdims")?.unwrap_or(1) != 0,
        noop: node.get_attr_opt::<i64>("noop_with_empty_axes")?.unwrap_or(0) != 0,
    };
    Ok((expand(op), vec![]))
}

impl Reduction {
    pub fn read(node: &NodeProto, extreme: Extreme) -> TractResult<Built> {
        reduction(node, Kind::Extreme(extreme))
    }

    fn axes(&self, input: Option<Vec<i64>>, rank: usize) -> TractResult<Vec<usize>> {
        let given = input.or_else(|| self.axes.clone()).unwrap_or_default();
        if given.is_empty() {
            return Ok(if self.noop { Vec::new() } else { (0..rank).collect() });
        }
        let mut axes = given.iter().map(|a| axis_of(*a, rank)).collect::<TractResult<Vec<_>>>()?;
        axes.sort_unstable();
        axes.dedup();
        Ok(axes)
    }

    fn reduced(&self, shape: &[usize], axes: &[usize]) -> TVec<TDim> {
        let dims = shape.iter().enumerate();
        dims.filter_map(|(ix, d)| match axes.contains(&ix) {
            true => self.keep.then(|| 1.to_dim()),
            false => Some(d.to_dim()),
        })
        .collect()
    }
}

impl Expansion for Reduction {
    fn name(&self) -> StaticName {
        match self.kind {
            Kind::LogSumExp => "ReduceLogSumExp",
            Kind::Extreme(Extreme::Most) => "ReduceMax",
            Kind::Extreme(Extreme::Least) => "ReduceMin",
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
            let Ok(shape) = known(&shape) else { return Ok(()) };
            if self.has_axes_input {
                s.given(&inputs[1].value, move |s, axes| {
                    s.equals(&outputs[0].shape, self.reduced(&shape, &self.axes(Some(whole(&axes)?), shape.len())?))
                })
            } else {
                s.equals(&outputs[0].shape, self.reduced(&shape, &self.axes(None, shape.len())?))
            }
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let input = if self.has_axes_input { Some(w.constants(inputs[1], "axes")?) } else { None };
        let axes = self.axes(input, w.fact(inputs[0])?.rank())?;
        let of = w.fact(inputs[0])?.datum_type;
        let x = if of == DatumType::Bool { w.cast(DatumType::U8, inputs[0])? } else { w.plain(inputs[0])? };
        let made = match self.kind {
            _ if axes.is_empty() => x,
            Kind::LogSumExp => log_sum_exp(&mut w, x, &axes)?.1,
            Kind::Extreme(extreme) => extreme.wire(&mut w, &axes, x)?,
        };
        let mut made = w.cast(of, made)?;
        if !self.keep {
            for axis in axes.iter().rev() {
                made = w.node("squeeze", AxisOp::Rm(*axis), &[made])?;
            }
        }
        Ok(tvec!(made))
    }
}
