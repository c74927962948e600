//! Engine errors as ours: what went wrong with which file and which node, also when it was a panic.

use std::cell::RefCell;
use std::path::Path;

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractError;

use crate::error::{self, ModelError};

/// What to do about a node that cannot run, where nothing better is known.
pub(super) const WITHOUT_IT: &str = "Export the model without this operator";

/// The node's name, or its first output's where the export left it nameless.
pub(super) fn node_name(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name }
}

pub(super) fn unreadable(path: &Path, reason: impl Into<String>) -> ModelError {
    ModelError::Unreadable { path: path.into(), reason: reason.into() }
}

/// A node that is refused.
pub(super) fn refused_node(path: &Path, node: &str, operator: &str, reason: impl Into<String>) -> ModelError {
    let (path, node, operator) = (path.into(), node.into(), operator.into());
    ModelError::UnsupportedOperator { path, node, operator, reason: reason.into(), remedy: WITHOUT_IT }
}

/// A node of the file that is refused, where more is known of what to do about it.
pub(super) fn refused_with(path: &Path, node: &NodeProto, (reason, remedy): (String, &'static str)) -> ModelError {
    let (path, operator, node) = (path.into(), node.op_type.clone(), node_name(node).into());
    ModelError::UnsupportedOperator { path, node, operator, reason, remedy }
}

/// The innermost cause and the outermost context of a tract error, on one line.
pub(super) fn reason(error: &TractError) -> String {
    let (outer, inner) = (line(&error.to_string()), line(&error.root_cause().to_string()));
    if outer == inner { inner } else { format!("{outer}: {inner}") }
}

/// The first line of `text`, cut at 200 characters.
pub(super) fn line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= 200 { line.into() } else { line.chars().take(200).chain("…".chars()).collect() }
}

/// A panic that was caught.
#[derive(Debug)]
pub(super) struct Panic {
    /// Name and operator of the node that was worked on, if that is known.
    pub node: Option<(String, String)>,
    pub text: String,
}

thread_local! {
    /// The node that this thread prepares.
    static NODE: RefCell<Node> = const { RefCell::new(Node { known: false, name: String::new(), operator: String::new() }) };
}

struct Node {
    known: bool,
    name: String,
    operator: String,
}

/// Tells [`caught`] which node is worked on from now on.
pub(super) fn at_node(name: &str, operator: &str) {
    NODE.with_borrow_mut(|node| {
        node.known = true;
        name.clone_into(&mut node.name);
        operator.clone_into(&mut node.operator);
    });
}

/// Tells [`caught`] that no single node is worked on.
pub(super) fn at_no_node() {
    NODE.with_borrow_mut(|node| node.known = false);
}

/// Runs `f` and catches its panic, of which nothing is printed.
pub(super) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Panic> {
    if !error::is_contained() {
        at_no_node();
    }
    error::contain(f).map_err(|text| Panic {
        node: NODE.with_borrow(|node| node.known.then(|| (node.name.clone(), node.operator.clone()))),
        text,
    })
}

/// As [`caught`], as an error of the file at `path` that is being read.
pub(super) fn contain<T>(path: &Path, f: impl FnOnce() -> Result<T, ModelError>) -> Result<T, ModelError> {
    caught(f).unwrap_or_else(|panic| {
        let reason = line(&panic.text);
        Err(match panic.node {
            Some((node, operator)) => refused_node(path, &node, &operator, reason),
            None => unreadable(path, reason),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_names_its_node() {
        let path = Path::new("m.onnx");
        let error = contain::<()>(path, || {
            at_node("first", "Relu");
            at_node("second", "Pad");
            panic!("no room\nat all")
        });
        let text = error.unwrap_err().to_string();
        assert!(text.contains("m.onnx: node `second` (Pad) cannot run: no room. "), "{text}");
        let nameless = contain::<()>(path, || panic!("no room")).unwrap_err().to_string();
        assert!(nameless.contains("no room") && !nameless.contains("second"), "{nameless}");
    }

    #[test]
    fn what_is_caught_inside_leaves_the_outer_call_as_it_is() {
        let outer = caught(|| {
            at_node("outer", "Conv");
            assert!(caught(|| panic!("inner")).is_err());
            error::is_contained()
        });
        assert!(outer.unwrap());
        assert!(!error::is_contained());
    }
}
