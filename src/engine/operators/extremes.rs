//! The most and the least of rows, for `ReduceMax`, `ReduceMin`, `GlobalMaxPool`, `ArgMax` and `ArgMin`: tract starts from the
//! smallest float, which hides infinity, and what is not a number (NaN) comes out as each processor has it. Here it wins, as in
//! PyTorch.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};

use super::Built;
use super::reductions::Reduction;
use super::wiring::{Wiring, axis_of, known};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Extreme {
    Most,
    Least,
}

/// What is told of the extreme of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Told {
    Value,
    /// Its place on the row; of several the first or the last.
    Place {
        last: bool,
    },
}

pub(super) fn reduce_max(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    Reduction::read(node, Extreme::Most)
}

pub(super) fn reduce_min(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    Reduction::read(node, Extreme::Least)
}

pub(super) fn arg_max(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    place(node, Extreme::Most)
}

pub(super) fn arg_min(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    place(node, Extreme::Least)
}

fn place(node: &NodeProto, extreme: Extreme) -> TractResult<Built> {
    let op = Place {
        extreme,
        axis: node.get_attr_opt("axis")?.unwrap_or(0),
        keep: node.get_attr_opt::<i64>("keepdims")?.unwrap_or(1) != 0,
        last: node.get_attr_opt::<i64>("select_last_index")?.unwrap_or(0) != 0,
    };
    Ok((expand(op), vec![]))
}

impl Extreme {
    /// The extreme of `x` over `axes`, which stay with a length of one.
    pub fn wire(self, w: &mut Wiring<'_>, axes: &[usize], x: OutletId) -> TractResult<OutletId> {
        w.node("extreme", Extremes { extreme: self, told: Told::Value, axes: axes.to_vec() }, &[x])
    }

    fn beats<T: PartialOrd>(self, a: T, b: T) -> bool {
        match self {
            Extreme::Most => a > b,
            Extreme::Least => a < b,
        }
    }

    fn value<T: Copy + PartialOrd>(self, row: &[T]) -> T {
        let best = row.iter().fold(row[0], |best, v| if self.beats(*v, best) { *v } else { best });
        row.iter().copied().find(is_no_number).unwrap_or(best)
    }

    fn place<T: Copy + PartialOrd>(self, row: &[T], last: bool) -> usize {
        if let Some(at) = row.iter().position(is_no_number) {
            return at;
        }
        (1..row.len()).fold(0, |best, at| {
            let takes = self.beats(row[at], row[best]) || last && row[at] == row[best];
            if takes { at } else { best }
        })
    }
}

fn is_no_number<T: PartialOrd>(v: &T) -> bool {
    v.partial_cmp(v).is_none()
}

/// Over `axes`, which stay with a length of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Extremes {
    extreme: Extreme,
    told: Told,
    axes: Vec<usize>,
}

impl Extremes {
    fn shape<D: Clone>(&self, of: &[D], one: D) -> TVec<D> {
        of.iter().enumerate().map(|(ix, d)| if self.axes.contains(&ix) { one.clone() } else { d.clone() }).collect()
    }

    fn run<T: Datum + Copy + PartialOrd>(&self, input: &Tensor) -> TractResult<Tensor> {
        let kept = (0..input.rank()).filter(|axis| !self.axes.contains(axis));
        let order: Vec<usize> = kept.chain(self.axes.iter().copied()).collect();
        let length: usize = self.axes.iter().map(|axis| input.shape()[*axis]).product();
        ensure!(length > 0, "the extreme of nothing");
        let view = input.to_plain_array_view::<T>()?.permuted_axes(order);
        let rows = view.as_standard_layout();
        let rows = rows.as_slice().context("rows in order")?.chunks_exact(length);
        let shape = self.shape(input.shape(), 1);
        match self.told {
            Told::Value => Tensor::from_shape(&shape, &rows.map(|row| self.extreme.value(row)).collect::<Vec<_>>()),
            Told::Place { last } => {
                let places = rows.map(|row| self.extreme.place(row, last) as i64);
                Tensor::from_shape(&shape, &places.collect::<Vec<_>>())
            }
        }
    }
}

impl Op for Extremes {
    fn name(&self) -> StaticName {
        "Extremes".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Extremes {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let made = dispatch_numbers!(Self::run(input.datum_type())(self, &input))?;
        Ok(tvec!(made.into_tvalue()))
    }
}

impl TypedOp for Extremes {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input] = inputs else { bail!("the extremes of {} tensors", inputs.len()) };
        let of = if self.told == Told::Value { input.datum_type } else { DatumType::I64 };
        Ok(tvec!(of.fact(self.shape(&input.shape.to_tvec(), 1.to_dim()))))
    }
}

#[derive(Clone, Debug)]
struct Place {
    extreme: Extreme,
    axis: i64,
    keep: bool,
    last: bool,
}

impl Expansion for Place {
    fn name(&self) -> StaticName {
        "Place".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        s.equals(&outputs[0].datum_type, DatumType::I64)?;
        s.given(&inputs[0].shape, move |s, shape| {
            let Ok(mut shape) = known(&shape) else { return Ok(()) };
            let axis = axis_of(self.axis, shape.len())?;
            if self.keep {
                shape[axis] = 1;
            } else {
                shape.remove(axis);
            }
            s.equals(&outputs[0].shape, shape.iter().map(|d| d.to_dim()).collect::<TVec<_>>())
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let x = w.plain(inputs[0])?;
        let axis = axis_of(self.axis, w.fact(x)?.rank())?;
        let op = Extremes { extreme: self.extreme, told: Told::Place { last: self.last }, axes: vec![axis] };
        let made = w.node("extreme", op, &[x])?;
        Ok(tvec!(if self.keep { made } else { w.node("squeeze", AxisOp::Rm(axis), &[made])? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(extreme: Extreme, told: Told, axes: &[usize], x: &Tensor) -> Tensor {
        Extremes { extreme, told, axes: axes.to_vec() }.run::<f32>(x).unwrap()
    }

    #[test]
    fn what_is_no_number_wins_wherever_it_stands() {
        for length in [1, 2, 7, 16, 33] {
            for at in 0..length {
                let mut row: Vec<f32> = (0..length).map(|v| v as f32).collect();
                row[at] = f32::NAN;
                for extreme in [Extreme::Most, Extreme::Least] {
                    assert!(extreme.value(&row).is_nan(), "{at} of {length}");
                    assert_eq!(extreme.place(&row, true), at);
                }
            }
        }
    }

    #[test]
    fn axes_in_any_order_as_by_hand() {
        let x = Tensor::from_shape(&[2, 2, 3], &[0f32, 5., 1., 7., 2., 2., -1., -1., -3., -1., -9., -2.]).unwrap();
        let most = told(Extreme::Most, Told::Value, &[0, 2], &x);
        assert_eq!(most, Tensor::from_shape(&[1, 2, 1], &[5f32, 7.]).unwrap());
        let least = told(Extreme::Least, Told::Value, &[1], &x);
        assert_eq!(least, Tensor::from_shape(&[2, 1, 3], &[0f32, 2., 1., -1., -9., -3.]).unwrap());
        let last = told(Extreme::Most, Told::Place { last: true }, &[2], &x);
        assert_eq!(last, Tensor::from_shape(&[2, 2, 1], &[1i64, 0, 1, 0]).unwrap());
        let nothing = Tensor::from_shape(&[2], &[f32::NEG_INFINITY; 2]).unwrap();
        assert_eq!(told(Extreme::Most, Told::Value, &[0], &nothing), tensor1(&[f32::NEG_INFINITY]));
    }
}
