//! Weights in half floats.

use half::f16;
use tract_onnx::pb::GraphProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::proto::{self, constant, node};
use crate::engine::OnnxModel;
use crate::engine::names::Names;
use crate::error::ModelError;

/// Constants of fewer values stay as they are: they save nothing, and are often the scales of an operator that some
/// runtimes want as constants.
const MIN_VALUES: usize = 16;

/// A model with half-float weights.
#[derive(Debug)]
pub(crate) struct Halved {
    pub model: OnnxModel,
    /// How many constants are half floats now.
    pub halved: usize,
    /// Constants that stay `f32` because a finite value of theirs is beyond 65,504, the largest half float.
    pub overflowing: Vec<String>,
}

impl OnnxModel {
    /// The model with its 32-bit constants rounded to half floats, each with a `Cast` behind it: the file halves, and
    /// every runtime computes in 32 bits as before (folding the casts when it loads the file).
    ///
    /// # Errors
    /// [`ModelError::Rewrite`] if the file has no constants to halve.
    pub(crate) fn halved(&self) -> Result<Halved, ModelError> {
        let mut file = self.proto.clone();
        let Some(graph) = &mut file.graph else { return Err(self.refused("it holds no graph")) };
        let (halved, overflowing) = halve(graph);
        if halved == 0 {
            return Err(self.refused("it holds no 32-bit float weights that fit half floats: give the f32 file"));
        }
        Ok(Halved { model: self.rewritten(file)?, halved, overflowing })
    }
}

/// How many constants were halved, and which would overflow.
fn halve(graph: &mut GraphProto) -> (usize, Vec<String>) {
    let mut names = Names::of(graph);
    let (mut casts, mut overflowing) = (Vec::new(), Vec::new());
    for tensor in &mut graph.initializer {
        let Some(values) = proto::floats(tensor).filter(|v| v.len() >= MIN_VALUES) else { continue };
        if values.iter().any(|v| v.is_finite() && !f16::from_f32(*v).is_finite()) {
            overflowing.push(tensor.name.clone());
            continue;
        }
        let bytes = values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
        let half = names.fresh(format!("{}_f16", tensor.name));
        // What reads the constant reads the cast, under the old name.
        casts.push(node("Cast", &[&half], &tensor.name, &[("to", DataType::Float as i64)]));
        *tensor = constant(&half, DataType::Float16, &tensor.dims, bytes);
    }
    let cast = |name: &str| casts.iter().any(|c| c.output.iter().any(|o| o == name));
    graph.input.retain(|i| !cast(&i.name));
    let count = casts.len();
    graph.node.splice(..0, casts);
    (count, overflowing)
}
