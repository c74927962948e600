//! `GridSample` by cubic curves over a border: tract moves the point to the border, where every tap of the curve should be
//! moved there by itself.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};

use super::wiring::Wiring;
use super::{Built, upstream};

/// The slope at the ends of the curve, as in PyTorch and ONNX Runtime.
const SLOPE: f32 = -0.75;

/// Maps and points of any number: `[n, c, h, w]` sampled at `[n, rows, columns, 2]` gives `[n, c, rows, columns]`. The points
/// are x, then y, from -1 to 1 over the map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CubicBorder {
    align_corners: bool,
}

pub(super) fn grid_sample(ctx: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let mode = node.get_attr_opt("mode")?.unwrap_or("linear");
    let padding = node.get_attr_opt("padding_mode")?.unwrap_or("zeros");
    if matches!(mode, "cubic" | "bicubic") && padding == "border" {
        let align_corners = node.get_attr_opt::<i64>("align_corners")?.unwrap_or(0) != 0;
        return Ok((expand(CubicBorder { align_corners }), vec![]));
    }
    upstream(ctx, node)
}

impl Expansion for CubicBorder {
    fn name(&self) -> StaticName {
        "GridSample".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        s.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        for tensor in [&inputs[0], &inputs[1], &outputs[0]] {
            s.equals(&tensor.rank, 4)?;
        }
        s.equals(&outputs[0].shape[0], &inputs[0].shape[0])?;
        s.equals(&outputs[0].shape[1], &inputs[0].shape[1])?;
        s.equals(&outputs[0].shape[2], &inputs[1].shape[1])?;
        s.equals(&outputs[0].shape[3], &inputs[1].shape[2])
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let of = w.fact(inputs[0])?.datum_type;
        let (map, grid) = (w.cast(DatumType::F32, inputs[0])?, w.cast(DatumType::F32, inputs[1])?);
        let made = w.node("sample", self.clone(), &[map, grid])?;
        Ok(tvec!(w.cast(of, made)?))
    }
}

impl Op for CubicBorder {
    fn name(&self) -> StaticName {
        "CubicBorderGridSample".into()
    }

    op_as_typed_op!();
}

impl EvalOp for CubicBorder {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (map, grid) = args_2!(inputs);
        let shape = output_shape(map.shape(), grid.shape())?;
        let (h, w, points) = (map.shape()[2], map.shape()[3], shape[2] * shape[3]);
        let mut output = Tensor::zero::<f32>(&shape)?;
        if output.len() > 0 {
            let mut view = output.try_as_plain_ram_mut()?;
            let made = view.as_slice_mut::<f32>()?;
            let (map, grid) = (map.try_as_plain_ram()?, grid.try_as_plain_ram()?);
            let (planes, grid) = (map.as_slice::<f32>()?, grid.as_slice::<f32>()?);
            let grids = grid.chunks_exact(2 * points).flat_map(|g| std::iter::repeat_n(g, shape[1]));
            for ((made, plane), grid) in made.chunks_exact_mut(points).zip(planes.chunks_exact(h * w)).zip(grids) {
                for (made, point) in made.iter_mut().zip(grid.as_chunks::<2>().0) {
                    let (columns, across) = self.taps(point[0], w);
                    let (rows, down) = self.taps(point[1], h);
                    *made = (rows.iter().zip(down))
                        .map(|(y, wy)| {
                            wy * columns.iter().zip(across).map(|(x, wx)| wx * plane[y * w + x]).sum::<f32>()
                        })
                        .sum();
                }
            }
        }
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for CubicBorder {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [map, grid] = inputs else { bail!("GridSample of {} tensors", inputs.len()) };
        let (map, grid) =
            (map.shape.as_concrete().context("open shape")?, grid.shape.as_concrete().context("open shape")?);
        Ok(tvec!(f32::fact(output_shape(map, grid)?)))
    }
}

fn output_shape(map: &[usize], grid: &[usize]) -> TractResult<[usize; 4]> {
    let (&[n, c, h, w], &[batch, rows, columns, 2]) = (map, grid) else { bail!("{map:?} sampled at {grid:?}") };
    ensure!(n == batch && h > 0 && w > 0, "{map:?} sampled at {grid:?}");
    Ok([n, c, rows, columns])
}

impl CubicBorder {
    /// Four places on an axis of `length` and their weights.
    fn taps(&self, point: f32, length: usize) -> ([usize; 4], [f32; 4]) {
        let n = length as f32;
        let at = if self.align_corners { (point + 1.0) / 2.0 * (n - 1.0) } else { ((point + 1.0) * n - 1.0) / 2.0 };
        let first = at.floor();
        let t = at - first;
        // Beyond any map, and for what is no number, the conversion saturates.
        let places = [-1i64, 0, 1, 2].map(|d| (first as i64).saturating_add(d).clamp(0, length as i64 - 1) as usize);
        let near = |d: f32| ((SLOPE + 2.0) * d - (SLOPE + 3.0)) * d * d + 1.0;
        let far = |d: f32| ((SLOPE * d - 5.0 * SLOPE) * d + 8.0 * SLOPE) * d - 4.0 * SLOPE;
        (places, [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)])
    }
}
