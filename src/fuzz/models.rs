//! Manifests and model files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::engine::{ActivationGrid, CompileOptions, Limits, OnnxModel, QuantizationPlan, hostile};
use crate::model::Manifest;

/// Small enough that no graph takes long.
const LIMITS: Limits = Limits {
    max_file_bytes: 1 << 20,
    max_nodes: 200,
    max_tensor_bytes: 1 << 20,
    max_total_bytes: 1 << 24,
    max_steps: 1 << 20,
};

/// The manifest of a folder of models.
pub fn manifest(data: &[u8]) {
    let _ = Manifest::parse(Path::new("manifest.toml"), &String::from_utf8_lossy(data));
}

/// An ONNX file: parsed, checked, a quantised one unfolded, compiled and run once. The bytes are the file's, and they are
/// choices of operators, attributes and shapes that make another.
pub fn model(data: &[u8]) {
    for file in [data, &hostile::file(data)] {
        // Whatever other files it names, they hold these bytes.
        let beside = |_: &Path, most: u64| Ok(data[..data.len().min(most as usize)].to_vec());
        let Ok(model) = OnnxModel::from_parts("model.onnx", file, beside, LIMITS) else { continue };
        let Ok(graph) = model.compile(&CompileOptions::default()) else { continue };
        if let Ok(mut session) = graph.session() {
            let _ = session.run(&mut Vec::new());
        }
    }
}

/// An ONNX file rewritten as quantising it does: with more outputs, in integers, with half-float weights.
pub fn quantize(data: &[u8]) {
    let Ok(model) = OnnxModel::from_bytes("model.onnx", data, LIMITS) else { return };
    let convolutions = model.convolutions();
    let tensors: Vec<String> = convolutions.iter().map(|c| c.output.clone()).collect();
    let _ = model.observing(&tensors);
    let _ = model.halved();
    let grid = ActivationGrid { scale: 0.05, zero_point: 128 };
    let grids: BTreeMap<String, ActivationGrid> = convolutions.iter().map(|c| (c.input.clone(), grid)).collect();
    let plan = QuantizationPlan { grids, float: BTreeSet::new(), bias_corrections: BTreeMap::new() };
    if let Ok(quantized) = model.quantized(&plan) {
        let _ = OnnxModel::from_bytes("again.onnx", &quantized.to_bytes(), Limits::default());
    }
}
