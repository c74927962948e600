//! Where the time of a run goes, node by node.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tract_onnx::prelude::TypedNode;

use super::kernels::Timed;

/// How long a node of a graph took, or a step of a region of convolutions.
#[derive(Clone, Debug)]
pub struct NodeTime {
    /// Its name, which begins with that of the node in the file; with `import` or `export` behind it, bringing pictures into
    /// the layout of a region's kernels, or back.
    pub node: String,
    /// What it runs as, in the words of [`Audit::kernels`](super::Audit::kernels), or the operator's name.
    pub kernel: String,
    /// Wall time, of all threads together.
    pub time: Duration,
}

/// What the nodes of a plan run as: by the node's number, the name and the kernel of each of its steps.
#[derive(Debug, Default)]
pub(super) struct Labels(BTreeMap<usize, Vec<(String, String)>>);

impl Labels {
    /// The next step of node `id`.
    pub fn add(&mut self, id: usize, name: &str, kernel: String) {
        self.0.entry(id).or_default().push((name.to_owned(), kernel));
    }

    /// How many steps run as what.
    pub fn count(&self) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        for (_, kernel) in self.0.values().flatten() {
            *count.entry(kernel.clone()).or_default() += 1;
        }
        count
    }
}

thread_local! {
    /// The times of the parts of the node that runs on this thread, while a [`Watch`] is on.
    static PARTS: RefCell<Option<Vec<(Timed, Duration)>>> = const { RefCell::new(None) };
}

/// Whether the node that runs on this thread is watched.
pub(super) fn is_on() -> bool {
    PARTS.with_borrow(Option::is_some)
}

/// The times of the parts of the node that runs on this thread.
pub(super) fn add(parts: impl Iterator<Item = (Timed, Duration)>) {
    PARTS.with_borrow_mut(|kept| kept.as_mut().map(|kept| kept.extend(parts)));
}

/// Times nodes on this thread until it is dropped.
pub(super) struct Watch<'a> {
    labels: &'a Labels,
    times: RefCell<Vec<NodeTime>>,
}

impl<'a> Watch<'a> {
    pub fn begin(labels: &'a Labels) -> Self {
        PARTS.set(Some(Vec::new()));
        Watch { labels, times: RefCell::default() }
    }

    /// Calls `run`, which computes `node`.
    pub fn time<R>(&self, node: &TypedNode, run: impl FnOnce() -> R) -> R {
        let begun = Instant::now();
        let result = run();
        let whole = begun.elapsed();
        let steps = self.labels.0.get(&node.id).map(Vec::as_slice).unwrap_or_default();
        let parts = PARTS.with_borrow_mut(|parts| parts.as_mut().map(std::mem::take)).unwrap_or_default();
        let mut times = self.times.borrow_mut();
        if parts.is_empty() {
            let kernel = steps.first().map_or_else(|| node.op.name().into_owned(), |(_, kernel)| kernel.clone());
            times.push(NodeTime { node: node.name.clone(), kernel, time: whole });
            return result;
        }
        for (part, time) in parts {
            let (node, kernel) = match part {
                Timed::Import => (format!("{} import", node.name), "Import f32".to_owned()),
                Timed::Export => (format!("{} export", node.name), "Export f32".to_owned()),
                Timed::Step(ix) => steps.get(ix).cloned().unwrap_or_default(),
            };
            match times.last_mut().filter(|last| last.node == node) {
                Some(last) => last.time += time,
                None => times.push(NodeTime { node, kernel, time }),
            }
        }
        result
    }

    pub fn end(self) -> Vec<NodeTime> {
        self.times.take()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        PARTS.set(None);
    }
}
