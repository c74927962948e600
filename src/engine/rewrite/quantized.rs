//! Floats to 8-bit integers, in the form that every ONNX runtime knows: pairs of `QuantizeLinear` and `DequantizeLinear`
//! (QDQ), which a runtime either computes as written or fuses with the convolutions between them.

use std::collections::{BTreeMap, HashMap, HashSet};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::channel::Channel;
use super::proto::{self, constant, float_constant, node};
use super::{ActivationGrid, Convolution, QuantizationPlan};
use crate::engine::OnnxModel;
use crate::engine::names::Names;
use crate::error::ModelError;

/// The first version of ONNX's operators whose `DequantizeLinear` takes a scale for each channel.
const MIN_OPERATOR_SET: i64 = 13;

impl OnnxModel {
    /// The model in 8-bit integers.
    ///
    /// Every tensor that has a grid in `plan` is rounded to it, for everything that reads it; what the graph gives out
    /// stays as it is. Each convolution that reads one, unless it is to stay float, gets signed weights, symmetric, with
    /// a scale for each output channel (largest magnitude to 127), and a 32-bit bias whose scale is the product of the
    /// input's and the weights'. Where a bias would not fit, that channel's weights get a larger scale.
    ///
    /// # Errors
    /// [`ModelError::Rewrite`] if the file is written for operators before version 13, if a grid or a bias correction
    /// does not fit the graph, or if weights are not finite.
    pub(crate) fn quantized(&self, plan: &QuantizationPlan) -> Result<OnnxModel, ModelError> {
        let mut proto = self.proto.clone();
        let Some(graph) = &mut proto.graph else { return Err(self.refused("it holds no graph")) };
        let mut edit = Edit { names: Names::of(graph), constants: Vec::new() };
        let convolutions = self.parameters(graph, plan, &mut edit)?;
        let mut replaced = HashSet::new();
        let mut before = HashMap::new();
        for (conv, parameters) in convolutions {
            let Some(target) = maker(&mut graph.node, &conv.output) else { continue };
            target.input.truncate(1);
            target.input.extend(outputs(&parameters));
            before.insert(conv.output, parameters);
            replaced.extend([conv.weights].into_iter().chain(conv.bias));
        }
        edit.round_activations(graph, &plan.grids, before);
        graph.initializer.append(&mut edit.constants);
        proto::drop_unread(graph, &replaced);
        self.rewritten(proto)
    }

    /// The float model with a twin beside every convolution that `plan` quantises: the same in 8-bit integers, reading the
    /// same float tensor rounded. The difference between the two is what quantising this one convolution does. Also the
    /// tensors that the twins make, by the convolutions' names; [`Self::observing`] brings them out.
    ///
    /// # Errors
    /// As [`Self::quantized`].
    pub(crate) fn with_twins(
        &self,
        plan: &QuantizationPlan,
    ) -> Result<(OnnxModel, BTreeMap<String, String>), ModelError> {
        let mut proto = self.proto.clone();
        let Some(graph) = &mut proto.graph else { return Err(self.refused("it holds no graph")) };
        let mut edit = Edit { names: Names::of(graph), constants: Vec::new() };
        let convolutions = self.parameters(graph, plan, &mut edit)?;
        let pairs = edit.pairs(&plan.grids);
        let mut twins = BTreeMap::new();
        let mut nodes = Vec::new();
        for (conv, parameters) in convolutions {
            let Some(node) = maker(&mut graph.node, &conv.output) else { continue };
            let rounded = pairs.get(conv.input.as_str()).map(|(rounded, _)| rounded.clone());
            let output = edit.names.fresh(format!("{}_twin", conv.output));
            let input = rounded.into_iter().chain(outputs(&parameters)).collect();
            let twin =
                NodeProto { name: format!("{output}_node"), input, output: vec![output.clone()], ..node.clone() };
            nodes.extend(parameters);
            nodes.push(twin);
            twins.insert(conv.name, output);
        }
        graph.node.extend(pairs.into_values().flat_map(|(_, pair)| pair));
        graph.node.append(&mut nodes);
        graph.initializer.append(&mut edit.constants);
        Ok((self.rewritten(proto)?, twins))
    }

    /// The convolutions that `plan` quantises, each with the nodes that give it its weights and bias.
    fn parameters(
        &self,
        graph: &GraphProto,
        plan: &QuantizationPlan,
        edit: &mut Edit,
    ) -> Result<Vec<(Convolution, Vec<NodeProto>)>, ModelError> {
        self.check(plan)?;
        let mut found = Vec::new();
        for conv in self.convolutions() {
            let Some(grid) = plan.grids.get(&conv.input).filter(|_| !plan.float.contains(&conv.name)) else { continue };
            let correction = plan.bias_corrections.get(&conv.name).map(Vec::as_slice);
            let channels = self.channels(graph, &conv, correction, grid.scale)?;
            let nodes = edit.parameters(&conv, &channels);
            found.push((conv, nodes));
        }
        Ok(found)
    }

    fn check(&self, plan: &QuantizationPlan) -> Result<(), ModelError> {
        let version = proto::operator_set(&self.proto);
        if version < MIN_OPERATOR_SET {
            return Err(self.refused(format!(
                "it is written for operator set {version} and 8-bit files take {MIN_OPERATOR_SET} or later: export \
                 it again with opset_version={MIN_OPERATOR_SET}"
            )));
        }
        let made = || self.proto.graph.iter().flat_map(|g| g.node.iter().flat_map(|n| &n.output));
        for (name, grid) in &plan.grids {
            if !grid.scale.is_normal() || grid.scale < 0.0 {
                return Err(self.refused(format!("the scale {} of tensor `{name}` is no step", grid.scale)));
            }
            if !self.inputs().iter().any(|i| i.name == *name) && !made().any(|output| output == name) {
                return Err(self.refused(format!("it has no tensor `{name}` to round")));
            }
        }
        Ok(())
    }

    /// Weights and bias of a convolution, channel by channel.
    fn channels(
        &self,
        graph: &GraphProto,
        conv: &Convolution,
        correction: Option<&[f32]>,
        input_scale: f32,
    ) -> Result<Vec<Channel>, ModelError> {
        let values = |name: &str| graph.initializer.iter().find(|i| i.name == *name).and_then(proto::floats);
        let weights = values(&conv.weights).unwrap_or_default();
        let bias = conv.bias.as_deref().and_then(values);
        let (outputs, each) = (conv.shape.first().copied().unwrap_or(0), conv.shape.iter().skip(1).product::<usize>());
        let lengths = [bias.as_ref().map(Vec::len), correction.map(<[f32]>::len)];
        if each == 0 || weights.len() != outputs * each || lengths.iter().flatten().any(|len| *len != outputs) {
            let name = &conv.name;
            return Err(self.refused(format!("the bias of convolution `{name}` does not fit its weights")));
        }
        if weights.iter().chain(bias.iter().flatten()).chain(correction.unwrap_or_default()).any(|v| !v.is_finite()) {
            let name = &conv.name;
            return Err(self.refused(format!(
                "convolution `{name}` has weights or a bias that are no finite numbers: export the model again"
            )));
        }
        let has_bias = bias.is_some() || correction.is_some();
        let at = |values: &Option<Vec<f32>>, ix: usize| values.as_ref().and_then(|v| v.get(ix)).copied();
        let correction = correction.map(<[f32]>::to_vec);
        let channel = |(ix, weights): (usize, &[f32])| {
            let sum = at(&bias, ix).unwrap_or(0.0) + at(&correction, ix).unwrap_or(0.0);
            Channel::new(weights, has_bias.then_some(sum), input_scale)
        };
        Ok(weights.chunks_exact(each).enumerate().map(channel).collect())
    }
}

/// The node that makes the tensor `output`.
fn maker<'a>(nodes: &'a mut [NodeProto], output: &str) -> Option<&'a mut NodeProto> {
    nodes.iter_mut().find(|n| n.output.first().is_some_and(|o| o == output))
}

/// The tensors that `nodes` make.
fn outputs(nodes: &[NodeProto]) -> impl Iterator<Item = String> {
    nodes.iter().filter_map(|n| n.output.first().cloned())
}

type Pairs<'a> = BTreeMap<&'a str, (String, [NodeProto; 2])>;

struct Edit {
    names: Names,
    /// New ones.
    constants: Vec<TensorProto>,
}

impl Edit {
    /// The nodes that give a convolution its weights and, if it has one, its bias.
    fn parameters(&mut self, conv: &Convolution, channels: &[Channel]) -> Vec<NodeProto> {
        let (dims, line) = (conv.shape.iter().map(|d| *d as i64).collect::<Vec<_>>(), [channels.len() as i64]);
        let codes = channels.iter().flat_map(|c| &c.weights).map(|w| *w as u8).collect();
        let scales: Vec<f32> = channels.iter().map(|c| c.scale).collect();
        let zeros = vec![0; channels.len()];
        let base = &conv.weights;
        let values = self.constant(format!("{base}_quantized"), |n| constant(n, DataType::Int8, &dims, codes));
        let scale = self.constant(format!("{base}_scale"), |n| float_constant(n, &line, &scales));
        let zero = self.constant(format!("{base}_zero_point"), |n| constant(n, DataType::Int8, &line, zeros));
        let output = self.names.fresh(format!("{base}_dequantized"));
        let mut nodes = vec![node("DequantizeLinear", &[&values, &scale, &zero], &output, &[("axis", 0)])];

        let biases: Option<Vec<(i32, f32)>> = channels.iter().map(|c| c.bias).collect();
        if let Some(biases) = biases {
            let base = conv.bias.clone().unwrap_or_else(|| format!("{base}_bias"));
            let codes = biases.iter().flat_map(|(code, _)| code.to_le_bytes()).collect();
            let scales: Vec<f32> = biases.iter().map(|(_, scale)| *scale).collect();
            let values = self.constant(format!("{base}_quantized"), |n| constant(n, DataType::Int32, &line, codes));
            let scale = self.constant(format!("{base}_scale"), |n| float_constant(n, &line, &scales));
            let output = self.names.fresh(format!("{base}_dequantized"));
            nodes.push(node("DequantizeLinear", &[&values, &scale], &output, &[("axis", 0)]));
        }
        nodes
    }

    /// Puts a pair behind every tensor with a grid, and the nodes of `before` in front of the node whose first output
    /// they are filed under. The order of the nodes stays one in which they can be computed.
    fn round_activations(
        &mut self,
        graph: &mut GraphProto,
        grids: &BTreeMap<String, ActivationGrid>,
        mut before: HashMap<String, Vec<NodeProto>>,
    ) {
        let mut pairs = self.pairs(grids);
        let mut nodes = std::mem::take(&mut graph.node);
        for input in nodes.iter_mut().flat_map(|n| &mut n.input) {
            if let Some((rounded, _)) = pairs.get(input.as_str()) {
                input.clone_from(rounded);
            }
        }
        for input in &graph.input {
            graph.node.extend(pairs.remove(input.name.as_str()).into_iter().flat_map(|(_, pair)| pair));
        }
        for node in nodes {
            let made = node.output.clone();
            graph.node.extend(made.first().and_then(|output| before.remove(output)).unwrap_or_default());
            graph.node.push(node);
            for output in &made {
                graph.node.extend(pairs.remove(output.as_str()).into_iter().flat_map(|(_, pair)| pair));
            }
        }
    }

    /// For each tensor its pair, and the tensor that the pair makes.
    fn pairs<'a>(&mut self, grids: &'a BTreeMap<String, ActivationGrid>) -> Pairs<'a> {
        let mut pairs: Pairs = BTreeMap::new();
        for (tensor, grid) in grids {
            let scale = self.constant(format!("{tensor}_scale"), |n| float_constant(n, &[], &[grid.scale]));
            let zero = self
                .constant(format!("{tensor}_zero_point"), |n| constant(n, DataType::Uint8, &[], vec![grid.zero_point]));
            let codes = self.names.fresh(format!("{tensor}_quantized"));
            let rounded = self.names.fresh(format!("{tensor}_dequantized"));
            let pair = [
                node("QuantizeLinear", &[tensor, &scale, &zero], &codes, &[]),
                node("DequantizeLinear", &[&codes, &scale, &zero], &rounded, &[]),
            ];
            pairs.insert(tensor, (rounded, pair));
        }
        pairs
    }

    /// Adds a constant and gives its name.
    fn constant(&mut self, wanted: String, make: impl FnOnce(&str) -> TensorProto) -> String {
        let name = self.names.fresh(wanted);
        self.constants.push(make(&name));
        name
    }
}
