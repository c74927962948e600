//! `QuantizeLinear` and `DequantizeLinear` as ONNX writes them down, for every integer type, axis and block, with scales that
//! are constants or inputs. What a pass has not made floats of before comes here.

use tract_onnx::model::{ParsingContext, optional_inputs};
use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::Gather;
use tract_onnx::tract_core::ops::math::{add, max, min, mul, round_half_to_even, sub};
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};

use super::Built;
use super::wiring::{Wiring, axis_of};

// tract multiplies by the reciprocal instead of dividing, which rounds some numbers halfway between two codes to the other.
bin_to_super_type!(quotient, Quotient, [f32] => |c, a, b| *c = a / b);

#[derive(Clone, Debug)]
struct Grid {
    axis: i64,
    /// How many elements along the axis share a scale; 0 without blocks.
    block: usize,
    zero_point: Option<usize>,
}

impl Grid {
    fn of(node: &NodeProto) -> TractResult<Self> {
        Ok(Grid {
            axis: node.get_attr_opt("axis")?.unwrap_or(1),
            block: node.get_attr_opt("block_size")?.unwrap_or(0),
            zero_point: optional_inputs(node).nth(2).flatten(),
        })
    }

    /// A scale or zero point, as floats of a shape that spreads over `x`.
    fn spread(&self, w: &mut Wiring<'_>, x: OutletId, parameter: OutletId) -> TractResult<OutletId> {
        let (shape, given) = (w.shape(x)?, w.shape(parameter)?);
        let value = w.cast(DatumType::F32, parameter)?;
        if self.block > 0 {
            let axis = axis_of(self.axis, shape.len())?;
            let blocks = shape[axis].div_ceil(self.block);
            let fits = given.len() == shape.len() && given[axis] == blocks;
            ensure!(fits, "scales of {given:?} for blocks of {} in {:?}", self.block, shape);
            let places: Vec<i64> = (0..shape[axis]).map(|ix| (ix / self.block) as i64).collect();
            let places = w.constant(tensor1(&places))?;
            return w.node("blocks", Gather { axis, output_type: None }, &[value, places]);
        }
        let count: usize = given.iter().product();
        if count == 1 {
            return self.reshaped(w, value, &given, &[]);
        }
        let axis = axis_of(self.axis, shape.len())?;
        ensure!(given.len() == 1 && count == shape[axis], "{count} scales for an axis of {}", shape[axis]);
        let mut wide = vec![1; shape.len()];
        wide[axis] = count;
        self.reshaped(w, value, &given, &wide)
    }

    fn reshaped(&self, w: &mut Wiring<'_>, value: OutletId, from: &[usize], to: &[usize]) -> TractResult<OutletId> {
        let dims = |shape: &[usize]| shape.iter().map(|d| d.to_dim()).collect();
        if from == to { Ok(value) } else { w.node("spread", AxisOp::Reshape(0, dims(from), dims(to)), &[value]) }
    }
}

#[derive(Clone, Debug)]
struct Quantize {
    grid: Grid,
    /// Of the codes, where no zero point tells.
    to: DatumType,
}

pub(super) fn quantize(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let to = match node.get_attr_opt::<i32>("output_dtype")?.unwrap_or(0) {
        0 => DatumType::U8,
        code => DataType::try_from(code)
            .ok()
            .and_then(|t| DatumType::try_from(t).ok())
            .context("an unknown output_dtype")?,
    };
    range(to)?;
    Ok((expand(Quantize { grid: Grid::of(node)?, to }), vec![]))
}

fn range(of: DatumType) -> TractResult<(f32, f32)> {
    Ok(match of {
        DatumType::U8 => (0.0, 255.0),
        DatumType::I8 => (-128.0, 127.0),
        DatumType::U16 => (0.0, 65_535.0),
        DatumType::I16 => (-32_768.0, 32_767.0),
        other => bail!("codes of {other:?}"),
    })
}

impl Expansion for Quantize {
    fn name(&self) -> StaticName {
        "QuantizeLinear".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        s.equals(&inputs[0].shape, &outputs[0].shape)?;
        match self.grid.zero_point {
            Some(ix) => s.equals(&outputs[0].datum_type, &inputs[ix].datum_type),
            None => s.equals(&outputs[0].datum_type, self.to),
        }
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let to = self.grid.zero_point.map_or(Ok(self.to), |ix| w.fact(inputs[ix]).map(|f| f.datum_type))?;
        let (low, high) = range(to)?;
        let x = w.cast(DatumType::F32, inputs[0])?;
        let scale = self.grid.spread(&mut w, x, inputs[1])?;
        let steps = w.binary(quotient(), x, scale)?;
        let mut codes = w.node("round", round_half_to_even(), &[steps])?;
        if let Some(ix) = self.grid.zero_point {
            let zero = self.grid.spread(&mut w, x, inputs[ix])?;
            codes = w.binary(add(), codes, zero)?;
        }
        let (low, high) = (w.scalar(low, codes)?, w.scalar(high, codes)?);
        let codes = w.binary(max(), codes, low)?;
        let codes = w.binary(min(), codes, high)?;
        Ok(tvec!(w.cast(to, codes)?))
    }
}

#[derive(Clone, Debug)]
struct Dequantize {
    grid: Grid,
    /// Of the values, where it is not the scale's.
    to: Option<DatumType>,
}

pub(super) fn dequantize(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let to = match node.get_attr_opt::<i32>("output_dtype")?.unwrap_or(0) {
        0 => None,
        code => {
            let to = DataType::try_from(code).ok().and_then(|t| DatumType::try_from(t).ok());
            Some(to.filter(|to| to.is_float()).context("an unknown output_dtype")?)
        }
    };
    Ok((expand(Dequantize { grid: Grid::of(node)?, to }), vec![]))
}

impl Expansion for Dequantize {
    fn name(&self) -> StaticName {
        "DequantizeLinear".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        s.equals(&inputs[0].shape, &outputs[0].shape)?;
        match self.to {
            Some(to) => s.equals(&outputs[0].datum_type, to),
            None => s.equals(&outputs[0].datum_type, &inputs[1].datum_type),
        }
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let to = self.to.map_or_else(|| w.fact(inputs[1]).map(|fact| fact.datum_type), Ok)?;
        let mut codes = w.cast(DatumType::F32, inputs[0])?;
        if let Some(ix) = self.grid.zero_point {
            let zero = self.grid.spread(&mut w, inputs[0], inputs[ix])?;
            codes = w.binary(sub(), codes, zero)?;
        }
        let scale = self.grid.spread(&mut w, inputs[0], inputs[1])?;
        let values = w.binary(mul(), codes, scale)?;
        Ok(tvec!(w.cast(to, values)?))
    }
}
