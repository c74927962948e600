//! Operators that take the place of tract's, against those.

use proptest::prelude::*;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::ToDim;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::{add, mul, sub};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer, RmsNorm, Softmax, SoftmaxKind, gelu_exact::gelu_exact};

use super::{Attend, Mixed, Resources, Rows, substitute};
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
        rows in 1usize..120, inputs in 1usize..70, outputs in 17usize..150, threads in 1usize..3,
        biased: bool, activated: bool, split: bool,
    ) {
        // Enough work to be taken.
        let (rows, inputs) = (rows + 60, 2 * inputs + 60);
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
    fn layers_are_normalised_as_tract_does(
        rows in 1usize..120, channels in 2usize..150, threads in 1usize..3, of_pixels: bool,
    ) {
        let mut model = TypedModel::default();
        let (shape, axis) = if of_pixels { ([2, channels, rows * 19], 1) } else { ([1, rows, channels], 2) };
        let source = model.add_source("x", f32::fact(shape)).unwrap();
        let sum = Reduce { axes: tvec!(axis), reducer: Reducer::Sum };
        let sum = model.wire_node("sum", sum, &[source]).unwrap()[0];
        let share = Tensor::from_shape(&[1, 1, 1], &[1.0 / channels as f32]).unwrap();
        let share = model.add_const("share", share).unwrap();
        let mean = model.wire_node("mean", mul(), &[sum, share]).unwrap()[0];
        let apart = model.wire_node("apart", sub(), &[source, mean]).unwrap()[0];
        let norm = RmsNorm { axis, eps: rctensor0(1e-5f32) };
        let normal = model.wire_node("normal", norm, &[apart]).unwrap()[0];
        model.select_output_outlets(&[normal]).unwrap();
        let ours = |model: &TypedModel| model.nodes().iter().filter(|node| node.op_is::<Rows>()).count();
        compare(model, &[numbers(&shape, 3)], threads, ours, 1)?;
    }

    #[test]
    fn products_over_any_axes_are_tracts(form in 0usize..5, threads in 1usize..3, other in 1usize..20) {
        let (rows, columns, inputs, outputs) = (other + 20, 12, 40, 33);
        let matrix = [vec![inputs, outputs], vec![outputs, inputs]][form % 2].clone();
        let (shape, axes) = match form {
            0 => (vec![rows, columns, inputs], "abk,kn->ban"),
            1 => (vec![inputs, rows, columns], "kab,nk->abn"),
            2 => (vec![columns, inputs, rows], "bka,kn->nab"),
            3 => (vec![1, rows, columns, inputs], "zabk,nk->zanb"),
            _ => (vec![inputs, columns, 1, rows], "kbza,kn->zabn"),
        };
        let mut model = TypedModel::default();
        let source = model.add_source("x", f32::fact(&*shape)).unwrap();
        let weights = model.add_const("weights", numbers(&matrix, 1)).unwrap();
        // The constant may come first.
        let (inputs, axes) = match (other.is_multiple_of(2), axes.split_once(',').zip(axes.split_once("->"))) {
            (true, Some(((data, rest), (_, output)))) => {
                let matrix = rest.split("->").next().unwrap();
                ([weights, source], format!("{matrix},{data}->{output}"))
            }
            _ => ([source, weights], axes.to_owned()),
        };
        let wire = model.wire_node("product", product(&axes), &inputs).unwrap()[0];
        model.select_output_outlets(&[wire]).unwrap();
        let ours = |model: &TypedModel| model.nodes().iter().filter(|node| node.op_is::<Rows>()).count();
        compare(model, &[numbers(&shape, 3)], threads, ours, 1)?;
    }

    #[test]
    fn attention_is_tracts(
        batch in 1usize..4, heads in 1usize..4, queries in 1usize..40, keys in 1usize..600, depth in 1usize..20,
        width in 1usize..70, threads in 1usize..3, form in 0usize..5, biased: bool, computed: bool, scaled: bool,
    ) {
        // Queries, keys, values, scores' product, sum.
        let (shapes, axes) = match form {
            0 => (
                [[batch, queries, heads, depth], [batch, keys, heads, depth], [batch, keys, heads, width]],
                ["ambk,anbk->abmn", "abmk,akbn->ambn"],
            ),
            1 => (
                [[batch, heads, queries, depth], [batch, heads, depth, keys], [batch, heads, keys, width]],
                ["abmk,abkn->abmn", "abmk,abkn->abmn"],
            ),
            // Keys that all heads share, and keys and values that they do.
            2 => (
                [[batch, heads, queries, depth], [batch, 1, keys, depth], [batch, heads, keys, width]],
                ["abmk,abnk->abmn", "abmn,abnk->abmk"],
            ),
            3 => (
                [[batch, heads, queries, depth], [batch, 1, keys, depth], [batch, 1, keys, width]],
                ["abmk,abnk->abmn", "abmn,abnk->abmk"],
            ),
            _ => (
                [[queries, depth, batch, heads], [heads, keys, batch, depth], [batch, width, keys, heads]],
                ["mkab,bnak->abmn", "abmk,ankb->namb"],
            ),
        };
        let mut model = TypedModel::default();
        let names = ["q", "k", "v"].map(|name| name.to_owned());
        let [q, k, v] = [0, 1, 2].map(|ix| model.add_source(names[ix].clone(), f32::fact(shapes[ix])).unwrap());
        let mut inputs: Vec<Tensor> = (0..3).map(|ix| numbers(&shapes[ix], ix)).collect();
        let mut scores = model.wire_node("scores", product(axes[0]), &[q, k]).unwrap()[0];
        if biased {
            let bias = model.add_const("bias", numbers(&[1, heads, queries, keys], 5)).unwrap();
            scores = model.wire_node("biased", add(), &[scores, bias]).unwrap()[0];
        }
        if scaled {
            let factor = model.add_const("factor", Tensor::from_shape(&[1, 1, 1, 1], &[-3.5f32]).unwrap()).unwrap();
            scores = model.wire_node("scaled", mul(), &[scores, factor]).unwrap()[0];
        }
        if computed {
            let shape = [batch, 1, queries, keys];
            let mask = model.add_source("mask", f32::fact(shape)).unwrap();
            inputs.push(numbers(&shape, 9));
            scores = model.wire_node("masked", add(), &[mask, scores]).unwrap()[0];
        }
        let softmax = Softmax { axes: tvec!(3), quant_output_dt: None, kind: SoftmaxKind::Softmax };
        let weights = model.wire_node("weights", softmax, &[scores]).unwrap()[0];
        let sum = model.wire_node("sum", product(axes[1]), &[weights, v]).unwrap()[0];
        model.select_output_outlets(&[sum]).unwrap();
        let ours = |model: &TypedModel| model.nodes().iter().filter(|node| node.op_is::<Attend>()).count();
        compare(model, &inputs, threads, ours, 1)?;
    }

    #[test]
    fn values_of_each_query_alone_are_tracts(queries in 2usize..9, keys in 2usize..30, depth in 2usize..9, width in 2usize..9) {
        let shapes = [vec![1, queries, depth], vec![1, keys, depth], vec![queries, keys, width]];
        let mut model = TypedModel::default();
        let [q, k, v] = [0, 1, 2].map(|ix| model.add_source(format!("{ix}"), f32::fact(&*shapes[ix])).unwrap());
        let scores = model.wire_node("scores", product("amk,ank->amn"), &[q, k]).unwrap()[0];
        let softmax = Softmax { axes: tvec!(2), quant_output_dt: None, kind: SoftmaxKind::Softmax };
        let weights = model.wire_node("weights", softmax, &[scores]).unwrap()[0];
        let sum = model.wire_node("sum", product("amn,mnk->amk"), &[weights, v]).unwrap()[0];
        model.select_output_outlets(&[sum]).unwrap();
        let inputs = [0, 1, 2].map(|ix| numbers(&shapes[ix], ix));
        let expected = run(model.clone(), &inputs);
        substitute(&mut model, &Resources::default()).unwrap();
        let made = run(model, &inputs);
        prop_assert!(made.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 2e-5), "{made:?} for {expected:?}");
    }

    #[test]
    fn few_mixtures_of_planes_are_tracts(
        rows in 2usize..12, depth in 2usize..40, columns in 1024usize..2100, threads in 1usize..3, swapped: bool, planes: bool,
    ) {
        let mut model = TypedModel::default();
        let wide = if planes { vec![1, depth, columns / 3, 3] } else { vec![1, depth, columns, 1] };
        let shapes = [vec![1, rows, depth], wide];
        let [small, wide] = [0, 1].map(|ix| model.add_source(format!("{ix}"), f32::fact(&*shapes[ix])).unwrap());
        let (axes, inputs) =
            if swapped { ("akno,amk->amno", [wide, small]) } else { ("amk,akno->amno", [small, wide]) };
        let wire = model.wire_node("product", product(axes), &inputs).unwrap()[0];
        model.select_output_outlets(&[wire]).unwrap();
        let ours = |model: &TypedModel| model.nodes().iter().filter(|node| node.op_is::<Mixed>()).count();
        let inputs = [numbers(&shapes[0], 1), numbers(&shapes[1], 2)];
        // The last plane of three may leave fewer columns than are worth it.
        let enough = usize::from(!planes || columns / 3 * 3 >= 1024);
        compare(model, &inputs, threads, ours, enough)?;
    }

    #[test]
    fn relative_positions_are_added_within_attention(
        heads in 1usize..4, rows in 1usize..7, columns in 1usize..20, depth in 1usize..9, threads in 1usize..3,
    ) {
        let count = rows * columns;
        let mut model = TypedModel::default();
        let shape = [heads, count, depth];
        let [q, k, v] = ["q", "k", "v"].map(|name| model.add_source(name, f32::fact(shape)).unwrap());
        let of_rows = [heads, rows, columns, rows, 1];
        let of_columns = [heads, rows, columns, 1, columns];
        let [by_row, by_column] =
            [("r", of_rows), ("c", of_columns)].map(|(name, shape)| model.add_source(name, f32::fact(shape)).unwrap());
        let mut wire = model.wire_node("scores", product("hmk,hnk->hmn"), &[q, k]).unwrap()[0];
        let dims = |sizes: &[usize]| sizes.iter().map(|size| size.to_dim()).collect::<TVec<TDim>>();
        let split = AxisOp::Reshape(1, dims(&[count, count]), dims(&[rows, columns, rows, columns]));
        let join = AxisOp::Reshape(1, dims(&[rows, columns, rows, columns]), dims(&[count, count]));
        wire = model.wire_node("split", split, &[wire]).unwrap()[0];
        wire = model.wire_node("by_row", add(), &[wire, by_row]).unwrap()[0];
        wire = model.wire_node("by_column", add(), &[wire, by_column]).unwrap()[0];
        wire = model.wire_node("join", join, &[wire]).unwrap()[0];
        let softmax = Softmax { axes: tvec!(2), quant_output_dt: None, kind: SoftmaxKind::Softmax };
        wire = model.wire_node("weights", softmax, &[wire]).unwrap()[0];
        wire = model.wire_node("sum", product("hmn,hnk->hmk"), &[wire, v]).unwrap()[0];
        model.select_output_outlets(&[wire]).unwrap();
        let inputs = [numbers(&shape, 1), numbers(&shape, 2), numbers(&shape, 3), numbers(&of_rows, 4), numbers(&of_columns, 5)];
        let ours = |model: &TypedModel| model.nodes().iter().filter(|node| node.op_is::<Attend>()).count();
        compare(model, &inputs, threads, ours, 1)?;
    }
}

#[test]
fn large_scores_and_masks_leave_attention_as_it_is() {
    // A score of 1000 in the last block of keys, and keys that a mask shuts out.
    let (queries, keys) = (3, 700);
    let mut model = TypedModel::default();
    let [q, k, v] = [[1, queries, 4], [1, keys, 4], [1, keys, 5]]
        .map(|shape| model.add_source(format!("{shape:?}{}", model.nodes().len()), f32::fact(shape)).unwrap());
    let scores = model.wire_node("scores", product("amk,ank->amn"), &[q, k]).unwrap()[0];
    let mut mask = vec![0.0f32; keys];
    mask[..300].fill(f32::NEG_INFINITY);
    let mask = model.add_const("mask", Tensor::from_shape(&[1, 1, keys], &mask).unwrap()).unwrap();
    let masked = model.wire_node("masked", add(), &[scores, mask]).unwrap()[0];
    let softmax = Softmax { axes: tvec!(2), quant_output_dt: None, kind: SoftmaxKind::Softmax };
    let weights = model.wire_node("weights", softmax, &[masked]).unwrap()[0];
    let sum = model.wire_node("sum", product("amn,ank->amk"), &[weights, v]).unwrap()[0];
    model.select_output_outlets(&[sum]).unwrap();
    let mut inputs = [numbers(&[1, queries, 4], 1), numbers(&[1, keys, 4], 2), numbers(&[1, keys, 5], 3)];
    let mut key = inputs[1].to_plain_array_view_mut::<f32>().unwrap();
    key.slice_mut(tract_ndarray::s![0, 650, ..]).fill(4000.0);
    let ours = |model: &TypedModel| model.nodes().iter().filter(|node| node.op_is::<Attend>()).count();
    compare(model, &inputs, 1, ours, 1).unwrap();
}
