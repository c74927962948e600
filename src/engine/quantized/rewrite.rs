use std::collections::{HashMap, HashSet};

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto};

use super::roles::{Grid, Quantization, Role, input, output};
use crate::engine::names::Names;
use crate::engine::ops::FakeQuantize;

/// Rewrites `nodes` by their roles. `read_anyway` are the integer tensors that others read: graph outputs, subgraphs.
/// Returns the new nodes and every name that is read.
pub(super) fn rewrite(
    nodes: Vec<NodeProto>,
    roles: &[Role],
    names: Names,
    read_anyway: HashSet<String>,
) -> (Vec<NodeProto>, HashSet<String>) {
    let mut rewriting = Rewriting {
        kept: kept(&nodes, roles, &read_anyway),
        dequantized: dequantized(&nodes, roles),
        absorbed: HashSet::new(),
        floats: HashMap::new(),
        integers: HashMap::new(),
        made: Vec::new(),
        names,
    };
    for ((at, node), role) in nodes.into_iter().enumerate().zip(roles) {
        rewriting.node(at, node, role);
    }
    rewriting.finish(read_anyway)
}

/// The outputs of `QuantizeLinear` that somebody reads who cannot read floats.
fn kept(nodes: &[NodeProto], roles: &[Role], read_anyway: &HashSet<String>) -> HashSet<String> {
    let quantized: HashMap<&str, &Grid> = (nodes.iter().zip(roles))
        .filter_map(|(node, role)| match role {
            Role::Quantize(q) => Some((output(node)?, &q.grid)),
            _ => None,
        })
        .collect();
    let readings = (nodes.iter().zip(roles))
        .flat_map(|(node, role)| node.input.iter().enumerate().map(move |(slot, name)| (role, slot, name)));
    let as_integers = readings
        .filter(|(role, slot, name)| quantized.get(name.as_str()).is_some_and(|grid| !role.takes_floats(*slot, grid)))
        .map(|(_, _, name)| name);
    as_integers.chain(read_anyway).cloned().collect()
}

/// The `DequantizeLinear` of every integer tensor.
fn dequantized(nodes: &[NodeProto], roles: &[Role]) -> HashMap<String, Vec<Dequantized>> {
    let mut found: HashMap<String, Vec<Dequantized>> = HashMap::new();
    for ((at, node), role) in nodes.iter().enumerate().zip(roles) {
        if let (Role::Dequantize(q), Some(of), Some(name)) = (role, input(node, 0), output(node)) {
            found.entry(of.to_owned()).or_default().push(Dequantized { at, grid: q.grid, name: name.to_owned() });
        }
    }
    found
}

/// What the `DequantizeLinear` at an index makes.
struct Dequantized {
    at: usize,
    grid: Grid,
    name: String,
}

/// An integer tensor in floats.
#[derive(Clone)]
struct Float {
    name: String,
    quantization: Quantization,
}

struct Rewriting {
    kept: HashSet<String>,
    dequantized: HashMap<String, Vec<Dequantized>>,
    /// Nodes whose output is made by what they would have read from.
    absorbed: HashSet<usize>,
    /// By the integer tensor.
    floats: HashMap<String, Float>,
    /// Integer tensors that nothing makes any more, by the float tensor.
    integers: HashMap<String, (String, Quantization)>,
    made: Vec<(NodeProto, Wanted)>,
    names: Names,
}

/// Whether a node stays.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Anyway,
    IfRead,
}

impl Rewriting {
    fn node(&mut self, at: usize, mut node: NodeProto, role: &Role) {
        let (of, to) = (input(&node, 0).map(str::to_owned), output(&node).map(str::to_owned));
        let (Some(of), Some(to)) = (of, to) else { return self.push(node) };
        match role {
            Role::Quantize(quantization) if !self.kept.contains(&to) => {
                let float = self.claim(at, &to, quantization);
                self.push(fake_quantize(node.name, of, float, &quantization.grid));
            }
            Role::Other | Role::Quantize(_) => self.push(node),
            Role::QuantizeWeights => self.made.push((node, Wanted::IfRead)),
            Role::DequantizeWeights => {}
            Role::Dequantize(_) if self.absorbed.contains(&at) => {}
            Role::Dequantize(quantization) => match self.float(&of, &quantization.grid) {
                Some(float) => self.push(operator("Identity", node.name, vec![float], to)),
                None => {
                    // Without a zero point, nothing tells the type of what it reads.
                    if quantization.zero_point.is_some() {
                        let float = Float { name: to, quantization: quantization.clone() };
                        self.floats.entry(of).or_insert(float);
                    }
                    self.push(node);
                }
            },
            Role::Integer(op) => {
                let mut inputs = Vec::with_capacity(op.operands.len() + op.parameters.len());
                for (slot, quantization) in &op.operands {
                    // Their presence is part of the role.
                    let operand = input(&node, *slot).unwrap_or_default().to_owned();
                    inputs.push(self.dequantize(&operand, quantization));
                }
                inputs.extend(op.parameters.iter().cloned());
                let float = self.claim(at, &to, &op.output);
                let exact = self.names.fresh(format!("{to}.exact"));
                let rounding = self.names.fresh(format!("{to}.round"));
                let op_node = operator(op.float, node.name, inputs, exact.clone());
                self.push(NodeProto { attribute: node.attribute, ..op_node });
                self.push(fake_quantize(rounding, exact, float, &op.output.grid));
            }
            Role::Carry { on_grid } => {
                let Some(Float { name, quantization }) = self.floats.get(&of).cloned() else {
                    return self.push(node);
                };
                let float = self.claim(at, &to, &quantization);
                let rounding = self.names.fresh(format!("{to}.round"));
                let makes = if *on_grid { float.clone() } else { self.names.fresh(format!("{to}.exact")) };
                node.input.first_mut().into_iter().for_each(|first| *first = name.clone());
                node.output = vec![makes.clone()];
                self.push(node);
                if !on_grid {
                    self.push(fake_quantize(rounding, makes, float, &quantization.grid));
                }
            }
        }
    }

    fn push(&mut self, node: NodeProto) {
        self.made.push((node, Wanted::Anyway));
    }

    /// Names the float tensor that node `at` makes in the place of `integer`: as a later `DequantizeLinear` does, if
    /// there is one, which then is needed no more.
    fn claim(&mut self, at: usize, integer: &str, quantization: &Quantization) -> String {
        let later = self.dequantized.get(integer).into_iter().flatten();
        let name = match later.filter(|d| d.at > at).find(|d| d.grid == quantization.grid) {
            Some(reader) => {
                self.absorbed.insert(reader.at);
                reader.name.clone()
            }
            None => self.names.fresh(format!("{integer}.float")),
        };
        self.floats.insert(integer.into(), Float { name: name.clone(), quantization: quantization.clone() });
        self.integers.insert(name.clone(), (integer.into(), quantization.clone()));
        name
    }

    fn float(&self, integer: &str, grid: &Grid) -> Option<String> {
        self.floats.get(integer).filter(|f| f.quantization.grid == *grid).map(|f| f.name.clone())
    }

    /// The float tensor of `integer`, made here if nothing makes it yet.
    fn dequantize(&mut self, integer: &str, quantization: &Quantization) -> String {
        if let Some(float) = self.float(integer, &quantization.grid) {
            return float;
        }
        let name = self.names.fresh(format!("{integer}.float"));
        let node = self.names.fresh(format!("{integer}.dequantize"));
        self.push(convert("DequantizeLinear", node, integer, &name, quantization));
        let float = Float { name: name.clone(), quantization: quantization.clone() };
        self.floats.entry(integer.to_owned()).or_insert(float);
        name
    }

    /// Makes the integer tensors that are still read, and drops what is not.
    fn finish(mut self, mut read: HashSet<String>) -> (Vec<NodeProto>, HashSet<String>) {
        let certain = self.made.iter().filter(|(_, wanted)| *wanted == Wanted::Anyway);
        read.extend(certain.flat_map(|(node, _)| &node.input).cloned());
        let mut nodes = Vec::with_capacity(self.made.len());
        for (node, wanted) in self.made {
            if wanted == Wanted::IfRead && !node.output.iter().any(|name| read.contains(name)) {
                continue;
            }
            let integers = node.output.iter().filter_map(|float| self.integers.remove_entry(float));
            let restored: Vec<NodeProto> = integers
                .filter(|(_, (integer, _))| read.contains(integer))
                .map(|(float, (integer, quantization))| {
                    let node = self.names.fresh(format!("{integer}.quantize"));
                    convert("QuantizeLinear", node, &float, &integer, &quantization)
                })
                .collect();
            for node in std::iter::once(node).chain(restored) {
                read.extend(node.input.iter().cloned());
                nodes.push(node);
            }
        }
        (nodes, read)
    }
}

fn operator(op_type: &str, name: String, input: Vec<String>, output: String) -> NodeProto {
    NodeProto { op_type: op_type.into(), name, input, output: vec![output], ..NodeProto::default() }
}

/// A `QuantizeLinear` or a `DequantizeLinear`.
fn convert(op_type: &str, name: String, from: &str, to: &str, quantization: &Quantization) -> NodeProto {
    let inputs = [from, &quantization.scale].into_iter().chain(quantization.zero_point.as_deref());
    operator(op_type, name, inputs.map(str::to_owned).collect(), to.into())
}

fn fake_quantize(name: String, from: String, to: String, grid: &Grid) -> NodeProto {
    let attribute = |name: &str, r#type: AttributeType| AttributeProto {
        name: name.into(),
        r#type: r#type as i32,
        ..AttributeProto::default()
    };
    let whole = |name: &str, i: i32| AttributeProto { i: i.into(), ..attribute(name, AttributeType::Int) };
    let (low, high) = grid.storage.range();
    NodeProto {
        domain: FakeQuantize::DOMAIN.into(),
        attribute: vec![
            AttributeProto { f: grid.scale, ..attribute("scale", AttributeType::Float) },
            whole("zero_point", grid.zero_point),
            whole("low", low),
            whole("high", high),
        ],
        ..operator(FakeQuantize::OPERATOR, name, vec![from], to)
    }
}
