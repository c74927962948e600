//! ONNX graphs through tract: load, precision, threads, audit. The only module that names tract.
//!
//! The way of a model file:
//!
//! 1. [`OnnxModel::open`] reads and parses it under [`Limits`]: file size, node count, the size of every tensor it
//!    declares, and whether every operator is known. A file is untrusted until this has passed. A quantised file
//!    becomes a float graph with explicit rounding on the way, one in half floats a file in 32-bit floats, and operators that ONNX
//!    Runtime has fused become those of ONNX.
//! 2. [`OnnxModel::compile`] fixes the input shapes, infers every intermediate shape (refusing any that is too large
//!    before memory is taken for it), chooses the precision and optimises for this processor. The result is a
//!    [`Graph`]: immutable, cheap to clone, shared between threads.
//! 3. [`Graph::session`] makes the scratch of one thread. [`Session::run`] computes.
//!
//! A graph runs on the processor, or, where [`CompileOptions::device`] says so and [`gpu`] finds all that it takes, on the GPU.
//!
//! [`Graph::audit`] tells what really runs: which kernel, in which precision, how many multiply-accumulates.
//!
//! A file can also be rewritten, which [`crate::quantize`] does: with more of its tensors as outputs, in 8-bit integers or
//! with half-float weights.

mod audit;
mod compile;
mod cuda;
mod device;
mod external;
mod failure;
mod graph;
mod guard;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod kernels;
mod knobs;
mod limits;
mod names;
mod onnx;
mod operators;
mod ops;
mod passes;
mod points;
mod precision;
mod product;
mod profile;
mod quantized;
mod rewrite;
mod steps;
mod stored;
mod tensor;
mod threads;
mod typed;
mod unfused;
mod widened;

pub use audit::Audit;
pub use compile::CompileOptions;
pub use cuda::gpu;
pub use device::Device;
pub use graph::{Graph, Session};
pub use limits::Limits;
pub use onnx::OnnxModel;
pub use precision::Precision;
pub(crate) use product::Columns;
pub use profile::NodeTime;
pub(crate) use rewrite::{ActivationGrid, Convolution, QuantizationPlan, Stream};
pub use tensor::{ElementType, Tensor, TensorInfo};
pub use threads::Threads;

/// The instruction set that the kernels of this process use.
pub fn kernels_name() -> &'static str {
    kernels::Variant::best().name()
}

#[cfg(test)]
mod tests;
