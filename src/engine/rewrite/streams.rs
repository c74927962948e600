//! Channels that can be rescaled without changing what a graph computes.

use std::collections::{BTreeMap, HashMap, HashSet};

use tract_onnx::pb::{GraphProto, NodeProto};

use super::{Convolution, convolution, proto};
use crate::engine::OnnxModel;
use crate::error::ModelError;

/// Tensors that hold the same channels: added up, cut at zero, pooled or resized on the way from the convolutions that make
/// them to those that read them, and read by nothing else.
///
/// Whatever greater than zero a channel is multiplied by where it is made, the readers can take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    /// In the order of the graph.
    pub tensors: Vec<String>,
    pub channels: usize,
    makers: Vec<Convolution>,
    readers: Vec<Reader>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Reader {
    convolution: Convolution,
    groups: usize,
}

impl Reader {
    /// The channel of the stream that weight `index` of the convolution is multiplied with.
    fn channel(&self, index: usize) -> usize {
        let shape = &self.convolution.shape;
        let (each, window) = (shape[1], shape[2] * shape[3]);
        let (output, within) = (index / (each * window), index / window % each);
        output / (shape[0] / self.groups) * each + within
    }
}

/// What commutes with a factor greater than zero for each channel, and how many of its inputs are tensors of the stream.
fn joined(node: &NodeProto) -> Option<usize> {
    if !proto::is_standard(&node.domain) {
        return None;
    }
    match node.op_type.as_str() {
        "Add" => Some(2),
        "Relu" | "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool" | "Identity" => Some(1),
        "Resize" => (!crops(node)).then_some(1),
        "ReduceMean" => means_of_places(node).then_some(1),
        _ => None,
    }
}

/// Whether a `Resize` fills in a value of its own beyond the border.
fn crops(node: &NodeProto) -> bool {
    node.attribute.iter().any(|a| a.name == "coordinate_transformation_mode" && a.s == b"tf_crop_and_resize")
}

/// Whether a `ReduceMean` leaves the channels where they are: the mean over height and width.
fn means_of_places(node: &NodeProto) -> bool {
    let axes = node.attribute.iter().find(|a| a.name == "axes").map(|a| a.ints.as_slice()).unwrap_or_default();
    let kept = proto::integer_of(node, "keepdims").unwrap_or(1) != 0;
    kept && !axes.is_empty() && axes.iter().all(|axis| matches!(axis, 2 | 3 | -1 | -2))
}

/// Which stream each tensor belongs to: a forest of tensors, each of which leads to the one that stands for its tree.
#[derive(Default)]
struct Forest(HashMap<String, String>);

impl Forest {
    fn root(&self, name: &str) -> String {
        let mut at = name;
        while let Some(next) = self.0.get(at) {
            at = next;
        }
        at.to_owned()
    }

    fn join(&mut self, a: &str, b: &str) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.0.insert(a, b);
        }
    }
}

impl OnnxModel {
    /// The streams of the graph that convolutions make and read.
    pub(crate) fn streams(&self) -> Vec<Stream> {
        let Some(graph) = &self.proto.graph else { return Vec::new() };
        // What a subgraph reads is not listed among the inputs of its node.
        if graph.node.iter().flat_map(|n| &n.attribute).any(|a| a.g.is_some() || !a.graphs.is_empty()) {
            return Vec::new();
        }
        let mut forest = Forest::default();
        for node in &graph.node {
            let Some(output) = node.output.first() else { continue };
            for input in node.input.iter().take(joined(node).unwrap_or(0)) {
                forest.join(input, output);
            }
        }
        let mut trees: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in graph.node.iter().flat_map(|n| &n.output).filter(|name| !name.is_empty()) {
            trees.entry(forest.root(name)).or_default().push(name.clone());
        }
        let uses = uses(graph);
        trees.into_values().filter_map(|tensors| stream(graph, tensors, &uses)).collect()
    }

    /// The same model with the channels of each stream multiplied by its factors, one for each channel, finite and greater
    /// than zero.
    ///
    /// # Errors
    /// [`ModelError::Rewrite`] if the factors of a stream are not as many as its channels, or no such numbers; otherwise as
    /// for a file that is read.
    pub(crate) fn rescaled(&self, streams: &[(Stream, Vec<f32>)]) -> Result<OnnxModel, ModelError> {
        let mut proto = self.proto.clone();
        let Some(graph) = &mut proto.graph else { return Err(self.refused("it holds no graph")) };
        for (stream, factors) in streams {
            if factors.len() != stream.channels || factors.iter().any(|f| !f.is_normal() || *f < 0.0) {
                let name = stream.tensors.first().map_or("", String::as_str);
                return Err(self.refused(format!("the channels of `{name}` cannot be multiplied by {factors:?}")));
            }
            for maker in &stream.makers {
                let each = maker.shape.iter().skip(1).product::<usize>().max(1);
                scale(graph, &maker.weights, |index| factors.get(index / each).copied());
                if let Some(bias) = &maker.bias {
                    scale(graph, bias, |index| factors.get(index).copied());
                }
            }
            for reader in &stream.readers {
                scale(graph, &reader.convolution.weights, |index| {
                    factors.get(reader.channel(index)).map(|f| f.recip())
                });
            }
        }
        self.rewritten(proto)
    }

    /// For each channel of `stream` the largest magnitude among the weights that read it, as a share of the largest in the
    /// same output channel: 1 where a channel is all that an output reads.
    pub(crate) fn weight_shares(&self, stream: &Stream) -> Vec<f32> {
        let mut shares = vec![0.0f32; stream.channels];
        let Some(graph) = &self.proto.graph else { return shares };
        for reader in &stream.readers {
            let conv = &reader.convolution;
            let values = graph.initializer.iter().find(|i| i.name == conv.weights).and_then(proto::floats);
            let each = conv.shape.iter().skip(1).product::<usize>().max(1);
            for (output, weights) in values.unwrap_or_default().chunks_exact(each).enumerate() {
                let largest = weights.iter().fold(0.0f32, |m, w| m.max(w.abs())).max(f32::MIN_POSITIVE);
                for (index, weight) in weights.iter().enumerate() {
                    if let Some(share) = shares.get_mut(reader.channel(output * each + index)) {
                        *share = share.max(weight.abs() / largest);
                    }
                }
            }
        }
        shares
    }
}

/// How many nodes read each tensor.
fn uses(graph: &GraphProto) -> HashMap<&str, usize> {
    let mut uses = HashMap::new();
    for input in graph.node.iter().flat_map(|n| &n.input) {
        *uses.entry(input.as_str()).or_insert(0) += 1;
    }
    uses
}

/// The stream of `tensors`, if convolutions with constant weights of their own, and nothing else, make and read it.
fn stream(graph: &GraphProto, tensors: Vec<String>, uses: &HashMap<&str, usize>) -> Option<Stream> {
    let members: HashSet<&str> = tensors.iter().map(String::as_str).collect();
    if graph.output.iter().chain(&graph.input).any(|edge| members.contains(edge.name.as_str())) {
        return None;
    }
    let alone = |conv: &Convolution| {
        conv.bias.iter().chain([&conv.weights]).all(|name| uses.get(name.as_str()) == Some(&1))
            && graph.output.iter().all(|o| o.name != conv.weights && Some(&o.name) != conv.bias.as_ref())
    };
    let (mut makers, mut readers) = (Vec::new(), Vec::new());
    for node in &graph.node {
        let member = |name: &String| members.contains(name.as_str());
        let makes = node.output.iter().any(member);
        let reads: Vec<usize> = (0..node.input.len()).filter(|ix| member(&node.input[*ix])).collect();
        if !makes && reads.is_empty() || node.op_type == "Shape" && proto::is_standard(&node.domain) {
            continue;
        }
        if let Some(count) = joined(node) {
            // A constant that is added, say, would have to be scaled as well.
            if !node.output.first().is_some_and(member) || !reads.iter().copied().eq(0..count) {
                return None;
            }
            continue;
        }
        let found = convolution(graph, node).filter(alone)?;
        if makes {
            makers.push(found.clone());
        }
        if !reads.is_empty() {
            if reads != [0] {
                return None;
            }
            let groups = proto::integer_of(node, "group").unwrap_or(1);
            readers.push(Reader { convolution: found, groups: usize::try_from(groups).ok().filter(|g| *g > 0)? });
        }
    }
    let channels = makers.first()?.shape[0];
    let fits =
        |r: &Reader| r.convolution.shape[1] * r.groups == channels && r.convolution.shape[0].is_multiple_of(r.groups);
    let whole = makers.iter().all(|m| m.shape[0] == channels) && readers.iter().all(fits) && !readers.is_empty();
    (whole && channels > 0).then_some(Stream { tensors, channels, makers, readers })
}

/// Multiplies each element of the constant `name` by what `factor` says of its index, if it says something.
fn scale(graph: &mut GraphProto, name: &str, factor: impl Fn(usize) -> Option<f32>) {
    let Some(tensor) = graph.initializer.iter_mut().find(|i| i.name == *name) else { return };
    let Some(values) = proto::floats(tensor) else { return };
    let scaled: Vec<f32> = values.iter().enumerate().map(|(ix, v)| v * factor(ix).unwrap_or(1.0)).collect();
    *tensor = proto::float_constant(name, &tensor.dims.clone(), &scaled);
}
