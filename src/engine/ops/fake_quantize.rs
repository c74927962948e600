use std::hash::{Hash, Hasher};

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::infer::{InferenceOp, InferenceRulesOp, Solver, TensorProxy};
use tract_onnx::tract_hir::internal::InferenceResult;
use tract_onnx::tract_hir::{infer, to_typed};

use crate::engine::kernels::vectorized;

/// Rounds every element of an `f32` or `f16` tensor to the grid of an integer type and stays in floats:
/// `(clamp(round(x / scale) + zero_point, low, high) - zero_point) * scale`, halves to even, NaN to `low`.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct FakeQuantize {
    /// Finite and above zero.
    pub scale: f32,
    pub zero_point: i32,
    pub low: i32,
    /// Not below `low`.
    pub high: i32,
}

impl FakeQuantize {
    /// Its name and domain in an ONNX graph, where it has one input and its fields as attributes.
    pub const OPERATOR: &'static str = "FakeQuantize";
    pub const DOMAIN: &'static str = "foveate";

    /// Reads it for tract.
    pub fn read(_: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
        ensure!(node.domain == Self::DOMAIN, "no FakeQuantize of domain \"{}\" is known", node.domain);
        let [scale, zero_point, low, high] = ["scale", "zero_point", "low", "high"];
        let op = FakeQuantize {
            scale: node.get_attr(scale)?,
            zero_point: node.get_attr(zero_point)?,
            low: node.get_attr(low)?,
            high: node.get_attr(high)?,
        };
        ensure!(op.scale.is_finite() && op.scale > 0.0 && op.low <= op.high, "a grid that is none: {op:?}");
        Ok((Box::new(op), vec![]))
    }

    fn key(&self) -> (u32, i32, i32, i32) {
        (self.scale.to_bits(), self.zero_point, self.low, self.high)
    }

    fn round(&self, values: &mut [f32]) {
        let [zero_point, low, high] = [self.zero_point, self.low, self.high].map(|v| v as f32);
        vectorized(
            #[inline(always)]
            || {
                for v in values {
                    let q = ((*v / self.scale).round_ties_even() + zero_point).max(low).min(high);
                    *v = (q - zero_point) * self.scale;
                }
            },
        );
    }
}

impl PartialEq for FakeQuantize {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for FakeQuantize {}

impl Hash for FakeQuantize {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl Op for FakeQuantize {
    fn name(&self) -> StaticName {
        Self::OPERATOR.into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        let FakeQuantize { scale, zero_point, low, high } = self;
        Ok(vec![format!("scale {scale}, zero point {zero_point}, from {low} to {high}")])
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for FakeQuantize {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let width = input.datum_type();
        let mut values =
            if width == DatumType::F32 { input.into_tensor() } else { input.cast_to::<f32>()?.into_owned() };
        self.round(values.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?);
        let values = if width == DatumType::F32 { values } else { values.cast_to_dt(width)?.into_owned() };
        Ok(tvec!(values.into_tvalue()))
    }
}

impl TypedOp for FakeQuantize {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input] = inputs else { bail!("FakeQuantize of {} tensors", inputs.len()) };
        ensure!(input.datum_type.is_float(), "FakeQuantize of {:?}", input.datum_type);
        Ok(tvec!(input.datum_type.fact(input.shape.clone())))
    }

    fn axes_mapping(&self, inputs: &[&TypedFact], outputs: &[&TypedFact]) -> TractResult<AxesMapping> {
        AxesMapping::natural(inputs, outputs)
    }

    fn change_axes(
        &self,
        model: &TypedModel,
        node: &TypedNode,
        _: InOut,
        change: &AxisOp,
    ) -> TractResult<Option<AxisChangeConsequence>> {
        Ok(Some(AxisChangeConsequence::new(model, node, None, change)))
    }

    as_op!();
}

impl InferenceRulesOp for FakeQuantize {
    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        infer::check_input_arity(inputs, 1)?;
        infer::check_output_arity(outputs, 1)?;
        s.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        s.equals(&inputs[0].shape, &outputs[0].shape)
    }

    as_op!();
    to_typed!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(op: FakeQuantize, input: Tensor) -> Tensor {
        op.eval(&EvalContext::out_of_plan(), tvec!(input.into_tvalue())).unwrap().remove(0).into_tensor()
    }

    #[test]
    fn halves_go_to_even_and_the_ends_hold() {
        let op = FakeQuantize { scale: 0.5, zero_point: 3, low: 0, high: 255 };
        let input = [0.25, 0.75, -0.25, -1.0, -1e9, 1e9, f32::INFINITY, f32::NAN, 0.26];
        let expected = [0.0f32, 1.0, 0.0, -1.0, -1.5, 126.0, 126.0, -1.5, 0.5];
        assert_eq!(rounded(op, tensor1(&input)), tensor1(&expected));
    }

    #[test]
    fn half_floats_are_rounded_too() {
        let op = FakeQuantize { scale: 0.25, zero_point: 0, low: -128, high: 127 };
        let input = tensor1(&[0.3f32, -0.9, 100.0]).cast_to::<f16>().unwrap().into_owned();
        let made = rounded(op, input);
        assert_eq!(made.datum_type(), DatumType::F16);
        assert_eq!(made.cast_to::<f32>().unwrap().into_owned(), tensor1(&[0.25f32, -1.0, 31.75]));
    }
}
