//! From inferred facts to typed operators, as tract does it, saying which node is worked on.

use std::collections::HashMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::translator::Translate;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact, InferenceModelExt, InferenceNode, InferenceOp};

use super::failure::{at_no_node, at_node};
use super::guard::Operators;

/// The typed form of a model whose shapes are inferred.
pub(super) fn into_typed(mut model: InferenceModel, operators: &Operators<'_>) -> TractResult<TypedModel> {
    model.analyse(false)?;
    let typed = ToTyped { operators }.translate_model(&model.incorporate()?)?;
    at_no_node();
    Ok(typed)
}

struct ToTyped<'a> {
    operators: &'a Operators<'a>,
}

impl std::fmt::Debug for ToTyped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("to typed")
    }
}

impl Translate<InferenceFact, Box<dyn InferenceOp>, TypedFact, Box<dyn TypedOp>> for ToTyped<'_> {
    fn translate_node(
        &self,
        source: &InferenceModel,
        node: &InferenceNode,
        target: &mut TypedModel,
        mapping: &HashMap<OutletId, OutletId>,
    ) -> TractResult<TVec<OutletId>> {
        at_node(&node.name, self.operators.operator(&node.name).unwrap_or(&node.op.name()));
        // An input stays one also where its value is known, and so does what has a state.
        let known = || node.outputs.iter().all(|output| output.fact.value.is_concrete());
        if !InferenceModel::is_source(&node.op) && node.op.state(&EvalContext::out_of_plan())?.is_none() && known() {
            let values = node.outputs.iter().filter_map(|output| output.fact.value.concretize());
            return values
                .enumerate()
                .map(|(ix, value)| target.add_const(format!("{}.{ix}", node.name), value))
                .collect();
        }
        let outputs = node.op.to_typed(source, node, target, mapping)?;
        for output in &outputs {
            target.outlet_fact(*output)?.consistent()?;
        }
        Ok(outputs)
    }
}
