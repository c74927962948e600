//! `MatMulInteger`: where both operands are constants, tract sums them in floats, which whole numbers beyond 2^24 are not.

use tract_onnx::model::{ParsingContext, optional_inputs};
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::math::sub;
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};
use tract_onnx::tract_hir::ops::matmul::MatMulInference;

use super::wiring::Wiring;
use super::{Built, expansion, upstream};

#[derive(Clone, Debug)]
struct MatMulInteger {
    /// tract's own.
    product: Box<dyn Expansion>,
    /// Where the zero points of inputs 0 and 1 are.
    zero_points: [Option<usize>; 2],
}

pub(super) fn matmul_integer(ctx: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let mut zero_points = optional_inputs(node).skip(2);
    let zero_points = [zero_points.next().flatten(), zero_points.next().flatten()];
    Ok((expand(MatMulInteger { product: expansion(upstream(ctx, node)?)?, zero_points }), vec![]))
}

impl MatMulInteger {
    /// An operand less its zero point, which is one number, or one for each row of the left and each column of the right.
    fn operand(&self, w: &mut Wiring<'_>, inputs: &[OutletId], ix: usize) -> TractResult<OutletId> {
        let codes = w.cast(DatumType::I32, inputs[ix])?;
        let Some(slot) = self.zero_points[ix] else { return Ok(codes) };
        let mut zero_point = w.cast(DatumType::I32, inputs[slot])?;
        if ix == 0 && w.shape(zero_point)?.len() == 1 {
            zero_point = w.node("rows", AxisOp::Add(1), &[zero_point])?;
        }
        w.binary(sub(), codes, zero_point)
    }
}

impl Expansion for MatMulInteger {
    fn name(&self) -> StaticName {
        "MatMulInteger".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        // tract gives the answer of a line a dimension too many.
        for operand in inputs.iter().take(2) {
            s.given(&operand.rank, |_, rank| {
                ensure!(rank >= 2, "it multiplies a line of numbers");
                Ok(())
            })?;
        }
        self.product.rules(s, inputs, outputs)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        if w.fact(inputs[0])?.konst.is_none() || w.fact(inputs[1])?.konst.is_none() {
            return self.product.wire(prefix, model, inputs);
        }
        let operands = [self.operand(&mut w, inputs, 0)?, self.operand(&mut w, inputs, 1)?];
        MatMulInference::default().wire(prefix, model, &operands)
    }
}
