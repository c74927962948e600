//! ONNX Runtime's product of matrices that are transposed as they are read, and a factor.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::math::mul;
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};
use tract_onnx::tract_hir::ops::matmul::MatMulInference;

use super::Built;
use super::wiring::Wiring;

#[derive(Clone, Debug)]
struct FusedMatMul {
    product: MatMulInference,
    alpha: f32,
}

pub(super) fn fused_matmul(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let set = |name: &str| -> TractResult<bool> { Ok(node.get_attr_opt::<i64>(name)?.unwrap_or(0) != 0) };
    ensure!(!set("transBatchA")? && !set("transBatchB")?, "it moves the axes of a batch (transBatchA, transBatchB)");
    let product = MatMulInference { a_trans: set("transA")?, b_trans: set("transB")?, c_trans: false };
    Ok((expand(FusedMatMul { product, alpha: node.get_attr_opt("alpha")?.unwrap_or(1.0) }), vec![]))
}

impl Expansion for FusedMatMul {
    fn name(&self) -> StaticName {
        "FusedMatMul".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        self.product.rules(s, inputs, outputs)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        // A line of numbers is not transposed, whatever the attributes say.
        let line =
            |at: usize| inputs.get(at).is_some_and(|input| model.outlet_fact(*input).is_ok_and(|f| f.rank() < 2));
        ensure!(!line(0) && !line(1), "it multiplies a line of numbers");
        let product = self.product.wire(&format!("{prefix}.product"), model, inputs)?;
        if self.alpha == 1.0 {
            return Ok(product);
        }
        let mut w = Wiring::new(prefix, model);
        let alpha = w.scalar(self.alpha, product[0])?;
        Ok(tvec!(w.binary(mul(), product[0], alpha)?))
    }
}
