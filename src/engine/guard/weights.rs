//! Constants whose values cannot be meant.

use std::collections::HashSet;
use std::path::Path;

use half::f16;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, TensorProto};

use crate::engine::failure::node_name;
use crate::error::ModelError;

/// Refuses a graph with a constant that holds NaN, or whose weights hold infinities. Kernels may turn either into ordinary
/// numbers, and the masks are wrong without a sign of it. Infinities elsewhere are bounds and masks of attention.
pub(super) fn check_weights(path: &Path, graph: &GraphProto) -> Result<(), ModelError> {
    let weighs =
        |operator: &str| matches!(operator, "Conv" | "ConvTranspose" | "Gemm" | "MatMul" | "BatchNormalization");
    let weights: HashSet<&str> = graph
        .node
        .iter()
        .filter(|node| weighs(&node.op_type))
        .flat_map(|node| &node.input)
        .map(String::as_str)
        .collect();
    let refuse = |tensor: &str| Err(ModelError::BrokenWeights { path: path.into(), tensor: tensor.into() });
    for tensor in &graph.initializer {
        if is_broken(tensor, weights.contains(tensor.name.as_str())) {
            return refuse(&tensor.name);
        }
    }
    for node in &graph.node {
        let is_weight = node.output.iter().any(|output| weights.contains(output.as_str()));
        for tensor in node.attribute.iter().flat_map(|a| a.t.iter().chain(&a.tensors)) {
            if is_broken(tensor, is_weight) {
                return refuse(node_name(node));
            }
        }
    }
    Ok(())
}

/// Whether it holds NaN or, as a weight, an infinity.
fn is_broken(tensor: &TensorProto, is_weight: bool) -> bool {
    let broken = |value: f32| value.is_nan() || is_weight && value.is_infinite();
    let raw: &[u8] = &tensor.raw_data;
    match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => {
            let values = raw.chunks_exact(4).filter_map(|b| Some(f32::from_le_bytes(b.try_into().ok()?)));
            values.chain(tensor.float_data.iter().copied()).any(broken)
        }
        Ok(DataType::Float16) => {
            let values = raw.chunks_exact(2).filter_map(|b| Some(u16::from_le_bytes(b.try_into().ok()?)));
            let stored = tensor.int32_data.iter().map(|bits| *bits as u16);
            values.chain(stored).any(|bits| broken(f16::from_bits(bits).to_f32()))
        }
        Ok(DataType::Double) => {
            let values = raw.chunks_exact(8).filter_map(|b| Some(f64::from_le_bytes(b.try_into().ok()?)));
            let broken = |value: f64| value.is_nan() || is_weight && value.is_infinite();
            values.chain(tensor.double_data.iter().copied()).any(broken)
        }
        _ => false,
    }
}
