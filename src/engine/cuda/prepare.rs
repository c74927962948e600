//! The only file that names tract-cuda's runtime.

use std::sync::Arc;

use tract_onnx::prelude::{RunOptions, TypedModel, TypedSimplePlan};
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::runtime::runtime_for_name;

/// Translates `model`, uploads its weights and compiles what kernels are not compiled yet, which takes a minute or two once.
pub(super) fn on_device(model: TypedModel, options: &RunOptions) -> TractResult<Arc<TypedSimplePlan>> {
    let runtime = runtime_for_name("cuda")?.context("tract-cuda is not linked")?;
    let runnable = runtime.prepare_with_options(model, options)?;
    runnable.typed_plan().cloned().context("tract-cuda makes no plan")
}
