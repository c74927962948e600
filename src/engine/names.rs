use std::collections::HashSet;

use tract_onnx::pb::GraphProto;

/// Every name that a subgraph mentions: some are tensors of the graph around it.
pub(super) fn captured(graph: &GraphProto) -> Vec<String> {
    let mut names = Vec::new();
    for inner in with_subgraphs(subgraphs(graph)) {
        names.extend(inner.node.iter().flat_map(|n| n.input.iter().chain(&n.output)).cloned());
        names.extend(inner.output.iter().map(|o| o.name.clone()));
    }
    names
}

/// These graphs and all that lie in them.
pub(super) fn with_subgraphs<'a>(graphs: impl IntoIterator<Item = &'a GraphProto>) -> Vec<&'a GraphProto> {
    let (mut all, mut open) = (Vec::new(), Vec::from_iter(graphs));
    while let Some(graph) = open.pop() {
        all.push(graph);
        open.extend(subgraphs(graph));
    }
    all
}

fn subgraphs(graph: &GraphProto) -> impl Iterator<Item = &GraphProto> {
    graph.node.iter().flat_map(|n| &n.attribute).flat_map(|a| a.g.iter().chain(&a.graphs))
}

/// The names in use, of tensors and nodes alike since tract calls nodes by either, and new ones beside them.
pub(super) struct Names {
    taken: HashSet<String>,
    tried: usize,
}

impl Names {
    pub fn of(graph: &GraphProto) -> Self {
        let values = graph.input.iter().chain(&graph.output).map(|v| &v.name);
        let nodes = graph.node.iter().flat_map(|n| n.input.iter().chain(&n.output).chain([&n.name]));
        let tensors = graph.initializer.iter().map(|t| &t.name);
        let taken = values.chain(nodes).chain(tensors).cloned().chain(captured(graph)).collect();
        Names { taken, tried: 0 }
    }

    /// `wanted`, or that with a number.
    pub fn fresh(&mut self, wanted: String) -> String {
        let mut name = wanted.clone();
        while !self.taken.insert(name.clone()) {
            // The number never starts over, so that names made to collide cost one try each.
            self.tried += 1;
            name = format!("{wanted}.{}", self.tried);
        }
        name
    }
}
