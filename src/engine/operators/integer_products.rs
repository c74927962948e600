//! `MatMulInteger` and `ConvInteger` of constant weights in 32-bit floats, which are exact for whole numbers up to 2^24 and have
//! the fast kernels. A sum of more products than stay below that is taken in parts, which are added as integers. tract's own
//! sums of integers, several times slower, remain for weights that are no constants.

use std::ops::Range;

use tract_onnx::model::{ParsingContext, optional_inputs};
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::Slice;
use tract_onnx::tract_core::ops::math::{add, sub};
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};
use tract_onnx::tract_hir::ops::matmul::MatMulInference;

use super::wiring::Wiring;
use super::{Built, expansion, upstream};

/// Whole numbers up to it are floats.
const EXACT: f32 = (1 << 24) as f32;

#[derive(Clone, Debug)]
struct IntegerProduct {
    kind: Kind,
    /// tract's own.
    integers: Box<dyn Expansion>,
    /// Where the zero points of inputs 0 and 1 are.
    zero_points: [Option<usize>; 2],
}

#[derive(Clone, Debug)]
enum Kind {
    MatMul,
    /// The same in floats, and into how many groups its channels fall.
    Conv {
        floats: Box<dyn Expansion>,
        groups: usize,
    },
}

pub(super) fn matmul_integer(ctx: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    product(ctx, node, Kind::MatMul)
}

pub(super) fn conv_integer(ctx: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let mut floats = node.clone();
    floats.op_type = "Conv".into();
    floats.input.truncate(2);
    let builder = ctx.framework.op_register.0.get("Conv").context("tract has no Conv")?;
    let groups = node.get_attr_opt("group")?.unwrap_or(1);
    product(ctx, node, Kind::Conv { floats: expansion(builder(ctx, &floats)?)?, groups })
}

fn product(ctx: &ParsingContext, node: &NodeProto, kind: Kind) -> TractResult<Built> {
    let mut zero_points = optional_inputs(node).skip(2);
    let zero_points = [zero_points.next().flatten(), zero_points.next().flatten()];
    Ok((expand(IntegerProduct { kind, integers: expansion(upstream(ctx, node)?)?, zero_points }), vec![]))
}

/// Constant weights less their zero points, and the axis along which they are summed with the input.
struct Weights {
    values: Tensor,
    axis: usize,
    /// The most that lie in one sum for each index of the axis.
    each: usize,
}

impl IntegerProduct {
    fn weights(&self, w: &Wiring<'_>, inputs: &[OutletId]) -> TractResult<Option<Weights>> {
        let Some(codes) = w.fact(inputs[1])?.konst.clone() else { return Ok(None) };
        let rank = codes.rank();
        let Some(axis) = (match self.kind {
            Kind::MatMul => rank.checked_sub(2),
            Kind::Conv { .. } => (rank > 2).then_some(1),
        }) else {
            return Ok(None);
        };
        let mut values = codes.cast_to::<f32>()?.into_owned();
        if let Some(slot) = self.zero_points[1] {
            let Some(zero_point) = w.fact(inputs[slot])?.konst.clone() else { return Ok(None) };
            let columns = match self.kind {
                Kind::MatMul => rank - 1,
                Kind::Conv { .. } => 0,
            };
            if zero_point.len() != 1 && (zero_point.rank() != 1 || zero_point.len() != codes.shape()[columns]) {
                return Ok(None);
            }
            let mut spread = vec![1; rank];
            spread[columns] = zero_point.len();
            let zero_point = zero_point.cast_to::<f32>()?.into_owned().into_shape(&spread)?;
            let less = values.to_plain_array_view::<f32>()?.to_owned() - zero_point.to_plain_array_view::<f32>()?;
            values = less.into_tensor();
        }
        let each = codes.shape().iter().skip(axis + 1).product();
        Ok(Some(Weights { values, axis, each: if matches!(self.kind, Kind::MatMul) { 1 } else { each } }))
    }

    /// The indices of the weights' axis of each part.
    fn parts(weights: &Weights) -> TractResult<Option<Vec<Range<usize>>>> {
        let largest = weights.values.to_plain_array_view::<f32>()?.iter().fold(1.0, |most: f32, v| most.max(v.abs()));
        // A code less a zero point is at most 255 from zero.
        let fit = (EXACT / (255.0 * largest)) as usize / weights.each.max(1);
        let length = weights.values.shape()[weights.axis];
        let parts = || (0..length).step_by(fit).map(|start| start..(start + fit).min(length)).collect();
        Ok((fit > 0 && length > 0).then(parts))
    }

    /// Input 0 less its zero point, in floats.
    fn operand(&self, w: &mut Wiring<'_>, inputs: &[OutletId]) -> TractResult<Option<OutletId>> {
        let codes = w.cast(DatumType::F32, inputs[0])?;
        let Some(slot) = self.zero_points[0] else { return Ok(Some(codes)) };
        let shape = w.shape(inputs[slot])?;
        if shape.iter().product::<usize>() != 1 {
            return Ok(None);
        }
        let mut zero_point = w.cast(DatumType::F32, inputs[slot])?;
        for _ in shape {
            zero_point = w.node("scalar", AxisOp::Rm(0), &[zero_point])?;
        }
        Ok(Some(w.binary(sub(), codes, zero_point)?))
    }

    fn in_floats(&self, w: &mut Wiring<'_>, prefix: &str, inputs: &[OutletId]) -> TractResult<Option<OutletId>> {
        let Some(weights) = self.weights(w, inputs)? else { return Ok(None) };
        // Winograd's way, which the passes may take for such convolutions, rounds.
        if weights.values.shape().get(2..) == Some(&[3, 3]) && matches!(self.kind, Kind::Conv { .. }) {
            return Ok(None);
        }
        let Some(parts) = Self::parts(&weights)? else { return Ok(None) };
        let rank = w.fact(inputs[0])?.rank();
        let (axis, product): (usize, &dyn Expansion) = match &self.kind {
            Kind::MatMul => (rank - 1, &MatMulInference { a_trans: false, b_trans: false, c_trans: false }),
            // The channels of a part would lie in several groups.
            Kind::Conv { groups, .. } if *groups > 1 && parts.len() > 1 => return Ok(None),
            Kind::Conv { floats, .. } => (1, floats.as_ref()),
        };
        let Some(operand) = self.operand(w, inputs)? else { return Ok(None) };
        let mut sum = None;
        for (ix, part) in parts.iter().enumerate() {
            let (start, end) = (part.start, part.end);
            let values = w.constant(weights.values.slice(weights.axis, start, end)?)?;
            let operand = match parts.len() {
                1 => operand,
                _ => w.node("part", Slice { axis, start: start.to_dim(), end: end.to_dim() }, &[operand])?,
            };
            let exact = product.wire(&format!("{prefix}.part-{ix}"), w.model, &[operand, values])?[0];
            let whole = w.cast(DatumType::I32, exact)?;
            sum = Some(match sum {
                None => whole,
                Some(before) => w.binary(add(), before, whole)?,
            });
        }
        Ok(sum)
    }
}

impl Expansion for IntegerProduct {
    fn name(&self) -> StaticName {
        match self.kind {
            Kind::MatMul => "MatMulInteger".into(),
            Kind::Conv { .. } => "ConvInteger".into(),
        }
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        self.integers.rules(s, inputs, outputs)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        if matches!(self.kind, Kind::MatMul) {
            let ranks = [model.outlet_fact(inputs[0])?.rank(), model.outlet_fact(inputs[1])?.rank()];
            ensure!(ranks[0] >= 2 && ranks[1] >= 2, "it multiplies a line of numbers");
        }
        match self.in_floats(&mut Wiring::new(prefix, model), prefix, inputs)? {
            Some(whole) => Ok(tvec!(whole)),
            None => self.integers.wire(prefix, model, inputs),
        }
    }
}
