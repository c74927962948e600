//! What a model file may not do: name unknown operators, point outside itself, or ask for absurd amounts of memory.
//!
//! Nothing here allocates by what the file claims; every claim is compared with the bytes that are there or with a
//! limit first.

use std::collections::HashSet;
use std::path::Path;

use tract_onnx::Onnx;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, tensor_shape_proto, type_proto};
use tract_onnx::prelude::{InferenceModel, TypedModel};
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact};
use tract_onnx::tract_hir::internal::{OutletId, TVec};

use super::failure::{node_name, reason, unreadable};
use super::limits::Limits;
use crate::error::ModelError;

/// Deepest nesting of subgraphs (`If`, `Loop`, `Scan` bodies).
const MAX_NESTING: usize = 16;

/// Checks everything a parsed file claims, but not its operators.
pub(super) fn check_file(path: &Path, proto: &ModelProto, limits: &Limits) -> Result<(), ModelError> {
    let graph = proto.graph.as_ref().ok_or_else(|| unreadable(path, "it holds no graph"))?;
    if !proto.functions.is_empty() {
        return Err(unreadable(path, "it defines functions of its own, which must be inlined at export"));
    }
    let mut check = FileCheck { path, limits, nodes: 0 };
    check.graph(graph, 0)?;
    check.outputs_exist(graph)
}

/// Refuses a file that has passed [`check_file`] if it names an operator that `onnx` does not know.
pub(super) fn check_operators(path: &Path, proto: &ModelProto, onnx: &Onnx) -> Result<(), ModelError> {
    let mut open: Vec<&GraphProto> = proto.graph.iter().collect();
    while let Some(graph) = open.pop() {
        if let Some(node) = graph.node.iter().find(|n| !onnx.op_register.0.contains_key(&n.op_type)) {
            let domain = if node.domain.is_empty() { "ai.onnx" } else { &node.domain };
            return Err(ModelError::UnsupportedOperator {
                path: path.into(),
                node: node_name(node).into(),
                operator: node.op_type.clone(),
                reason: format!("no operator of this name is known (domain {domain})"),
            });
        }
        open.extend(graph.node.iter().flat_map(|n| &n.attribute).flat_map(|a| a.g.iter().chain(&a.graphs)));
    }
    Ok(())
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
        if tensor.data_location == Some(DataLocation::External as i32) || !tensor.external_data.is_empty() {
            return Err(unreadable(
                path,
                format!("the weights of `{name}` lie in another file; save the model as one file"),
            ));
        }
        let Some(width) = element_bytes(tensor.data_type) else {
            return Err(unreadable(path, format!("constant `{name}` has elements of type {}", tensor.data_type)));
        };
        if tensor.dims.iter().any(|d| *d < 0) {
            return Err(unreadable(path, format!("constant `{name}` has a negative dimension")));
        }
        self.size(name, tensor.dims.iter().map(|d| *d as u128), Some(width))?;
        // In range now, because `size` bounds the product.
        let count: usize = tensor.dims.iter().map(|d| *d as usize).product();
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

fn held_text(held: usize) -> String {
    if held == usize::MAX { "a part of one".into() } else { held.to_string() }
}

/// Infers shapes node by node in the order of execution, refusing a tensor that is too large before any constant
/// folding could allocate it. Leaves what it learnt in `model`.
pub(super) fn infer_shapes(path: &Path, model: &mut InferenceModel, limits: &Limits) -> Result<(), ModelError> {
    let order = model.eval_order().map_err(|e| unreadable(path, reason(&e)))?;
    for id in order {
        for (slot, fact) in infer_node(path, model, id, limits)?.into_iter().enumerate() {
            model.set_outlet_fact(OutletId::new(id, slot), fact).map_err(|e| unreadable(path, reason(&e)))?;
        }
    }
    Ok(())
}

/// What is known of the outputs of one node, given what is known of its inputs.
fn infer_node(
    path: &Path,
    model: &InferenceModel,
    id: usize,
    limits: &Limits,
) -> Result<TVec<InferenceFact>, ModelError> {
    let node = model.node(id);
    let failed = |e: tract_onnx::prelude::TractError| {
        unreadable(path, format!("node `{}` ({}): {}", node.name, node.op.name(), reason(&e)))
    };
    let (inputs, outputs) = model.node_facts(id).map_err(failed)?;
    let observed_outlets = node.op.observe_outlets(model, node).map_err(failed)?;
    let observed: TVec<InferenceFact> =
        observed_outlets.iter().filter_map(|o| model.outlet_fact(*o).ok().cloned()).collect();
    let mut op = node.op.clone();
    let inferred = op.infer_facts(inputs.clone(), outputs.clone(), observed.iter().collect()).map_err(failed)?.1;
    for (slot, fact) in inferred.iter().enumerate() {
        let label = model.outlet_label(OutletId::new(id, slot)).unwrap_or(&node.name);
        check_fact(path, label, fact, limits)?;
    }
    // Folds constants too, now that its results are known to be of a bearable size.
    let facts = op.infer(inputs, outputs.clone(), observed.iter().collect()).map_err(failed)?.1;
    outputs.iter().zip(&facts).map(|(old, new)| old.unify(new)).collect::<Result<_, _>>().map_err(failed)
}

/// Refuses a graph with a tensor that is too large or whose size depends on the data.
pub(super) fn check_shapes(path: &Path, model: &TypedModel, limits: &Limits) -> Result<(), ModelError> {
    for node in model.nodes() {
        for output in &node.outputs {
            let Some(shape) = output.fact.shape.as_concrete() else {
                return Err(ModelError::UnsupportedOperator {
                    path: path.into(),
                    node: node.name.clone(),
                    operator: node.op.name().into_owned(),
                    reason: format!("the size {:?} of what it makes is not known before it runs", output.fact.shape),
                });
            };
            let width = output.fact.datum_type.size_of();
            check_size(path, &node.name, shape.iter().map(|d| *d as u128), width, limits)?;
        }
    }
    Ok(())
}

fn check_fact(path: &Path, name: &str, fact: &InferenceFact, limits: &Limits) -> Result<(), ModelError> {
    let dims = fact.shape.dims().map(|d| d.concretize().and_then(|d| d.to_i64().ok()));
    // Unknown dimensions count as one: what is known already may be too much.
    let dims = dims.map(|d| d.map_or(1, |d| d.max(0) as u128));
    let width = fact.datum_type.concretize().map_or(1, |dt| dt.size_of());
    check_size(path, name, dims, width, limits)
}

fn check_size(
    path: &Path,
    name: &str,
    dims: impl Iterator<Item = u128>,
    element_bytes: usize,
    limits: &Limits,
) -> Result<(), ModelError> {
    let mut empty = false;
    let mut bytes = element_bytes as u128;
    for d in dims {
        empty |= d == 0;
        bytes = bytes.saturating_mul(d.max(1));
    }
    // A tensor without elements takes no memory, but a dimension that alone is over the limit is never honest.
    if bytes > limits.max_tensor_bytes as u128 && !(empty && bytes <= u64::MAX as u128) {
        return Err(ModelError::HostileShape {
            path: path.into(),
            tensor: name.into(),
            bytes,
            limit: limits.max_tensor_bytes,
        });
    }
    Ok(())
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
        DataType::Uint16 | DataType::Int16 | DataType::Float16 => 2,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Double | DataType::Int64 | DataType::Uint64 => 8,
        DataType::String => 16,
        _ => return None,
    })
}
