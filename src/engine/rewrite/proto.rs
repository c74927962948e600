//! Reading and making the format's own nodes and constants.

use std::collections::HashSet;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// Whether a node's or operator set's domain is ONNX's own.
pub(super) fn is_standard(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// The version of ONNX's own operators that the file is written for; 1 if it does not tell.
pub(super) fn operator_set(proto: &ModelProto) -> i64 {
    proto.opset_import.iter().filter(|o| is_standard(&o.domain)).map(|o| o.version).max().unwrap_or(1)
}

pub(super) fn is_f32(tensor: &TensorProto) -> bool {
    tensor.data_type == DataType::Float as i32
}

/// The elements of a constant of 32-bit floats; `None` if it is of another type.
pub(super) fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    if !is_f32(tensor) {
        return None;
    }
    if tensor.raw_data.is_empty() {
        return Some(tensor.float_data.clone());
    }
    Some(tensor.raw_data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// A constant of `dims` over little-endian `bytes`; no dimensions make a scalar.
pub(super) fn constant(name: &str, data_type: DataType, dims: &[i64], bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        data_type: data_type as i32,
        dims: dims.to_vec(),
        raw_data: bytes,
        ..TensorProto::default()
    }
}

/// A constant of 32-bit floats: a scalar, or a line.
pub(super) fn float_constant(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    constant(name, DataType::Float, dims, values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

/// A node with one output, which it is named after.
pub(super) fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, i64)]) -> NodeProto {
    NodeProto {
        name: format!("{output}_node"),
        op_type: operator.to_owned(),
        input: inputs.iter().map(|i| (*i).to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute: attributes.iter().map(|(name, value)| integer(name, *value)).collect(),
        ..NodeProto::default()
    }
}

/// An integer attribute.
pub(super) fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Int as i32, i: value, ..AttributeProto::default() }
}

/// The attribute `name` of a node, if it is an integer.
pub(super) fn integer_of(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute.iter().find(|a| a.name == name && a.r#type == AttributeType::Int as i32).map(|a| a.i)
}

/// Drops the constants called one of `names` that nothing reads any more, from the inputs as well: old exporters list
/// them there.
pub(super) fn drop_unread(graph: &mut GraphProto, names: &HashSet<String>) {
    let outputs = graph.output.iter().map(|o| &o.name);
    let read: HashSet<String> = graph.node.iter().flat_map(|n| &n.input).chain(outputs).cloned().collect();
    // A subgraph reads names of the outer graph without listing them.
    let nested = graph.node.iter().any(|n| n.attribute.iter().any(|a| a.g.is_some() || !a.graphs.is_empty()));
    let unread = |name: &String| !nested && names.contains(name) && !read.contains(name);
    graph.initializer.retain(|i| !unread(&i.name));
    graph.input.retain(|i| !unread(&i.name));
}
