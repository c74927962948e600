//! Operators of our own, put in the place of tract's where those are slow, or where tract has none.

mod bilinear;
mod fake_quantize;
mod region;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::TractResult;
use tract_onnx::tract_core::model::Rewriter;

pub(super) use bilinear::resize_tables;
pub(super) use fake_quantize::FakeQuantize;
pub(super) use region::ConvRegion;

/// Replaces, in a decluttered model of fixed shapes, every single operator that has a faster one here.
pub(super) fn substitute(model: &mut TypedModel) -> TractResult<()> {
    Rewriter::default().with_rule_for("bilinear-resize", bilinear::replace_resize).rewrite(&(), model)
}
