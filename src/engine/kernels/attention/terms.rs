use std::ops::Range;

use super::super::vector::Vector;

/// What is added to the scores of an attention: a bias, a mask, relative positions.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Term {
    pub values: TermValues,
    /// It is scaled by this.
    pub factor: f32,
    /// Where the scores of a part of the batch, and in it those of a query, begin, in floats.
    pub batch: Vec<usize>,
    pub rows: Vec<usize>,
    /// Along the keys: runs of `length` keys, `stride` floats from a key to the next in a run and `jump` from a run to the next.
    pub length: usize,
    pub stride: usize,
    pub jump: usize,
}

/// Where a term's numbers come from.
#[derive(Clone, Debug)]
pub(in crate::engine) enum TermValues {
    Constant(Vec<f32>),
    /// One of the inputs.
    Computed,
}

impl Term {
    pub fn is_computed(&self) -> bool {
        matches!(self.values, TermValues::Computed)
    }

    /// Whether it is of an attention of so many parts, queries and keys.
    pub(super) fn fits(&self, batch: usize, queries: usize, keys: usize) -> bool {
        self.batch.len() == batch
            && self.rows.len() == queries
            && self.length > 0
            && keys.is_multiple_of(self.length)
            && match &self.values {
                TermValues::Constant(values) => values.len() >= self.end(keys),
                TermValues::Computed => true,
            }
    }

    /// One more than the last float that is read of a term that [fits](Self::fits).
    pub(super) fn end(&self, keys: usize) -> usize {
        let most = |table: &[usize]| table.iter().copied().max().unwrap_or(0);
        let runs = (keys / self.length).max(1);
        most(&self.batch) + most(&self.rows) + (runs - 1) * self.jump + (self.length - 1) * self.stride + 1
    }

    /// Adds what belongs to `keys` of `query` in `part` to `row`.
    ///
    /// # Safety
    /// The contract of [`Vector`]; `values` holds the term, `row` a float for each key.
    #[inline(always)]
    pub(super) unsafe fn add<V: Vector>(
        &self,
        values: *const f32,
        part: usize,
        query: usize,
        keys: Range<usize>,
        row: *mut f32,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let from = values.add(self.batch[part] + self.rows[query]);
            let factor = V::splat(self.factor);
            let mut key = keys.start;
            while key < keys.end {
                let (run, place) = (key / self.length, key % self.length);
                let count = (self.length - place).min(keys.end - key);
                let from = from.add(run * self.jump + place * self.stride);
                let to = row.add(key - keys.start);
                let whole = if self.stride < 2 { count - count % V::LANES } else { 0 };
                for at in (0..whole).step_by(V::LANES) {
                    let values = if self.stride == 0 { V::splat(*from) } else { V::load(from.add(at)) };
                    V::load(to.add(at)).mul_add(values, factor).store(to.add(at));
                }
                for at in whole..count {
                    *to.add(at) += *from.add(at * self.stride) * self.factor;
                }
                key += count;
            }
        }
    }
}
