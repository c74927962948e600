//! What depends on constants alone, computed when the graph is prepared instead of on every run.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::MultiBroadcastTo;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::source::TypedSource;

/// Bytes of all that is computed so at most. tract itself keeps to small results; a resized table of positions is none.
const BUDGET: usize = 128 << 20;

/// Replaces the nodes of a decluttered model whose inputs are all constant, as far as the budget goes. What only repeats a
/// constant stays: it is as cheap as reading the result. `max_bytes` is the limit of a tensor.
pub(in crate::engine) fn fold_constants(model: &mut TypedModel, max_bytes: u64) -> TractResult<()> {
    let mut left = BUDGET.min(usize::try_from(max_bytes).unwrap_or(BUDGET));
    let mut folded = false;
    for id in model.eval_order()? {
        let node = model.node(id);
        if node.inputs.is_empty()
            || node.op_is::<Const>()
            || node.op_is::<TypedSource>()
            || node.op_is::<MultiBroadcastTo>()
        {
            continue;
        }
        // What is drawn is drawn anew on every run.
        if ["Multinomial", "Random", "Bernoulli", "Dropout"].iter().any(|drawn| node.op.name().contains(drawn)) {
            continue;
        }
        let facts: TVec<TypedFact> = model.node_input_facts(id)?.into_iter().cloned().collect();
        let Some(values) = facts.iter().map(|fact| fact.konst.clone()).collect::<Option<TVec<Arc<Tensor>>>>() else {
            continue;
        };
        let bytes = |fact: &TypedFact| {
            let elements: usize = fact.shape.as_concrete()?.iter().product();
            Some(elements * fact.datum_type.size_of())
        };
        let [output] = node.outputs.as_slice() else { continue };
        let Some(bytes) = bytes(&output.fact).filter(|bytes| *bytes <= left) else { continue };
        let plain = facts.iter().all(|fact| fact.is_plain()) && output.fact.is_plain();
        if !plain || model.outputs.contains(&id.into()) {
            continue;
        }
        let Ok(Some(results)) = node.op.eval_out_of_plan(values.into_iter().map(IntoTValue::into_tvalue).collect())
        else {
            continue;
        };
        let Some(result) = results.into_iter().next() else { continue };
        let same =
            result.datum_type() == output.fact.datum_type && output.fact.shape.as_concrete() == Some(result.shape());
        if !same {
            continue;
        }
        let result = result.into_arc_tensor();
        let fact = TypedFact::try_from(result.clone())?;
        let node = model.node_mut(id);
        let readers = node.inputs.drain(..).collect::<Vec<_>>();
        node.op = Box::new(Const::new(result)?);
        node.outputs[0].fact = fact;
        for input in readers {
            let source = &mut model.node_mut(input.node).outputs[input.slot].successors;
            source.retain(|reader| reader.node != id);
        }
        left -= bytes;
        folded = true;
    }
    if folded { model.compact() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use tract_onnx::tract_core::internal::ToDim;
    use tract_onnx::tract_core::ops::array::Tile;
    use tract_onnx::tract_core::ops::math::add;

    use super::*;

    #[test]
    fn a_large_table_of_constants_is_made_once() {
        let mut model = TypedModel::default();
        let source = model.add_source("x", f32::fact([300, 200])).unwrap();
        let table =
            model.add_const("table", Tensor::from_shape(&[3, 2], &[1.0f32, 2., 3., 4., 5., 6.]).unwrap()).unwrap();
        let tile = Tile { multipliers: tvec!(100.to_dim(), 100.to_dim()) };
        let tiled = model.wire_node("tiled", tile, &[table]).unwrap()[0];
        let sum = model.wire_node("sum", add(), &[source, tiled]).unwrap()[0];
        model.select_output_outlets(&[sum]).unwrap();
        fold_constants(&mut model, 1 << 30).unwrap();
        assert!(!model.nodes().iter().any(|node| node.op_is::<Tile>()), "{model}");
        let input = Tensor::zero::<f32>(&[300, 200]).unwrap().into_tvalue();
        let made = model.into_runnable().unwrap().run(tvec!(input)).unwrap();
        let view = made[0].to_plain_array_view::<f32>().unwrap();
        assert_eq!([view[[0, 0]], view[[2, 1]], view[[299, 199]], view[[4, 2]]], [1.0, 6.0, 6.0, 3.0]);
    }
}
