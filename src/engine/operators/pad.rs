//! `Pad`: tract takes amounts below zero for huge ones, and has no `wrap`, no truth values and no value that is an input.

use tract_onnx::model::{ParsingContext, optional_inputs};
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{Gather, Pad as CorePad, PadMode, Slice};
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};

use super::Built;
use super::wiring::{Wiring, axis_of, known, whole};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Constant,
    Reflect,
    Edge,
    Wrap,
}

/// Where the amounts are: in an attribute before operator set 11, in the second input since.
#[derive(Clone, Debug)]
enum Amounts {
    Attribute(Vec<i64>),
    Input { axes: Option<usize> },
}

#[derive(Clone, Debug)]
struct Pad {
    mode: Mode,
    value: f32,
    value_input: Option<usize>,
    amounts: Amounts,
}

/// What to add before and after one axis; below zero, what to cut off.
type Side = (i64, i64);

pub(super) fn pad(ctx: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let mode = match node.get_attr_opt("mode")?.unwrap_or("constant") {
        "constant" => Mode::Constant,
        "reflect" => Mode::Reflect,
        "edge" => Mode::Edge,
        "wrap" => Mode::Wrap,
        other => bail!("mode `{other}` is none"),
    };
    let value = node.get_attr_opt("value")?.unwrap_or(0.0);
    let op = if ctx.onnx_operator_set_version < 11 {
        Pad { mode, value, value_input: None, amounts: Amounts::Attribute(node.get_attr_vec("pads")?) }
    } else {
        let mut inputs = optional_inputs(node).skip(2);
        let (value_input, axes) = (inputs.next().flatten(), inputs.next().flatten());
        Pad { mode, value, value_input, amounts: Amounts::Input { axes } }
    };
    Ok((expand(op), vec![]))
}

fn sides(amounts: &[i64], axes: Option<&[i64]>, rank: usize) -> TractResult<Vec<Side>> {
    let count = axes.map_or(rank, <[i64]>::len);
    ensure!(amounts.len() == 2 * count, "{} pads for {count} axes", amounts.len());
    let mut sides = vec![(0, 0); rank];
    for ix in 0..count {
        let axis = axes.map_or(Ok(ix), |axes| axis_of(axes[ix], rank))?;
        sides[axis] = (amounts[ix], amounts[ix + count]);
    }
    Ok(sides)
}

fn padded(length: usize, side: Side) -> TractResult<usize> {
    let whole = i64::try_from(length)?.checked_add(side.0).and_then(|l| l.checked_add(side.1));
    let whole = whole.and_then(|l| usize::try_from(l).ok());
    whole.with_context(|| format!("pads {side:?} on a length of {length}"))
}

impl Expansion for Pad {
    fn name(&self) -> StaticName {
        "Pad".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        s.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        s.equals(&inputs[0].rank, &outputs[0].rank)?;
        fn of_shape<'r, 'p: 'r>(
            s: &mut Solver<'r>,
            input: &'p TensorProxy,
            output: &'p TensorProxy,
            amounts: Vec<i64>,
            axes: Option<Vec<i64>>,
        ) -> InferenceResult {
            s.given(&input.shape, move |s, shape| {
                let Ok(shape) = known(&shape) else { return Ok(()) };
                let sides = sides(&amounts, axes.as_deref(), shape.len())?;
                let made = shape.iter().zip(sides).map(|(d, side)| Ok(padded(*d, side)?.to_dim()));
                let made = made.collect::<TractResult<TVec<TDim>>>()?;
                s.equals(&output.shape, made)
            })
        }
        let (input, output) = (&inputs[0], &outputs[0]);
        match &self.amounts {
            Amounts::Attribute(amounts) => of_shape(s, input, output, amounts.clone(), None),
            Amounts::Input { axes: None } => {
                s.given(&inputs[1].value, move |s, amounts| of_shape(s, input, output, whole(&amounts)?, None))
            }
            Amounts::Input { axes: Some(axes) } => {
                s.given_2(&inputs[1].value, &inputs[*axes].value, move |s, amounts, axes| {
                    of_shape(s, input, output, whole(&amounts)?, Some(whole(&axes)?))
                })
            }
        }
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let shape = w.shape(inputs[0])?;
        let sides = match &self.amounts {
            Amounts::Attribute(amounts) => sides(amounts, None, shape.len())?,
            Amounts::Input { axes } => {
                let axes = axes.map(|axes| w.constants(inputs[axes], "axes")).transpose()?;
                sides(&w.constants(inputs[1], "pads")?, axes.as_deref(), shape.len())?
            }
        };
        for (length, side) in shape.iter().zip(&sides) {
            padded(*length, *side)?;
        }
        let of = w.fact(inputs[0])?.datum_type;
        let bytes = of == DatumType::Bool;
        let x = if bytes { w.cast(DatumType::U8, inputs[0])? } else { inputs[0] };
        let made = match self.mode {
            Mode::Constant => self.constant(&mut w, x, inputs, &sides)?,
            _ => self.repeated(&mut w, x, &sides)?,
        };
        Ok(tvec!(w.cast(of, made)?))
    }
}

impl Pad {
    fn constant(&self, w: &mut Wiring<'_>, x: OutletId, inputs: &[OutletId], sides: &[Side]) -> TractResult<OutletId> {
        let of = w.fact(x)?.datum_type;
        let given = self.value_input.map(|ix| inputs[ix]);
        let fixed = match given {
            Some(value) => w.fact(value)?.konst.clone(),
            None => Some(tensor0(self.value).into_arc_tensor()),
        };
        let kept = cut(w, x, sides)?;
        let Some(value) = fixed else {
            let value = given.context("no value")?;
            let value = w.cast(of, value)?;
            return self.around(w, kept, sides, value);
        };
        let value = value.cast_to_dt(of)?.into_owned();
        ensure!(value.len() == 1, "a value of {} elements", value.len());
        let value = value.into_shape(&[])?.into_arc_tensor();
        added(w, kept, sides, PadMode::Constant(value))
    }

    /// With a value that only a run tells: a mask chooses between it and the tensor.
    fn around(&self, w: &mut Wiring<'_>, x: OutletId, sides: &[Side], value: OutletId) -> TractResult<OutletId> {
        let of = w.fact(x)?.datum_type;
        let inner = tensor0(true).broadcast_scalar_to_shape(&w.shape(x)?)?.cast_to::<u8>()?.into_owned();
        let zeros = |of: DatumType| PadMode::Constant(Tensor::zero_scalar_dt(of).unwrap_or_default().into_arc_tensor());
        let inner = w.constant(inner)?;
        let inner = added(w, inner, sides, zeros(DatumType::U8))?;
        let inner = w.cast(DatumType::Bool, inner)?;
        let around = added(w, x, sides, zeros(of))?;
        w.choose(inner, around, value)
    }

    /// `reflect`, `edge` and `wrap`: each place of the output repeats one of the input, axis by axis.
    fn repeated(&self, w: &mut Wiring<'_>, x: OutletId, sides: &[Side]) -> TractResult<OutletId> {
        if self.mode != Mode::Wrap && sides.iter().all(|(before, after)| *before >= 0 && *after >= 0) {
            let mode = if self.mode == Mode::Reflect { PadMode::Reflect } else { PadMode::Edge };
            let shape = w.shape(x)?;
            let reach = |(length, side): (&usize, &Side)| side.0.max(side.1) < *length as i64;
            ensure!(self.mode != Mode::Reflect || shape.iter().zip(sides).all(reach), "it reflects more than there is");
            return added(w, x, sides, mode);
        }
        let mut made = cut(w, x, sides)?;
        let shape = w.shape(made)?;
        for (axis, (before, after)) in sides.iter().enumerate() {
            let (length, before, after) = (shape[axis] as i64, (*before).max(0), (*after).max(0));
            if before == 0 && after == 0 {
                continue;
            }
            ensure!(length > 0, "there is nothing to repeat");
            ensure!(self.mode != Mode::Reflect || before.max(after) < length, "it reflects more than there is");
            let from = |place: i64| match self.mode {
                Mode::Wrap => place.rem_euclid(length),
                Mode::Reflect if place < 0 => -place,
                Mode::Reflect if place >= length => 2 * (length - 1) - place,
                _ => place.clamp(0, length - 1),
            };
            let places: Vec<i64> = (-before..length + after).map(from).collect();
            let places = w.constant(tensor1(&places))?;
            made = w.node("repeat", Gather { axis, output_type: None }, &[made, places])?;
        }
        Ok(made)
    }
}

/// Cuts off what `sides` have below zero.
fn cut(w: &mut Wiring<'_>, x: OutletId, sides: &[Side]) -> TractResult<OutletId> {
    let (shape, mut made) = (w.shape(x)?, x);
    for (axis, (before, after)) in sides.iter().enumerate() {
        let (start, end) = ((-before).max(0), shape[axis] as i64 - (-after).max(0));
        if start > 0 || end < shape[axis] as i64 {
            ensure!(start <= end, "pads cut off more than there is");
            made = w.node("cut", Slice { axis, start: start.to_dim(), end: end.to_dim() }, &[made])?;
        }
    }
    Ok(made)
}

fn added(w: &mut Wiring<'_>, x: OutletId, sides: &[Side], mode: PadMode) -> TractResult<OutletId> {
    let pads: Vec<(usize, usize)> = sides.iter().map(|(b, a)| ((*b).max(0) as usize, (*a).max(0) as usize)).collect();
    if pads.iter().all(|pad| *pad == (0, 0)) {
        return Ok(x);
    }
    w.node("pad", CorePad { mode, pads }, &[x])
}
