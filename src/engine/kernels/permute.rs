//! Axes of a tensor in another order.
//!
//! Axes that stay together are one. Where the last axis stays last, whole runs are copied; where it does not, tiles of it and
//! of what becomes the last one are turned, each of which fits in the first cache.

use super::single::Single;
use super::task::Work;
use super::team::Team;
use super::variant::Variant;

/// Side of a tile.
const TILE: usize = 16;
/// Numbers along the last axis of what is given that a unit takes: several lines, so that the next one is on its way.
const STRIP: usize = 4 * TILE;

/// A tensor with its axes in another order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Permutation {
    /// Of what is made: each axis's size and its stride in what is given, in floats.
    axes: Vec<(usize, usize)>,
}

impl Permutation {
    /// Of a tensor of `shape`, whose axis `order[i]` becomes the `i`th. `None` where that is no order of its axes or nothing
    /// moves.
    pub fn new(shape: &[usize], order: &[usize]) -> Option<Self> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..shape.len()) || shape.contains(&0) {
            return None;
        }
        let mut axes: Vec<(usize, usize)> = Vec::new();
        for axis in order {
            let (size, stride) = (shape[*axis], shape[axis + 1..].iter().product());
            match axes.last_mut() {
                _ if size == 1 => {}
                Some((count, outer)) if *outer == size * stride => (*count, *outer) = (*count * size, stride),
                _ => axes.push((size, stride)),
            }
        }
        (axes.len() > 1).then_some(Permutation { axes })
    }

    /// Numbers in all.
    pub fn len(&self) -> usize {
        self.axes.iter().map(|(size, _)| size).product()
    }

    /// The axis of what is made that is the last of what is given.
    fn innermost(&self) -> usize {
        self.axes.iter().position(|(_, stride)| *stride == 1).unwrap_or(self.axes.len() - 1)
    }

    /// Pieces of work: rows of tiles, or runs.
    fn units(&self) -> usize {
        let last = self.axes.len() - 1;
        match self.innermost() {
            inner if inner == last => self.len() / self.axes[last].0,
            inner => self.len() / self.axes[last].0 / self.axes[inner].0 * self.axes[inner].0.div_ceil(STRIP),
        }
    }

    /// Writes `input` in the other order to `output`.
    ///
    /// # Panics
    /// If the lengths do not fit, or this processor does not run the variant.
    pub fn run(&self, variant: Variant, input: &[f32], output: &mut [f32], team: &Team) {
        assert!(input.len() == self.len() && output.len() == self.len() && variant.is_available());
        let single = Single {
            work: Work::Permute(self),
            input: input.as_ptr(),
            output: output.as_mut_ptr(),
            scratch: (std::ptr::null_mut(), 0),
            units: self.units(),
        };
        // SAFETY: the variant is available, the lengths were checked, and no two units write the same.
        unsafe { single.run(variant, team) }
    }

    /// Computes unit `unit`.
    ///
    /// # Safety
    /// The pointers hold the tensor, and no other thread works on the same unit.
    #[inline(always)]
    pub(super) unsafe fn unit(&self, input: *const f32, output: *mut f32, unit: usize) {
        let last = self.axes.len() - 1;
        let inner = self.innermost();
        let (count, step) = self.axes[last];
        // SAFETY: the caller's promise; places lie within both tensors.
        unsafe {
            if inner == last {
                let (from, to) = self.place(unit, &[last]);
                return std::ptr::copy_nonoverlapping(input.add(from), output.add(to), count);
            }
            let strips = self.axes[inner].0.div_ceil(STRIP);
            let (from, to) = self.place(unit / strips, &[inner, last]);
            let first = unit % strips * STRIP;
            let rows = STRIP.min(self.axes[inner].0 - first);
            let stride: usize = self.axes[inner + 1..].iter().map(|(size, _)| size).product();
            let (from, to) = (input.add(from + first), output.add(to + first * stride));
            for column in (0..count).step_by(TILE) {
                for row in (0..rows).step_by(TILE) {
                    let (from, to) = (from.add(column * step + row), to.add(row * stride + column));
                    let [high, wide] = [TILE.min(rows - row), TILE.min(count - column)];
                    if [high, wide] == [TILE, TILE] {
                        turn(from, step, to, stride);
                        continue;
                    }
                    for row in 0..high {
                        for column in 0..wide {
                            *to.add(row * stride + column) = *from.add(column * step + row);
                        }
                    }
                }
            }
        }
    }

    /// Where the `ix`th of all places without the axes `without` begins, in what is given and in what is made.
    fn place(&self, mut ix: usize, without: &[usize]) -> (usize, usize) {
        let (mut from, mut to, mut stride) = (0, 0, 1);
        for (axis, (size, given)) in self.axes.iter().enumerate().rev() {
            if !without.contains(&axis) {
                from += ix % size * given;
                to += ix % size * stride;
                ix /= size;
            }
            stride *= size;
        }
        (from, to)
    }
}

/// A tile: columns of what is given, `step` floats apart, become rows `stride` floats apart.
///
/// # Safety
/// The pointers hold the tile.
#[inline(always)]
unsafe fn turn(from: *const f32, step: usize, to: *mut f32, stride: usize) {
    let mut tile = [[0.0f32; TILE]; TILE];
    // SAFETY: the caller's promise.
    unsafe {
        for column in 0..TILE {
            for (row, line) in tile.iter_mut().enumerate() {
                line[column] = *from.add(column * step + row);
            }
        }
        for (row, line) in tile.iter().enumerate() {
            std::ptr::copy_nonoverlapping(line.as_ptr(), to.add(row * stride), TILE);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn axes_change_places(
            shape in prop::collection::vec(1usize..40, 1..5), seed in any::<u64>(), threads in 1usize..3,
        ) {
            let mut order: Vec<usize> = (0..shape.len()).collect();
            (1..order.len()).for_each(|at| order.swap(at, (seed >> (8 * at)) as usize % (at + 1)));
            let len: usize = shape.iter().product();
            let input: Vec<f32> = (0..len).map(|at| at as f32).collect();
            let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
            let expected = (0..len).map(|mut at| {
                let mut from = 0;
                for axis in order.iter().rev() {
                    from += at % shape[*axis] * strides[*axis];
                    at /= shape[*axis];
                }
                from as f32
            });
            let Some(plan) = Permutation::new(&shape, &order) else {
                prop_assert!(expected.eq(input.iter().copied()), "nothing moves");
                return Ok(());
            };
            for variant in Variant::available() {
                let mut made = vec![-1.0; len];
                plan.run(variant, &input, &mut made, &Team::new(threads));
                prop_assert!(made.iter().copied().eq(expected.clone()), "{:?} {:?}", shape, order);
            }
        }
    }

    #[test]
    fn what_is_no_order_is_refused() {
        assert_eq!(Permutation::new(&[2, 3], &[0, 0]), None);
        assert_eq!(Permutation::new(&[2, 3], &[0]), None);
        assert_eq!(Permutation::new(&[2, 0], &[1, 0]), None);
        assert_eq!(Permutation::new(&[2, 1, 3], &[1, 0, 2]), None);
    }
}
