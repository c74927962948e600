//! Which operators are run.

use std::path::Path;

use tract_onnx::Onnx;
use tract_onnx::pb::{ModelProto, NodeProto};

use crate::engine::failure::{WITHOUT_IT, refused_with};
use crate::engine::names::with_subgraphs;
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

/// What to do about an operator that ONNX Runtime has put in the place of others.
pub(in crate::engine) const UNFUSED: &str = "Save the session with graph_optimization_level ORT_ENABLE_BASIC, or use the file as it was \
                                             before ONNX Runtime optimised or quantised it (quantised as QDQ with 8 bits)";

/// Refuses a file that has passed [`check_file`](super::check_file) if it names an operator that `onnx` does not know.
pub(in crate::engine) fn check_operators(path: &Path, proto: &ModelProto, onnx: &Onnx) -> Result<(), ModelError> {
    let lacks = |node: &&NodeProto| !onnx.op_register.0.contains_key(&node.op_type);
    match with_subgraphs(&proto.graph).into_iter().flat_map(|graph| &graph.node).find(lacks) {
        Some(node) => Err(refused_with(path, node, unknown(proto, node))),
        None => Ok(()),
    }
}

/// Why an operator is unknown, and what to do about it.
pub(in crate::engine) fn unknown(proto: &ModelProto, node: &NodeProto) -> (String, &'static str) {
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
        ("com.microsoft", _) => (format!("{named})"), UNFUSED),
        ("com.microsoft.nchwc", _) => (
            format!("its weights lie in the order of one processor (domain {domain})"),
            "Save the session with graph_optimization_level ORT_ENABLE_EXTENDED instead of ORT_ENABLE_ALL, or use the file as it was \
             before ONNX Runtime optimised it",
        ),
        _ => (format!("{named})"), WITHOUT_IT),
    }
}
