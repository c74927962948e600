//! ONNX graphs through tract: load, precision, threads, audit. The only module that names tract.

/// A tensor that a graph made or takes. Clones share the data.
#[derive(Clone, Debug)]
pub struct Tensor;
