//! The gate: a node passes if the audit found its operator right with its attributes. What tract would compute wrong, or
//! takes for an operator of another domain that has the same name, is refused here by name.

use std::path::Path;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use super::accepted::ACCEPTED;
use crate::engine::failure::{WITHOUT_IT, refused_with, unreadable};
use crate::engine::guard::{UNFUSED, unknown};
use crate::engine::names::with_subgraphs;
use crate::engine::unfused::unknown_activation;
use crate::error::ModelError;

/// Versions of ONNX's own operators that the audit covers. Version 6 and before broadcast by other rules.
const OPERATOR_SETS: std::ops::RangeInclusive<i64> = 7..=25;

const FOR_INFERENCE: &str = "Export the model for inference, as after `model.eval()`";

const TO_8_BITS: &str = "Quantise activations and weights to 8 bits, or give the float model to `foveate quantize`";

const NEWER: &str = "Export the model with opset_version=17";

/// Refuses a parsed file that is written for other operator sets, or names an operator or attribute that the audit has not
/// found right.
pub(in crate::engine) fn check(path: &Path, proto: &ModelProto) -> Result<(), ModelError> {
    let sets = proto.opset_import.iter().filter(|o| is_standard(&o.domain)).map(|o| o.version);
    let Some(set) = sets.max() else {
        return Err(unreadable(path, "it does not say which operator set it is written for"));
    };
    if !OPERATOR_SETS.contains(&set) {
        let (first, last) = (OPERATOR_SETS.start(), OPERATOR_SETS.end());
        return Err(unreadable(
            path,
            format!("it is written for operator set {set}, and {first} to {last} are known: use opset_version=17"),
        ));
    }
    for graph in with_subgraphs(&proto.graph) {
        let refused = graph.node.iter().find_map(|node| Some((node, refusal(proto, node, set, graph)?)));
        if let Some((node, why)) = refused {
            return Err(refused_with(path, node, why));
        }
    }
    Ok(())
}

fn is_standard(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// Why the node cannot run, and what to do about it.
fn refusal(proto: &ModelProto, node: &NodeProto, set: i64, graph: &GraphProto) -> Option<(String, &'static str)> {
    let standard = is_standard(&node.domain);
    let of = |name: &str| match name.strip_suffix(&node.op_type) {
        Some("") => standard,
        Some(before) => before.strip_suffix('.') == Some(node.domain.as_str()),
        None => false,
    };
    let Some((_, attributes)) = ACCEPTED.iter().find(|(name, _)| of(name)) else {
        let known = |name: &str| name.rsplit('.').next() == Some(node.op_type.as_str());
        let shared = !standard && ACCEPTED.iter().any(|(name, _)| known(name));
        let other = if shared { ", and one of another domain with this name is not the same" } else { "" };
        let (reason, remedy) = unknown(proto, node);
        return Some((format!("{reason}{other}"), remedy));
    };
    if let Some(unknown) = node.attribute.iter().find(|a| !attributes.contains(&a.name.as_str())) {
        let reason =
            format!("its attribute `{}` is not computed (docs/operators.md lists those that are)", unknown.name);
        return Some((reason, "Export the model without it"));
    }
    let node = Node { node, graph };
    let (reason, remedy) = match node.node.op_type.as_str() {
        "BatchNormalization" if node.whole("training_mode", 0) != 0 => ("training_mode is set", FOR_INFERENCE),
        "BatchNormalization" if node.whole("spatial", 1) == 0 => ("its attribute `spatial` is 0", WITHOUT_IT),
        "QuantizeLinear"
            if [DataType::Uint4 as i64, DataType::Int4 as i64].contains(&node.whole("output_dtype", 0)) =>
        {
            ("it quantises to 4 bits", TO_8_BITS)
        }
        "FusedConv" | "FusedGemm" if unknown_activation(node.node).is_some() => ("its activation is unknown", UNFUSED),
        "Dropout" if node.trains() => ("it drops at random", FOR_INFERENCE),
        "TopK" if set < 10 => ("its k is an attribute", NEWER),
        "RNN" | "GRU" | "LSTM" => node.recurrent()?,
        _ => return None,
    };
    Some((reason.to_owned(), remedy))
}

struct Node<'a> {
    node: &'a NodeProto,
    graph: &'a GraphProto,
}

impl Node<'_> {
    fn whole(&self, name: &str, default: i64) -> i64 {
        self.node.attribute.iter().find(|a| a.name == name).map_or(default, |a| a.i)
    }

    fn input(&self, slot: usize) -> Option<&str> {
        self.node.input.get(slot).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Whether a `Dropout` is told to drop, or might be while it runs.
    fn trains(&self) -> bool {
        let Some(mode) = self.input(2) else { return false };
        let zero = |raw: &[u8], ints: &[i32]| raw.iter().all(|b| *b == 0) && ints.iter().all(|i| *i == 0);
        let constant = self.graph.initializer.iter().find(|t| t.name == mode).or_else(|| {
            let maker = self.graph.node.iter().find(|n| n.op_type == "Constant" && n.output.iter().any(|o| o == mode));
            maker?.attribute.iter().find_map(|a| a.t.as_ref())
        });
        constant.is_none_or(|t| !zero(&t.raw_data, &t.int32_data))
    }

    fn recurrent(&self) -> Option<(&'static str, &'static str)> {
        let texts = |name: &str| {
            let found = self.node.attribute.iter().find(|a| a.name == name);
            found.map_or(Vec::new(), |a| a.strings.iter().map(|s| String::from_utf8_lossy(s).to_lowercase()).collect())
        };
        let defaults: &[&str] = match self.node.op_type.as_str() {
            "RNN" => &["tanh"],
            "GRU" => &["sigmoid", "tanh"],
            _ => &["sigmoid", "tanh", "tanh"],
        };
        let direction = self.node.attribute.iter().find(|a| a.name == "direction").map_or(&b"forward"[..], |a| &a.s);
        let activations = texts("activations");
        if activations.iter().zip(defaults.iter().cycle()).any(|(given, default)| given != default) {
            return Some(("its attribute `activations` has others than the operator's own", WITHOUT_IT));
        }
        if direction == b"reverse" {
            return Some(("its attribute `direction` is `reverse`", "Reverse the sequence before and after it"));
        }
        if self.input(4).is_some() {
            return Some(("it takes the lengths of sequences", WITHOUT_IT));
        }
        let lstm = self.node.op_type == "LSTM";
        if lstm && (self.input(5).is_none() || self.input(6).is_none()) {
            return Some(("it begins without a state", "Give zeros as `initial_h` and `initial_c`"));
        }
        if lstm && self.input(7).is_some() { Some(("it has peepholes", WITHOUT_IT)) } else { None }
    }
}
