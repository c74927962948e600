use std::io::Read;
use std::path::{Path, PathBuf};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{ModelProto, ValueInfoProto, tensor_shape_proto, type_proto};
use tract_onnx::prelude::Framework;

use super::compile::{CompileOptions, File, compile, framework};
use super::device::Device;
use super::failure::{contain, reason, unreadable};
use super::graph::Graph;
use super::guard;
use super::limits::Limits;
use super::operators;
use super::precision::Arithmetic;
use super::quantized;
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
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`IoError`] if it cannot be read; [`ModelError`] if it is too large, not ONNX, names an unknown operator, keeps
    /// weights outside itself, or claims tensors that are too large or not there.
    pub fn open(path: impl AsRef<Path>, limits: Limits) -> Result<Self, Error> {
        let path = path.as_ref();
        Ok(Self::from_bytes(path, &Self::read(path, &limits)?, limits)?)
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

    /// Parses a file's contents; `name` stands for the path in messages.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_bytes(name: impl AsRef<Path>, bytes: &[u8], limits: Limits) -> Result<Self, ModelError> {
        let path = name.as_ref();
        check_length(path, bytes.len() as u64, &limits)?;
        if bytes.is_empty() {
            return Err(unreadable(path, "the file is empty"));
        }
        let onnx = framework();
        let proto =
            contain(path, || onnx.proto_model_for_read(&mut &bytes[..]).map_err(|e| unreadable(path, reason(&e))))?;
        Self::checked(path, proto, limits)
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
        if quantized::is_quantized(&proto) {
            guard::check_operators(path, &quantized::unfolded(&proto, &limits).0, &onnx)?;
        } else {
            guard::check_operators(path, &proto, &onnx)?;
        }
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
