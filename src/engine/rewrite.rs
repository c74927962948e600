//! Edits of a parsed file: what quantisation needs of the format, without its types.
//!
//! Every edit gives a new [`OnnxModel`] that has passed the same checks as a file that was read.

mod channel;
mod halved;
mod plain;
mod proto;
mod quantized;
mod save;
mod streams;
#[cfg(test)]
mod tests;
mod without;

use std::collections::{BTreeMap, BTreeSet};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, TypeProto, ValueInfoProto, type_proto};

use super::failure::node_name;
use super::onnx::OnnxModel;
use crate::error::ModelError;

pub(crate) use streams::Stream;

/// A convolution whose weights lie in the file as 32-bit floats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Convolution {
    /// The node's name, or its output's where the export left it nameless.
    pub name: String,
    /// The tensor it reads.
    pub input: String,
    pub weights: String,
    /// Output channels, input channels of a group, kernel height, kernel width.
    pub shape: Vec<usize>,
    pub bias: Option<String>,
    /// The tensor it makes, before any activation.
    pub output: String,
}

/// The 8-bit unsigned grid of one tensor: `value = (code - zero_point) * scale`, codes 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ActivationGrid {
    /// Finite and greater than zero.
    pub scale: f32,
    pub zero_point: u8,
}

/// What [`OnnxModel::quantized`] is to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct QuantizationPlan {
    /// Tensors that are rounded to a grid, by name. Everything in the graph that reads one reads the rounded one.
    pub grids: BTreeMap<String, ActivationGrid>,
    /// Names of convolutions whose weights stay float though their input has a grid.
    pub float: BTreeSet<String>,
    /// What is added to the bias of a convolution, by the convolution's name: one value for each output channel.
    pub bias_corrections: BTreeMap<String, Vec<f32>>,
}

impl OnnxModel {
    /// The convolutions whose weights (and bias, if there is one) are constants of the file in 32-bit floats, in the
    /// order of the graph.
    pub(crate) fn convolutions(&self) -> Vec<Convolution> {
        let Some(graph) = &self.proto.graph else { return Vec::new() };
        graph.node.iter().filter_map(|node| convolution(graph, node)).collect()
    }

    /// The same model with more outputs: the `f32` tensors of these names, after its own and in this order. Names that
    /// are outputs already are left out.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`] if no node makes one of them.
    pub(crate) fn observing(&self, tensors: &[String]) -> Result<OnnxModel, ModelError> {
        let mut proto = self.proto.clone();
        if let Some(graph) = &mut proto.graph {
            for name in tensors {
                if graph.output.iter().all(|o| o.name != *name) {
                    graph.output.push(float_of_any_shape(name));
                }
            }
        }
        self.rewritten(proto)
    }

    pub(crate) fn refused(&self, reason: impl Into<String>) -> ModelError {
        ModelError::Rewrite { path: self.path().into(), reason: reason.into() }
    }
}

fn convolution(graph: &GraphProto, node: &tract_onnx::pb::NodeProto) -> Option<Convolution> {
    if node.op_type != "Conv" || !proto::is_standard(&node.domain) {
        return None;
    }
    let constant = |name: &String| graph.initializer.iter().find(|i| i.name == *name && proto::is_f32(i));
    let [input, weights, rest @ ..] = node.input.as_slice() else { return None };
    let shape = constant(weights)?.dims.iter().map(|d| usize::try_from(*d).ok()).collect::<Option<Vec<_>>>()?;
    let bias = rest.first().filter(|name| !name.is_empty());
    if shape.len() != 4 || bias.is_some_and(|name| constant(name).is_none()) {
        return None;
    }
    Some(Convolution {
        name: node_name(node).to_owned(),
        input: input.clone(),
        weights: weights.clone(),
        shape,
        bias: bias.cloned(),
        output: node.output.first()?.clone(),
    })
}

fn float_of_any_shape(name: &str) -> ValueInfoProto {
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: None };
    let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.to_owned(), r#type: Some(r#type), ..ValueInfoProto::default() }
}
