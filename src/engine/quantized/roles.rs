use std::collections::{HashMap, HashSet};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::WeightGrids;
use super::constants::{AxisGrid, Constants, Integers, Storage};
use crate::engine::limits::Limits;
use crate::engine::names::Names;

/// The grid of a whole tensor. The scale is finite and above zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    pub scale: f32,
    pub zero_point: i32,
    /// `Int8` or `Uint8`.
    pub storage: Storage,
}

/// A grid and the constants that hold it.
#[derive(Clone, Debug)]
pub(super) struct Quantization {
    pub grid: Grid,
    pub scale: String,
    /// `None` for zero of `Uint8`.
    pub zero_point: Option<String>,
}

/// What a node is in a quantised graph.
#[derive(Clone, Debug)]
pub(super) enum Role {
    /// Nothing to do with quantised tensors, or not known here.
    Other,
    Quantize(Quantization),
    /// Of float weights; needed no more if only `DequantizeLinear` reads it.
    QuantizeWeights,
    Dequantize(Quantization),
    /// Of weights; replaced by a float constant.
    DequantizeWeights,
    Integer(IntegerOperator),
    /// Moves elements, of whichever type.
    Carry {
        /// Every element that it makes is one that it reads.
        on_grid: bool,
    },
}

/// An operator of the QOperator format.
#[derive(Clone, Debug)]
pub(super) struct IntegerOperator {
    /// The float operator that it stands for.
    pub float: &'static str,
    /// Its quantised inputs, by slot. They are the float operator's first inputs.
    pub operands: Vec<(usize, Quantization)>,
    /// The float operator's further inputs.
    pub parameters: Vec<String>,
    pub output: Quantization,
}

impl Role {
    /// Whether the node can read in floats what it reads at `slot` as integers of `grid`.
    pub fn takes_floats(&self, slot: usize, grid: &Grid) -> bool {
        match self {
            Role::Dequantize(q) => slot == 0 && q.grid == *grid,
            Role::Integer(op) => op.operands.iter().any(|(at, q)| *at == slot && q.grid == *grid),
            Role::Carry { .. } => slot == 0,
            _ => false,
        }
    }
}

pub(super) fn is_quantized(operator: &str) -> bool {
    matches!(operator, "QuantizeLinear" | "DequantizeLinear") || integer_operator(operator).is_some()
}

/// The float operator that one of the QOperator format stands for.
fn integer_operator(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "QLinearConv" => "Conv",
        "QLinearAdd" => "Add",
        "QLinearMul" => "Mul",
        "QLinearConcat" => "Concat",
        "QLinearSigmoid" => "Sigmoid",
        "QLinearLeakyRelu" => "LeakyRelu",
        "QLinearAveragePool" => "AveragePool",
        "QLinearGlobalAveragePool" => "GlobalAveragePool",
        _ => return None,
    })
}

/// What reading the roles leaves behind.
#[derive(Default)]
pub(super) struct Weights {
    /// The dequantised weights.
    pub weights: Vec<TensorProto>,
    pub grids: WeightGrids,
    /// Constants that those were made from.
    pub replaced: HashSet<String>,
}

/// Finds the nodes' roles one after the other.
pub(super) struct Reading<'a> {
    constants: Constants<'a>,
    names: &'a mut Names,
    made: Weights,
    /// Float weights by the names of the integers, scale and zero point that they are made from.
    kernels: HashMap<[&'a str; 3], String>,
}

impl<'a> Reading<'a> {
    /// The roles of all nodes of `graph`.
    pub fn of(graph: &'a GraphProto, names: &'a mut Names, limits: &Limits) -> (Vec<Role>, Weights) {
        let constants = Constants::of(graph, limits);
        let mut reading = Reading { constants, names, made: Weights::default(), kernels: HashMap::new() };
        let roles = graph.node.iter().map(|node| reading.role(node).unwrap_or(Role::Other)).collect();
        (roles, reading.made)
    }

    fn role(&mut self, node: &'a NodeProto) -> Option<Role> {
        // Operators of one name in another domain are others.
        if !matches!(node.domain.as_str(), "" | "ai.onnx" | "com.microsoft") || output(node).is_none() {
            return None;
        }
        match node.op_type.as_str() {
            "QuantizeLinear" => self.quantize(node),
            "DequantizeLinear" => self.dequantize(node),
            "MaxPool" | "Reshape" | "Transpose" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" => {
                Some(Role::Carry { on_grid: true })
            }
            "Resize" => {
                let mode = node.attribute.iter().find(|a| a.name == "mode");
                Some(Role::Carry { on_grid: mode.is_none_or(|mode| mode.s == b"nearest") })
            }
            other => integer_operator(other).and_then(|float| self.integer(node, float)).map(Role::Integer),
        }
    }

    fn quantize(&mut self, node: &'a NodeProto) -> Option<Role> {
        // Nodes that may have to be made tell the type by their zero point alone.
        let told = input(node, 2).is_some() || of_type(node, DataType::Uint8);
        if !told || blocked(node) {
            return None;
        }
        let (x, y) = (input(node, 0)?, output(node)?);
        if let Some((dims, values)) = self.constants.floats(x) {
            let (grid, storage) = self.axis_grid(node, Storage::Uint8)?;
            let integers = grid.quantize(dims, &values, storage)?;
            self.constants.fold(y, integers);
            self.made.replaced.insert(x.to_owned());
            return Some(Role::QuantizeWeights);
        }
        self.quantization(input(node, 1)?, input(node, 2)).map(Role::Quantize)
    }

    fn dequantize(&mut self, node: &'a NodeProto) -> Option<Role> {
        if blocked(node) || !of_type(node, DataType::Float) {
            return None;
        }
        let (q, y) = (input(node, 0)?, output(node)?);
        if let Some(integers) = self.constants.integers(q) {
            let (grid, storage) = self.axis_grid(node, integers.storage)?;
            if storage != integers.storage {
                return None;
            }
            self.weights(y.to_owned(), &integers, &grid)?;
            self.made.replaced.insert(q.to_owned());
            return Some(Role::DequantizeWeights);
        }
        self.quantization(input(node, 1)?, input(node, 2)).map(Role::Dequantize)
    }

    fn integer(&mut self, node: &'a NodeProto, float: &'static str) -> Option<IntegerOperator> {
        if integer_attribute(node, "channels_last") != 0 {
            return None;
        }
        let mut parameters = Vec::new();
        let (operands, output) = match float {
            "Conv" => {
                let (x, y) = (self.at(node, 1)?, self.at(node, 6)?);
                let (kernel, scales) = self.kernel(node)?;
                parameters.push(kernel);
                if let Some(bias) = input(node, 8) {
                    parameters.push(self.bias(bias, x.grid.scale, &scales)?);
                }
                (vec![(0, x)], y)
            }
            "Add" | "Mul" => (vec![(0, self.at(node, 1)?), (3, self.at(node, 4)?)], self.at(node, 6)?),
            "Concat" => {
                let slots = (2..node.input.len()).step_by(3);
                let operands = slots.map(|slot| Some((slot, self.at(node, slot + 1)?))).collect::<Option<Vec<_>>>()?;
                (operands, self.at(node, 0)?)
            }
            _ => (vec![(0, self.at(node, 1)?)], self.at(node, 3)?),
        };
        let whole = !operands.is_empty() && operands.iter().all(|(slot, _)| input(node, *slot).is_some());
        whole.then_some(IntegerOperator { float, operands, parameters, output })
    }

    /// The float weights of a `QLinearConv` and their scales.
    fn kernel(&mut self, node: &'a NodeProto) -> Option<(String, Vec<f32>)> {
        let key @ [w, scale, zero_point] = [input(node, 3)?, input(node, 4)?, input(node, 5)?];
        let scales = self.constants.scales(scale)?;
        if let Some(kernel) = self.kernels.get(&key) {
            return Some((kernel.clone(), scales));
        }
        let integers = self.constants.integers(w)?;
        let (zero_points, storage) = self.constants.zero_points(zero_point)?;
        if storage != integers.storage {
            return None;
        }
        let name = self.names.fresh(format!("{w}.float"));
        let grid = AxisGrid { scales, zero_points, axis: 0 };
        self.weights(name.clone(), &integers, &grid)?;
        self.made.replaced.insert(w.to_owned());
        self.kernels.insert(key, name.clone());
        Some((name, grid.scales))
    }

    /// The float bias of a `QLinearConv`.
    fn bias(&mut self, bias: &str, x_scale: f32, w_scales: &[f32]) -> Option<String> {
        let integers = self.constants.integers(bias).filter(|b| b.storage == Storage::Int32)?;
        let scales = w_scales.iter().map(|w| x_scale * w).collect();
        let name = self.names.fresh(format!("{bias}.float"));
        self.weights(name.clone(), &integers, &AxisGrid { scales, zero_points: vec![0], axis: 0 })?;
        self.made.replaced.insert(bias.to_owned());
        Some(name)
    }

    /// Makes the float constant `name`.
    fn weights(&mut self, name: String, integers: &Integers, grid: &AxisGrid) -> Option<()> {
        let float_data = grid.dequantize(integers)?;
        if let Some(scales) = grid.around_zero(integers) {
            self.made.grids.insert(&name, scales);
        }
        let dims = integers.dims.iter().map(|d| i64::try_from(*d).ok()).collect::<Option<_>>()?;
        let data_type = DataType::Float as i32;
        self.made.weights.push(TensorProto { name, dims, data_type, float_data, ..TensorProto::default() });
        Some(())
    }

    /// The grids of a `QuantizeLinear` or `DequantizeLinear` along its axis; without a zero point, those of `storage`.
    fn axis_grid(&mut self, node: &NodeProto, storage: Storage) -> Option<(AxisGrid, Storage)> {
        let scales = self.constants.scales(input(node, 1)?)?;
        let (zero_points, storage) = match input(node, 2) {
            Some(name) => self.constants.zero_points(name)?,
            None => (vec![0], storage),
        };
        let axis = node.attribute.iter().find(|a| a.name == "axis").map_or(1, |a| a.i);
        Some((AxisGrid { scales, zero_points, axis }, storage))
    }

    /// The grid of a whole tensor of eight bits.
    fn quantization(&mut self, scale: &str, zero_point: Option<&str>) -> Option<Quantization> {
        let scales = self.constants.scales(scale)?;
        let (zero_points, storage) = match zero_point {
            Some(name) => self.constants.zero_points(name)?,
            None => (vec![0], Storage::Uint8),
        };
        let ([value], [zero], true) = (&*scales, &*zero_points, storage != Storage::Int32) else { return None };
        let grid = Grid { scale: *value, zero_point: *zero, storage };
        Some(Quantization { grid, scale: scale.to_owned(), zero_point: zero_point.map(str::to_owned) })
    }

    /// The grid whose scale is at `slot` and whose zero point follows, which must be there: nothing else tells the type.
    fn at(&mut self, node: &NodeProto, slot: usize) -> Option<Quantization> {
        self.quantization(input(node, slot)?, Some(input(node, slot + 1)?))
    }
}

/// The input at `slot` if the node has one there.
pub(super) fn input(node: &NodeProto, slot: usize) -> Option<&str> {
    node.input.get(slot).map(String::as_str).filter(|name| !name.is_empty())
}

/// What the node makes, if that is one tensor.
pub(super) fn output(node: &NodeProto) -> Option<&str> {
    let mut named = node.output.iter().map(String::as_str).filter(|name| !name.is_empty());
    named.next().filter(|_| named.next().is_none() && node.output.first().is_some_and(|first| !first.is_empty()))
}

fn integer_attribute(node: &NodeProto, name: &str) -> i64 {
    node.attribute.iter().find(|a| a.name == name).map_or(0, |a| a.i)
}

/// Whether the node's grids change within an axis.
fn blocked(node: &NodeProto) -> bool {
    integer_attribute(node, "block_size") != 0
}

/// Whether the node makes elements of `data_type`, unless its zero point tells otherwise.
fn of_type(node: &NodeProto, data_type: DataType) -> bool {
    let told = integer_attribute(node, "output_dtype");
    told == 0 || told == data_type as i64
}
