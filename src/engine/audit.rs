use std::collections::BTreeMap;

use serde::Serialize;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::cnn::conv::{BlockedConv, DirectSpatialConv, Im2Col};
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv};
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::matmul::optimized::OptMatMul;
use tract_onnx::tract_core::ops::source::TypedSource;

use super::device::Device;
use super::kernels::{Action, Program, Step};
use super::ops::{self, ConvRegion};
use super::passes::Refusal;
use super::precision::{Arithmetic, Precision};
use super::profile::Labels;

/// What a compiled graph really runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Of the weights and of the arithmetic: `f32`, `f16`, `f16 weights, f32 arithmetic`, or `int8` where most
    /// multiply-accumulates are of integers.
    pub precision: &'static str,
    /// `cpu` or `cuda`.
    pub device: &'static str,
    /// Threads that compute, where the processor does.
    pub threads: usize,
    /// Nodes executed in a run.
    pub nodes: usize,
    /// Multiply-accumulates of convolutions and matrix products in a run.
    pub macs: u64,
    /// Those of them that multiply 8-bit integers.
    pub int8_macs: u64,
    /// Bytes of the constants, at the precision they are stored in.
    pub weights_bytes: u64,
    /// How many nodes run as what, such as `Conv 3x3 f32: im2col + avx512_mmm_f32_16x12`.
    pub kernels: BTreeMap<String, usize>,
    /// Convolutions that our kernels did not take, or not on integers though the file quantises them, by the node's name,
    /// and why; of a graph on the GPU what the processor computes in its place.
    pub refused: BTreeMap<String, &'static str>,
}

/// What the decluttered form of a graph tells and the optimised one no longer does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    macs: u64,
    weights_bytes: u64,
}

/// What each node of the model as exported is, by name, in the words of its author: `Conv 3x3`, `ConvTranspose 2x2`.
pub(super) struct Operators(BTreeMap<String, String>);

pub(super) fn operators(model: &TypedModel) -> Operators {
    let describe = |node: &TypedNode| {
        if let Some(conv) = node.op_as::<Conv>() {
            let kernel = spatial(&conv.pool_spec.kernel_shape);
            let grouped = match conv.group {
                1 => String::new(),
                g if g == conv.pool_spec.input_channels => " depthwise".into(),
                g => format!(" {g} groups"),
            };
            Some(format!("Conv {kernel}{grouped}"))
        } else {
            node.op_as::<Deconv>().map(|d| format!("ConvTranspose {}", spatial(&d.pool_spec.kernel_shape)))
        }
    };
    Operators(model.nodes().iter().filter_map(|n| Some((n.name.clone(), describe(n)?))).collect())
}

fn spatial(dims: &[usize]) -> String {
    dims.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

impl Operators {
    /// The exported node that an optimised node came from: tract extends names with `.suffix`.
    fn origin(&self, name: &str) -> Option<&str> {
        let mut prefix = name;
        loop {
            if let Some(description) = self.0.get(prefix) {
                return Some(description);
            }
            prefix = prefix.rsplit_once('.')?.0;
        }
    }
}

pub(super) fn work(model: &TypedModel) -> TractResult<Work> {
    let (mut macs, mut weights_bytes) = (0u64, 0u64);
    for node in model.nodes() {
        if let Some(constant) = node.op_as::<Const>() {
            weights_bytes += (constant.val().len() * constant.val().datum_type().size_of()) as u64;
            continue;
        }
        let inputs = model.node_input_facts(node.id)?;
        for (cost, count) in node.op.cost(&inputs)? {
            if matches!(cost, Cost::FMA(_)) {
                macs += count.to_i64().unwrap_or(0).max(0) as u64;
            }
        }
    }
    Ok(Work { macs, weights_bytes })
}

pub(super) fn audit(
    model: &TypedModel,
    operators: &Operators,
    arithmetic: Arithmetic,
    work: Work,
    refused: Vec<Refusal>,
) -> (Audit, Labels) {
    let (mut nodes, mut int8_macs) = (0, 0);
    let mut labels = Labels::default();
    for node in model.nodes() {
        if node.op_is::<Const>() || node.op_is::<TypedSource>() {
            continue;
        }
        if let Some(region) = node.op_as::<ConvRegion>() {
            nodes += region.program().steps().len();
            for (step, name) in region.program().steps().iter().zip(region.names()) {
                labels.add(node.id, name, step_label(region.program(), step, operators.origin(name)));
                int8_macs += match &step.action {
                    Action::Quantized(plan) => plan.macs(),
                    Action::Depthwise(plan) if plan.input().element.is_byte() => plan.macs(),
                    _ => 0,
                };
            }
            continue;
        }
        nodes += 1;
        if let Some(ours) = ops::ours(node) {
            labels.add(node.id, &node.name, ours.label());
            continue;
        }
        if let Some(label) = label(model, node, operators) {
            labels.add(node.id, &node.name, label);
        }
    }
    let audit = Audit {
        precision: if 2 * int8_macs > work.macs { Precision::Int8.name() } else { arithmetic.describe() },
        device: Device::Cpu.name(),
        threads: 1,
        nodes,
        macs: work.macs,
        int8_macs,
        weights_bytes: work.weights_bytes,
        kernels: labels.count(),
        refused: refused.into_iter().map(|r| (r.node, r.reason)).collect(),
    };
    (audit, labels)
}

/// As [`audit`], of a graph that was translated for the GPU.
pub(super) fn on_gpu(model: &TypedModel, operators: &Operators, arithmetic: Arithmetic, work: Work) -> Audit {
    let mut audit = Audit {
        precision: arithmetic.describe(),
        device: Device::Cuda.name(),
        threads: 1,
        macs: work.macs,
        weights_bytes: work.weights_bytes,
        ..Audit::default()
    };
    for node in model.nodes().iter().filter(|node| !node.op_is::<Const>() && !node.op_is::<TypedSource>()) {
        let name = node.op.name();
        audit.nodes += 1;
        // Its operators are known by their names, and its tensors by a fact that wraps the real one.
        let translated = ["Cuda", "Gpu", "DeviceSync"].iter().any(|prefix| name.starts_with(prefix));
        let fact = node.outputs.first().map(|output| &output.fact);
        let wrapped = fact.and_then(|fact| fact.exotic_fact.as_ref()?.clarify_dt_shape()).map(|(element, _)| element);
        let element = wrapped.or(fact.map(|fact| fact.datum_type)).map(|element| format!("{element:?}").to_lowercase());
        let operator = operators.origin(&node.name).filter(|_| name.ends_with("Conv")).unwrap_or(&name);
        let place = if translated { name.as_ref() } else { "cpu" };
        *audit.kernels.entry(format!("{operator} {}: {place}", element.unwrap_or_default())).or_default() += 1;
        if !translated {
            audit.refused.insert(node.name.clone(), "the GPU has no kernel for it, the processor computes it");
        }
    }
    audit
}

/// `None` for nodes that belong to another's label, such as the im2col of a convolution.
fn label(model: &TypedModel, node: &TypedNode, operators: &Operators) -> Option<String> {
    let element = node.outputs.first().map(|o| format!("{:?}", o.fact.datum_type).to_lowercase()).unwrap_or_default();
    let origin = operators.origin(&node.name);
    if let Some(product) = node.op_as::<OptMatMul>() {
        let kernel: Vec<&str> = product.mmm.iter().map(|m| m.name()).collect();
        let gather = node.inputs.iter().find_map(|i| match model.node(i.node).op.name().as_ref() {
            "Im2col" => Some("im2col + "),
            "LazyIm2col" => Some("lazy im2col + "),
            _ => None,
        });
        let (operator, gather) = (origin.unwrap_or("MatMul"), gather.unwrap_or_default());
        return Some(format!("{operator} {element}: {gather}{}", kernel.join("|")));
    }
    let name = node.op.name();
    if node.op_is::<Im2Col>() || name == "LazyIm2col" || name.starts_with("OptMatMulPack") {
        return None;
    }
    let convolution = node.op_is::<DirectSpatialConv>() || node.op_is::<BlockedConv>() || name == "DepthWiseConv";
    match origin {
        Some(operator) if convolution => Some(format!("{operator} {element}: {name}")),
        _ => Some(format!("{name} {element}")),
    }
}

/// The label of one step of a region that began as the node `origin`.
fn step_label(program: &Program, step: &Step, origin: Option<&str>) -> String {
    let variant = program.variant().name();
    let (operator, way, kernel) = match &step.action {
        Action::Quantized(plan) => (origin.unwrap_or("Conv 1x1"), "blocked", plan.dots().name()),
        Action::Convolve(_) => (origin.unwrap_or("Conv 1x1"), "blocked", variant),
        Action::Winograd(..) => (origin.unwrap_or("Conv 3x3"), "blocked winograd 4x4", variant),
        Action::Depthwise(_) => (origin.unwrap_or("Scale"), "blocked", variant),
        Action::Resize(_) => ("Resize", "blocked", variant),
        Action::MaxPool(_) => ("MaxPool", "blocked", variant),
        Action::Scale(_) => ("Mul", "blocked", variant),
        Action::Copy if step.ending.residual.is_none() && step.ending.shift.is_none() => ("Copy", "blocked", variant),
        Action::Copy => ("Add", "blocked", variant),
        Action::Mean => ("Mean", "blocked", variant),
        Action::Pack => ("Quantize", "packed", variant),
    };
    let element = if step.input.picture.element.is_byte() { "int8" } else { "f32" };
    format!("{operator} {element}: {way} {kernel}")
}
