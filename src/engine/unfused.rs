//! Operators of ONNX Runtime's own domain as the ones of ONNX that they were made from: a saved session holds them, and what
//! its quantiser writes.
//!
//! Each function takes one node and gives those in its place, the last of which makes its output, or nothing where the node is
//! malformed or means more: it is refused then as an operator that nothing knows.

mod channels_last;
mod integers;
mod norms;

use std::collections::HashMap;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto};

use super::failure::node_name;
use super::names::{Names, with_subgraphs};

/// The domain of ONNX Runtime's operators.
pub(super) const DOMAIN: &str = "com.microsoft";

type TakeApart = fn(&NodeProto, &mut Made<'_>) -> Option<()>;

/// The operators that are taken apart.
const FUSED: &[(&str, TakeApart)] = &[
    ("DynamicQuantizeMatMul", integers::dynamic_product),
    ("FusedConv", convolution),
    ("FusedGemm", gemm),
    ("MatMulIntegerToFloat", integers::product),
    ("NhwcMaxPool", channels_last::max_pool),
    ("QGemm", integers::gemm),
    ("QLinearAveragePool", channels_last::average_pool),
    ("QLinearConv", channels_last::convolution),
    ("QLinearGlobalAveragePool", channels_last::global_average),
    ("QLinearSoftmax", integers::softmax),
    ("SkipLayerNormalization", norms::layer_norm),
    ("SkipSimplifiedLayerNormalization", norms::simplified_layer_norm),
];

/// Activations at the end of a fused operator, and the names of their parameters.
const ACTIVATIONS: &[(&str, &[&str])] = &[
    ("Clip", &["min", "max"]),
    ("Elu", &["alpha"]),
    ("HardSigmoid", &["alpha", "beta"]),
    ("LeakyRelu", &["alpha"]),
    ("Relu", &[]),
    ("Selu", &["alpha", "gamma"]),
    ("Sigmoid", &[]),
    ("Softplus", &[]),
    ("Softsign", &[]),
    ("Tanh", &[]),
    ("ThresholdedRelu", &["alpha"]),
];

/// Whether [`take_apart`] has anything to do.
pub(super) fn has_fused(proto: &ModelProto) -> bool {
    with_subgraphs(&proto.graph).into_iter().flat_map(|graph| &graph.node).any(|node| of(node).is_some())
}

/// Takes apart what is fused in the graph and its subgraphs. Nodes stay in topological order, tensors keep their names.
pub(super) fn take_apart(proto: &mut ModelProto) {
    if let Some(graph) = &mut proto.graph {
        let mut names = Names::of(graph);
        in_graph(graph, &mut names);
    }
}

fn in_graph(graph: &mut GraphProto, names: &mut Names) {
    let ranks = graph.initializer.iter().map(|tensor| (tensor.name.clone(), tensor.dims.len())).collect();
    for mut node in std::mem::take(&mut graph.node) {
        for inner in node.attribute.iter_mut().flat_map(|a| a.g.iter_mut().chain(&mut a.graphs)) {
            in_graph(inner, names);
        }
        let mut made = Made { fused: node_name(&node).to_owned(), nodes: Vec::new(), names, ranks: &ranks };
        let Some(take_apart) = of(&node) else {
            graph.node.push(node);
            continue;
        };
        match take_apart(&node, &mut made) {
            Some(()) => graph.node.extend(made.nodes),
            None => {
                // tract goes by the name alone, and would take one of ONNX's own for it.
                node.op_type = format!("{DOMAIN}.{}", node.op_type);
                graph.node.push(node);
            }
        }
    }
}

fn of(node: &NodeProto) -> Option<TakeApart> {
    FUSED.iter().find(|(name, _)| node.domain == DOMAIN && node.op_type == *name).map(|(_, take_apart)| *take_apart)
}

/// The activation of a fused operator that is not computed.
pub(super) fn unknown_activation(node: &NodeProto) -> Option<String> {
    let name = text(node, "activation")?;
    ACTIVATIONS.iter().all(|(known, _)| *known != name).then_some(name)
}

/// What an activation is told beside its input.
enum Parameters {
    Ordered(Vec<f32>),
    Named(Vec<(&'static str, f32)>),
}

/// The nodes in the place of one.
struct Made<'a> {
    fused: String,
    nodes: Vec<NodeProto>,
    names: &'a mut Names,
    /// The dimensions of each constant of the graph.
    ranks: &'a HashMap<String, usize>,
}

impl Made<'_> {
    /// A tensor that only these nodes know.
    fn tensor(&mut self, what: &str) -> String {
        self.names.fresh(format!("{}.{what}", self.fused))
    }

    /// Adds a node of one output, the tensor `output`. The first is called as the fused one was.
    fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) {
        let name = if self.nodes.is_empty() { self.fused.clone() } else { self.tensor(&format!("node.{operator}")) };
        self.nodes.push(NodeProto {
            name,
            op_type: operator.to_owned(),
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![output.to_owned()],
            attribute,
            ..NodeProto::default()
        });
    }

    /// As [`Self::node`], of a tensor that only these nodes know, which it returns.
    fn inner(&mut self, operator: &str, inputs: &[&str], attribute: Vec<AttributeProto>) -> String {
        let output = self.tensor(operator);
        self.node(operator, inputs, &output, attribute);
        output
    }

    /// The end of a fused operator: its activation of `input`, if it has one, as its output.
    ///
    /// `parameters` are the activation's, each under its name where the fused one has it so, else in their order.
    fn activation(&mut self, fused: &NodeProto, input: &str, parameters: Parameters) -> Option<()> {
        let output = fused.output.first()?;
        let Some(name) = text(fused, "activation").filter(|name| !name.is_empty()) else {
            self.node("Identity", &[input], output, vec![]);
            return Some(());
        };
        let (_, names) = ACTIVATIONS.iter().find(|(known, _)| *known == name)?;
        if name == "Clip" {
            let Parameters::Ordered(parameters) = parameters else { return None };
            let [low, high] = parameters[..] else { return None };
            let low = self.inner("Constant", &[], vec![float("value_float", low)]);
            let high = self.inner("Constant", &[], vec![float("value_float", high)]);
            self.node("Clip", &[input, &low, &high], output, vec![]);
            return Some(());
        }
        let attribute = match parameters {
            Parameters::Ordered(values) => names.iter().zip(values).map(|(name, value)| float(name, value)).collect(),
            Parameters::Named(values) => {
                // One that the activation does not have says that it is another than it is taken for.
                values.iter().all(|(own, _)| names.contains(own)).then_some(())?;
                values.into_iter().map(|(own, value)| float(own, value)).collect()
            }
        };
        self.node(&name, &[input], output, attribute);
        Some(())
    }
}

/// `Conv`, the tensor at input 3 added, an activation.
fn convolution(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    let attributes = without(fused, &["activation", "activation_params"]);
    let operands: Vec<&str> = fused.input.iter().take(3).map(String::as_str).collect();
    let mut sum = made.inner("Conv", &operands, attributes);
    if let Some(other) = input(fused, 3) {
        sum = made.inner("Add", &[&sum, other], vec![]);
    }
    made.activation(fused, &sum, Parameters::Ordered(floats(fused, "activation_params")))
}

/// `Gemm` and an activation.
fn gemm(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    let parameters = ["activation_alpha", "activation_beta", "activation_gamma"];
    let given = parameters.iter().filter_map(|name| {
        let value = attribute(fused, name)?.f;
        Some((name.trim_start_matches("activation_"), value))
    });
    let given = Parameters::Named(given.collect());
    let attributes = without(fused, &["activation", "activation_alpha", "activation_beta", "activation_gamma"]);
    let operands: Vec<&str> = fused.input.iter().map(String::as_str).collect();
    let product = made.inner("Gemm", &operands, attributes);
    made.activation(fused, &product, given)
}

/// The input at `slot` if the node has one there.
fn input(node: &NodeProto, slot: usize) -> Option<&str> {
    node.input.get(slot).map(String::as_str).filter(|name| !name.is_empty())
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn without(node: &NodeProto, names: &[&str]) -> Vec<AttributeProto> {
    node.attribute.iter().filter(|attribute| !names.contains(&attribute.name.as_str())).cloned().collect()
}

fn text(node: &NodeProto, name: &str) -> Option<String> {
    attribute(node, name).map(|attribute| String::from_utf8_lossy(&attribute.s).into_owned())
}

fn floats(node: &NodeProto, name: &str) -> Vec<f32> {
    attribute(node, name).map_or_else(Vec::new, |attribute| attribute.floats.clone())
}

fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Float as i32, f, ..AttributeProto::default() }
}

fn integer(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Int as i32, i, ..AttributeProto::default() }
}

fn whole(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Ints as i32, ints, ..AttributeProto::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_of_an_activation_keeps_its_name() {
        let gemm = NodeProto {
            op_type: "FusedGemm".into(),
            domain: DOMAIN.into(),
            input: vec!["a".into(), "b".into()],
            output: vec!["c".into()],
            attribute: vec![
                AttributeProto { name: "activation".into(), s: b"HardSigmoid".to_vec(), ..AttributeProto::default() },
                float("activation_beta", 0.3),
            ],
            ..NodeProto::default()
        };
        let graph = GraphProto { node: vec![gemm], ..GraphProto::default() };
        let mut proto = ModelProto { graph: Some(graph), ..ModelProto::default() };
        take_apart(&mut proto);
        let made = proto.graph.unwrap().node;
        let last = made.last().unwrap();
        let given: Vec<(&str, f32)> = last.attribute.iter().map(|own| (own.name.as_str(), own.f)).collect();
        assert_eq!((last.op_type.as_str(), given), ("HardSigmoid", vec![("beta", 0.3)]));
    }
}
