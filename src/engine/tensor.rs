use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use tract_onnx::prelude::{DatumType, Tensor as TractTensor};

/// What a tensor's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    /// Half floats.
    F16,
    /// 32-bit floats.
    F32,
    /// 64-bit floats.
    F64,
    /// 32-bit integers.
    I32,
    /// 64-bit integers.
    I64,
    /// Truth values.
    Bool,
    /// A type that no model family here has at its edges.
    Other,
}

impl ElementType {
    /// The name used in messages.
    pub const fn name(self) -> &'static str {
        match self {
            ElementType::F16 => "f16",
            ElementType::F32 => "f32",
            ElementType::F64 => "f64",
            ElementType::I32 => "i32",
            ElementType::I64 => "i64",
            ElementType::Bool => "bool",
            ElementType::Other => "other",
        }
    }

    pub(super) fn of(dt: DatumType) -> Self {
        match dt {
            DatumType::F16 => ElementType::F16,
            DatumType::F32 => ElementType::F32,
            DatumType::F64 => ElementType::F64,
            DatumType::I32 => ElementType::I32,
            DatumType::I64 | DatumType::TDim => ElementType::I64,
            DatumType::Bool => ElementType::Bool,
            _ => ElementType::Other,
        }
    }
}

/// Name, element type and shape of a graph's input or output. A dimension is `None` while the file leaves it open;
/// every dimension of a compiled [`super::Graph`] is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorInfo {
    /// As the file spells it.
    pub name: String,
    /// What its elements are.
    pub element: ElementType,
    /// Its dimensions, the outermost first; empty as well where the file leaves all of them open.
    pub shape: Vec<Option<usize>>,
}

impl TensorInfo {
    /// The shape if every dimension is known.
    pub fn fixed_shape(&self) -> Option<Vec<usize>> {
        self.shape.iter().copied().collect()
    }

    /// The shape for messages, such as `[1, 3, ?, ?]`.
    pub fn shape_text(&self) -> String {
        let dims: Vec<String> = self.shape.iter().map(|d| d.map_or("?".into(), |d| d.to_string())).collect();
        format!("[{}]", dims.join(", "))
    }
}

/// A tensor that a graph made or takes, row-major. Clones share the data.
#[derive(Clone)]
pub struct Tensor(pub(super) Arc<TractTensor>);

impl Tensor {
    /// A tensor of `shape` over a copy of `data`; `None` if their sizes differ.
    pub fn from_f32(shape: &[usize], data: &[f32]) -> Option<Self> {
        TractTensor::from_shape(shape, data).ok().map(|t| Tensor(Arc::new(t)))
    }

    /// Its dimensions, the outermost first.
    pub fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    /// What its elements are.
    pub fn element(&self) -> ElementType {
        ElementType::of(self.0.datum_type())
    }

    /// The elements, if they are `f32` (what every [`super::Graph`] gives at its edges, whatever it computes in).
    pub fn as_f32(&self) -> Option<&[f32]> {
        self.0.as_plain_ram()?.as_slice::<f32>().ok()
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({} {:?})", self.element().name(), self.shape())
    }
}
