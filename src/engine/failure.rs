//! Engine errors as ours: what went wrong with which file, also when it was a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractError;

use crate::error::ModelError;

/// The node's name, or its first output's where the export left it nameless.
pub(super) fn node_name(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name }
}

pub(super) fn unreadable(path: &Path, reason: impl Into<String>) -> ModelError {
    ModelError::Unreadable { path: path.into(), reason: reason.into() }
}

/// The innermost cause and the outermost context of a tract error, on one line.
pub(super) fn reason(error: &TractError) -> String {
    let shorten = |s: String| -> String {
        let line = s.lines().next().unwrap_or_default();
        if line.chars().count() <= 200 { line.into() } else { line.chars().take(200).chain("…".chars()).collect() }
    };
    let (outer, inner) = (shorten(error.to_string()), shorten(error.root_cause().to_string()));
    if outer == inner { inner } else { format!("{outer}: {inner}") }
}

/// Runs `f`, turning a panic of the engine on a malformed file into an error.
pub(super) fn contain<T>(path: &Path, f: impl FnOnce() -> Result<T, ModelError>) -> Result<T, ModelError> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| Err(unreadable(path, panic_text(panic.as_ref()))))
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.and_then(|t| t.lines().next()).unwrap_or("the engine gave up on it").to_owned()
}
