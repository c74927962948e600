//! 3x3 convolutions with a quarter of the multiplications.
//!
//! Winograd's minimal filtering F(4x4, 3x3), as in Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks"
//! (2016): a tile of 4x4 outputs depends on 6x6 inputs d and 3x3 weights g by
//!
//! ```text
//! Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
//! ```
//!
//! so that the sum over input channels becomes 36 independent matrix products, one for each position of the 6x6 tile,
//! with 36/16 multiplications for each output, input channel and output channel instead of 9.
//!
//! 1. `G g Gᵀ` is computed once, in double precision, when the graph is compiled.
//! 2. Each input channel is transformed to 36 vectors over the tiles. The vertical half works on whole rows, the
//!    horizontal half on whole vectors of tiles, so both are plain elementwise loops.
//! 3. The products run on tract's matrix kernels.
//! 4. Each output channel is transformed back the same way, gets its bias, and is interleaved into rows.
//!
//! Padding is part of the second step and costs nothing. Small pictures stay with im2col: the transformed weights are
//! four times as large, and with few tiles reading them takes longer than multiplying.

use tract_linalg::multithread::par_chunks_mut;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat};
use tract_onnx::tract_core::ops::math::{Add, Max};
use tract_onnx::tract_core::ops::nn::DataFormat;

use crate::engine::kernels::{Matrices, Products, vectorized};

/// Outputs along a tile's side.
const OUT: usize = 4;
/// Inputs along a tile's side.
const IN: usize = 6;
const POSITIONS: usize = IN * IN;
/// Fewer tiles than this, or channels than that, and im2col is as fast.
const MIN_TILES: usize = 16;
const MIN_CHANNELS: usize = 12;

/// A 3x3 convolution with stride 1 over one picture [1, C, H, W] of `f32`, and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct WinogradConv {
    plan: Shared,
    /// A second input of the output's shape is added.
    residual: bool,
    /// Negative results become zero, after the addition.
    relu: bool,
}

/// A plan, equal only to itself.
#[derive(Clone, Debug)]
struct Shared(Arc<Plan>);

#[derive(Debug)]
struct Plan {
    products: Products,
    bias: Vec<f32>,
    channels: usize,
    input: [usize; 2],
    output: [usize; 2],
    /// Rows above and columns left of the picture that count as zero.
    padding: [usize; 2],
    /// Tiles down and across.
    tiles: [usize; 2],
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Shared {}

impl WinogradConv {
    fn new(plan: Plan) -> Self {
        WinogradConv { plan: Shared(Arc::new(plan)), residual: false, relu: false }
    }

    /// The kernel of the matrix products.
    pub fn kernel(&self) -> &str {
        self.plan.0.products.kernel()
    }
}

impl Op for WinogradConv {
    fn name(&self) -> StaticName {
        "WinogradConv".into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for WinogradConv {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let plan = &self.plan.0;
        let residual = match inputs.get(1).filter(|_| self.residual) {
            Some(tensor) => Some(tensor.try_as_plain_ram()?.as_slice::<f32>()?),
            None => None,
        };
        let transformed = plan.transform_input(inputs[0].try_as_plain_ram()?.as_slice::<f32>()?)?;
        let products = plan.products.run(&transformed)?;
        Ok(tvec!(plan.transform_output(&products, residual, self.relu)?.into_tvalue()))
    }
}

impl TypedOp for WinogradConv {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let Plan { bias, channels, input: [h, w], output: [oh, ow], .. } = &*self.plan.0;
        ensure!(inputs[0].shape.as_concrete() == Some(&[1, *channels, *h, *w]), "planned for {channels}x{h}x{w}");
        ensure!(inputs.len() == 1 + usize::from(self.residual));
        Ok(tvec!(DatumType::F32.fact([1, bias.len(), *oh, *ow])))
    }

    /// Takes in the addition of a residual and the ReLU that follow.
    fn declutter(&self, model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
        rule_if!(!self.relu && !model.outputs.contains(&node.id.into()));
        rule_if_some!(next = model.single_succ(node.id)?);
        rule_if_some!(binary = next.op_as::<TypedBinOp>());
        rule_if_some!(other = next.inputs.iter().find(|i| i.node != node.id));
        let fact = model.outlet_fact(*other)?;
        let mut patch = TypedModelPatch::default();
        let mut inputs = patch.taps(model, &node.inputs)?;
        let fused = if binary.0.is::<Max>() && fact.konst.as_ref().is_some_and(|k| k.is_all_zero().unwrap_or(false)) {
            WinogradConv { relu: true, ..self.clone() }
        } else if binary.0.is::<Add>() && !self.residual && fact.shape == node.outputs[0].fact.shape {
            inputs.push(patch.tap_model(model, *other)?);
            WinogradConv { residual: true, ..self.clone() }
        } else {
            return Ok(None);
        };
        let wire = patch.wire_node(&node.name, fused, &inputs)?[0];
        patch.shunt_outside(model, next.id.into(), wire)?;
        Ok(Some(patch))
    }
}

impl Plan {
    fn tile_count(&self) -> usize {
        self.tiles[0] * self.tiles[1]
    }

    /// Bᵀ d B of every tile: a tensor [channels, 36, tiles].
    fn transform_input(&self, input: &[f32]) -> TractResult<Tensor> {
        let (tiles, plane) = (self.tile_count(), self.input[0] * self.input[1]);
        let mut transformed = Tensor::zero::<f32>(&[self.channels, POSITIONS, tiles])?;
        let mut view = transformed.try_as_plain_ram_mut()?;
        let vectors = view.as_slice_mut::<f32>()?;
        let elements = vectors.len();
        par_chunks_mut(vectors, POSITIONS * tiles, elements, |first, channels| {
            let mut scratch = InputScratch::new(self);
            for (picture, vectors) in
                input.chunks_exact(plane).skip(first).zip(channels.chunks_exact_mut(POSITIONS * tiles))
            {
                vectorized(
                    #[inline(always)]
                    || scratch.transform(self, picture, vectors),
                );
            }
            Ok(())
        })?;
        Ok(transformed)
    }

    /// Aᵀ M A of every tile of every channel, with bias, as a picture; then the residual and ReLU.
    fn transform_output(&self, products: &Matrices, residual: Option<&[f32]>, relu: bool) -> TractResult<Tensor> {
        let ([h, w], tiles) = (self.output, self.tile_count());
        let mut output = Tensor::zero::<f32>(&[1, self.bias.len(), h, w])?;
        {
            let mut view = output.try_as_plain_ram_mut()?;
            let pictures = view.as_slice_mut::<f32>()?;
            let elements = pictures.len();
            par_chunks_mut(pictures, h * w, elements, |first, pictures| {
                let mut scratch = OutputScratch::new(tiles);
                for (ix, picture) in pictures.chunks_exact_mut(h * w).enumerate() {
                    let channel = first + ix;
                    let vectors = products.rows(channel, tiles)?;
                    let residual = residual.and_then(|r| r.get(channel * h * w..(channel + 1) * h * w));
                    vectorized(
                        #[inline(always)]
                        || {
                            scratch.transform(self, &vectors, self.bias[channel], picture);
                            finish(picture, residual, relu);
                        },
                    );
                }
                Ok(())
            })?;
        }
        Ok(output)
    }
}

/// Buffers for the transform of one channel.
struct InputScratch {
    /// Six rows of the padded picture.
    rows: [Vec<f32>; IN],
    /// Bᵀ d, by position down the tile, then across: a vector over the tiles each.
    down: Vec<f32>,
}

impl InputScratch {
    fn new(plan: &Plan) -> Self {
        let width = plan.tiles[1] * OUT + (IN - OUT);
        InputScratch { rows: std::array::from_fn(|_| vec![0.0; width]), down: vec![0.0; POSITIONS * plan.tile_count()] }
    }

    #[inline(always)]
    fn transform(&mut self, plan: &Plan, picture: &[f32], vectors: &mut [f32]) {
        let ([h, w], [top, left], [_, across], tiles) = (plan.input, plan.padding, plan.tiles, plan.tile_count());
        for tile_row in 0..plan.tiles[0] {
            for (ix, row) in self.rows.iter_mut().enumerate() {
                row.fill(0.0);
                let y = tile_row * OUT + ix;
                if y >= top && y < top + h {
                    let from = &picture[(y - top) * w..(y - top + 1) * w];
                    for (to, from) in row[left..].iter_mut().zip(from) {
                        *to = *from;
                    }
                }
            }
            let [r0, r1, r2, r3, r4, r5] = &mut self.rows;
            let columns = r0.iter_mut().zip(r1).zip(r2).zip(r3).zip(r4).zip(r5);
            for (((((a, b), c), d), e), f) in columns {
                [*a, *b, *c, *d, *e, *f] = input_side([*a, *b, *c, *d, *e, *f]);
            }
            for (row, down) in self.rows.iter().zip(self.down.chunks_exact_mut(IN * tiles)) {
                for (x, vector) in down.chunks_exact_mut(tiles).enumerate() {
                    let strip = &mut vector[tile_row * across..(tile_row + 1) * across];
                    for (to, from) in strip.iter_mut().zip(row[x..].iter().step_by(OUT)) {
                        *to = *from;
                    }
                }
            }
        }
        for (down, vectors) in self.down.chunks_exact(IN * tiles).zip(vectors.chunks_exact_mut(IN * tiles)) {
            let [d0, d1, d2, d3, d4, d5] = split(down, tiles);
            let [v0, v1, v2, v3, v4, v5] = split_mut(vectors, tiles);
            for t in 0..tiles {
                [v0[t], v1[t], v2[t], v3[t], v4[t], v5[t]] = input_side([d0[t], d1[t], d2[t], d3[t], d4[t], d5[t]]);
            }
        }
    }
}

/// Buffers for the transform of one channel.
struct OutputScratch {
    /// Aᵀ M: four rows of six vectors over the tiles.
    down: Vec<f32>,
    /// Aᵀ M A: one row of four vectors over the tiles.
    row: Vec<f32>,
}

impl OutputScratch {
    fn new(tiles: usize) -> Self {
        OutputScratch { down: vec![0.0; OUT * IN * tiles], row: vec![0.0; OUT * tiles] }
    }

    /// `vectors` are the 36 of one channel.
    #[inline(always)]
    fn transform(&mut self, plan: &Plan, vectors: &[&[f32]], bias: f32, picture: &mut [f32]) {
        let ([h, w], across, tiles) = (plan.output, plan.tiles[1], plan.tile_count());
        for x in 0..IN {
            let column = |y: usize| &vectors[y * IN + x][..tiles];
            let (m0, m1, m2, m3, m4, m5) = (column(0), column(1), column(2), column(3), column(4), column(5));
            let mut rows = self.down.chunks_exact_mut(IN * tiles).map(|row| &mut row[x * tiles..(x + 1) * tiles]);
            let (Some(d0), Some(d1), Some(d2), Some(d3)) = (rows.next(), rows.next(), rows.next(), rows.next()) else {
                return;
            };
            for t in 0..tiles {
                [d0[t], d1[t], d2[t], d3[t]] = output_side([m0[t], m1[t], m2[t], m3[t], m4[t], m5[t]]);
            }
        }
        for (y, down) in self.down.chunks_exact(IN * tiles).enumerate() {
            let [d0, d1, d2, d3, d4, d5] = split(down, tiles);
            let [r0, r1, r2, r3] = split_mut(&mut self.row, tiles);
            for t in 0..tiles {
                let side = output_side([d0[t], d1[t], d2[t], d3[t], d4[t], d5[t]]);
                [r0[t], r1[t], r2[t], r3[t]] = side.map(|v| v + bias);
            }
            for (tile_row, line) in picture.chunks_exact_mut(w).skip(y).step_by(OUT).enumerate().take(h.div_ceil(OUT)) {
                let strip = tile_row * across..(tile_row + 1) * across;
                let strips = r0[strip.clone()].iter().zip(&r1[strip.clone()]).zip(&r2[strip.clone()]).zip(&r3[strip]);
                for (cells, (((a, b), c), d)) in line.chunks_mut(OUT).zip(strips) {
                    match cells {
                        [p, q, r, s] => [*p, *q, *r, *s] = [*a, *b, *c, *d],
                        fewer => fewer.iter_mut().zip([a, b, c]).for_each(|(cell, value)| *cell = *value),
                    }
                }
            }
        }
    }
}

/// What follows the convolution, while the picture is still in the cache.
#[inline(always)]
fn finish(picture: &mut [f32], residual: Option<&[f32]>, relu: bool) {
    if let Some(residual) = residual {
        picture.iter_mut().zip(residual).for_each(|(v, r)| *v += r);
    }
    if relu {
        picture.iter_mut().for_each(|v| *v = v.max(0.0));
    }
}

/// `N` consecutive vectors of `len`; `all` holds at least so many.
#[inline(always)]
fn split<const N: usize>(all: &[f32], len: usize) -> [&[f32]; N] {
    std::array::from_fn(|ix| &all[ix * len..(ix + 1) * len])
}

#[inline(always)]
fn split_mut<const N: usize>(all: &mut [f32], len: usize) -> [&mut [f32]; N] {
    let mut rest = all;
    std::array::from_fn(|_| {
        let (one, others) = std::mem::take(&mut rest).split_at_mut(len);
        rest = others;
        one
    })
}

/// Bᵀ of six inputs.
#[inline(always)]
fn input_side(d: [f32; IN]) -> [f32; IN] {
    let (a, b) = (d[4] - 4.0 * d[2], d[3] - 4.0 * d[1]);
    let (c, e) = (d[4] - d[2], 2.0 * (d[3] - d[1]));
    [4.0 * d[0] - 5.0 * d[2] + d[4], a + b, a - b, c + e, c - e, 4.0 * d[1] - 5.0 * d[3] + d[5]]
}

/// Aᵀ of six products.
#[inline(always)]
fn output_side(m: [f32; IN]) -> [f32; OUT] {
    let (a, b) = (m[1] + m[2], m[1] - m[2]);
    let (c, d) = (m[3] + m[4], m[3] - m[4]);
    [m[0] + a + c, b + 2.0 * d, a + 4.0 * c, b + 8.0 * d + m[5]]
}

/// G, row by row.
const WEIGHT_SIDE: [[f64; 3]; IN] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// G g Gᵀ of weights [pairs, 3, 3]: a tensor's elements [36, pairs].
fn transform_weights(weights: &[f32]) -> Vec<f32> {
    let pairs = weights.len() / 9;
    let mut transformed = vec![0.0; POSITIONS * pairs];
    for (pair, g) in weights.chunks_exact(9).enumerate() {
        for (y, down) in WEIGHT_SIDE.iter().enumerate() {
            for (x, across) in WEIGHT_SIDE.iter().enumerate() {
                let sum: f64 = (0..9).map(|ix| down[ix / 3] * g[ix] as f64 * across[ix % 3]).sum();
                transformed[(y * IN + x) * pairs + pair] = sum as f32;
            }
        }
    }
    transformed
}

/// The rewriting rule for tract's `Conv`.
pub(super) fn replace_conv(
    _: &(),
    model: &TypedModel,
    node: &TypedNode,
    _name: &str,
    op: &Conv,
) -> TractResult<Option<TypedModelPatch>> {
    let spec = &op.pool_spec;
    rule_if!(op.q_params.is_none() && op.group == 1 && op.kernel_fmt == KernelFormat::OIHW);
    rule_if!(spec.data_format == DataFormat::NCHW && *spec.kernel_shape == [3, 3]);
    rule_if!((0..2).all(|ix| spec.stride(ix) == 1 && spec.dilation(ix) == 1));
    let facts = model.node_input_facts(node.id)?;
    rule_if!(facts.iter().all(|f| f.datum_type == DatumType::F32));
    rule_if_some!(shape = facts[0].shape.as_concrete());
    rule_if_let!(&[1, channels, h, w] = shape);
    rule_if_some!(weights = &facts[1].konst);
    rule_if_some!(bias = &facts[2].konst);
    let outputs = op.output_channels();
    rule_if!(channels.min(outputs) >= MIN_CHANNELS && weights.shape() == [outputs, channels, 3, 3]);
    let sides = spec.computed_padding(&[h, w]);
    let output = [sides[0].convoluted, sides[1].convoluted];
    let tiles = output.map(|side| side.div_ceil(OUT));
    rule_if!(tiles[0] * tiles[1] >= MIN_TILES);

    let weights = transform_weights(weights.try_as_plain_ram()?.as_slice::<f32>()?);
    let weights = Tensor::from_shape(&[POSITIONS, outputs, channels], &weights)?;
    rule_if_some!(products = Products::new(&weights, tiles[0] * tiles[1])?);
    let bias = bias.broadcast_to_shape(&[outputs])?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
    let padding = [sides[0].pad_before, sides[1].pad_before];
    let plan = Plan { products, bias, channels, input: [h, w], output, padding, tiles };
    TypedModelPatch::replace_single_op(model, node, &node.inputs[..1], WinogradConv::new(plan)).map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(i: usize) -> f32 {
        ((i * 37 + 5) % 101) as f32 / 101.0 - 0.5
    }

    fn naive(input: &[f32], weights: &[f32], bias: &[f32], [c, h, w]: [usize; 3], pad: usize) -> Vec<f32> {
        let (oh, ow) = (h + 2 * pad - 2, w + 2 * pad - 2);
        let mut output = Vec::new();
        for (o, bias) in bias.iter().enumerate() {
            for y in 0..oh {
                for x in 0..ow {
                    let mut sum = *bias as f64;
                    for i in 0..c {
                        for (ky, kx) in (0..9).map(|k| (k / 3, k % 3)) {
                            let (sy, sx) = (y + ky, x + kx);
                            if sy >= pad && sy < h + pad && sx >= pad && sx < w + pad {
                                let pixel = input[(i * h + sy - pad) * w + sx - pad];
                                sum += pixel as f64 * weights[(o * c + i) * 9 + ky * 3 + kx] as f64;
                            }
                        }
                    }
                    output.push(sum as f32);
                }
            }
        }
        output
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn tiles_convolve_as_pixels_do(
            c in 1usize..20, o in 1usize..20, h in 3usize..22, w in 3usize..22, pad in 0usize..3,
        ) {
            let input: Vec<f32> = (0..c * h * w).map(number).collect();
            let weights: Vec<f32> = (0..o * c * 9).map(|i| number(i * 7)).collect();
            let bias: Vec<f32> = (0..o).map(number).collect();
            let output = [h + 2 * pad - 2, w + 2 * pad - 2];
            let tiles = output.map(|side| side.div_ceil(OUT));
            let left = Tensor::from_shape(&[POSITIONS, o, c], &transform_weights(&weights)).unwrap();
            let Some(products) = Products::new(&left, tiles[0] * tiles[1]).unwrap() else { return Ok(()) };
            let expected = naive(&input, &weights, &bias, [c, h, w], pad);
            let plan =
                Plan { products, bias, channels: c, input: [h, w], output, padding: [pad, pad], tiles };
            let op = WinogradConv::new(plan);
            let input = Tensor::from_shape(&[1, c, h, w], &input).unwrap();
            let made = op.eval(&EvalContext::out_of_plan(), tvec!(input.clone().into_tvalue())).unwrap().remove(0);
            prop_assert_eq!(made.shape(), &[1, o, output[0], output[1]]);
            let values = |t: &Tensor| t.try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec();
            for (a, b) in values(&made).iter().zip(&expected) {
                prop_assert!((a - b).abs() < 1e-4 * (c as f32), "{} {}", a, b);
            }
            let fused = WinogradConv { residual: true, relu: true, ..op };
            let residual: Vec<f32> = (0..expected.len()).map(|i| number(i * 5)).collect();
            let added = Tensor::from_shape(made.shape(), &residual).unwrap();
            let inputs = tvec!(input.into_tvalue(), added.into_tvalue());
            let after = fused.eval(&EvalContext::out_of_plan(), inputs).unwrap().remove(0);
            for ((a, b), r) in values(&after).iter().zip(values(&made)).zip(residual) {
                prop_assert_eq!(*a, (b + r).max(0.0));
            }
        }
    }
}
