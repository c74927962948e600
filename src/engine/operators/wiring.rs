use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::{BinMiniOp, TypedBinOp};
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_core::ops::change_axes::wire_rank_broadcast;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};

/// Puts the nodes of one operator together; each gets the operator's name and a suffix.
pub(super) struct Wiring<'a> {
    prefix: &'a str,
    pub model: &'a mut TypedModel,
}

impl<'a> Wiring<'a> {
    pub fn new(prefix: &'a str, model: &'a mut TypedModel) -> Self {
        Wiring { prefix, model }
    }

    fn name(&self, what: &str) -> String {
        self.model.unique_name(format!("{}.{what}", self.prefix)).into_owned()
    }

    pub fn fact(&self, of: OutletId) -> TractResult<&TypedFact> {
        self.model.outlet_fact(of)
    }

    /// The dimensions, which are known before anything is wired.
    pub fn shape(&self, of: OutletId) -> TractResult<TVec<usize>> {
        let shape = self.fact(of)?.shape.as_concrete().context("its input's shape is open")?;
        Ok(shape.into())
    }

    /// Whole numbers that the graph fixes; `what` says which in the error.
    pub fn constants(&self, of: OutletId, what: &str) -> TractResult<Vec<i64>> {
        let value = self.fact(of)?.konst.as_ref();
        whole(value.with_context(|| format!("its {what} depend on the data: they must be constants"))?)
    }

    pub fn constant(&mut self, value: impl IntoArcTensor) -> TractResult<OutletId> {
        let name = self.name("constant");
        self.model.add_const(name, value)
    }

    /// A scalar of the element type of `like`.
    pub fn scalar(&mut self, value: f32, like: OutletId) -> TractResult<OutletId> {
        let dt = self.fact(like)?.datum_type;
        let value = tensor0(value).cast_to_dt(dt)?.into_owned();
        self.constant(value)
    }

    pub fn node(&mut self, what: &str, op: impl Into<Box<dyn TypedOp>>, inputs: &[OutletId]) -> TractResult<OutletId> {
        let name = self.name(what);
        Ok(self.model.wire_node(name, op, inputs)?[0])
    }

    /// With numpy's broadcasting.
    pub fn binary(&mut self, op: TypedBinOp, a: OutletId, b: OutletId) -> TractResult<OutletId> {
        let name = self.name("operands");
        let inputs = wire_rank_broadcast(&name, self.model, &[a, b])?;
        self.node("binary", op, &inputs)
    }

    pub fn compare(&mut self, op: Box<dyn BinMiniOp>, a: OutletId, b: OutletId) -> TractResult<OutletId> {
        self.binary(TypedBinOp(op, None), a, b)
    }

    /// `yes` where `test`, else `no`.
    pub fn choose(&mut self, test: OutletId, yes: OutletId, no: OutletId) -> TractResult<OutletId> {
        let name = self.name("choice");
        let inputs = wire_rank_broadcast(&name, self.model, &[test, yes, no])?;
        self.node("choose", Iff, &inputs)
    }

    /// Over `axes`, which stay with a length of one.
    pub fn reduce(&mut self, reducer: Reducer, axes: &[usize], of: OutletId) -> TractResult<OutletId> {
        self.node("reduce", Reduce { axes: axes.into(), reducer }, &[of])
    }

    /// `of` as numbers of a plain type: dimensions become whole numbers.
    pub fn plain(&mut self, of: OutletId) -> TractResult<OutletId> {
        if self.fact(of)?.datum_type == DatumType::TDim { self.cast(DatumType::I64, of) } else { Ok(of) }
    }

    pub fn cast(&mut self, to: DatumType, of: OutletId) -> TractResult<OutletId> {
        if self.fact(of)?.datum_type == to { Ok(of) } else { self.node("cast", cast(to), &[of]) }
    }
}

/// `axis` of a tensor of `rank` dimensions, counted from the end where it is negative.
pub(super) fn axis_of(axis: i64, rank: usize) -> TractResult<usize> {
    let from_start = if axis < 0 { axis + rank as i64 } else { axis };
    ensure!((0..rank as i64).contains(&from_start), "axis {axis} of {rank} dimensions");
    Ok(from_start as usize)
}

/// The shape of a tensor whose dimensions are all known.
pub(super) fn known(shape: &[TDim]) -> TractResult<Vec<usize>> {
    shape.iter().map(|d| Ok(d.to_usize()?)).collect()
}

/// The elements of a tensor of whole numbers.
pub(super) fn whole(values: &Tensor) -> TractResult<Vec<i64>> {
    let values = values.cast_to::<i64>()?;
    Ok(values.to_plain_array_view::<i64>()?.iter().copied().collect())
}
