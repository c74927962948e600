//! Quantised files as float graphs with explicit rounding.
//!
//! ONNX writes integer networks in two ways: QDQ, float operators between pairs of `QuantizeLinear` and
//! `DequantizeLinear`, and QOperator, operators such as `QLinearConv` that carry the grids of what they read and make.
//! Both become the same here, before tract reads the file: float operators on dequantised weights, and a
//! [`FakeQuantize`](super::ops::FakeQuantize) wherever the file rounds. That computes what the file means on any
//! processor, and a pass can find the integer convolutions in it again.
//!
//! 1. `constants` decodes weights, scales and zero points, trusting no size that the file claims.
//! 2. `roles` says what each node is in a quantised graph, and dequantises the weights.
//! 3. `rewrite` makes the float nodes. What it does not know stays an integer operator, with a `QuantizeLinear` before
//!    it and a `DequantizeLinear` after it where its neighbours have become float.

mod constants;
mod rewrite;
mod roles;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use tract_onnx::pb::{GraphProto, ModelProto};

use super::limits::Limits;
use super::names::{Names, captured};
use roles::Reading;

/// The scales of weights that lie on an int8 grid around zero, by the name of their float tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WeightGrids(BTreeMap<String, Vec<f32>>);

impl WeightGrids {
    /// Each tensor's: one scale for the whole of it or one for each index of its first axis; the tensor divided by them is
    /// whole and within [-128, 127].
    pub fn scales(&self) -> impl Iterator<Item = &[f32]> {
        self.0.values().map(Vec::as_slice)
    }

    #[cfg(test)]
    pub fn of(scales: &[&[f32]]) -> Self {
        WeightGrids(scales.iter().enumerate().map(|(ix, scales)| (ix.to_string(), scales.to_vec())).collect())
    }

    fn insert(&mut self, tensor: &str, scales: Vec<f32>) {
        self.0.insert(tensor.to_owned(), scales);
    }
}

/// Whether [`unfolded`] has anything to do.
pub(super) fn is_quantized(proto: &ModelProto) -> bool {
    proto.graph.iter().flat_map(|graph| &graph.node).any(|node| roles::is_quantized(&node.op_type))
}

/// A file as [`unfold`] rewrites it.
pub(super) fn unfolded(proto: &ModelProto, limits: &Limits) -> (ModelProto, WeightGrids) {
    let mut proto = proto.clone();
    let grids = unfold(&mut proto, limits);
    (proto, grids)
}

/// Rewrites the top graph of a file that has passed the size checks. Its inputs, its outputs and the tensors that
/// subgraphs read keep their names; nodes stay in topological order if they were. Quantised operators that are malformed
/// or not known here stay as they are; a file without any is not touched.
fn unfold(proto: &mut ModelProto, limits: &Limits) -> WeightGrids {
    let Some(graph) = proto.graph.as_mut() else { return WeightGrids::default() };
    let quantized = graph.node.iter().any(|n| roles::is_quantized(&n.op_type));
    if !quantized || !defined_once(graph) {
        return WeightGrids::default();
    }
    let mut names = Names::of(graph);
    let (roles, read) = Reading::of(graph, &mut names, limits);
    let read_anyway: HashSet<String> = graph.output.iter().map(|o| o.name.clone()).chain(captured(graph)).collect();
    let nodes = std::mem::take(&mut graph.node);
    let (nodes, used) = rewrite::rewrite(nodes, &roles, names, read_anyway);
    graph.node = nodes;
    let inputs: HashSet<&str> = graph.input.iter().map(|i| i.name.as_str()).collect();
    graph.initializer.retain(|t| {
        let replaced = read.replaced.contains(&t.name) && !used.contains(&t.name);
        !replaced || inputs.contains(t.name.as_str())
    });
    graph.initializer.extend(read.weights);
    read.grids
}

/// Whether no name stands for two tensors, which every step here relies on.
fn defined_once(graph: &GraphProto) -> bool {
    let mut seen = HashSet::new();
    let initializers: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    initializers.len() == graph.initializer.len()
        && (graph.input.iter().map(|i| i.name.as_str()).filter(|n| !initializers.contains(n)))
            .chain(initializers.iter().copied())
            .chain(graph.node.iter().flat_map(|n| &n.output).map(String::as_str).filter(|n| !n.is_empty()))
            .all(|name| seen.insert(name))
}
