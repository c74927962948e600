//! Scaled dot-product attention (Vaswani et al. 2017) of many heads, one head at a time: scores, softmax and the weighted
//! sum of values stay in the cache.
//!
//! 1. A head's keys are transposed, and its values copied, into the order in which the register tile of convolutions
//!    walks through weights.
//! 2. For a few queries at a time: scores by the tile, plus a bias, then e to their difference from the row's largest, then
//!    the sum of values by the tile again, divided by the row's sum as it is stored.

use super::activation::exp_below;
use super::convolution::{Group, Tap, groups, tile};
use super::single::Single;
use super::task::Work;
use super::team::Team;
use super::variant::Variant;
use super::vector::Vector;

/// Queries of a step.
const QUERIES: usize = 8;

/// Sizes of an attention: queries [batch, queries, heads, depth], keys [batch, keys, heads, depth], values [batch, keys,
/// heads, values], the answer [batch, queries, heads, values].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct AttentionSizes {
    pub batch: usize,
    pub heads: usize,
    pub queries: usize,
    pub keys: usize,
    pub depth: usize,
    pub values: usize,
}

/// An attention planned for one kernel variant.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Attention {
    sizes: AttentionSizes,
    /// Keys in whole vectors.
    padded: usize,
    key_taps: [Tap; 1],
    value_taps: [Tap; 1],
    key_groups: Vec<Group>,
    value_groups: Vec<Group>,
    /// Added to the scores: [heads, queries, padded], or empty.
    bias: Vec<f32>,
}

/// The tensors of a run.
#[derive(Clone, Copy)]
pub(super) struct Operands {
    keys: *const f32,
    values: *const f32,
}

impl Attention {
    /// `bias` [heads, queries, keys] is added to the scores, if there is one. `None` where a size is zero, the bias does not
    /// fit, or the values are no whole number of vectors.
    pub fn new(lanes: usize, sizes: AttentionSizes, bias: Option<&[f32]>) -> Option<Self> {
        let AttentionSizes { batch, heads, queries, keys, depth, values } = sizes;
        let fits = bias.is_none_or(|bias| bias.len() == heads * queries * keys);
        if [batch, heads, queries, keys, depth, values].contains(&0) || !fits || !values.is_multiple_of(lanes) {
            return None;
        }
        let padded = keys.next_multiple_of(lanes);
        let mut wide = Vec::new();
        for row in bias.unwrap_or_default().chunks_exact(keys) {
            wide.extend_from_slice(row);
            wide.resize(wide.len() + padded - keys, 0.0);
        }
        let (key_taps, value_taps) = ([Tap { offset: 0, depth }], [Tap { offset: 0, depth: keys }]);
        let (key_groups, value_groups) = (groups(padded / lanes, depth, lanes), groups(values / lanes, keys, lanes));
        Some(Attention { sizes, padded, key_taps, value_taps, key_groups, value_groups, bias: wide })
    }

    /// Floats of scratch that a thread needs.
    pub fn scratch_len(&self) -> usize {
        let AttentionSizes { keys, depth, values, .. } = self.sizes;
        depth * self.padded + keys * values + QUERIES * self.padded
    }

    /// Computes the answer on `variant`, for which this was planned, with `scratch` for every thread of the team.
    ///
    /// # Panics
    /// If a length does not fit, or this processor does not run the variant.
    pub fn run(
        &self,
        variant: Variant,
        [queries, keys, values]: [&[f32]; 3],
        output: &mut [f32],
        scratch: &mut [f32],
        team: &Team,
    ) {
        let sizes = self.sizes;
        let rows = |count: usize, width: usize| sizes.batch * count * sizes.heads * width;
        let fits = queries.len() == rows(sizes.queries, sizes.depth)
            && keys.len() == rows(sizes.keys, sizes.depth)
            && values.len() == rows(sizes.keys, sizes.values)
            && output.len() == rows(sizes.queries, sizes.values)
            && scratch.len() >= team.threads() * self.scratch_len();
        assert!(fits && variant.is_available());
        let single = Single {
            work: Work::Attend(self, Operands { keys: keys.as_ptr(), values: values.as_ptr() }),
            input: queries.as_ptr(),
            output: output.as_mut_ptr(),
            scratch: (scratch.as_mut_ptr(), self.scratch_len()),
            units: sizes.batch * sizes.heads,
        };
        // SAFETY: the variant is available, the lengths were checked, and no two units write the same.
        unsafe { single.run(variant, team) }
    }

    /// One head of one part of the batch.
    ///
    /// # Safety
    /// The contract of [`Vector`] with the lanes that this was planned for; the pointers are to tensors of the sizes,
    /// `scratch` to [`Self::scratch_len`] floats of this thread's own, and no other thread works on the same unit.
    #[inline(always)]
    pub(super) unsafe fn unit<V: Vector>(
        &self,
        queries: *const f32,
        operands: Operands,
        output: *mut f32,
        scratch: *mut f32,
        unit: usize,
    ) {
        let AttentionSizes { heads, queries: count, keys, depth, values, .. } = self.sizes;
        let (part, head) = (unit / heads, unit % heads);
        // SAFETY: the caller's promise.
        unsafe {
            let packed_values = scratch.add(depth * self.padded);
            let scores = packed_values.add(keys * values);
            let from = operands.keys.add((part * keys * heads + head) * depth);
            self.pack_keys::<V>(from, scratch);
            let from = operands.values.add((part * keys * heads + head) * values);
            self.pack_values::<V>(from, packed_values);
            let mut query = 0;
            while query < count {
                // The last ones overlap with those before, rather than have code of their own.
                query = if query + QUERIES > count && count >= QUERIES { count - QUERIES } else { query };
                let at = (part * count + query) * heads + head;
                let (from, to) = (queries.add(at * depth), output.add(at * values));
                let bias = if self.bias.is_empty() {
                    std::ptr::null()
                } else {
                    self.bias.as_ptr().add((head * count + query) * self.padded)
                };
                let packed = [scratch.cast_const(), packed_values.cast_const()];
                if query + QUERIES <= count {
                    self.queries::<V, QUERIES>(from, packed, bias, scores, to);
                    query += QUERIES;
                } else {
                    self.queries::<V, 1>(from, packed, bias, scores, to);
                    query += 1;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn pack_keys<V: Vector>(&self, keys: *const f32, to: *mut f32) {
        let AttentionSizes { heads, keys: count, depth, .. } = self.sizes;
        // SAFETY: the caller's promise.
        unsafe {
            for group in &self.key_groups {
                let width = group.blocks * V::LANES;
                let to = to.add(group.weights);
                for column in 0..width {
                    let key = group.first * V::LANES + column;
                    for at in 0..depth {
                        *to.add(at * width + column) =
                            if key < count { *keys.add(key * heads * depth + at) } else { 0.0 };
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn pack_values<V: Vector>(&self, values: *const f32, to: *mut f32) {
        let AttentionSizes { heads, keys, values: width, .. } = self.sizes;
        // SAFETY: the caller's promise.
        unsafe {
            for group in &self.value_groups {
                let of_group = group.blocks * V::LANES;
                for key in 0..keys {
                    let from = values.add(key * heads * width + group.first * V::LANES);
                    let to = to.add(group.weights + key * of_group);
                    for at in (0..of_group).step_by(V::LANES) {
                        V::load(from.add(at)).store(to.add(at));
                    }
                }
            }
        }
    }

    /// The answers to `P` queries.
    #[inline(always)]
    unsafe fn queries<V: Vector, const P: usize>(
        &self,
        queries: *const f32,
        [keys, values]: [*const f32; 2],
        bias: *const f32,
        scores: *mut f32,
        output: *mut f32,
    ) {
        let AttentionSizes { heads, keys: count, depth, values: width, .. } = self.sizes;
        // SAFETY: the caller's promise.
        unsafe {
            let step = heads * depth;
            for group in &self.key_groups {
                let weights = keys.add(group.weights);
                let to = scores.add(group.first * V::LANES);
                match group.blocks {
                    1 => product::<V, P, 1>(&self.key_taps, queries, step, weights, to, self.padded, &[1.0; P]),
                    2 => product::<V, P, 2>(&self.key_taps, queries, step, weights, to, self.padded, &[1.0; P]),
                    _ => product::<V, P, 3>(&self.key_taps, queries, step, weights, to, self.padded, &[1.0; P]),
                }
            }
            let mut factors = [0.0; P];
            for (p, factor) in factors.iter_mut().enumerate() {
                let row = scores.add(p * self.padded);
                let bias = if bias.is_null() { bias } else { bias.add(p * self.padded) };
                *factor = 1.0 / weigh::<V>(row, bias, count, self.padded);
            }
            for group in &self.value_groups {
                let weights = values.add(group.weights);
                let to = output.add(group.first * V::LANES);
                let step = heads * width;
                match group.blocks {
                    1 => product::<V, P, 1>(&self.value_taps, scores, self.padded, weights, to, step, &factors),
                    2 => product::<V, P, 2>(&self.value_taps, scores, self.padded, weights, to, step, &factors),
                    _ => product::<V, P, 3>(&self.value_taps, scores, self.padded, weights, to, step, &factors),
                }
            }
        }
    }
}

/// `P` rows, `step` floats apart, times packed weights, times a factor each, to rows `to_step` apart.
///
/// # Safety
/// As [`tile`]; the output rows are valid.
#[inline(always)]
unsafe fn product<V: Vector, const P: usize, const Q: usize>(
    taps: &[Tap],
    from: *const f32,
    step: usize,
    weights: *const f32,
    to: *mut f32,
    to_step: usize,
    factors: &[f32; P],
) {
    // SAFETY: the caller's promise.
    unsafe {
        let start = [V::splat(0.0); Q];
        let sums = tile::<V, P, Q, 0, false>(taps, from, step, weights, start);
        for (p, sums) in sums.into_iter().enumerate() {
            let factor = V::splat(factors[p]);
            for (q, sum) in sums.into_iter().enumerate() {
                sum.mul(factor).store(to.add(p * to_step + q * V::LANES));
            }
        }
    }
}

/// Turns scores, plus a bias, into e to their difference from the largest; returns their sum. What lies beyond `count`
/// becomes 0.
///
/// # Safety
/// The contract of [`Vector`]; `row`, and `bias` if there is one, hold `padded` floats, a whole number of vectors.
#[inline(always)]
unsafe fn weigh<V: Vector>(row: *mut f32, bias: *const f32, count: usize, padded: usize) -> f32 {
    // SAFETY: the caller's promise.
    unsafe {
        let mut most = V::splat(f32::MIN);
        for at in (0..padded).step_by(V::LANES) {
            let mut scores = V::load(row.add(at));
            if !bias.is_null() {
                scores = scores.add(V::load(bias.add(at)));
                scores.store(row.add(at));
            }
            if at + V::LANES <= count {
                most = most.max(scores);
            }
        }
        let mut lanes = [f32::MIN; 16];
        most.store(lanes.as_mut_ptr());
        let rest = count - count % V::LANES;
        let mut largest = lanes.into_iter().fold(f32::MIN, f32::max);
        for at in rest..count {
            largest = largest.max(*row.add(at));
        }
        let largest = V::splat(largest);
        for at in (0..padded).step_by(V::LANES) {
            exp_below(V::load(row.add(at)).sub(largest)).store(row.add(at));
        }
        for at in count..padded {
            *row.add(at) = 0.0;
        }
        let mut sum = V::splat(0.0);
        for at in (0..padded).step_by(V::LANES) {
            sum = sum.add(V::load(row.add(at)));
        }
        let mut lanes = [0.0f32; 16];
        sum.store(lanes.as_mut_ptr());
        lanes.iter().sum()
    }
}
