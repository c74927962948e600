//! What a file's weights are stored in.

use tract_onnx::pb::tensor_proto::DataType;

use super::OnnxModel;
use super::names::with_subgraphs;
use super::precision::Precision;
use super::quantized;

impl OnnxModel {
    /// What most of its weights are stored in: 8-bit integers where it has quantised operators, else the width of most of its
    /// floats, `f32` where it has none.
    pub fn stored_precision(&self) -> Precision {
        if quantized::is_quantized(&self.proto) {
            return Precision::Int8;
        }
        let (mut halves, mut singles) = (0u64, 0u64);
        for graph in with_subgraphs(self.proto.graph.as_ref()) {
            let attributes = graph.node.iter().flat_map(|node| &node.attribute).filter_map(|a| a.t.as_ref());
            for tensor in graph.initializer.iter().chain(attributes) {
                let elements = tensor.dims.iter().map(|dim| u64::try_from(*dim).unwrap_or(0)).product::<u64>();
                match DataType::try_from(tensor.data_type) {
                    Ok(DataType::Float16) => halves = halves.saturating_add(elements),
                    Ok(DataType::Float) => singles = singles.saturating_add(elements),
                    _ => {}
                }
            }
        }
        if halves > singles { Precision::F16 } else { Precision::F32 }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn files_tell_what_their_weights_are_stored_in() {
        for (file, stored) in [
            ("tests/models/foveate_encoder.onnx", Precision::F32),
            ("tests/models/foveate_encoder_f16.onnx", Precision::F16),
            ("models/foveate-encoder-f16.onnx", Precision::F16),
            ("models/foveate-encoder-int8.onnx", Precision::Int8),
        ] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            assert_eq!(OnnxModel::open(path, Default::default()).unwrap().stored_precision(), stored, "{file}");
        }
    }
}
