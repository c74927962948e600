//! Scaled dot-product attention (Vaswani et al. 2017), without ever holding the matrix of scores.
//!
//! The softmax is taken block by block of keys (Milakov and Gimelshein 2018; Dao et al. 2022): of every query the largest score
//! and the sum so far are kept, and what was summed before is scaled down where a larger score turns up.
//!
//! 1. A unit is a chunk of queries of one head. Queries are copied and scaled, a block's keys are transposed and its values
//!    copied into the order in which the register tile of convolutions walks through weights.
//! 2. For a few queries at a time: scores by the tile, plus what is added to them, then e to their difference from the largest,
//!    then the sum of values by the tile again.
//! 3. Tensors may lie in any order: every operand has tables of where its rows begin.

mod softmax;
mod terms;

use std::ops::Range;

use super::convolution::{Group, Tap, groups, tile};
use super::single::Single;
use super::task::Work;
use super::team::Team;
use super::variant::Variant;
use super::vector::Vector;
use softmax::weigh;
pub(in crate::engine) use terms::{Term, TermValues};

/// Queries of a unit: enough that packing the keys is little beside them.
const QUERIES: usize = 512;
/// Keys of a block.
const KEYS: usize = 256;

/// Where the rows of an operand begin, in floats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Rows {
    /// By the part of the batch, heads included.
    pub batch: Vec<usize>,
    /// By the query or key.
    pub rows: Vec<usize>,
    /// From a channel to the next.
    pub channel: usize,
}

impl Rows {
    /// One more than the last float that is read or written.
    fn end(&self, channels: usize) -> usize {
        let most = |table: &[usize]| table.iter().copied().max().unwrap_or(0);
        most(&self.batch) + most(&self.rows) + self.channel * (channels - 1) + 1
    }
}

/// What an attention reads and writes.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct AttentionPlan {
    /// Channels of queries and keys, and of values and the answer.
    pub depth: usize,
    pub width: usize,
    /// The product of a query and a key is scaled by this.
    pub scale: f32,
    pub queries: Rows,
    pub keys: Rows,
    pub values: Rows,
    pub output: Rows,
    /// What is added to the scores.
    pub terms: Vec<Term>,
}

/// An attention planned for one kernel variant.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Attention {
    plan: AttentionPlan,
    /// Values in whole vectors.
    padded: usize,
    lanes: usize,
}

/// The tensors of a run beside queries and output.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    keys: *const f32,
    values: *const f32,
    /// Of each term.
    terms: &'a [*const f32],
}

/// A block of keys, packed.
struct Block {
    keys: Range<usize>,
    /// Keys in whole vectors.
    padded: usize,
    key_taps: [Tap; 1],
    value_taps: [Tap; 1],
    key_groups: Vec<Group>,
    value_groups: Vec<Group>,
    packed_keys: *mut f32,
    packed_values: *mut f32,
}

/// A thread's own memory for a unit.
struct Memory {
    queries: *mut f32,
    sums: *mut f32,
    /// The largest score of each query so far, and the sum of its weights.
    largest: *mut f32,
    weight: *mut f32,
    scores: *mut f32,
    packed_keys: *mut f32,
    packed_values: *mut f32,
}

impl Attention {
    /// `None` where a size is zero or the tables do not fit each other.
    pub fn new(lanes: usize, plan: AttentionPlan) -> Option<Self> {
        let AttentionPlan { depth, width, queries, keys, values, output, terms, .. } = &plan;
        let (batch, count, length) = (queries.batch.len(), queries.rows.len(), keys.rows.len());
        let fits = |rows: &Rows, count: usize| rows.batch.len() == batch && rows.rows.len() == count;
        let all = fits(keys, length) && fits(values, length) && fits(output, count);
        let terms = terms.iter().all(|term| term.fits(batch, count, length));
        let sizes = [*depth, *width, batch, count, length];
        let padded = width.next_multiple_of(lanes);
        (all && terms && !sizes.contains(&0)).then_some(Attention { plan, padded, lanes })
    }

    /// Tensors that it reads: queries, keys, values and the terms that are computed.
    pub fn inputs(&self) -> usize {
        3 + self.plan.terms.iter().filter(|term| term.is_computed()).count()
    }

    /// Floats of scratch that a thread needs.
    pub fn scratch_len(&self) -> usize {
        self.memory(std::ptr::null_mut()).1
    }

    fn chunk(&self) -> usize {
        self.plan.queries.rows.len().min(QUERIES)
    }

    /// A unit's memory from `scratch` on, and how much it is.
    fn memory(&self, scratch: *mut f32) -> (Memory, usize) {
        let AttentionPlan { depth, keys, .. } = &self.plan;
        // Queries are taken eight at a time at most.
        let chunk = self.chunk().next_multiple_of(8);
        let keys = keys.rows.len().min(KEYS).next_multiple_of(self.lanes);
        let mut len = 0;
        let mut part = |floats: usize| {
            len += floats;
            scratch.wrapping_add(len - floats)
        };
        let memory = Memory {
            queries: part(chunk * depth),
            sums: part(chunk * self.padded),
            largest: part(chunk),
            weight: part(chunk),
            scores: part(8 * keys),
            packed_keys: part(depth * keys),
            packed_values: part(keys * self.padded),
        };
        (memory, len)
    }

    /// Computes the answer on `variant`, for which this was planned, with `scratch` for every thread of the team. `inputs` are
    /// queries, keys, values and the computed terms.
    ///
    /// # Panics
    /// If a length does not fit, or this processor does not run the variant.
    pub fn run(&self, variant: Variant, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32], team: &Team) {
        let AttentionPlan { depth, width, queries, keys, values, output: to, terms, .. } = &self.plan;
        assert_eq!(inputs.len(), self.inputs(), "as many tensors as are read");
        let mut computed = inputs[3..].iter();
        let terms: Vec<*const f32> = (terms.iter())
            .map(|term| {
                let values = match &term.values {
                    TermValues::Constant(values) => values.as_slice(),
                    TermValues::Computed => computed.next().copied().unwrap_or_default(),
                };
                assert!(values.len() >= term.end(keys.rows.len()), "a term of its size");
                values.as_ptr()
            })
            .collect();
        let fits = inputs[0].len() >= queries.end(*depth)
            && inputs[1].len() >= keys.end(*depth)
            && inputs[2].len() >= values.end(*width)
            && output.len() >= to.end(*width)
            && scratch.len() >= team.threads() * self.scratch_len();
        assert!(fits && variant.is_available() && variant.lanes() == self.lanes);
        let operands = Operands { keys: inputs[1].as_ptr(), values: inputs[2].as_ptr(), terms: &terms };
        let single = Single {
            work: Work::Attend(self, operands),
            input: inputs[0].as_ptr(),
            output: output.as_mut_ptr(),
            scratch: (scratch.as_mut_ptr(), self.scratch_len()),
            units: queries.batch.len() * queries.rows.len().div_ceil(self.chunk()),
        };
        // SAFETY: the variant is available, the lengths were checked, and no two units write the same.
        unsafe { single.run(variant, team) }
    }

    /// A chunk of queries of one part of the batch.
    ///
    /// # Safety
    /// The contract of [`Vector`] with the lanes that this was planned for; the pointers are to tensors of the sizes,
    /// `scratch` to [`Self::scratch_len`] floats of this thread's own, and no other thread works on the same unit.
    #[inline(always)]
    pub(super) unsafe fn unit<V: Vector>(
        &self,
        queries: *const f32,
        operands: Operands<'_>,
        output: *mut f32,
        scratch: *mut f32,
        unit: usize,
    ) {
        let AttentionPlan { keys, queries: of_queries, .. } = &self.plan;
        let chunks = of_queries.rows.len().div_ceil(self.chunk());
        let (part, first) = (unit / chunks, unit % chunks * self.chunk());
        let rows = first..(first + self.chunk()).min(of_queries.rows.len());
        let memory = self.memory(scratch).0;
        // SAFETY: the caller's promise.
        unsafe {
            self.pack_queries(queries.add(of_queries.batch[part]), &memory, rows.clone());
            for first in (0..keys.rows.len()).step_by(KEYS) {
                let block = self.block::<V>(&memory, first..(first + KEYS).min(keys.rows.len()));
                self.pack_keys::<V>(operands.keys.add(keys.batch[part]), &block);
                self.pack_values(operands.values.add(self.plan.values.batch[part]), &block);
                if V::PIXELS == 8 {
                    self.attend::<V, 8>(operands, &memory, &block, part, rows.clone());
                } else {
                    self.attend::<V, 4>(operands, &memory, &block, part, rows.clone());
                }
            }
            self.store(output.add(self.plan.output.batch[part]), &memory, rows);
        }
    }

    #[inline(always)]
    fn block<V: Vector>(&self, memory: &Memory, keys: Range<usize>) -> Block {
        let (count, padded) = (keys.len(), keys.len().next_multiple_of(V::LANES));
        Block {
            padded,
            key_taps: [Tap { offset: 0, depth: self.plan.depth }],
            value_taps: [Tap { offset: 0, depth: count }],
            key_groups: groups(padded / V::LANES, self.plan.depth, V::LANES),
            value_groups: groups(self.padded / V::LANES, count, V::LANES),
            keys,
            packed_keys: memory.packed_keys,
            packed_values: memory.packed_values,
        }
    }

    /// Copies the queries, scaled, to rows of their own, and zeros behind the last.
    #[inline(always)]
    unsafe fn pack_queries(&self, queries: *const f32, memory: &Memory, rows: Range<usize>) {
        let AttentionPlan { depth, scale, queries: Rows { rows: table, channel, .. }, .. } = &self.plan;
        // SAFETY: the caller's promise.
        unsafe {
            for (row, from) in table[rows.clone()].iter().enumerate() {
                let (from, to) = (queries.add(*from), memory.queries.add(row * depth));
                for at in 0..*depth {
                    *to.add(at) = *from.add(at * channel) * scale;
                }
            }
            let (count, all) = (rows.len(), self.chunk().next_multiple_of(8));
            memory.queries.add(count * depth).write_bytes(0, (all - count) * depth);
        }
    }

    #[inline(always)]
    unsafe fn pack_keys<V: Vector>(&self, keys: *const f32, block: &Block) {
        let AttentionPlan { depth, keys: Rows { rows, channel, .. }, .. } = &self.plan;
        let rows = &rows[block.keys.clone()];
        // SAFETY: the caller's promise.
        unsafe {
            for group in &block.key_groups {
                let width = group.blocks * V::LANES;
                let to = block.packed_keys.add(group.weights);
                let first = group.first * V::LANES;
                let known = rows.len().saturating_sub(first).min(width);
                for (column, from) in rows[first..first + known].iter().enumerate() {
                    let from = keys.add(*from);
                    for at in 0..*depth {
                        *to.add(at * width + column) = *from.add(at * channel);
                    }
                }
                for column in known..width {
                    (0..*depth).for_each(|at| *to.add(at * width + column) = 0.0);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn pack_values(&self, values: *const f32, block: &Block) {
        let AttentionPlan { width, values: Rows { rows, channel, .. }, .. } = &self.plan;
        // SAFETY: the caller's promise.
        unsafe {
            for group in &block.value_groups {
                let of_group = group.blocks * self.lanes;
                let first = group.first * self.lanes;
                let known = width.saturating_sub(first).min(of_group);
                for (key, from) in rows[block.keys.clone()].iter().enumerate() {
                    let from = values.add(from + first * channel);
                    let to = block.packed_values.add(group.weights + key * of_group);
                    if *channel == 1 {
                        std::ptr::copy_nonoverlapping(from, to, known);
                    } else {
                        (0..known).for_each(|at| *to.add(at) = *from.add(at * channel));
                    }
                    to.add(known).write_bytes(0, of_group - known);
                }
            }
        }
    }

    /// Adds what a block of keys tells to the sums of all queries, `P` at a time.
    #[inline(always)]
    unsafe fn attend<V: Vector, const P: usize>(
        &self,
        operands: Operands<'_>,
        memory: &Memory,
        block: &Block,
        part: usize,
        rows: Range<usize>,
    ) {
        let (depth, opening) = (self.plan.depth, block.keys.start == 0);
        // SAFETY: the caller's promise.
        unsafe {
            for first in (0..rows.len()).step_by(P) {
                let queries = memory.queries.add(first * depth).cast_const();
                for group in &block.key_groups {
                    let weights = block.packed_keys.add(group.weights).cast_const();
                    let to = memory.scores.add(group.first * V::LANES);
                    let keep = |sum: V, _: usize, at: *mut f32| sum.store(at);
                    let rows = [depth, block.padded];
                    match group.blocks {
                        1 => product::<V, P, 1>(&block.key_taps, queries, rows, weights, to, keep),
                        2 => product::<V, P, 2>(&block.key_taps, queries, rows, weights, to, keep),
                        _ => product::<V, P, 3>(&block.key_taps, queries, rows, weights, to, keep),
                    }
                }
                let mut factors = [0.0; P];
                for (p, factor) in factors.iter_mut().enumerate().take(rows.len() - first) {
                    let row = memory.scores.add(p * block.padded);
                    for (term, values) in self.plan.terms.iter().zip(operands.terms) {
                        term.add::<V>(*values, part, rows.start + first + p, block.keys.clone(), row);
                    }
                    let (largest, weight) = (memory.largest.add(first + p), memory.weight.add(first + p));
                    let before = if opening { f32::MIN } else { *largest };
                    let (now, sum) = weigh::<V>(row, block.keys.len(), block.padded, before);
                    *factor = if opening { 0.0 } else { (before - now).exp() };
                    *weight = if opening { sum } else { *weight * *factor + sum };
                    *largest = now;
                }
                for group in &block.value_groups {
                    let weights = block.packed_values.add(group.weights).cast_const();
                    let to = memory.sums.add(first * self.padded + group.first * V::LANES);
                    let keep = |sum: V, p: usize, at: *mut f32| {
                        let sum = if opening { sum } else { sum.mul_add(V::load(at), V::splat(factors[p])) };
                        sum.store(at);
                    };
                    let (from, rows) = (memory.scores.cast_const(), [block.padded, self.padded]);
                    match group.blocks {
                        1 => product::<V, P, 1>(&block.value_taps, from, rows, weights, to, keep),
                        2 => product::<V, P, 2>(&block.value_taps, from, rows, weights, to, keep),
                        _ => product::<V, P, 3>(&block.value_taps, from, rows, weights, to, keep),
                    }
                }
            }
        }
    }

    /// Divides the sums by their weights.
    #[inline(always)]
    unsafe fn store(&self, output: *mut f32, memory: &Memory, rows: Range<usize>) {
        let AttentionPlan { width, output: Rows { rows: table, channel, .. }, .. } = &self.plan;
        // SAFETY: the caller's promise.
        unsafe {
            for (row, to) in table[rows].iter().enumerate() {
                let factor = 1.0 / *memory.weight.add(row);
                let (from, to) = (memory.sums.add(row * self.padded), output.add(*to));
                for at in 0..*width {
                    *to.add(at * channel) = *from.add(at) * factor;
                }
            }
        }
    }
}

/// `P` rows times packed weights: `keep` stores the sums of each. `rows` says how many floats lie from a row to the next where
/// they come from and where they go.
///
/// # Safety
/// As [`tile`]; the output rows are valid.
#[inline(always)]
unsafe fn product<V: Vector, const P: usize, const Q: usize>(
    taps: &[Tap],
    from: *const f32,
    rows: [usize; 2],
    weights: *const f32,
    to: *mut f32,
    keep: impl Fn(V, usize, *mut f32),
) {
    // SAFETY: the caller's promise.
    unsafe {
        let sums = tile::<V, P, Q, 0, false>(taps, from, rows[0], weights, [V::splat(0.0); Q]);
        for (p, sums) in sums.into_iter().enumerate() {
            for (q, sum) in sums.into_iter().enumerate() {
                keep(sum, p, to.add(p * rows[1] + q * V::LANES));
            }
        }
    }
}
