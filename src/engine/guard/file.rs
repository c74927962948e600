//! What a file claims of itself, before any of it is believed.

use std::collections::HashSet;
use std::path::Path;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, tensor_shape_proto, type_proto};

use super::attributes::check_attributes;
use super::check_size;
use super::weights::check_weights;
use crate::engine::external::is_external;
use crate::engine::failure::{node_name, unreadable};
use crate::engine::limits::Limits;
use crate::error::ModelError;

/// Deepest nesting of subgraphs (`If`, `Loop`, `Scan` bodies).
const MAX_NESTING: usize = 16;

/// Checks everything a parsed file claims, but not its operators.
pub(in crate::engine) fn check_file(path: &Path, proto: &ModelProto, limits: &Limits) -> Result<(), ModelError> {
    let graph = proto.graph.as_ref().ok_or_else(|| unreadable(path, "it holds no graph"))?;
    if !proto.functions.is_empty() {
        return Err(unreadable(path, "it defines functions of its own, which must be inlined at export"));
    }
    let mut check = FileCheck { path, limits, nodes: 0 };
    check.graph(graph, 0)?;
    check.outputs_exist(graph)
}

struct FileCheck<'a> {
    path: &'a Path,
    limits: &'a Limits,
    nodes: usize,
}

impl FileCheck<'_> {
    fn graph(&mut self, graph: &GraphProto, depth: usize) -> Result<(), ModelError> {
        if depth > MAX_NESTING {
            return Err(unreadable(self.path, "its subgraphs are nested too deeply"));
        }
        self.nodes += graph.node.len();
        if self.nodes > self.limits.max_nodes {
            return Err(ModelError::TooManyNodes {
                path: self.path.into(),
                nodes: self.nodes,
                limit: self.limits.max_nodes,
            });
        }
        if !graph.sparse_initializer.is_empty() {
            return Err(unreadable(self.path, "it holds sparse weights, which must be made dense at export"));
        }
        for tensor in &graph.initializer {
            self.tensor(tensor, &tensor.name)?;
        }
        check_weights(self.path, graph)?;
        for value in graph.input.iter().chain(&graph.output) {
            if let Some(type_proto::Value::TensorType(t)) = value.r#type.as_ref().and_then(|t| t.value.as_ref()) {
                let dims: Vec<Option<u128>> = t.shape.iter().flat_map(|s| &s.dim).map(declared_dim).collect();
                self.size(&value.name, dims.into_iter().map(|d| d.unwrap_or(1)), element_bytes(t.elem_type))?;
            }
        }
        for node in &graph.node {
            self.node(node, depth)?;
        }
        Ok(())
    }

    fn node(&mut self, node: &NodeProto, depth: usize) -> Result<(), ModelError> {
        check_attributes(self.path, node)?;
        for attribute in &node.attribute {
            for tensor in attribute.t.iter().chain(&attribute.tensors) {
                self.tensor(tensor, node_name(node))?;
            }
            if attribute.sparse_tensor.is_some() || !attribute.sparse_tensors.is_empty() {
                return Err(unreadable(self.path, "it holds sparse weights, which must be made dense at export"));
            }
            for graph in attribute.g.iter().chain(&attribute.graphs) {
                self.graph(graph, depth + 1)?;
            }
        }
        Ok(())
    }

    /// A constant: inside the file, of a size that its bytes bear out.
    fn tensor(&self, tensor: &TensorProto, name: &str) -> Result<(), ModelError> {
        let path = self.path;
        if is_external(tensor) {
            return Err(unreadable(
                path,
                format!("the weights of `{name}` lie in another file, which is not here; save the model as one file"),
            ));
        }
        let (count, width) = claimed(path, tensor, name, self.limits)?;
        let held = if !tensor.raw_data.is_empty() {
            let bytes = tensor.raw_data.len();
            if bytes.is_multiple_of(width) { bytes / width } else { usize::MAX }
        } else {
            tensor.float_data.len()
                + tensor.double_data.len()
                + tensor.int32_data.len()
                + tensor.int64_data.len()
                + tensor.uint64_data.len()
                + tensor.string_data.len()
        };
        if held != count {
            return Err(unreadable(
                path,
                format!("constant `{name}` claims {count} elements but the file holds {held}", held = held_text(held)),
            ));
        }
        Ok(())
    }

    fn size(
        &self,
        name: &str,
        dims: impl Iterator<Item = u128>,
        element_bytes: Option<usize>,
    ) -> Result<(), ModelError> {
        check_size(self.path, name, dims, element_bytes.unwrap_or(1), self.limits)
    }

    /// Every output of the top graph is made by something.
    fn outputs_exist(&self, graph: &GraphProto) -> Result<(), ModelError> {
        let made: HashSet<&str> = (graph.node.iter().flat_map(|n| &n.output).map(String::as_str))
            .chain(graph.input.iter().map(|i| i.name.as_str()))
            .chain(graph.initializer.iter().map(|i| i.name.as_str()))
            .collect();
        match graph.output.iter().find(|o| !made.contains(o.name.as_str())) {
            Some(missing) => Err(unreadable(self.path, format!("no node makes its output `{}`", missing.name))),
            None => Ok(()),
        }
    }
}

/// How many bytes a constant claims to have; refuses what no constant may claim.
pub(in crate::engine) fn check_claim(
    path: &Path,
    tensor: &TensorProto,
    name: &str,
    limits: &Limits,
) -> Result<u64, ModelError> {
    let (count, width) = claimed(path, tensor, name, limits)?;
    Ok(count as u64 * width as u64)
}

/// How many elements a constant claims to have, and the bytes of each.
fn claimed(path: &Path, tensor: &TensorProto, name: &str, limits: &Limits) -> Result<(usize, usize), ModelError> {
    let Some(width) = element_bytes(tensor.data_type) else {
        let kind = DataType::try_from(tensor.data_type).map_or("unknown", |kind| kind.as_str_name());
        let reason =
            format!("constant `{name}` has elements of type {kind}, which is not computed with: use 8, 16 or 32 bits");
        return Err(unreadable(path, reason));
    };
    if tensor.dims.iter().any(|d| *d < 0) {
        return Err(unreadable(path, format!("constant `{name}` has a negative dimension")));
    }
    check_size(path, name, tensor.dims.iter().map(|d| *d as u128), width, limits)?;
    // In range now, because `check_size` bounds the product.
    Ok((tensor.dims.iter().map(|d| *d as usize).product(), width))
}

fn held_text(held: usize) -> String {
    if held == usize::MAX { "a part of one".into() } else { held.to_string() }
}

fn declared_dim(dim: &tensor_shape_proto::Dimension) -> Option<u128> {
    match dim.value {
        Some(tensor_shape_proto::dimension::Value::DimValue(v)) if v >= 0 => Some(v as u128),
        _ => None,
    }
}

/// Bytes of one element of an ONNX type; `None` for types that no tensor here can have.
fn element_bytes(data_type: i32) -> Option<usize> {
    Some(match DataType::try_from(data_type).ok()? {
        DataType::Bool | DataType::Uint8 | DataType::Int8 => 1,
        DataType::Uint16 | DataType::Int16 | DataType::Float16 | DataType::Bfloat16 => 2,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Double | DataType::Int64 | DataType::Uint64 => 8,
        DataType::String => 16,
        _ => return None,
    })
}
