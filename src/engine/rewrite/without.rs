//! A graph without some of its inputs.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, NodeProto, attribute_proto::AttributeType};

use super::proto::constant;
use crate::engine::OnnxModel;
use crate::engine::failure::node_name;
use crate::engine::names::captured;
use crate::error::ModelError;

/// What a tensor is made from.
#[derive(Clone, PartialEq)]
enum Origin {
    /// Constants alone.
    Constant,
    /// An input that stays.
    Kept,
    /// Inputs that are left out; with its shape where that follows from theirs.
    LeftOut(Option<Vec<i64>>),
}

/// Operators of one tensor and constants that leave its shape as it is, as long as the constants are no larger.
const SAME_SHAPE: [&str; 6] = ["Add", "Cast", "Div", "Identity", "Mul", "Sub"];

impl OnnxModel {
    /// The graph as it is called without the inputs of these names, which are lists that may be empty: a concatenation of
    /// what is made of them with anything else is that else alone. Shapes that are asked of them are those given.
    ///
    /// # Errors
    /// [`ModelError::Rewrite`] if the graph mixes them with other inputs in any other way; as for a file that is read.
    pub(crate) fn without_inputs(&self, inputs: &[(&str, &[i64])]) -> Result<OnnxModel, ModelError> {
        let mut proto = self.proto.clone();
        let Some(graph) = proto.graph.as_mut() else { return self.rewritten(proto) };
        let mut origins: HashMap<String, Origin> =
            graph.initializer.iter().map(|tensor| (tensor.name.clone(), Origin::Constant)).collect();
        for input in &graph.input {
            let origin = match inputs.iter().find(|(name, _)| *name == input.name) {
                Some((_, shape)) => Origin::LeftOut(Some(shape.to_vec())),
                None if origins.contains_key(&input.name) => continue,
                None => Origin::Kept,
            };
            origins.insert(input.name.clone(), origin);
        }
        let mut kept = Vec::with_capacity(graph.node.len());
        for node in std::mem::take(&mut graph.node) {
            let (origin, node) = self.without(node, &origins)?;
            let outputs = node.as_ref().map_or(&[][..], |node| &node.output[..]);
            origins.extend(outputs.iter().map(|output| (output.clone(), origin.clone())));
            if !matches!(origin, Origin::LeftOut(_)) {
                kept.extend(node);
            }
        }
        let left_out = |name: &String| matches!(origins.get(name), Some(Origin::LeftOut(_)));
        graph.node = kept;
        if let Some(name) = captured(graph).iter().find(|name| left_out(name)) {
            return Err(self.refused(format!("a branch of the graph reads `{name}`, which is made of inputs left out")));
        }
        graph.input.retain(|input| !left_out(&input.name));
        graph.output.retain(|output| !left_out(&output.name));
        let read: HashSet<&String> = graph.node.iter().flat_map(|node| &node.input).collect();
        debug_assert!(read.iter().all(|name| !left_out(name)));
        self.rewritten(proto)
    }

    /// What a node makes its outputs from, and what becomes of the node. Nodes come in the order of execution.
    fn without(
        &self,
        mut node: NodeProto,
        origins: &HashMap<String, Origin>,
    ) -> Result<(Origin, Option<NodeProto>), ModelError> {
        let origin = |name: &String| origins.get(name).unwrap_or(&Origin::Kept);
        let given = || node.input.iter().filter(|name| !name.is_empty());
        let keeps = given().any(|name| *origin(name) == Origin::Kept);
        let gone: Vec<&Origin> = given().map(origin).filter(|o| matches!(o, Origin::LeftOut(_))).collect();
        let [Origin::LeftOut(shape), ..] = gone[..] else {
            return Ok((if keeps { Origin::Kept } else { Origin::Constant }, Some(node)));
        };
        if let ("Shape", Some(shape)) = (node.op_type.as_str(), shape) {
            return Ok((Origin::Constant, Some(shape_of(&node, shape))));
        }
        if !keeps {
            let shape = shape.clone().filter(|_| SAME_SHAPE.contains(&node.op_type.as_str()) && gone.len() == 1);
            return Ok((Origin::LeftOut(shape), Some(node)));
        }
        if node.op_type != "Concat" {
            let (node, operator) = (node_name(&node), &node.op_type);
            return Err(
                self.refused(format!("node `{node}` ({operator}) reads inputs that are left out beside others"))
            );
        }
        node.input.retain(|name| !matches!(origin(name), Origin::LeftOut(_)));
        Ok((Origin::Kept, Some(node)))
    }
}

/// A constant in the place of a `Shape` node.
fn shape_of(node: &NodeProto, shape: &[i64]) -> NodeProto {
    let rank = shape.len() as i64;
    let bound = |name: &str, absent: i64| {
        let given = node.attribute.iter().find(|a| a.name == name).map_or(absent, |a| a.i);
        (if given < 0 { given + rank } else { given }).clamp(0, rank) as usize
    };
    let (start, end) = (bound("start", 0), bound("end", rank));
    let dims = shape.get(start..end).unwrap_or_default();
    let bytes = dims.iter().flat_map(|dim| dim.to_le_bytes()).collect();
    let value = AttributeProto {
        name: "value".into(),
        r#type: AttributeType::Tensor as i32,
        t: Some(constant("", DataType::Int64, &[dims.len() as i64], bytes)),
        ..AttributeProto::default()
    };
    NodeProto {
        name: node.name.clone(),
        op_type: "Constant".into(),
        output: node.output.clone(),
        attribute: vec![value],
        ..NodeProto::default()
    }
}
