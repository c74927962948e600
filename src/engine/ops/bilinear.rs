//! Bilinear resizing over the last two axes.
//!
//! tract's `Resize` resamples one axis after the other through whole intermediate tensors, and along the last axis it
//! does so element by element. Here each plane is done in one pass: an input row is widened once into one of two row
//! buffers, and an output row is the weighted sum of the two widened rows that it lies between. Widening by exactly two
//! with half-pixel centres, what decoders do, has its weights as constants (1/4 and 3/4) and no table.
//!
//! Weights and indices are those of tract's own plan, so that both agree but for the order of additions.

use tract_linalg::multithread::par_chunks_mut;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::nn::resize::{AxisPlan, Interpolator, Resize};

use crate::engine::kernels::{Blend, vectorized};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Axis {
    input: usize,
    taps: Vec<Blend>,
    /// Exactly doubled with half-pixel centres.
    doubling: bool,
}

impl Axis {
    /// `None` if the plan reads outside two taps or extrapolates.
    fn new(input: usize, plan: &AxisPlan) -> Option<Self> {
        if plan.window != 2 || plan.extrapolated.contains(&true) || input == 0 {
            return None;
        }
        let taps: Vec<Blend> = (plan.indices.chunks_exact(2).zip(plan.weights.chunks_exact(2)))
            .map(|(i, w)| Blend { first: i[0] as u32, second: i[1] as u32, near: w[0], far: w[1] })
            .collect();
        let inside = taps.iter().all(|t| t.first <= t.second && t.second - t.first <= 1 && (t.second as usize) < input);
        let doubling = taps.len() == 2 * input && taps.iter().enumerate().all(|(x, tap)| *tap == doubled(x, input));
        inside.then_some(Axis { input, taps, doubling })
    }

    fn output(&self) -> usize {
        self.taps.len()
    }
}

/// The tap of output position `x` when an axis of `input` positions is doubled.
fn doubled(x: usize, input: usize) -> Blend {
    let cell = (x / 2) as i64 - i64::from(x.is_multiple_of(2));
    let clamp = |i: i64| i.clamp(0, input as i64 - 1) as u32;
    let far = if x.is_multiple_of(2) { 0.75 } else { 0.25 };
    Blend { first: clamp(cell), second: clamp(cell + 1), near: 1.0 - far, far }
}

/// Bilinear resizing of the last two axes of an `f32` or `f16` tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct BilinearResize {
    rows: Axis,
    columns: Axis,
}

impl Op for BilinearResize {
    fn name(&self) -> StaticName {
        if self.columns.doubling { "BilinearResize2x".into() } else { "BilinearResize".into() }
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for BilinearResize {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let single = input.cast_to::<f32>()?;
        let shape = self.output_shape(input.shape())?;
        let mut output = Tensor::zero::<f32>(&shape)?;
        {
            let source = single.try_as_plain_ram()?.as_slice::<f32>()?;
            let mut view = output.try_as_plain_ram_mut()?;
            self.resize(source, view.as_slice_mut::<f32>()?)?;
        }
        let output = output.cast_to_dt(input.datum_type())?.into_owned();
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for BilinearResize {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = inputs[0].shape.as_concrete().context("open shape")?;
        Ok(tvec!(inputs[0].datum_type.fact(self.output_shape(shape)?)))
    }
}

impl BilinearResize {
    fn output_shape(&self, input: &[usize]) -> TractResult<TVec<usize>> {
        let (planes, [h, w]) = input.split_at(input.len().saturating_sub(2)) else { bail!("rank below two") };
        ensure!(*h == self.rows.input && *w == self.columns.input, "resizing {h}x{w} by a plan for another size");
        Ok(planes.iter().copied().chain([self.rows.output(), self.columns.output()]).collect())
    }

    /// Resizes every plane of `source` into `output`, planes shared out between the threads of the graph.
    fn resize(&self, source: &[f32], output: &mut [f32]) -> TractResult<()> {
        let (plane_in, plane_out) = (self.rows.input * self.columns.input, self.rows.output() * self.columns.output());
        if plane_out == 0 || output.is_empty() {
            return Ok(());
        }
        let elements = output.len();
        par_chunks_mut(output, plane_out, elements, |first, planes| {
            let mut widened = Widened::new(self.columns.output());
            let sources = source.chunks_exact(plane_in).skip(first);
            for (from, to) in sources.zip(planes.chunks_exact_mut(plane_out)) {
                vectorized(
                    #[inline(always)]
                    || self.resize_plane(from, to, &mut widened),
                );
            }
            Ok(())
        })
    }

    #[inline(always)]
    fn resize_plane(&self, source: &[f32], output: &mut [f32], widened: &mut Widened) {
        widened.forget();
        let width = self.columns.output();
        for (row, tap) in output.chunks_exact_mut(width).zip(&self.rows.taps) {
            let (a, b) = widened.pair(
                tap.first,
                tap.second,
                #[inline(always)]
                |y, into| {
                    let start = y as usize * self.columns.input;
                    widen(&self.columns, &source[start..start + self.columns.input], into);
                },
            );
            for ((o, a), b) in row.iter_mut().zip(a).zip(b) {
                *o = tap.near * a + tap.far * b;
            }
        }
    }
}

/// The two widened rows in use.
struct Widened {
    rows: [Vec<f32>; 2],
    held: [Option<u32>; 2],
}

impl Widened {
    fn new(width: usize) -> Self {
        Widened { rows: [vec![0.0; width], vec![0.0; width]], held: [None; 2] }
    }

    fn forget(&mut self) {
        self.held = [None; 2];
    }

    /// The widened rows `first` and `second`, made by `widen` where they are not held.
    #[inline(always)]
    fn pair(&mut self, first: u32, second: u32, mut widen: impl FnMut(u32, &mut [f32])) -> (&[f32], &[f32]) {
        // A row's place is its parity, so neighbours never evict each other.
        for y in [first, second] {
            let place = (y % 2) as usize;
            if self.held[place] != Some(y) {
                widen(y, &mut self.rows[place]);
                self.held[place] = Some(y);
            }
        }
        (&self.rows[(first % 2) as usize], &self.rows[(second % 2) as usize])
    }
}

#[inline(always)]
fn widen(axis: &Axis, row: &[f32], into: &mut [f32]) {
    if axis.doubling {
        return double(row, into);
    }
    for (o, tap) in into.iter_mut().zip(&axis.taps) {
        *o = tap.near * row[tap.first as usize] + tap.far * row[tap.second as usize];
    }
}

/// `into` is twice as long as `row`, which has at least one element.
#[inline(always)]
fn double(row: &[f32], into: &mut [f32]) {
    let (Some(first), Some(last)) = (row.first(), row.last()) else { return };
    let end = into.len() - 1;
    into[0] = *first;
    into[end] = *last;
    for (pair, around) in into[1..end].chunks_exact_mut(2).zip(row.windows(2)) {
        pair[0] = 0.75 * around[0] + 0.25 * around[1];
        pair[1] = 0.25 * around[0] + 0.75 * around[1];
    }
}

/// The axes of a bilinear `Resize` of fixed shapes over the last two axes; `None` for any other.
fn axes(model: &TypedModel, node: &TypedNode, op: &Resize) -> TractResult<Option<BilinearResize>> {
    let (input, output) = (model.outlet_fact(node.inputs[0])?, &node.outputs[0].fact);
    rule_if!(op.interpolator == Interpolator::Linear);
    rule_if!(matches!(input.datum_type, DatumType::F32 | DatumType::F16));
    rule_if_some!(from = input.shape.as_concrete());
    rule_if_some!(to = output.shape.as_concrete());
    let rank = from.len();
    rule_if!(rank >= 2 && from[..rank - 2] == to[..rank - 2]);
    // tract divides sizes where it has no scales; with scales, it uses them as given.
    let given = match op.optional_scales_input {
        Some(ix) => model.outlet_fact(node.inputs[ix])?.konst.clone().filter(|k| k.len() == rank),
        None => None,
    };
    let scales: TVec<f32> = match &given {
        Some(k) => k.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.into(),
        None => from.iter().zip(to).map(|(i, o)| *o as f32 / *i as f32).collect(),
    };
    let axis = |ix: usize| Axis::new(from[ix], &op.plan_axis(scales[ix], from[ix], to[ix]));
    rule_if_some!(rows = axis(rank - 2));
    rule_if_some!(columns = axis(rank - 1));
    Ok(Some(BilinearResize { rows, columns }))
}

/// The rewriting rule for tract's `Resize`.
pub(super) fn replace_resize(
    _: &(),
    model: &TypedModel,
    node: &TypedNode,
    _name: &str,
    op: &Resize,
) -> TractResult<Option<TypedModelPatch>> {
    rule_if_some!(resize = axes(model, node, op)?);
    TypedModelPatch::replace_single_op(model, node, &node.inputs[..1], resize).map(Some)
}

/// Whether a `Resize` doubles rows and columns bilinearly, with half-pixel centres.
pub(in crate::engine) fn doubles(model: &TypedModel, node: &TypedNode, op: &Resize) -> TractResult<bool> {
    Ok(axes(model, node, op)?.is_some_and(|resize| resize.rows.doubling && resize.columns.doubling))
}

/// What each row and each column of the output of a bilinear `Resize` is made of; `None` as above.
pub(in crate::engine) fn resize_tables(
    model: &TypedModel,
    node: &TypedNode,
    op: &Resize,
) -> TractResult<Option<(Vec<Blend>, Vec<Blend>)>> {
    rule_if_some!(resize = axes(model, node, op)?);
    Ok(Some((resize.rows.taps, resize.columns.taps)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tract_onnx::tract_core::ops::nn::resize::{CoordTransformer, Nearest};

    use super::*;

    fn reference(op: &Resize, input: &Tensor, scales: &[f32]) -> Tensor {
        let inputs = tvec!(input.clone().into_tvalue(), tensor1(scales).into_tvalue());
        op.eval(&EvalContext::out_of_plan(), inputs).unwrap().remove(0).into_tensor()
    }

    fn linear(coord_transformer: CoordTransformer) -> Resize {
        Resize {
            coord_transformer,
            interpolator: Interpolator::Linear,
            nearest: Nearest::Floor,
            optional_scales_input: Some(1),
            optional_sizes_input: None,
        }
    }

    fn transformers() -> impl Strategy<Value = CoordTransformer> {
        prop_oneof![
            Just(CoordTransformer::HalfPixel),
            Just(CoordTransformer::PytorchHalfPixel),
            Just(CoordTransformer::AlignCorners),
            Just(CoordTransformer::Asymmetric),
        ]
    }

    proptest! {
        #[test]
        fn resizing_is_tracts(
            planes in 1usize..4, h in 1usize..12, w in 1usize..12,
            by in prop_oneof![Just((2.0f32, 2.0f32)), (0.5f32..4.0, 0.5f32..4.0)],
            transformer in transformers(),
        ) {
            let values: Vec<f32> = (0..planes * h * w).map(|i| ((i * 37) % 101) as f32 / 101.0 - 0.5).collect();
            let input = Tensor::from_shape(&[1, planes, h, w], &values).unwrap();
            let op = linear(transformer);
            let scales = [1.0, 1.0, by.0, by.1];
            let size = |n: usize, s: f32| (n as f32 * s) as usize;
            let (to_h, to_w) = (size(h, by.0), size(w, by.1));
            prop_assume!(to_h > 0 && to_w > 0);
            let rows = Axis::new(h, &op.plan_axis(by.0, h, to_h));
            let columns = Axis::new(w, &op.plan_axis(by.1, w, to_w));
            let (Some(rows), Some(columns)) = (rows, columns) else { return Ok(()) };
            let ours = BilinearResize { rows, columns };
            let made = ours.eval(&EvalContext::out_of_plan(), tvec!(input.clone().into_tvalue())).unwrap().remove(0);
            let expected = reference(&op, &input, &scales);
            prop_assert_eq!(made.shape(), expected.shape());
            made.close_enough(&expected, Approximation::Close).map_err(|e| TestCaseError::fail(e.to_string()))?;
        }
    }

    #[test]
    fn doubling_is_recognised() {
        for side in [1, 2, 7, 64] {
            let plan = linear(CoordTransformer::HalfPixel).plan_axis(2.0, side, 2 * side);
            assert!(Axis::new(side, &plan).is_some_and(|a| a.doubling), "{side}");
        }
        let plan = linear(CoordTransformer::AlignCorners).plan_axis(2.0, 8, 16);
        assert!(Axis::new(8, &plan).is_some_and(|a| !a.doubling));
    }
}
