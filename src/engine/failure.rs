//! Engine errors as ours: what went wrong with which file and which node, also when it was a panic.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractError;

use super::threads::HELPER_NAME;
use crate::error::ModelError;

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
    ModelError::UnsupportedOperator {
        path: path.into(),
        node: node.into(),
        operator: operator.into(),
        reason: reason.into(),
        remedy: WITHOUT_IT,
    }
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
    /// How many calls of [`caught`] this thread is in.
    static CAUGHT: Cell<usize> = const { Cell::new(0) };
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
    struct Within;
    impl Drop for Within {
        fn drop(&mut self) {
            CAUGHT.set(CAUGHT.get() - 1);
        }
    }
    silence_caught_panics();
    CAUGHT.set(CAUGHT.get() + 1);
    let within = Within;
    if CAUGHT.get() == 1 {
        at_no_node();
    }
    let outcome = catch_unwind(AssertUnwindSafe(f));
    drop(within);
    outcome.map_err(|panic| Panic {
        node: NODE.with_borrow(|node| node.known.then(|| (node.name.clone(), node.operator.clone()))),
        text: panic_text(panic.as_ref()),
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

/// Keeps the panic hook from printing what [`caught`] turns into an error, on its thread and on those that help it. Fuzzing
/// has a hook of its own, which tells the panics of this crate from those of others.
fn silence_caught_panics() {
    static ONCE: Once = Once::new();
    if cfg!(fuzzing) {
        return;
    }
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let helper = || std::thread::current().name().is_some_and(|name| name.starts_with(HELPER_NAME));
            let is_caught = CAUGHT.try_with(|depth| depth.get() > 0).unwrap_or(false) || helper();
            if !is_caught {
                before(panic);
            }
        }));
    });
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.and_then(|t| t.lines().next()).unwrap_or("the engine gave up on it").to_owned()
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
            CAUGHT.get()
        });
        assert_eq!(outer.unwrap(), 1);
        assert_eq!(CAUGHT.get(), 0);
    }
}
