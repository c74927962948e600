//! Operators of our own, put in the place of tract's where those are slow.

mod bilinear;
mod winograd;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::TractResult;
use tract_onnx::tract_core::model::Rewriter;

pub(super) use winograd::WinogradConv;

/// Replaces, in a decluttered model of fixed shapes, every operator that has a faster one here.
pub(super) fn substitute(model: &mut TypedModel) -> TractResult<()> {
    Rewriter::default()
        .with_rule_for("bilinear-resize", bilinear::replace_resize)
        .with_rule_for("winograd-convolution", winograd::replace_conv)
        .rewrite(&(), model)
}
