//! What every node makes, before it is made.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use tract_onnx::ops::logic::If;
use tract_onnx::pb::{ModelProto, NodeProto};
use tract_onnx::prelude::{InferenceModel, TractError, TypedModel};
use tract_onnx::tract_core::optim::CONST_FOLD_MEM_BUDGET;
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact};
use tract_onnx::tract_hir::internal::{OutletId, SpecialOps, TVec};

use super::check_size;
use super::inputs::check_inputs;
use crate::engine::failure::{at_no_node, at_node, node_name, reason, refused_node, unreadable};
use crate::engine::limits::Limits;
use crate::engine::names::with_subgraphs;
use crate::error::ModelError;

/// The nodes of a file by the names that the engine gives them.
pub(in crate::engine) struct Operators<'a>(HashMap<&'a str, &'a NodeProto>);

impl<'a> Operators<'a> {
    pub fn of(proto: &'a ModelProto) -> Self {
        let nodes = with_subgraphs(&proto.graph).into_iter().flat_map(|graph| &graph.node);
        Operators(nodes.map(|node| (node_name(node), node)).collect())
    }

    /// The file's word for what the node called `name` does, if it is the file's.
    pub fn operator(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|node| node.op_type.as_str())
    }

    /// Which of the node's inputs the engine counts: those that are given.
    fn slots(&self, name: &str, count: usize) -> Vec<usize> {
        match self.0.get(name) {
            Some(node) => (0..node.input.len()).filter(|slot| !node.input[*slot].is_empty()).collect(),
            None => (0..count).collect(),
        }
    }
}

/// Infers shapes node by node in the order of execution, refusing a tensor that is too large before any constant
/// folding could allocate it. Leaves what it learnt in `model`.
pub(in crate::engine) fn infer_shapes(
    path: &Path,
    model: &mut InferenceModel,
    operators: &Operators<'_>,
    limits: &Limits,
) -> Result<(), ModelError> {
    let order = model.eval_order().map_err(|e| unreadable(path, reason(&e)))?;
    let mut inference = Inference { path, operators, limits, constants: 0, fixed: vec![false; model.nodes().len()] };
    for id in order {
        for (slot, fact) in inference.node(model, id)?.into_iter().enumerate() {
            model.set_outlet_fact(OutletId::new(id, slot), fact).map_err(|e| unreadable(path, reason(&e)))?;
        }
    }
    at_no_node();
    Ok(())
}

struct Inference<'a> {
    path: &'a Path,
    operators: &'a Operators<'a>,
    limits: &'a Limits,
    /// Bytes of what no input of the graph changes: the engine may compute all of it at once.
    constants: u128,
    /// Whether a node makes such constants.
    fixed: Vec<bool>,
}

impl Inference<'_> {
    /// What is known of the outputs of one node, given what is known of its inputs.
    fn node(&mut self, model: &InferenceModel, id: usize) -> Result<TVec<InferenceFact>, ModelError> {
        let path = self.path;
        let node = model.node(id);
        let engine_name = node.op.name();
        let operator = self.operators.operator(&node.name).unwrap_or(&engine_name);
        at_node(&node.name, operator);
        let failed = |e: TractError| refused_node(path, &node.name, operator, reason(&e));
        let (inputs, outputs) = model.node_facts(id).map_err(failed)?;
        check_inputs(path, &node.name, operator, &inputs, &self.operators.slots(&node.name, inputs.len()))?;
        if let Some(branches) = node.op.as_op().downcast_ref::<If>() {
            self.branches(&node.name, branches, &inputs)?;
            at_node(&node.name, operator);
        }
        let observed_outlets = node.op.observe_outlets(model, node).map_err(failed)?;
        let observed: TVec<InferenceFact> =
            observed_outlets.iter().filter_map(|o| model.outlet_fact(*o).ok().cloned()).collect();
        let mut op = node.op.clone();
        let inferred = op.infer_facts(inputs.clone(), outputs.clone(), observed.iter().collect()).map_err(failed)?.1;
        let mut made = 0;
        for (slot, fact) in inferred.iter().enumerate() {
            let label = model.outlet_label(OutletId::new(id, slot)).unwrap_or(&node.name);
            made += self.fact(label, fact)?;
        }
        self.fixed[id] = !InferenceModel::is_source(&node.op) && node.inputs.iter().all(|input| self.fixed[input.node]);
        if self.fixed[id] {
            self.constants = self.constants.saturating_add(made);
            if self.constants > u128::from(self.limits.max_total_bytes) {
                let (bytes, limit) = (self.constants, self.limits.max_total_bytes);
                return Err(ModelError::TooMuchMemory { path: path.into(), what: "its constants", bytes, limit });
            }
        }
        let given = inputs.iter().filter_map(|fact| fact.value.concretize());
        let given: u128 = given.map(|value| (value.len() * value.datum_type().size_of()) as u128).sum();
        let facts = if made > given.max(u128::from(CONST_FOLD_MEM_BUDGET)) {
            // The engine would compute it here only to throw it away.
            inferred
        } else {
            // Folds constants too, now that its results are known to be of a bearable size.
            op.infer(inputs, outputs.clone(), observed.iter().collect()).map_err(failed)?.1
        };
        outputs.iter().zip(&facts).map(|(old, new)| old.unify(new)).collect::<Result<_, _>>().map_err(failed)
    }

    /// The graphs of an `If`, of which the engine looks at both. Their inputs are tensors of the outer graph, by name.
    fn branches(&self, node: &str, branches: &If, inputs: &[&InferenceFact]) -> Result<(), ModelError> {
        if inputs.first().is_none_or(|condition| condition.value.concretize().is_none()) {
            let reason = "its condition is not known before it runs: simplify the model with onnxsim";
            return Err(refused_node(self.path, node, "If", reason));
        }
        let bodies = [&branches.then_body, &branches.else_body];
        let read = |body: &InferenceModel| -> Vec<String> {
            body.inputs.iter().map(|outlet| body.node(outlet.node).name.clone()).collect()
        };
        // The engine's order of what the branches read, after the condition.
        let names: BTreeSet<String> = bodies.into_iter().flat_map(read).collect();
        for body in bodies {
            let mut body = body.clone();
            for outlet in body.inputs.clone() {
                let place = names.iter().position(|name| *name == body.node(outlet.node).name);
                let fact = place.and_then(|place| inputs.get(place + 1)).map(|fact| (*fact).clone());
                body.set_outlet_fact(outlet, fact.unwrap_or_default())
                    .map_err(|e| unreadable(self.path, reason(&e)))?;
            }
            infer_shapes(self.path, &mut body, self.operators, self.limits)?;
        }
        Ok(())
    }

    /// Checks what is known of one tensor and tells how many bytes it has at least.
    fn fact(&self, name: &str, fact: &InferenceFact) -> Result<u128, ModelError> {
        let mut dims = Vec::new();
        for dim in fact.shape.dims() {
            // Unknown dimensions count as one: what is known already may be too much.
            let dim = dim.concretize().and_then(|d| d.to_i64().ok()).unwrap_or(1);
            let Ok(dim) = u128::try_from(dim) else {
                return Err(unreadable(self.path, format!("tensor `{name}` would have a dimension of {dim}")));
            };
            dims.push(dim);
        }
        let width = fact.datum_type.concretize().map_or(1, |dt| dt.size_of());
        check_size(self.path, name, dims.iter().copied(), width, self.limits)?;
        Ok(dims.iter().product::<u128>() * width as u128)
    }
}

/// Refuses a graph with a tensor that is too large or whose size depends on the data.
pub(in crate::engine) fn check_shapes(path: &Path, model: &TypedModel, limits: &Limits) -> Result<(), ModelError> {
    for node in model.nodes() {
        for output in &node.outputs {
            let Some(shape) = output.fact.shape.as_concrete() else {
                let reason = format!("the size {:?} of what it makes is not known before it runs", output.fact.shape);
                return Err(refused_node(path, &node.name, &node.op.name(), reason));
            };
            let width = output.fact.datum_type.size_of();
            check_size(path, &node.name, shape.iter().map(|d| *d as u128), width, limits)?;
        }
    }
    Ok(())
}
