//! Constants as initializers, whichever way the exporter wrote them.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::proto;
use crate::engine::OnnxModel;
use crate::error::ModelError;

impl OnnxModel {
    /// The same model with every constant an initializer that its readers name: `Constant` nodes become initializers, and
    /// an `Identity` of an initializer, by which exporters share equal weights, gives way to it.
    ///
    /// # Errors
    /// [`ModelError`] as for a file that is read.
    pub(crate) fn with_plain_constants(&self) -> Result<OnnxModel, ModelError> {
        let mut proto = self.proto.clone();
        if let Some(graph) = &mut proto.graph {
            plain(graph);
        }
        self.rewritten(proto)
    }
}

fn plain(graph: &mut GraphProto) {
    // What a subgraph reads is not listed among the inputs of its node.
    if graph.node.iter().flat_map(|n| &n.attribute).any(|a| a.g.is_some() || !a.graphs.is_empty()) {
        return;
    }
    let outputs: HashSet<String> = graph.output.iter().map(|o| o.name.clone()).collect();
    let is_output = |node: &NodeProto| node.output.iter().any(|name| outputs.contains(name));
    let (constants, nodes) = std::mem::take(&mut graph.node)
        .into_iter()
        .partition(|node: &NodeProto| value(node).is_some() && !is_output(node));
    graph.node = nodes;
    for node in &constants {
        if let (Some(tensor), Some(name)) = (value(node), node.output.first()) {
            graph.initializer.push(TensorProto { name: name.clone(), ..tensor.clone() });
        }
    }
    let initializers: HashSet<&str> = graph.initializer.iter().map(|i| i.name.as_str()).collect();
    let mut same: HashMap<String, String> = HashMap::new();
    let (kept, aliases): (Vec<_>, Vec<_>) = std::mem::take(&mut graph.node).into_iter().partition(|node| {
        let ([from], [to]) = (node.input.as_slice(), node.output.as_slice()) else { return true };
        let constant = initializers.contains(from.as_str()) || same.contains_key(from);
        if node.op_type != "Identity" || !proto::is_standard(&node.domain) || !constant || outputs.contains(to) {
            return true;
        }
        let first = same.get(from).unwrap_or(from).clone();
        same.insert(to.clone(), first);
        false
    });
    drop(aliases);
    graph.node = kept;
    for input in graph.node.iter_mut().flat_map(|node| &mut node.input) {
        if let Some(first) = same.get(input) {
            input.clone_from(first);
        }
    }
}

/// The tensor of a `Constant` node.
fn value(node: &NodeProto) -> Option<&TensorProto> {
    let constant = node.op_type == "Constant" && proto::is_standard(&node.domain);
    node.attribute.iter().find(|a| constant && a.name == "value")?.t.as_ref()
}
