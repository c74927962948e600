//! Which operators are run.

use std::collections::HashMap;
use std::path::Path;

use tract_onnx::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use crate::engine::failure::{WITHOUT_IT, node_name};
use crate::error::ModelError;

/// Operators that the engine knows and that are not run: their results are random, or of a size that only running them tells,
/// or they are of sound, text and tables.
const UNSUITED: [&str; 19] = [
    "BlackmanWindow",
    "CategoryMapper",
    "DFT",
    "HammingWindow",
    "HannWindow",
    "LinearClassifier",
    "LinearRegressor",
    "MelWeightMatrix",
    "Multinomial",
    "NonMaxSuppression",
    "Normalizer",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "STFT",
    "Scan",
    "TreeEnsembleClassifier",
    "ArrayFeatureExtractor",
];

/// Takes from `onnx` what is not run.
pub(in crate::engine) fn remove_unsuited(onnx: &mut Onnx) {
    for operator in UNSUITED {
        onnx.op_register.0.remove(operator);
    }
}

/// Refuses a file that has passed [`check_file`](super::check_file) if it names an operator that `onnx` does not know.
pub(in crate::engine) fn check_operators(path: &Path, proto: &ModelProto, onnx: &Onnx) -> Result<(), ModelError> {
    let mut open: Vec<&GraphProto> = proto.graph.iter().collect();
    while let Some(graph) = open.pop() {
        if let Some(node) = graph.node.iter().find(|n| !onnx.op_register.0.contains_key(&n.op_type)) {
            let (reason, remedy) = unknown(proto, node);
            return Err(ModelError::UnsupportedOperator {
                path: path.into(),
                node: node_name(node).into(),
                operator: node.op_type.clone(),
                reason,
                remedy,
            });
        }
        open.extend(graph.node.iter().flat_map(|n| &n.attribute).flat_map(|a| a.g.iter().chain(&a.graphs)));
    }
    Ok(())
}

/// Refuses quantised tensors of other than 8 bits (32 for biases), which the engine takes for 8.
pub(in crate::engine) fn check_grids(path: &Path, proto: &ModelProto) -> Result<(), ModelError> {
    let Some(graph) = &proto.graph else { return Ok(()) };
    let types: HashMap<&str, i32> = graph.initializer.iter().map(|t| (t.name.as_str(), t.data_type)).collect();
    for node in &graph.node {
        if !matches!(node.op_type.as_str(), "QuantizeLinear" | "DequantizeLinear" | "QLinearConv" | "QLinearMatMul") {
            continue;
        }
        let constants = node.input.iter().filter_map(|name| types.get(name.as_str()).copied());
        let told = node.attribute.iter().filter(|a| a.name == "output_dtype").map(|a| a.i as i32);
        let bits = constants.chain(told).find_map(|kind| match DataType::try_from(kind) {
            Ok(DataType::Int16 | DataType::Uint16) => Some(16),
            Ok(DataType::Int4 | DataType::Uint4) => Some(4),
            _ => None,
        });
        if let Some(bits) = bits {
            return Err(ModelError::UnsupportedOperator {
                path: path.into(),
                node: node_name(node).into(),
                operator: node.op_type.clone(),
                reason: format!("it quantises to {bits} bits"),
                remedy: "Quantise activations and weights to 8 bits, or give the float model to `foveate quantize`",
            });
        }
    }
    Ok(())
}

/// Why an operator is unknown, and what to do about it.
fn unknown(proto: &ModelProto, node: &NodeProto) -> (String, &'static str) {
    let domain = if node.domain.is_empty() { "ai.onnx" } else { &node.domain };
    let opset = proto.opset_import.iter().find(|import| import.domain == node.domain).map(|import| import.version);
    let named = format!("no operator of this name is known (domain {domain}");
    match (domain, opset) {
        _ if UNSUITED.contains(&node.op_type.as_str()) => {
            (format!("it is not run here (domain {domain})"), "Export the model without what comes after the masks")
        }
        // The newest operators stand for what older opsets write with several.
        ("ai.onnx", Some(opset)) if opset > 22 => {
            (format!("{named}, opset {opset})"), "Export the model with opset 22 or below")
        }
        ("ai.onnx", Some(opset)) => (format!("{named}, opset {opset})"), WITHOUT_IT),
        ("com.microsoft", _) => (
            format!("{named})"),
            "Use the file as it was before ONNX Runtime optimised or quantised it, or as QDQ with 8 bits",
        ),
        _ => (format!("{named})"), WITHOUT_IT),
    }
}
