use std::borrow::Cow;
use std::path::Path;

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact};
use tract_onnx::tract_hir::ops::konst::Const;

use super::audit::{self, Audit};
use super::cuda;
use super::device::Device;
use super::failure::{line, node_name, reason, refused_node, unreadable};
use super::graph::Graph;
use super::guard;
use super::knobs;
use super::limits::Limits;
use super::names::with_subgraphs;
use super::operators;
use super::ops;
use super::passes::{self, Refusal};
use super::precision::{self, Arithmetic, Precision};
use super::profile::Labels;
use super::quantized::{self, WeightGrids};
use super::steps::Steps;
use super::tensor::{Tensor, TensorInfo};
use super::threads::Threads;
use super::typed::into_typed;
use super::unfused;
use super::widened;
use crate::error::{ModelError, TensorRole};

/// How a graph is made from a file.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CompileOptions {
    /// Shapes of inputs by name; an input that is not named must have its whole shape in the file.
    pub shapes: Vec<(String, Vec<usize>)>,
    /// Inputs that always have the same value: they become part of the graph and leave its inputs.
    pub constants: Vec<(String, Vec<f32>)>,
    /// Outputs to compute, in this order; empty for all. What only the others need is left out.
    pub outputs: Vec<String>,
    /// What it computes in.
    pub precision: Precision,
    /// What it computes on: [`gpu`](super::gpu) says whether there is a GPU.
    pub device: Device,
    /// With how many threads, on the processor.
    pub threads: Threads,
}

/// A file that was read and checked.
pub(super) struct File<'a> {
    pub path: &'a Path,
    pub proto: &'a ModelProto,
    /// Its inputs as it declares them.
    pub declared: &'a [TensorInfo],
    pub limits: &'a Limits,
}

pub(super) fn compile(file: &File<'_>, options: &CompileOptions, arithmetic: Arithmetic) -> Result<Graph, ModelError> {
    let File { path, proto, declared, limits } = *file;
    let knobs = knobs::scope().map_err(|e| unreadable(path, reason(&e)))?;
    knobs.enter(|| {
        let (floats, grids) = plain(proto, limits);
        let arithmetic = if sums_integers(&floats) { arithmetic.of_whole_numbers() } else { arithmetic };
        let operators = guard::Operators::of(&floats);
        let mut model = translate(path, proto, &floats)?;
        fix_inputs(path, &mut model, declared, options)?;
        if !options.outputs.is_empty() {
            select_outputs(path, &mut model, proto, &options.outputs)?;
        }
        guard::infer_shapes(path, &mut model, &operators, limits)?;
        let mut model = into_typed(model, &operators).map_err(|e| blame(path, &floats, &e))?;
        guard::check_shapes(path, &model, limits)?;

        let names = audit::operators(&model);
        let nodes = model.nodes().len();
        let lowering = Lowering {
            arithmetic,
            threads: &options.threads,
            grids: &grids,
            limits,
            steps: Steps::new(limits.max_steps),
        };
        let lowered = match options.device {
            Device::Cpu => lowering.lower(&mut model),
            Device::Cuda => lowering.lower_for_gpu(&mut model).map(|work| (work, Vec::new())),
        };
        let (work, refused) = lowered.map_err(|e| match lowering.steps.exceeded() {
            Some(steps) => ModelError::TooManySteps { path: path.into(), nodes, steps },
            None => blame(path, &floats, &e),
        })?;
        tracing::debug!(path = %path.display(), nodes, steps = lowering.steps.taken(), "a graph is prepared");
        guard::check_run(path, &model, limits)?;
        let run = RunOptions { executor: Some(options.threads.executor.clone()), ..RunOptions::default() };
        let plan = match options.device {
            Device::Cpu => SimplePlan::new_with_options(model, &run).map_err(|e| unreadable(path, reason(&e)))?,
            Device::Cuda => cuda::prepare(model, &run)?,
        };
        let (audit, labels) = match options.device {
            Device::Cpu => audit::audit(plan.model(), &names, arithmetic, work, refused),
            Device::Cuda => (audit::on_gpu(plan.model(), &names, arithmetic, work), Labels::default()),
        };
        let audit = Audit { threads: options.threads.count(), ..audit };
        Graph::new(path, plan, options.outputs.as_slice(), proto, (audit, labels))
    })
}

/// What a graph is lowered for, and within.
struct Lowering<'a> {
    arithmetic: Arithmetic,
    threads: &'a Threads,
    grids: &'a WeightGrids,
    limits: &'a Limits,
    steps: Steps,
}

impl Lowering<'_> {
    /// From decluttered operators to this processor's kernels. Returns what only the decluttered form tells, the work, and
    /// what our kernels did not take.
    fn lower(&self, model: &mut TypedModel) -> TractResult<(audit::Work, Vec<Refusal>)> {
        let Lowering { arithmetic, threads, grids, limits, steps } = self;
        let resources = ops::Resources::new(threads);
        steps.declutter(model)?;
        precision::into_single(model, steps)?;
        passes::fold_constants(model, limits.max_tensor_bytes)?;
        passes::known_curves(model)?;
        precision::apply(model, *arithmetic, steps)?;
        let work = audit::work(model)?;
        let refused = match arithmetic {
            Arithmetic::Half => Vec::new(),
            _ => passes::convolutional_regions(model, &resources, grids, limits.max_tensor_bytes)?,
        };
        ops::substitute(model, &resources)?;
        steps.declutter(model)?;
        steps.optimize(model)?;
        Ok((work, refused))
    }

    /// From decluttered operators to those that are translated for a GPU. Returns the work.
    fn lower_for_gpu(&self, model: &mut TypedModel) -> TractResult<audit::Work> {
        let Lowering { arithmetic, steps, .. } = self;
        steps.declutter(model)?;
        precision::into_single(model, steps)?;
        precision::apply(model, *arithmetic, steps)?;
        let work = audit::work(model)?;
        cuda::fit(model)?;
        Ok(work)
    }
}

/// Whether the file sums integers beyond the range of half floats.
fn sums_integers(proto: &ModelProto) -> bool {
    let mut nodes = with_subgraphs(&proto.graph).into_iter().flat_map(|graph| &graph.node);
    nodes.any(|node| matches!(node.op_type.as_str(), "ConvInteger" | "MatMulInteger"))
}

/// The ONNX reader, with our own operators. Shapes that the file records for intermediate tensors are ignored: they belong
/// to the input size it was exported at.
pub(super) fn framework() -> tract_onnx::Onnx {
    let mut onnx = tract_onnx::onnx().with_ignore_value_info(true);
    onnx.op_register.insert(ops::FakeQuantize::OPERATOR, ops::FakeQuantize::read);
    operators::register(&mut onnx);
    onnx
}

/// The file in 32-bit floats and ONNX's own operators, quantised ones as floats with rounding, whose weights have the grids.
fn plain<'a>(proto: &'a ModelProto, limits: &Limits) -> (Cow<'a, ModelProto>, WeightGrids) {
    let mut proto = Cow::Borrowed(proto);
    if widened::has_half_floats(&proto) {
        widened::widen(proto.to_mut());
    }
    unfolded(proto, limits)
}

/// The file in operators that the engine reads: fused ones taken apart, quantised ones as floats with rounding.
pub(super) fn unfolded<'a>(mut proto: Cow<'a, ModelProto>, limits: &Limits) -> (Cow<'a, ModelProto>, WeightGrids) {
    if unfused::has_fused(&proto) {
        unfused::take_apart(proto.to_mut());
    }
    match quantized::is_quantized(&proto) {
        true => {
            let (floats, grids) = quantized::unfolded(&proto, limits);
            (Cow::Owned(floats), grids)
        }
        false => (proto, WeightGrids::default()),
    }
}

/// tract's reading of a file.
fn translate(path: &Path, proto: &ModelProto, floats: &ModelProto) -> Result<InferenceModel, ModelError> {
    let parsed = framework().parse(floats, None).map_err(|e| blame(path, proto, &e))?;
    if let Some(name) = parsed.unresolved_inputs.first() {
        return Err(unreadable(path, format!("no node makes `{name}`, which another reads")));
    }
    Ok(parsed.model)
}

fn fix_inputs(
    path: &Path,
    model: &mut InferenceModel,
    declared: &[TensorInfo],
    options: &CompileOptions,
) -> Result<(), ModelError> {
    let failed = |e: TractError| unreadable(path, reason(&e));
    let known = |name: &String| declared.iter().any(|d| d.name == *name);
    for name in options.shapes.iter().map(|(n, _)| n).chain(options.constants.iter().map(|(n, _)| n)) {
        if !known(name) {
            let names: Vec<&str> = declared.iter().map(|d| d.name.as_str()).collect();
            return Err(signature(path, TensorRole::Input, name, "it to exist", names.join(", ")));
        }
    }
    let mut open = Vec::new();
    for outlet in model.inputs.clone() {
        let name = model.node(outlet.node).name.clone();
        let Some(info) = declared.iter().find(|d| d.name == name) else { continue };
        let given = options.shapes.iter().find(|(n, _)| *n == name).map(|(_, shape)| shape);
        let constant = options.constants.iter().find(|(n, _)| *n == name).map(|(_, values)| values);
        let shape = match (given, constant) {
            (Some(shape), _) => {
                let agree = shape.len() == info.shape.len()
                    && shape.iter().zip(&info.shape).all(|(s, d)| d.is_none_or(|d| d == *s));
                if !agree {
                    return Err(signature(path, TensorRole::Input, &name, &format!("{shape:?}"), info.shape_text()));
                }
                shape.clone()
            }
            (None, Some(values)) => info.fixed_shape().unwrap_or_else(|| vec![values.len()]),
            (None, None) => info.fixed_shape().ok_or_else(|| {
                signature(path, TensorRole::Input, &name, "a shape that is given or fixed", info.shape_text())
            })?,
        };
        let element = model.outlet_fact(outlet).map_err(failed)?.datum_type.concretize().unwrap_or(DatumType::F32);
        let fact = if let Some(values) = constant {
            let expected =
                || signature(path, TensorRole::Input, &name, &format!("{} values", values.len()), info.shape_text());
            let value = Tensor::from_f32(&shape, values).ok_or_else(expected)?;
            let value = value.0.cast_to_dt(element).map_err(failed)?.into_owned().into_arc_tensor();
            model.node_mut(outlet.node).op = Box::new(Const::new(value.clone()).map_err(failed)?);
            InferenceFact::try_from(value).map_err(failed)?
        } else {
            open.push(outlet);
            InferenceFact::dt_shape(element, &*shape)
        };
        model.set_outlet_fact(outlet, fact).map_err(failed)?;
    }
    model.set_input_outlets(&open).map_err(failed)
}

fn select_outputs(
    path: &Path,
    model: &mut InferenceModel,
    proto: &ModelProto,
    wanted: &[String],
) -> Result<(), ModelError> {
    let names: Vec<&str> = proto.graph.iter().flat_map(|g| &g.output).map(|o| o.name.as_str()).collect();
    let outlets = wanted
        .iter()
        .map(|name| {
            let at = names.iter().position(|n| n == name);
            at.and_then(|ix| model.outputs.get(ix).copied())
                .ok_or_else(|| signature(path, TensorRole::Output, name, "it to exist", names.join(", ")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    model.select_output_outlets(&outlets).map_err(|e| unreadable(path, reason(&e)))?;
    // Drops the nodes that only the other outputs need, so that nothing is inferred for them.
    model.compact().map_err(|e| unreadable(path, reason(&e)))
}

fn signature(path: &Path, role: TensorRole, tensor: &str, expected: &str, found: String) -> ModelError {
    ModelError::Signature {
        path: path.into(),
        family: "onnx",
        likely: None,
        role,
        tensor: tensor.into(),
        expected: expected.into(),
        found: found.into(),
    }
}

/// Names the node that an error is about, if its chain of contexts tells.
fn blame(path: &Path, proto: &ModelProto, error: &TractError) -> ModelError {
    let contexts: Vec<String> = error.chain().map(|c| c.to_string()).collect();
    let culprit = proto.graph.iter().flat_map(|g| &g.node).find(|n| {
        let building = format!("Building node {} ({})", n.name, n.op_type);
        let quoted = format!("\"{}\"", node_name(n));
        contexts.iter().any(|c| {
            *c == building
                || (c.starts_with("Translating node") || c.starts_with("Failed analyse")) && c.contains(&quoted)
        })
    });
    match culprit {
        Some(node) => refused_node(path, node_name(node), &node.op_type, line(&error.root_cause().to_string())),
        None => unreadable(path, reason(error)),
    }
}
