use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{
    DatumType, IntoArcTensor, OutletId, TValue, TVec, Tensor as TractTensor, TractError, TractResult, TypedModel,
    TypedNode, TypedSimplePlan, TypedSimpleState,
};
use tract_onnx::tract_core::internal::{EvalContext, OpState, format_err};
use tract_onnx::tract_core::plan;

use super::audit::Audit;
use super::failure::{caught, reason, unreadable};
use super::profile::{self, Labels, NodeTime};
use super::tensor::{ElementType, Tensor, TensorInfo};
use crate::error::ModelError;

/// A compiled graph: plan and weights, fixed shapes. Clones share everything; it may be used from any thread.
#[derive(Clone)]
pub struct Graph(Arc<Inner>);

struct Inner {
    /// File name, for messages.
    name: String,
    plan: Arc<TypedSimplePlan>,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
    audit: Audit,
    labels: Labels,
}

impl Graph {
    pub(super) fn new(
        path: &Path,
        plan: Arc<TypedSimplePlan>,
        selected: &[String],
        proto: &ModelProto,
        (audit, labels): (Audit, Labels),
    ) -> Result<Self, ModelError> {
        let model = plan.model();
        let input_names: Vec<String> = model.inputs.iter().map(|o| model.node(o.node).name.clone()).collect();
        let output_names: Vec<String> = match selected {
            [] => proto.graph.iter().flat_map(|g| &g.output).map(|o| o.name.clone()).collect(),
            names => names.to_vec(),
        };
        let failed = |e: TractError| unreadable(path, reason(&e));
        let inputs = edges(model, &model.inputs, &input_names).map_err(failed)?;
        let outputs = edges(model, &model.outputs, &output_names).map_err(failed)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Graph(Arc::new(Inner { name, plan, inputs, outputs, audit, labels })))
    }

    /// Inputs in the order that [`Session`] takes them.
    pub fn inputs(&self) -> &[TensorInfo] {
        &self.0.inputs
    }

    /// Outputs in the order that [`Session::run`] gives them.
    pub fn outputs(&self) -> &[TensorInfo] {
        &self.0.outputs
    }

    /// Place of the input called `name`.
    pub fn input_index(&self, name: &str) -> Option<usize> {
        self.0.inputs.iter().position(|i| i.name == name)
    }

    /// What really runs.
    pub fn audit(&self) -> &Audit {
        &self.0.audit
    }

    /// The scratch of one thread. Its inputs are zero until set.
    ///
    /// # Errors
    /// [`ModelError::Run`] if the graph cannot be prepared.
    pub fn session(&self) -> Result<Session, ModelError> {
        let inputs = (0..self.0.inputs.len()).map(|ix| self.zeroed(ix)).collect::<Result<_, _>>()?;
        Ok(Session { graph: self.clone(), state: self.state()?, inputs })
    }

    fn state(&self) -> Result<TypedSimpleState, ModelError> {
        match caught(|| self.0.plan.spawn()) {
            Ok(state) => state.map_err(|e| self.failed(&e)),
            Err(panic) => Err(self.misuse(panic.text)),
        }
    }

    /// Zeros for input `index`.
    fn zeroed(&self, index: usize) -> Result<Tensor, ModelError> {
        let dt = self.datum_type(index)?;
        let shape = self.0.inputs.get(index).and_then(TensorInfo::fixed_shape).unwrap_or_default();
        TractTensor::zero_dt(dt, &shape).map(|t| Tensor(Arc::new(t))).map_err(|e| self.failed(&e))
    }

    fn datum_type(&self, index: usize) -> Result<DatumType, ModelError> {
        self.0.plan.model().input_fact(index).map(|f| f.datum_type).map_err(|e| self.failed(&e))
    }

    fn failed(&self, error: &TractError) -> ModelError {
        self.misuse(reason(error))
    }

    fn misuse(&self, reason: String) -> ModelError {
        ModelError::Run { graph: self.0.name.clone(), reason }
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { name, inputs, outputs, .. } = &*self.0;
        f.debug_struct("Graph").field("name", name).field("inputs", inputs).field("outputs", outputs).finish()
    }
}

/// One thread's scratch for a [`Graph`]: the input tensors, kept between runs, and what tract keeps.
pub struct Session {
    graph: Graph,
    state: TypedSimpleState,
    inputs: Vec<Tensor>,
}

impl Session {
    /// What it runs.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The elements of input `index`, to be written in place. They keep their values between runs, unless the tensor
    /// was passed by [`Self::set_input`] and is still held elsewhere: then these are fresh zeros.
    ///
    /// # Errors
    /// [`ModelError::Run`] if there is no such input or its elements are not `f32`.
    pub fn input_mut(&mut self, index: usize) -> Result<&mut [f32], ModelError> {
        let Session { graph, inputs, .. } = self;
        let (Some(tensor), Some(info)) = (inputs.get_mut(index), graph.0.inputs.get(index)) else {
            return Err(graph.misuse(format!("there is no input {index}")));
        };
        if Arc::get_mut(&mut tensor.0).is_none() {
            *tensor = graph.zeroed(index)?;
        }
        Arc::get_mut(&mut tensor.0)
            .and_then(floats_mut)
            .ok_or_else(|| graph.misuse(format!("input `{}` is {}, not f32", info.name, info.element.name())))
    }

    /// Writes `values` to input `index`, converting them to its element type: for the small inputs of prompts.
    ///
    /// # Errors
    /// [`ModelError::Run`] if there is no such input or the count differs.
    pub fn fill_input(&mut self, index: usize, values: &[f32]) -> Result<(), ModelError> {
        let Some(info) = self.graph.0.inputs.get(index) else {
            return Err(self.graph.misuse(format!("there is no input {index}")));
        };
        if info.element == super::ElementType::F32 {
            let data = self.input_mut(index)?;
            if data.len() == values.len() {
                data.copy_from_slice(values);
                return Ok(());
            }
            let expected = data.len();
            return Err(self.graph.misuse(format!("input {index} takes {expected} values, {} given", values.len())));
        }
        let dt = self.graph.datum_type(index)?;
        let shape = info.fixed_shape().unwrap_or_default();
        let tensor = Tensor::from_f32(&shape, values)
            .ok_or_else(|| self.graph.misuse(format!("input `{}` takes {}", info.name, info.shape_text())))?;
        let tensor = tensor.0.cast_to_dt(dt).map_err(|e| self.graph.failed(&e))?.into_owned();
        if let Some(slot) = self.inputs.get_mut(index) {
            *slot = Tensor(Arc::new(tensor));
        }
        Ok(())
    }

    /// Takes `tensor` as input `index` without copying it.
    ///
    /// # Errors
    /// [`ModelError::Run`] if there is no such input, or shape or element type differ.
    pub fn set_input(&mut self, index: usize, tensor: &Tensor) -> Result<(), ModelError> {
        let Session { graph, inputs, .. } = self;
        let (Some(slot), Some(info)) = (inputs.get_mut(index), graph.0.inputs.get(index)) else {
            return Err(graph.misuse(format!("there is no input {index}")));
        };
        if slot.shape() != tensor.shape() || slot.0.datum_type() != tensor.0.datum_type() {
            return Err(graph.misuse(format!(
                "input `{}` takes {} of {}, given {:?} of {}",
                info.name,
                info.shape_text(),
                info.element.name(),
                tensor.shape(),
                tensor.element().name()
            )));
        }
        *slot = tensor.clone();
        Ok(())
    }

    /// Computes every output from the inputs as they stand, in the order of [`Graph::outputs`].
    ///
    /// # Errors
    /// [`ModelError::Run`]; the session can be used again.
    pub fn run(&mut self, outputs: &mut Vec<Tensor>) -> Result<(), ModelError> {
        self.run_with(outputs, plan::eval)
    }

    /// As [`Self::run`], and says how long each node took, in order; what a region of convolutions is made of is told step by
    /// step. Looking at the clock takes time itself: about 0.1 us a node.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn profile(&mut self, outputs: &mut Vec<Tensor>) -> Result<Vec<NodeTime>, ModelError> {
        let graph = self.graph.clone();
        let watch = profile::Watch::begin(&graph.0.labels);
        self.run_with(outputs, |context, state, node, inputs| {
            watch.time(node, || plan::eval(context, state, node, inputs))
        })?;
        Ok(watch.end())
    }

    fn run_with(
        &mut self,
        outputs: &mut Vec<Tensor>,
        eval: impl Fn(
            &EvalContext,
            Option<&mut (dyn OpState + 'static)>,
            &TypedNode,
            TVec<TValue>,
        ) -> TractResult<TVec<TValue>>,
    ) -> Result<(), ModelError> {
        outputs.clear();
        let inputs: TVec<TValue> = self.inputs.iter().map(|t| TValue::from_const(t.0.clone())).collect();
        let state = &mut self.state;
        let running = Cell::new(None);
        let outcome = caught(|| {
            let values = state.run_plan_with_eval(inputs, |context, state, node, inputs| {
                running.set(Some(node.id));
                eval(context, state, node, inputs)
            })?;
            // What a GPU made may come over only when it is read: here, on the thread that asked for it.
            values.iter().try_for_each(|value| value.try_as_plain_ram().map(|_| ()))?;
            TractResult::Ok(values)
        });
        let values = match outcome {
            Ok(Ok(values)) => values,
            Ok(Err(e)) => {
                self.state = self.graph.state()?;
                return Err(self.graph.failed(&e));
            }
            Err(panic) => {
                self.state = self.graph.state()?;
                let node = running.get().map(|id| self.graph.0.plan.model().node(id));
                return Err(self.graph.misuse(match node {
                    Some(node) => format!("node `{}` ({}): {}", node.name, node.op.name(), panic.text),
                    None => panic.text,
                }));
            }
        };
        outputs.extend(values.into_iter().map(|v| Tensor(v.into_arc_tensor())));
        Ok(())
    }
}

impl Session {
    /// As [`Self::run`], for the graphs of a model: what a broken weight or an overflow made is no answer, whatever looks at
    /// it after. The engine's kernels may turn it into ordinary numbers again, so it is told here.
    ///
    /// # Errors
    /// As [`Self::run`], and [`ModelError::NotFinite`] naming the first output with a number that is none, or beyond 1e12.
    pub fn run_finite(&mut self, outputs: &mut Vec<Tensor>) -> Result<(), ModelError> {
        self.run(outputs)?;
        let found = outputs.iter().position(|tensor| tensor.as_f32().is_some_and(|values| !all_sound(values)));
        let Some(place) = found else { return Ok(()) };
        outputs.clear();
        let output = self.graph.0.outputs.get(place).map_or_else(String::new, |info| info.name.clone());
        Err(ModelError::NotFinite { graph: self.graph.0.name.clone(), output })
    }
}

/// Larger than any number that a model works with, and small enough that sums and products of such numbers stay finite.
const LARGEST: f32 = 1e12;

/// Whether all are numbers, and none is beyond [`LARGEST`].
fn all_sound(values: &[f32]) -> bool {
    // In pieces without an early end, which the compiler makes vectors of.
    values.chunks(256).all(|piece| piece.iter().fold(true, |sound, value| sound & (value.abs() <= LARGEST)))
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.graph.0.name)
    }
}

/// The elements of a tensor of `f32`.
fn floats_mut(tensor: &mut TractTensor) -> Option<&mut [f32]> {
    // An ndarray view lends its slice for the tensor's life, tract's own `PlainViewMut` only for its own.
    tensor.to_plain_array_view_mut::<f32>().ok()?.into_slice()
}

/// Names and shapes of a plan's inputs or outputs.
fn edges(model: &TypedModel, outlets: &[OutletId], names: &[String]) -> TractResult<Vec<TensorInfo>> {
    outlets
        .iter()
        .zip(names)
        .map(|(outlet, name)| {
            let fact = model.outlet_fact(*outlet)?;
            let shape =
                fact.shape.as_concrete().ok_or_else(|| format_err!("open shape"))?.iter().map(|d| Some(*d)).collect();
            Ok(TensorInfo { name: name.clone(), element: ElementType::of(fact.datum_type), shape })
        })
        .collect()
}
