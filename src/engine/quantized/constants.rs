use std::collections::HashMap;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, TensorProto};

use crate::engine::limits::Limits;

/// The type of quantised elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    Int8,
    Uint8,
    Int32,
}

impl Storage {
    fn of(data_type: i32) -> Option<Self> {
        match DataType::try_from(data_type).ok()? {
            DataType::Int8 => Some(Storage::Int8),
            DataType::Uint8 => Some(Storage::Uint8),
            DataType::Int32 => Some(Storage::Int32),
            _ => None,
        }
    }

    /// The least and the greatest value.
    pub fn range(self) -> (i32, i32) {
        match self {
            Storage::Int8 => (i8::MIN.into(), i8::MAX.into()),
            Storage::Uint8 => (u8::MIN.into(), u8::MAX.into()),
            Storage::Int32 => (i32::MIN, i32::MAX),
        }
    }
}

/// A constant of integers, row-major.
#[derive(Clone, Debug)]
pub(super) struct Integers {
    pub dims: Vec<usize>,
    pub values: Vec<i32>,
    pub storage: Storage,
}

/// The grids of a tensor: one, or one for each index of an axis. Scales are finite and above zero.
#[derive(Clone, Debug)]
pub(super) struct AxisGrid {
    pub scales: Vec<f32>,
    pub zero_points: Vec<i32>,
    /// Negative axes count from the last.
    pub axis: i64,
}

impl AxisGrid {
    /// The axis from the first, and how many elements in a row share a grid; `None` if the grids do not fit `dims`.
    fn stride(&self, dims: &[usize]) -> Option<(usize, usize)> {
        let grids = self.grids();
        let fits = |n: usize| n == 1 || n == grids;
        if grids == 0 || !fits(self.scales.len()) || !fits(self.zero_points.len()) {
            return None;
        }
        // Of a tensor without elements, the other dimensions may be anything.
        let elements = |dims: &[usize]| dims.iter().fold(1usize, |count, d| count.saturating_mul(*d));
        if grids == 1 {
            return Some((0, elements(dims)));
        }
        let rank = i64::try_from(dims.len()).ok()?;
        let axis = if self.axis < 0 { self.axis.checked_add(rank)? } else { self.axis };
        let axis = usize::try_from(axis).ok()?;
        (*dims.get(axis)? == grids).then_some((axis, elements(dims.get(axis + 1..)?)))
    }

    fn grids(&self) -> usize {
        self.scales.len().max(self.zero_points.len())
    }

    /// Calls `f` with each element's scale and zero point.
    fn map<T: Copy, U>(&self, dims: &[usize], values: &[T], f: impl Fn(T, f32, i32) -> U) -> Option<Vec<U>> {
        let (_, stride) = self.stride(dims)?;
        let mut made = Vec::with_capacity(values.len());
        for (block, elements) in values.chunks(stride.max(1)).enumerate() {
            let grid = block % self.grids();
            let scale = *self.scales.get(grid).or(self.scales.first())?;
            let zero_point = *self.zero_points.get(grid).or(self.zero_points.first())?;
            made.extend(elements.iter().map(|v| f(*v, scale, zero_point)));
        }
        Some(made)
    }

    /// `(q - zero_point) * scale`; `None` if the grids do not fit the shape.
    pub fn dequantize(&self, integers: &Integers) -> Option<Vec<f32>> {
        self.map(&integers.dims, &integers.values, |q, scale, zero_point| {
            ((f64::from(q) - f64::from(zero_point)) * f64::from(scale)) as f32
        })
    }

    /// The nearest points of the grids; `None` as above.
    pub fn quantize(&self, dims: Vec<usize>, values: &[f32], storage: Storage) -> Option<Integers> {
        let (low, high) = storage.range();
        let values = self.map(&dims, values, |v, scale, zero_point| {
            let nearest = (v / scale).round_ties_even() as i32;
            nearest.saturating_add(zero_point).clamp(low, high)
        })?;
        Some(Integers { dims, values, storage })
    }

    /// The scales, if `integers` lie within [-128, 127] of their zero points and share grids along the first axis.
    pub fn around_zero(&self, integers: &Integers) -> Option<Vec<f32>> {
        let (axis, _) = self.stride(&integers.dims)?;
        let within = |q: i32, _, zero_point: i32| (-128..=127).contains(&(i64::from(q) - i64::from(zero_point)));
        let all = self.map(&integers.dims, &integers.values, within)?.into_iter().all(|within| within);
        (all && axis == 0 && integers.storage != Storage::Int32).then(|| self.scales.clone())
    }
}

/// Constants by name, decoded when they are asked for.
pub(super) struct Constants<'a> {
    tensors: HashMap<&'a str, &'a TensorProto>,
    /// Float weights that the file itself quantises.
    folded: HashMap<String, Integers>,
    /// Elements that may still be decoded: a small file must not make thousands of copies of one tensor.
    budget: usize,
    most_elements: u64,
}

/// How often the whole of a file's constants may be decoded, beside some elements in any case.
const DECODED_AT_MOST: usize = 4;
const DECODED_IN_ANY_CASE: usize = 1 << 20;

impl<'a> Constants<'a> {
    /// The initializers of `graph` and what its `Constant` nodes make.
    pub fn of(graph: &'a GraphProto, limits: &Limits) -> Self {
        let initializers = graph.initializer.iter().map(|t| (t.name.as_str(), t));
        let nodes = graph.node.iter().filter(|n| n.op_type == "Constant").filter_map(|n| {
            let value = n.attribute.iter().find(|a| a.name == "value")?;
            Some((n.output.first()?.as_str(), value.t.as_ref()?))
        });
        let mut tensors: HashMap<&str, &TensorProto> = initializers.chain(nodes).collect();
        tensors.remove("");
        let held = tensors.values().map(|t| t.raw_data.len().max(t.int32_data.len()).max(t.float_data.len())).sum();
        Constants {
            tensors,
            folded: HashMap::new(),
            budget: DECODED_IN_ANY_CASE.saturating_add(DECODED_AT_MOST.saturating_mul(held)),
            most_elements: limits.max_tensor_bytes / size_of::<f32>() as u64,
        }
    }

    pub fn fold(&mut self, name: &str, integers: Integers) {
        self.folded.insert(name.to_owned(), integers);
    }

    /// A constant of `f32` and its shape; `None` if it is no such constant, or malformed, or too large.
    pub fn floats(&mut self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        let tensor = *self.tensors.get(name)?;
        let (dims, count) = self.shape(tensor)?;
        if tensor.data_type != DataType::Float as i32 {
            return None;
        }
        let values: Vec<f32> = if tensor.raw_data.is_empty() {
            (tensor.float_data.len() == count).then(|| tensor.float_data.clone())?
        } else {
            words(&tensor.raw_data, count)?.map(f32::from_le_bytes).collect()
        };
        Some((dims, values))
    }

    /// A constant of integers; `None` as above.
    pub fn integers(&mut self, name: &str) -> Option<Integers> {
        if let Some(folded) = self.folded.get(name) {
            self.budget = self.budget.checked_sub(folded.values.len())?;
            return Some(folded.clone());
        }
        let tensor = *self.tensors.get(name)?;
        let storage = Storage::of(tensor.data_type)?;
        let (dims, count) = self.shape(tensor)?;
        let raw = &tensor.raw_data;
        let values: Vec<i32> = if raw.is_empty() {
            let (low, high) = storage.range();
            let whole = tensor.int32_data.len() == count && tensor.int32_data.iter().all(|v| (low..=high).contains(v));
            whole.then(|| tensor.int32_data.clone())?
        } else {
            match storage {
                Storage::Int8 => words(raw, count)?.map(|b| i8::from_le_bytes(b).into()).collect(),
                Storage::Uint8 => words(raw, count)?.map(|b| u8::from_le_bytes(b).into()).collect(),
                Storage::Int32 => words(raw, count)?.map(i32::from_le_bytes).collect(),
            }
        };
        Some(Integers { dims, values, storage })
    }

    /// Scales along an axis: finite, above zero, at least one.
    pub fn scales(&mut self, name: &str) -> Option<Vec<f32>> {
        let (dims, scales) = self.floats(name)?;
        let sound = !scales.is_empty() && scales.iter().all(|s| s.is_finite() && *s > 0.0);
        (dims.len() <= 1 && sound).then_some(scales)
    }

    /// Zero points along an axis, and the type of what they belong to.
    pub fn zero_points(&mut self, name: &str) -> Option<(Vec<i32>, Storage)> {
        let Integers { dims, values, storage } = self.integers(name)?;
        (dims.len() <= 1 && !values.is_empty()).then_some((values, storage))
    }

    /// The shape of a constant that may be decoded, and the number of its elements.
    fn shape(&mut self, tensor: &TensorProto) -> Option<(Vec<usize>, usize)> {
        let dims: Vec<usize> = tensor.dims.iter().map(|d| usize::try_from(*d).ok()).collect::<Option<_>>()?;
        let count = dims.iter().try_fold(1usize, |count, d| count.checked_mul(*d))?;
        if count as u64 > self.most_elements {
            return None;
        }
        self.budget = self.budget.checked_sub(count)?;
        Some((dims, count))
    }
}

/// The elements of raw data; `None` if there are not exactly `count`.
fn words<const WIDTH: usize>(raw: &[u8], count: usize) -> Option<impl Iterator<Item = [u8; WIDTH]>> {
    let (words, rest) = raw.as_chunks::<WIDTH>();
    (rest.is_empty() && words.len() == count).then(|| words.iter().copied())
}
