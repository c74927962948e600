use super::kernels::{Activation, Linear, RowWork, Team, Variant};

/// The columns of a matrix that changes from call to call, packed for the kernels of this processor. Packed again with one
/// size, it allocates nothing.
pub(crate) struct Columns {
    work: Option<RowWork>,
    variant: Variant,
    team: Team,
    depth: usize,
    count: usize,
    /// The matrix with its rows filled up to whole vectors.
    padded: Vec<f32>,
}

impl Columns {
    /// No columns yet.
    pub fn new() -> Self {
        Columns { work: None, variant: Variant::best(), team: Team::new(1), depth: 0, count: 0, padded: Vec::new() }
    }

    /// Floats from one row of [`Self::dot`]'s result to the next.
    pub fn stride(&self) -> usize {
        self.count.next_multiple_of(self.variant.lanes())
    }

    /// Takes the columns of `matrix` [depth, count], row by row; false, and no columns, if its length does not fit.
    pub fn pack(&mut self, matrix: &[f32], depth: usize, count: usize) -> bool {
        let same = (self.depth, self.count) == (depth, count);
        (self.depth, self.count) = (depth, count);
        if depth == 0 || count == 0 || matrix.len() != depth * count {
            (self.work, self.depth, self.count) = (None, 0, 0);
            return false;
        }
        let stride = self.stride();
        self.padded.clear();
        self.padded.resize(depth * stride, 0.0);
        for (to, from) in self.padded.chunks_exact_mut(stride).zip(matrix.chunks_exact(count)) {
            to[..count].copy_from_slice(from);
        }
        match &mut self.work {
            Some(RowWork::Linear(linear)) if same => linear.repack(self.variant.lanes(), &self.padded),
            work => {
                let bias = vec![0.0; stride];
                let sizes = [depth, stride];
                let linear = Linear::new(self.variant.lanes(), sizes, &self.padded, &bias, Activation::None);
                *work = linear.map(RowWork::Linear);
            }
        }
        self.work.is_some()
    }

    /// The product of `rows` [n, depth] with the columns, [n, [`Self::stride`]], into `out`, which is resized; what lies
    /// beyond the columns is 0. Without columns, or with rows that do not fit, `out` is empty.
    pub fn dot(&self, rows: &[f32], out: &mut Vec<f32>) {
        out.clear();
        let Some(work) = self.work.as_ref().filter(|_| rows.len().is_multiple_of(self.depth)) else { return };
        out.resize(rows.len() / self.depth * self.stride(), 0.0);
        work.run(self.variant, rows, out, &self.team);
    }
}

impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Columns").field("depth", &self.depth).field("count", &self.count).finish_non_exhaustive()
    }
}

impl Default for Columns {
    fn default() -> Self {
        Columns::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn products_are_their_definition(
            (depth, counts, rows) in (1usize..9, prop::collection::vec(1usize..40, 1..3), 0usize..9),
            seed in any::<u32>(),
        ) {
            let mut state = seed;
            let mut value = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as f32 / 64.0 - 2.0
            };
            // One set of columns for all sizes: nothing of an earlier one may be left.
            let mut columns = Columns::new();
            for count in counts {
                let matrix: Vec<f32> = (0..depth * count).map(|_| value()).collect();
                let rows: Vec<f32> = (0..depth * rows).map(|_| value()).collect();
                let mut out = Vec::new();
                prop_assert!(columns.pack(&matrix, depth, count));
                columns.dot(&rows, &mut out);
                prop_assert_eq!(out.len(), rows.len() / depth * columns.stride());
                for (row, out) in rows.chunks_exact(depth).zip(out.chunks_exact(columns.stride())) {
                    for (c, found) in out.iter().enumerate() {
                        let sum: f32 = (0..depth).map(|d| if c < count { row[d] * matrix[d * count + c] } else { 0.0 }).sum();
                        prop_assert!((sum - found).abs() < 1e-3, "{sum} {found}");
                    }
                }
            }
        }
    }

    #[test]
    fn sizes_that_do_not_fit_give_nothing() {
        let mut columns = Columns::new();
        let mut out = vec![1.0];
        columns.dot(&[1.0], &mut out);
        assert!(out.is_empty() && !columns.pack(&[1.0; 5], 2, 3) && !columns.pack(&[], 0, 0));
        assert!(columns.pack(&[1.0; 6], 2, 3));
        columns.dot(&[1.0; 3], &mut out);
        assert!(out.is_empty());
    }
}
