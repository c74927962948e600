//! `Mod`: tract takes the remainder of dimensions as a processor does, with the sign of the dividend. Dimensions are whole
//! numbers here, so that `-Shape(x) mod 14`, the padding of a window, is what ONNX's text says.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::logic::{comp_eq, comp_lt, xor};
use tract_onnx::tract_core::ops::math::{add, rem};
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};
use tract_onnx::tract_hir::ops::binary;

use super::Built;
use super::wiring::Wiring;

/// Whose sign a remainder has.
#[derive(Clone, Copy, Debug)]
enum Mod {
    /// `fmod=0`, for whole numbers: Python's `%`.
    Divisor,
    /// `fmod=1`: C's `fmod`.
    Dividend,
}

pub(super) fn modulo(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let sign = match node.get_attr_opt::<i64>("fmod")?.unwrap_or(0) {
        0 => Mod::Divisor,
        1 => Mod::Dividend,
        other => bail!("its fmod is {other}, which is neither 0 nor 1"),
    };
    Ok((expand(sign), vec![]))
}

/// The type of the remainder of two types.
fn common(a: DatumType, b: DatumType) -> TractResult<DatumType> {
    let plain = |of: DatumType| if of == DatumType::TDim { DatumType::I64 } else { of };
    plain(a).common_super_type(plain(b)).with_context(|| format!("it divides {a:?} by {b:?}"))
}

impl Expansion for Mod {
    fn name(&self) -> StaticName {
        "Mod".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        binary::rules(s, inputs, outputs, common)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let of = common(w.fact(inputs[0])?.datum_type, w.fact(inputs[1])?.datum_type)?;
        let (dividend, divisor) = (w.cast(of, inputs[0])?, w.cast(of, inputs[1])?);
        let remainder = w.binary(rem(), dividend, divisor)?;
        if matches!(self, Mod::Dividend) || of.is_unsigned() {
            return Ok(tvec!(remainder));
        }
        ensure!(!of.is_float(), "it takes floats with fmod=0, which ONNX leaves open");
        let zero = w.constant(tensor0(0i64).cast_to_dt(of)?.into_owned())?;
        let whole = w.compare(comp_eq(), remainder, zero)?;
        let below = w.compare(comp_lt(), remainder, zero)?;
        let divisor_below = w.compare(comp_lt(), divisor, zero)?;
        let differ = w.binary(xor(), below, divisor_below)?;
        let next = w.binary(add(), remainder, divisor)?;
        let signed = w.choose(differ, next, remainder)?;
        Ok(tvec!(w.choose(whole, remainder, signed)?))
    }
}
