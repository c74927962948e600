//! Operators that take the place of tract's, against those.

use proptest::prelude::*;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::{add, mul, sub};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer, RmsNorm, Softmax, SoftmaxKind, gelu_exact::gelu_exact};

use super::{Attend, Resources, Rows, substitute};
use crate::engine::threads::Threads;

fn numbers(shape: &[usize], seed: usize) -> Tensor {
    let number = |i: usize| (((i + seed * 7919).wrapping_mul(2_654_435_761) >> 7) % 1009) as f32 / 1009.0 - 0.5;
    let len = shape.iter().product::<usize>();
    Tensor::from_shape(shape, &(0..len).map(number).collect::<Vec<_>>()).unwrap()
}

fn product(axes: &str) -> EinSum {
    EinSum { axes: axes.parse().unwrap(), operating_dt: f32::datum_type(), q_params: None }
}

fn run(model: TypedModel, inputs: &[Tensor]) -> Vec<f32> {
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let made = plan.run(inputs.iter().map(|t| t.clone().into_tvalue()).collect()).unwrap();
    made[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
}

/// Answers of a graph as it is and with our operators, of which there must be as many as `ours` counts.
fn compare(
    model: TypedModel,
    inputs: &[Tensor],
    threads: usize,
    ours: impl Fn(&TypedModel) -> usize,
    count: usize,
) -> Result<(), TestCaseError> {
    let expected = run(model.clone(), inputs);
    let mut changed = model;
    substitute(&mut changed, &Resources::new(&Threads::new(threads))).unwrap();
    prop_assert_eq!(ours(&changed), count, "{}", changed);
    let made = run(changed, inputs);
    prop_assert_eq!(made.len(), expected.len());
    let largest = expected.iter().fold(1.0f32, |m, v| m.max(v.abs()));
    let worst = made.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    prop_assert!(worst < 2e-5 * largest, "off by {worst} of {largest}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_times_a_matrix_are_tracts(
        rows in 1usize..120, inputs in 1usize..70, blocks in 1usize..9, threads in 1usize..3,
        biased: bool, activated: bool, split: bool,
    ) {
        // Enough work to be taken, in whole vectors of any processor.
        let (rows, inputs, outputs) = (rows + 60, 2 * inputs + 60, 16 * blocks + 16);
        let mut model = TypedModel::default();
        let shape = if split { vec![1, rows, 2, inputs / 2] } else { vec![1, rows, inputs] };
        let source = model.add_source("x", f32::fact(&*shape)).unwrap();
        let weights = if split { vec![2, inputs / 2, outputs] } else { vec![inputs, outputs] };
        let weights = model.add_const("weights", numbers(&weights, 1)).unwrap();
        let axes = if split { "ambk,bkn->amn" } else { "amk,kn->amn" };
        let mut wire = model.wire_node("product", product(axes), &[source, weights]).unwrap()[0];
        if biased {
            let bias = model.add_const("bias", numbers(&[1, 1, outputs], 2)).unwrap();
            wire = model.wire_node("biased", add(), &[wire, bias]).unwrap()[0];
        }
        if activated {
            wire = model.wire_node("activated", gelu_exact(), &[wire]).unwrap()[0];
        }
        model.select_output_outlets(&[wire]).unwrap();
        let ours = |model: &TypedModel| model.nodes().iter().filter(|node| node.op_is::<Rows>()).count();
        compare(model, &[numbers(&shape, 3)], threads, ours, 1)?;
    }

    #[test]
    fn layers_are_normalised_as_tract_does(rows in 1usize..120, blocks in 1usize..9, threads in 1usize..3) {
        let channels = 16 * blocks;
        let mut model = TypedModel::default();
        let shape = [1, rows, channels];
        let source = model.add_source("x", f32::fact(shape)).unwrap();
        let sum = Reduce { axes: tvec!(2), reducer: Reducer::Sum };
        let sum = model.wire_node("sum", sum, &[source]).unwrap()[0];
        let share = Tensor::from_shape(&[1, 1, 1], &[1.0 / channels as f32]).unwrap();
        let share = model.add_const("share", share).unwrap();
        let mean = model.wire_node("mean", mul(), &[sum, share]).unwrap()[0];
        let apart = model.wire_node("apart", sub(), &[source, mean]).unwrap()[0];
        let norm = RmsNorm { axis: 2, eps: rctensor0(1e-5f32) };
        let normal = model.wire_node("normal", norm, &[apart]).unwrap()[0];
        model.select_output_outlets(&[normal]).unwrap();
        let ours = |model: &TypedModel| model.nodes().iter().filter(|node| node.op_is::<Rows>()).count();
        compare(model, &[numbers(&shape, 3)], threads, ours, 1)?;
    }

    #[test]
    fn attention_is_tracts(
        batch in 1usize..4, heads in 1usize..4, queries in 1usize..40, keys in 1usize..60, depth in 1usize..20,
        blocks in 1usize..5, threads in 1usize..3, biased: bool,
    ) {
        let mut model = TypedModel::default();
        let shapes = [[batch, queries, heads, depth], [batch, keys, heads, depth], [batch, keys, heads, 16 * blocks]];
        let sources = ["q", "k", "v"].map(|name| name.to_owned());
        let [q, k, v] = [0, 1, 2].map(|ix| model.add_source(sources[ix].clone(), f32::fact(shapes[ix])).unwrap());
        let mut scores = model.wire_node("scores", product("ambk,anbk->abmn"), &[q, k]).unwrap()[0];
        if biased {
            let bias = model.add_const("bias", numbers(&[1, heads, queries, keys], 5)).unwrap();
            scores = model.wire_node("biased", add(), &[scores, bias]).unwrap()[0];
        }
        let softmax = Softmax { axes: tvec!(3), quant_output_dt: None, kind: SoftmaxKind::Softmax };
        let weights = model.wire_node("weights", softmax, &[scores]).unwrap()[0];
        let sum = model.wire_node("sum", product("abmk,akbn->ambn"), &[weights, v]).unwrap()[0];
        model.select_output_outlets(&[sum]).unwrap();
        let inputs = [0, 1, 2].map(|ix| numbers(&shapes[ix], ix));
        let ours = |model: &TypedModel| model.nodes().iter().filter(|node| node.op_is::<Attend>()).count();
        compare(model, &inputs, threads, ours, 1)?;
    }
}
