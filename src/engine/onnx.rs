use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{ModelProto, ValueInfoProto, tensor_shape_proto, type_proto};
use tract_onnx::prelude::Framework;

use super::compile::{CompileOptions, File, compile, framework, unfolded};
use super::device::Device;
use super::external;
use super::failure::{contain, reason, unreadable};
use super::graph::Graph;
use super::guard;
use super::limits::Limits;
use super::operators;
use super::precision::Arithmetic;
use super::tensor::{ElementType, TensorInfo};
use crate::error::{Error, IoError, ModelError};

/// A parsed and checked ONNX file, from which graphs are compiled for given input shapes.
pub struct OnnxModel {
    path: PathBuf,
    limits: Limits,
    pub(super) proto: ModelProto,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
}

impl OnnxModel {
    /// Reads the file at `path`, and those beside it that its weights lie in.
    ///
    /// # Errors
    /// [`IoError`] if one cannot be read; [`ModelError`] if they are too large together, not ONNX, name an unknown operator,
    /// keep weights outside the file's folder, or claim tensors that are too large or not there.
    pub fn open(path: impl AsRef<Path>, limits: Limits) -> Result<Self, Error> {
        let path = path.as_ref();
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let read = |location: &Path, most| Self::read_beside(folder, location, most);
        Self::from_parts(path, &Self::read(path, &limits)?, read, limits)
    }

    /// As [`Self::from_bytes`], for a model whose weights may lie in other files: `read` gets the contents of each, by its path
    /// relative to the model's folder and the most bytes that it may have.
    ///
    /// # Errors
    /// As [`Self::open`], and those of `read`.
    pub(crate) fn from_parts(
        name: impl AsRef<Path>,
        bytes: &[u8],
        mut read: impl FnMut(&Path, u64) -> Result<Vec<u8>, Error>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let path = name.as_ref();
        let mut proto = Self::parsed(path, bytes, &limits)?;
        let mut left = limits.max_file_bytes.saturating_sub(bytes.len() as u64);
        let mut parts = BTreeMap::new();
        for location in external::locations(path, &proto, &limits)? {
            let part = read(&location, left)?;
            left = left.saturating_sub(part.len() as u64);
            parts.insert(location, part);
        }
        if !parts.is_empty() {
            external::fill(path, &mut proto, &parts, &limits)?;
            drop(parts);
        }
        Ok(Self::checked(path, proto, limits)?)
    }

    /// The contents of the file at `location` in a model's `folder`, of at most `most` bytes.
    ///
    /// # Errors
    /// [`IoError`] if it cannot be read; [`ModelError`] if it is no file, leads out of the folder, or is longer.
    pub(crate) fn read_beside(folder: &Path, location: &Path, most: u64) -> Result<Vec<u8>, Error> {
        external::read(folder, location, most)
    }

    /// The contents of the file at `path`.
    ///
    /// # Errors
    /// [`IoError`] if it cannot be read; [`ModelError::TooLarge`].
    pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
        let file = std::fs::File::open(path).map_err(IoError::when("read", path))?;
        let mut bytes = Vec::new();
        file.take(limits.max_file_bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(IoError::when("read", path))?;
        check_length(path, bytes.len() as u64, limits)?;
        Ok(bytes)
    }

    /// Parses the contents of a model that is one file; `name` stands for the path in messages.
    ///
    /// # Errors
    /// As [`Self::open`]; weights in other files are refused.
    pub fn from_bytes(name: impl AsRef<Path>, bytes: &[u8], limits: Limits) -> Result<Self, ModelError> {
        let path = name.as_ref();
        Self::checked(path, Self::parsed(path, bytes, &limits)?, limits)
    }

    fn parsed(path: &Path, bytes: &[u8], limits: &Limits) -> Result<ModelProto, ModelError> {
        check_length(path, bytes.len() as u64, limits)?;
        if bytes.is_empty() {
            return Err(unreadable(path, "the file is empty"));
        }
        let onnx = framework();
        contain(path, || onnx.proto_model_for_read(&mut &bytes[..]).map_err(|e| unreadable(path, reason(&e))))
    }

    /// The same file with another content, checked as if it had been read.
    pub(super) fn rewritten(&self, proto: ModelProto) -> Result<Self, ModelError> {
        Self::checked(&self.path, proto, self.limits)
    }

    fn checked(path: &Path, proto: ModelProto, limits: Limits) -> Result<Self, ModelError> {
        contain(path, || Self::uncontained(path, proto, limits))
    }

    fn uncontained(path: &Path, proto: ModelProto, limits: Limits) -> Result<Self, ModelError> {
        guard::check_file(path, &proto, &limits)?;
        operators::check(path, &proto)?;
        let onnx = framework();
        guard::check_operators(path, &unfolded(Cow::Borrowed(&proto), &limits).0, &onnx)?;
        let graph = proto.graph.as_ref().ok_or_else(|| unreadable(path, "it holds no graph"))?;
        // Old exporters list weights among the inputs.
        let is_weight = |name: &str| graph.initializer.iter().any(|i| i.name == name);
        let inputs = graph.input.iter().filter(|i| !is_weight(&i.name)).map(declared).collect();
        let outputs = graph.output.iter().map(declared).collect();
        Ok(OnnxModel { path: path.into(), limits, inputs, outputs, proto })
    }

    /// Where it was read from, or what stands for it in messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Inputs as the file declares them.
    pub fn inputs(&self) -> &[TensorInfo] {
        &self.inputs
    }

    /// Outputs as the file declares them.
    pub fn outputs(&self) -> &[TensorInfo] {
        &self.outputs
    }

    /// Fixes shapes, chooses precision and optimises for this processor.
    ///
    /// # Errors
    /// [`ModelError::UnsupportedOperator`] names the node that cannot run; [`ModelError::HostileShape`] the tensor that
    /// would be too large; [`ModelError::Signature`] an input or output that the options name and the file lacks;
    /// [`ModelError::Gpu`] why a graph cannot run on the GPU.
    pub fn compile(&self, options: &CompileOptions) -> Result<Graph, ModelError> {
        let arithmetic = match options.device {
            Device::Cpu => Arithmetic::on_this_cpu(options.precision),
            Device::Cuda => Arithmetic::on_a_gpu(options.precision)?,
        };
        self.compile_as(options, arithmetic)
    }

    /// Compiles for an arithmetic that this processor would not choose.
    pub(super) fn compile_as(&self, options: &CompileOptions, arithmetic: Arithmetic) -> Result<Graph, ModelError> {
        let OnnxModel { path, proto, inputs, limits, .. } = self;
        let file = File { path, proto, declared: inputs, limits };
        contain(path, || compile(&file, options, arithmetic))
    }
}

fn check_length(path: &Path, bytes: u64, limits: &Limits) -> Result<(), ModelError> {
    let limit = limits.max_file_bytes;
    if bytes > limit { Err(ModelError::TooLarge { path: path.into(), bytes, limit }) } else { Ok(()) }
}

impl std::fmt::Debug for OnnxModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxModel")
            .field("path", &self.path)
            .field("inputs", &self.inputs)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}

fn declared(value: &ValueInfoProto) -> TensorInfo {
    let (mut element, mut shape) = (ElementType::Other, Vec::new());
    if let Some(type_proto::Value::TensorType(t)) = value.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        element = match DataType::try_from(t.elem_type) {
            Ok(DataType::Float16) => ElementType::F16,
            Ok(DataType::Float) => ElementType::F32,
            Ok(DataType::Double) => ElementType::F64,
            Ok(DataType::Int32) => ElementType::I32,
            Ok(DataType::Int64) => ElementType::I64,
            Ok(DataType::Bool) => ElementType::Bool,
            _ => ElementType::Other,
        };
        let dims = t.shape.iter().flat_map(|s| &s.dim);
        shape = dims
            .map(|d| match d.value {
                Some(tensor_shape_proto::dimension::Value::DimValue(v)) => usize::try_from(v).ok(),
                _ => None,
            })
            .collect();
    }
    TensorInfo { name: value.name.clone(), element, shape }
}
