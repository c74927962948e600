//! `Attention` of operator sets 23 and 24, as a product, a mask, softmax and a product: `ops::attention` finds what its kernel
//! takes in it again.

use tract_onnx::model::{ParsingContext, optional_inputs, optional_outputs};
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{Gather, Pad, PadMode, TypedConcat};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::logic::{comp_lt, comp_lte};
use tract_onnx::tract_core::ops::math::{add, div, max, mul, tanh};
use tract_onnx::tract_core::ops::nn::{Reducer, Softmax, SoftmaxKind};
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};

use super::Built;
use super::wiring::{Wiring, known};

/// What is added to the score of a key that is not to be seen. It is finite, because the fast kernel takes no infinity.
const UNSEEN: f32 = f32::MIN;

/// A tensor of 1 GiB. The scores are seen by no check of the file, which knows the operator's inputs and outputs alone.
const MOST_SCORES: u128 = 1 << 28;

/// What the output `qk_matmul_output` holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scores {
    Product,
    Masked,
    Capped,
    Weights,
}

#[derive(Clone, Debug)]
struct Attention {
    /// Of queries and of keys, for tensors of three dimensions.
    heads: [Option<usize>; 2],
    scale: Option<f32>,
    is_causal: bool,
    softcap: f32,
    scores: Scores,
    /// Where the optional inputs are.
    mask: Option<usize>,
    past: Option<[usize; 2]>,
    /// How many keys each part of the batch has.
    lengths: Option<usize>,
    /// Which of present key, present value and scores are asked for.
    outputs: [bool; 3],
}

pub(super) fn attention(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let heads = |name: &str| -> TractResult<Option<usize>> {
        let given = node.get_attr_opt::<usize>(name)?;
        ensure!(given != Some(0), "its {name} is 0");
        Ok(given)
    };
    let scores = match node.get_attr_opt::<i64>("qk_matmul_output_mode")?.unwrap_or(0) {
        0 => Scores::Product,
        1 => Scores::Masked,
        2 => Scores::Capped,
        3 => Scores::Weights,
        other => bail!("its qk_matmul_output_mode is {other}, which is none"),
    };
    let at: Vec<Option<usize>> = optional_inputs(node).take(7).collect();
    let at = |slot: usize| at.get(slot).copied().flatten();
    let past = match (at(4), at(5)) {
        (Some(key), Some(value)) => Some([key, value]),
        (None, None) => None,
        _ => bail!("it has one of past_key and past_value without the other"),
    };
    ensure!(past.is_none() || at(6).is_none(), "it has both past_key and nonpad_kv_seqlen");
    let asked: Vec<bool> = optional_outputs(node).skip(1).take(3).map(|slot| slot.is_some()).collect();
    let op = Attention {
        heads: [heads("q_num_heads")?, heads("kv_num_heads")?],
        scale: node.get_attr_opt("scale")?,
        is_causal: node.get_attr_opt::<i64>("is_causal")?.unwrap_or(0) != 0,
        softcap: node.get_attr_opt("softcap")?.unwrap_or(0.0),
        scores,
        mask: at(3),
        past,
        lengths: at(6),
        outputs: [0, 1, 2].map(|slot| asked.get(slot).copied().unwrap_or(false)),
    };
    ensure!(op.softcap >= 0.0 && op.softcap.is_finite(), "its softcap is {}", op.softcap);
    let masked = op.mask.is_some() || op.is_causal || op.lengths.is_some();
    ensure!(
        op.softcap == 0.0 || !masked,
        "it has a softcap and a mask, of which ONNX's text and ONNX Runtime take the one and the other first"
    );
    ensure!(
        !op.outputs[2] || !masked || matches!(op.scores, Scores::Product | Scores::Weights),
        "it gives masked scores as an output"
    );
    Ok((expand(op), vec![]))
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Sizes {
    batch: usize,
    /// Of queries, and of keys and values.
    heads: [usize; 2],
    queries: usize,
    /// Of the tensor, and before it.
    keys: usize,
    past: usize,
    depth: usize,
    values: usize,
}

impl Sizes {
    fn all_keys(&self) -> usize {
        self.past + self.keys
    }
}

impl Attention {
    /// From the shapes of queries, keys, values and the past keys.
    fn sizes(&self, [q, k, v]: [&[usize]; 3], past: Option<&[usize]>) -> TractResult<Sizes> {
        // [batch, heads, positions, channels of a head]
        let apart = |shape: &[usize], heads: Option<usize>| -> TractResult<[usize; 4]> {
            match *shape {
                [batch, heads, positions, channels] => Ok([batch, heads, positions, channels]),
                [batch, positions, channels] => {
                    let heads = heads.context("q_num_heads or kv_num_heads is not given")?;
                    ensure!(channels % heads == 0, "{channels} channels for {heads} heads");
                    Ok([batch, heads, positions, channels / heads])
                }
                _ => bail!("a tensor of {shape:?}"),
            }
        };
        ensure!(q.len() == k.len() && q.len() == v.len(), "queries, keys and values of {q:?}, {k:?} and {v:?}");
        let [q, k, v] = [apart(q, self.heads[0])?, apart(k, self.heads[1])?, apart(v, self.heads[1])?];
        let fit = q[0] == k[0] && k[..3] == v[..3] && q[3] == k[3] && k[1] > 0 && q[1] % k[1] == 0;
        ensure!(fit, "queries, keys and values of {q:?}, {k:?} and {v:?}");
        let past = match past {
            Some([batch, heads, positions, depth]) if [*batch, *heads, *depth] == [k[0], k[1], k[3]] => *positions,
            Some(other) => bail!("past keys of {other:?}"),
            None => 0,
        };
        let sizes =
            Sizes { batch: q[0], heads: [q[1], k[1]], queries: q[2], keys: k[2], past, depth: q[3], values: v[3] };
        ensure!(sizes.all_keys() > 0 && sizes.depth > 0, "it has no keys");
        let scores = [sizes.batch, sizes.heads[0], sizes.queries, sizes.all_keys()];
        let count = scores.iter().fold(1u128, |count, axis| count.saturating_mul(*axis as u128));
        ensure!(count <= MOST_SCORES, "it would take {count} scores");
        Ok(sizes)
    }

    /// In floats and with the heads apart: [batch, heads, positions, channels].
    fn apart(&self, w: &mut Wiring<'_>, of: OutletId, heads: usize) -> TractResult<OutletId> {
        let of = w.cast(DatumType::F32, of)?;
        let [_, _, channels] = *w.shape(of)? else { return Ok(of) };
        let split = AxisOp::Reshape(2, tvec![channels.to_dim()], tvec![heads.to_dim(), (channels / heads).to_dim()]);
        let split = w.node("heads", split, &[of])?;
        w.node("heads_first", AxisOp::Move(2, 1), &[split])
    }

    /// With every head as often as queries share it.
    fn shared(&self, w: &mut Wiring<'_>, of: OutletId, sizes: &Sizes) -> TractResult<OutletId> {
        let [queries, keys] = sizes.heads;
        if queries == keys {
            return Ok(of);
        }
        let owners: Vec<i64> = (0..queries).map(|head| (head / (queries / keys)) as i64).collect();
        let owners = w.constant(tensor1(&owners))?;
        w.node("shared", Gather { axis: 1, output_type: None }, &[of, owners])
    }

    /// What is added to the scores, of a shape that spreads over them.
    fn bias(&self, w: &mut Wiring<'_>, inputs: &[OutletId], sizes: &Sizes) -> TractResult<Option<OutletId>> {
        let mut bias = match self.mask {
            Some(slot) => Some(self.mask(w, inputs[slot], sizes)?),
            None => None,
        };
        if self.is_causal {
            let seen = |query: usize, key: usize| key <= query + sizes.past;
            let values: Vec<f32> = (0..sizes.queries)
                .flat_map(|query| (0..sizes.all_keys()).map(move |key| if seen(query, key) { 0.0 } else { UNSEEN }))
                .collect();
            let causal = w.constant(Tensor::from_shape(&[1, 1, sizes.queries, sizes.all_keys()], &values)?)?;
            bias = Some(self.both(w, bias, causal)?);
        }
        if let Some(slot) = self.lengths {
            ensure!(
                w.shape(inputs[slot])?[..] == [sizes.batch],
                "nonpad_kv_seqlen is not one number for each of the batch"
            );
            let lengths = w.cast(DatumType::I64, inputs[slot])?;
            let count = sizes.batch.to_dim();
            let lengths = w.node(
                "lengths",
                AxisOp::Reshape(0, tvec![count.clone()], tvec![count, 1.to_dim(), 1.to_dim(), 1.to_dim()]),
                &[lengths],
            )?;
            let places = tensor1(&(0..sizes.all_keys() as i64).collect::<Vec<i64>>()).into_shape(&[
                1,
                1,
                1,
                sizes.all_keys(),
            ])?;
            let places = w.constant(places)?;
            let seen = w.compare(comp_lt(), places, lengths)?;
            let unseen = self.unseen_unless(w, seen)?;
            bias = Some(self.both(w, bias, unseen)?);
        }
        Ok(bias)
    }

    fn both(&self, w: &mut Wiring<'_>, a: Option<OutletId>, b: OutletId) -> TractResult<OutletId> {
        match a {
            // Two of the least floats together are infinite, and a row of those has no mean.
            Some(a) => {
                let (sum, least) = (w.binary(add(), a, b)?, w.constant(tensor0(UNSEEN))?);
                w.binary(max(), sum, least)
            }
            None => Ok(b),
        }
    }

    fn unseen_unless(&self, w: &mut Wiring<'_>, seen: OutletId) -> TractResult<OutletId> {
        let zero = w.constant(tensor0(0f32))?;
        let unseen = w.constant(tensor0(UNSEEN))?;
        w.choose(seen, zero, unseen)
    }

    /// `attn_mask` as floats of four dimensions. Where its last is shorter than the keys, those beyond are not seen.
    fn mask(&self, w: &mut Wiring<'_>, mask: OutletId, sizes: &Sizes) -> TractResult<OutletId> {
        let mut floats = match w.fact(mask)?.datum_type {
            DatumType::Bool => self.unseen_unless(w, mask)?,
            of if of.is_float() => w.cast(DatumType::F32, mask)?,
            of => bail!("attn_mask is of {of:?}"),
        };
        let rank = w.fact(floats)?.rank();
        ensure!((1..=4).contains(&rank), "attn_mask is of {rank} dimensions");
        for _ in rank..4 {
            floats = w.node("mask", AxisOp::Add(0), &[floats])?;
        }
        let shape = w.shape(floats)?;
        let whole = [sizes.batch, sizes.heads[0], sizes.queries, sizes.all_keys()];
        let lead = shape.iter().zip(&whole).take(3).all(|(given, all)| given == all || *given == 1);
        ensure!(lead && shape[3] <= whole[3], "attn_mask of {shape:?} for scores of {whole:?}");
        let missing = whole[3] - shape[3];
        if missing > 0 {
            // ONNX's text has both, broadcasting and padding.
            ensure!(shape[3] > 1, "attn_mask has one number for {} keys: expand it", whole[3]);
            let pads = vec![(0, 0), (0, 0), (0, 0), (0, missing)];
            let mode = PadMode::Constant(tensor0(UNSEEN).into_arc_tensor());
            floats = w.node("padded", Pad { pads, mode }, &[floats])?;
        }
        Ok(floats)
    }

    /// Where a query sees no key, if the mask may leave one without: ONNX Runtime gives it zeros.
    fn unseeing(&self, w: &mut Wiring<'_>, bias: OutletId) -> TractResult<Option<OutletId>> {
        // A causal query sees the first key at least.
        if self.mask.is_none() && self.lengths.is_none() {
            return Ok(None);
        }
        if let Some(bias) = w.fact(bias)?.konst.clone() {
            let keys = bias.shape()[bias.rank() - 1];
            let values = bias.cast_to::<f32>()?.into_owned();
            let values: Vec<f32> = values.to_plain_array_view::<f32>()?.iter().copied().collect();
            if values.chunks(keys.max(1)).all(|row| row.iter().any(|value| *value > UNSEEN)) {
                return Ok(None);
            }
        }
        let most = w.reduce(Reducer::Max, &[3], bias)?;
        let unseen = w.constant(tensor0(UNSEEN))?;
        Ok(Some(w.compare(comp_lte(), most, unseen)?))
    }

    fn product(&self, w: &mut Wiring<'_>, axes: &str, a: OutletId, b: OutletId) -> TractResult<OutletId> {
        w.node("product", EinSum { axes: axes.parse()?, operating_dt: DatumType::F32, q_params: None }, &[a, b])
    }
}

impl Expansion for Attention {
    fn name(&self) -> StaticName {
        "Attention".into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(1 + self.outputs.iter().filter(|asked| **asked).count())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        ensure!(inputs.len() >= 3, "it has {} inputs", inputs.len());
        for output in outputs {
            s.equals(&inputs[0].datum_type, &output.datum_type)?;
        }
        s.equals(&inputs[0].rank, &outputs[0].rank)?;
        // Without a past, the keys' own shape stands for it and is not looked at.
        let past = &inputs[self.past.map_or(1, |[key, _]| key)];
        s.given_2(&inputs[0].shape, &inputs[1].shape, move |s, q, k| {
            s.given_2(&inputs[2].shape, &past.shape, move |s, v, past| {
                let (Ok(q), Ok(k), Ok(v), Ok(past)) = (known(&q), known(&k), known(&v), known(&past)) else {
                    return Ok(());
                };
                let sizes = self.sizes([&q, &k, &v], self.past.map(|_| &past[..]))?;
                let Sizes { batch, heads, queries, values, depth, .. } = sizes;
                let dims = |shape: &[usize]| -> TVec<TDim> { shape.iter().map(|d| d.to_dim()).collect() };
                let answer = match q.len() {
                    3 => dims(&[batch, queries, heads[0] * values]),
                    _ => dims(&[batch, heads[0], queries, values]),
                };
                s.equals(&outputs[0].shape, answer)?;
                let further = [
                    dims(&[batch, heads[1], sizes.all_keys(), depth]),
                    dims(&[batch, heads[1], sizes.all_keys(), values]),
                    dims(&[batch, heads[0], queries, sizes.all_keys()]),
                ];
                let asked = further.into_iter().zip(self.outputs).filter_map(|(shape, asked)| asked.then_some(shape));
                outputs.iter().skip(1).zip(asked).try_for_each(|(output, shape)| s.equals(&output.shape, shape))
            })
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let of = w.fact(inputs[0])?.datum_type;
        let past = self.past.map(|[key, _]| w.shape(inputs[key])).transpose()?;
        let shapes = [w.shape(inputs[0])?, w.shape(inputs[1])?, w.shape(inputs[2])?];
        let sizes = self.sizes([&shapes[0], &shapes[1], &shapes[2]], past.as_deref())?;
        let queries = self.apart(&mut w, inputs[0], sizes.heads[0])?;
        let mut present =
            [self.apart(&mut w, inputs[1], sizes.heads[1])?, self.apart(&mut w, inputs[2], sizes.heads[1])?];
        if let Some(past) = self.past {
            for (present, slot) in present.iter_mut().zip(past) {
                let before = w.cast(DatumType::F32, inputs[slot])?;
                *present = w.node("present", TypedConcat { axis: 2 }, &[before, *present])?;
            }
        }
        let [keys, values] = [self.shared(&mut w, present[0], &sizes)?, self.shared(&mut w, present[1], &sizes)?];
        let scale = w.constant(tensor0(self.scale.unwrap_or_else(|| (sizes.depth as f32).sqrt().recip())))?;
        let scaled = w.binary(mul(), queries, scale)?;
        let product = self.product(&mut w, "abmk,abnk->abmn", scaled, keys)?;
        let bias = self.bias(&mut w, inputs, &sizes)?;
        let masked = match bias {
            Some(bias) => w.binary(add(), product, bias)?,
            None => product,
        };
        let mut capped = masked;
        if self.softcap > 0.0 {
            let cap = w.constant(tensor0(self.softcap))?;
            let small = w.binary(div(), masked, cap)?;
            let bent = w.node("bent", tanh(), &[small])?;
            capped = w.binary(mul(), bent, cap)?;
        }
        let softmax = Softmax { axes: tvec![3], quant_output_dt: None, kind: SoftmaxKind::Softmax };
        let mut weights = w.node("weights", softmax, &[capped])?;
        let mut answer = self.product(&mut w, "abmk,abkn->abmn", weights, values)?;
        let unseeing = bias.map(|bias| self.unseeing(&mut w, bias)).transpose()?.flatten();
        if let Some(unseeing) = unseeing {
            let zero = w.constant(tensor0(0f32))?;
            answer = w.choose(unseeing, zero, answer)?;
            weights = w.choose(unseeing, zero, weights)?;
        }
        if shapes[0].len() == 3 {
            let (heads, values) = (sizes.heads[0].to_dim(), sizes.values.to_dim());
            answer = w.node("positions_first", AxisOp::Move(1, 2), &[answer])?;
            let together = AxisOp::Reshape(2, tvec![heads.clone(), values.clone()], tvec![heads * values]);
            answer = w.node("together", together, &[answer])?;
        }
        let scores = match self.scores {
            Scores::Product => product,
            Scores::Masked => masked,
            Scores::Capped => capped,
            Scores::Weights => weights,
        };
        let further = [present[0], present[1], scores].into_iter().zip(self.outputs);
        let made = std::iter::once(answer).chain(further.filter_map(|(outlet, asked)| asked.then_some(outlet)));
        made.map(|outlet| w.cast(of, outlet)).collect()
    }
}
