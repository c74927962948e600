//! Few mixtures of planar pictures: a product of a small computed matrix with a wide one, as a decoder's hypernetworks multiply
//! the upscaled embedding. The wide one is read where it lies, a stretch of columns at a time.

use super::single::Single;
use super::task::Work;
use super::team::Team;
use super::variant::Variant;
use super::vector::Vector;

/// Columns of a unit: a page of each picture.
const COLUMNS: usize = 1024;
/// Mixtures that are made at a time.
const ROWS: usize = 4;

/// [rows, depth] times [depth, columns].
#[derive(Clone, Debug)]
pub(in crate::engine) struct Mix {
    rows: usize,
    depth: usize,
    columns: usize,
}

impl Mix {
    /// `None` where a size is zero.
    pub fn new([rows, depth, columns]: [usize; 3]) -> Option<Self> {
        (![rows, depth, columns].contains(&0)).then_some(Mix { rows, depth, columns })
    }

    /// Computes [rows, columns] on `variant`.
    ///
    /// # Panics
    /// If a length does not fit, or this processor does not run the variant.
    pub fn run(&self, variant: Variant, [small, wide]: [&[f32]; 2], output: &mut [f32], team: &Team) {
        let Mix { rows, depth, columns } = *self;
        let fits = small.len() == rows * depth && wide.len() == depth * columns && output.len() == rows * columns;
        assert!(fits && variant.is_available());
        let single = Single {
            work: Work::Mix(self, small.as_ptr()),
            input: wide.as_ptr(),
            output: output.as_mut_ptr(),
            scratch: (std::ptr::null_mut(), 0),
            units: columns.div_ceil(COLUMNS),
        };
        // SAFETY: the variant is available, the lengths were checked, and no two units write the same.
        unsafe { single.run(variant, team) }
    }

    /// Computes unit `unit`: a stretch of columns.
    ///
    /// # Safety
    /// The contract of [`Vector`]; the pointers hold the matrices, and no other thread works on the same unit.
    #[inline(always)]
    pub(super) unsafe fn unit<V: Vector>(&self, wide: *const f32, small: *const f32, output: *mut f32, unit: usize) {
        let first = unit * COLUMNS;
        let end = (first + COLUMNS).min(self.columns);
        // SAFETY: the caller's promise.
        unsafe {
            for column in (first..end).step_by(2 * V::LANES) {
                let left = end - column;
                let (from, mut row) = (wide.add(column), 0);
                while row + ROWS <= self.rows {
                    self.tile::<V, ROWS>(
                        from,
                        small.add(row * self.depth),
                        output.add(row * self.columns + column),
                        left,
                    );
                    row += ROWS;
                }
                while row < self.rows {
                    self.tile::<V, 1>(from, small.add(row * self.depth), output.add(row * self.columns + column), left);
                    row += 1;
                }
            }
        }
    }

    /// `P` mixtures of two vectors of columns, of which `left` count.
    #[inline(always)]
    unsafe fn tile<V: Vector, const P: usize>(&self, wide: *const f32, small: *const f32, to: *mut f32, left: usize) {
        let behind = left.saturating_sub(V::LANES);
        // SAFETY: the caller's promise; a vector of which nothing counts is not touched.
        unsafe {
            let mut sums = [[V::splat(0.0); 2]; P];
            for at in 0..self.depth {
                let from = wide.add(at * self.columns);
                let second = if behind > 0 { V::load_some(from.add(V::LANES), behind) } else { V::splat(0.0) };
                let vectors = [V::load_some(from, left), second];
                for (p, sums) in sums.iter_mut().enumerate() {
                    let factor = V::splat(*small.add(p * self.depth + at));
                    for (sum, vector) in sums.iter_mut().zip(vectors) {
                        *sum = sum.mul_add(factor, vector);
                    }
                }
            }
            for (p, [first, second]) in sums.into_iter().enumerate() {
                let to = to.add(p * self.columns);
                first.store_some(to, left);
                if behind > 0 {
                    second.store_some(to.add(V::LANES), behind);
                }
            }
        }
    }
}
