//! What lies between convolutions: resizing, pooling, sums, products and means of blocked pictures.

use std::hash::{Hash, Hasher};

use super::blocked::Blocked;
use super::convolution::Window;
use super::finish::Finish;
use super::grid::{Reader, by_element};
use super::vector::Vector;

/// One output position of a resized axis: `near * first + far * second` of the input positions `first` and `second`.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Blend {
    pub first: u32,
    pub second: u32,
    pub near: f32,
    pub far: f32,
}

impl Blend {
    fn key(&self) -> (u32, u32, u32, u32) {
        (self.first, self.second, self.near.to_bits(), self.far.to_bits())
    }
}

impl PartialEq for Blend {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Blend {}

impl Hash for Blend {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Bilinear resizing.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Resize {
    input: Blocked,
    output: Blocked,
    rows: Vec<Blend>,
    columns: Vec<Blend>,
}

impl Resize {
    /// `None` where the tables do not fit the pictures.
    pub fn new(input: Blocked, output: Blocked, rows: Vec<Blend>, columns: Vec<Blend>) -> Option<Self> {
        let inside = |table: &[Blend], len: usize| table.iter().all(|b| b.first.max(b.second) < len as u32);
        let fits = input.lanes == output.lanes
            && input.channels == output.channels
            && rows.len() == output.height
            && columns.len() == output.width
            && inside(&rows, input.height)
            && inside(&columns, input.width);
        fits.then_some(Resize { input, output, rows, columns })
    }

    pub fn input(&self) -> Blocked {
        self.input
    }

    pub fn output(&self) -> Blocked {
        self.output
    }

    /// Pieces of work: rows of each block.
    pub fn units(&self) -> usize {
        self.output.rows()
    }

    /// # Safety
    /// The contract of [`Vector`] with `V::LANES` the pictures' lanes; the pointers are to pictures of these layouts, and
    /// no other thread works on the same unit.
    #[inline(always)]
    pub(super) unsafe fn run<V: Vector>(&self, input: *const f32, finish: &Finish, unit: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            by_element!(self.input.element, |BYTES| self.row::<V, BYTES>(input, finish, unit));
        }
    }

    #[inline(always)]
    unsafe fn row<V: Vector, const BYTES: bool>(&self, input: *const f32, finish: &Finish, unit: usize) {
        let [block, y] = self.output.row_of(unit);
        let row = self.rows[y];
        // SAFETY: the caller's promise; the tables lie within the input.
        unsafe {
            let input = Reader::<V, BYTES>::new(input, self.input.element);
            let above = self.input.at(block, row.first as usize, 0);
            let below = self.input.at(block, row.second as usize, 0);
            let (near, far) = (V::splat(row.near), V::splat(row.far));
            let start = finish.start_without_bias::<V>(block);
            let column = |x: u32| {
                let x = x as usize * V::LANES;
                input.load(above + x).mul(near).mul_add(far, input.load(below + x))
            };
            for (x, blend) in self.columns.iter().enumerate() {
                let (left, right) = (column(blend.first), column(blend.second));
                let value = start.mul_add(V::splat(blend.near), left).mul_add(V::splat(blend.far), right);
                finish.store([[value]], &self.output, [block, y, x]);
            }
        }
    }
}

/// Maximum over a window; what lies outside the picture does not count.
#[derive(Clone, Debug)]
pub(in crate::engine) struct MaxPool {
    input: Blocked,
    output: Blocked,
    window: Window,
}

impl MaxPool {
    /// `None` where the pictures have other channels, or a window lies outside the input as a whole.
    pub fn new(input: Blocked, output: Blocked, window: Window) -> Option<Self> {
        let reaches = |axis: usize, len: usize, out: usize| {
            let last = out.checked_sub(1)? * window.stride;
            (window.padding[axis] < window.kernel[axis] && last < window.padding[axis] + len).then_some(())
        };
        reaches(0, input.height, output.height)?;
        reaches(1, input.width, output.width)?;
        let same = input.lanes == output.lanes && input.channels == output.channels;
        same.then_some(MaxPool { input, output, window })
    }

    pub fn input(&self) -> Blocked {
        self.input
    }

    pub fn output(&self) -> Blocked {
        self.output
    }

    /// Pieces of work: rows of each block.
    pub fn units(&self) -> usize {
        self.output.rows()
    }

    /// # Safety
    /// As [`Resize::run`].
    #[inline(always)]
    pub(super) unsafe fn run<V: Vector>(&self, input: *const f32, finish: &Finish, unit: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            by_element!(self.input.element, |BYTES| self.row::<V, BYTES>(input, finish, unit));
        }
    }

    #[inline(always)]
    unsafe fn row<V: Vector, const BYTES: bool>(&self, input: *const f32, finish: &Finish, unit: usize) {
        let [block, y] = self.output.row_of(unit);
        let inside = |axis: usize, at: usize, len: usize| {
            let from = at * self.window.stride;
            let (first, end) = (self.window.padding[axis], self.window.padding[axis] + len);
            (from.max(first) - first, (from + self.window.kernel[axis]).min(end) - first)
        };
        let (top, bottom) = inside(0, y, self.input.height);
        // SAFETY: the caller's promise; `new` has checked that every window has a pixel.
        unsafe {
            let input = Reader::<V, BYTES>::new(input, self.input.element);
            let start = finish.start_without_bias::<V>(block);
            for x in 0..self.output.width {
                let (left, right) = inside(1, x, self.input.width);
                let mut most = input.load(self.input.at(block, top, left));
                for row in top..bottom {
                    let line = self.input.at(block, row, 0);
                    for column in left..right {
                        most = most.max(input.load(line + column * V::LANES));
                    }
                }
                finish.store([[start.add(most)]], &self.output, [block, y, x]);
            }
        }
    }
}

/// Multiplies a picture by a picture of one pixel, row by row of each block.
///
/// # Safety
/// As [`copy`]; `pixel` holds one value a channel.
#[inline(always)]
pub(super) unsafe fn scale<V: Vector, const BYTES: bool>(
    input: *const f32,
    pixel: *const f32,
    picture: &Blocked,
    finish: &Finish,
    output: &Blocked,
    unit: usize,
) {
    let [block, y] = output.row_of(unit);
    // SAFETY: the caller's promise.
    unsafe {
        let input = Reader::<V, BYTES>::new(input, picture.element);
        let (start, factor) = (finish.start_without_bias::<V>(block), V::load(pixel.add(block * V::LANES)));
        for x in 0..output.width {
            let value = start.mul_add(factor, input.load(picture.at(block, y, x)));
            finish.store([[value]], output, [block, y, x]);
        }
    }
}

/// Brings a picture to its end: what `finish` adds and does, row by row of each block.
///
/// # Safety
/// As [`Resize::run`], with `input` a picture of `picture`'s layout, of bytes if `BYTES` says so, and output a picture of
/// `output`'s.
#[inline(always)]
pub(super) unsafe fn copy<V: Vector, const BYTES: bool>(
    input: *const f32,
    picture: &Blocked,
    finish: &Finish,
    output: &Blocked,
    unit: usize,
) {
    let [block, y] = output.row_of(unit);
    // SAFETY: the caller's promise.
    unsafe {
        let input = Reader::<V, BYTES>::new(input, picture.element);
        let start = finish.start_without_bias::<V>(block);
        for x in 0..output.width {
            let value = start.add(input.load(picture.at(block, y, x)));
            finish.store([[value]], output, [block, y, x]);
        }
    }
}

/// The mean over the pixels of block `unit`.
///
/// # Safety
/// As [`copy`], with an output of one pixel.
#[inline(always)]
pub(super) unsafe fn mean<V: Vector, const BYTES: bool>(
    input: *const f32,
    picture: &Blocked,
    finish: &Finish,
    output: &Blocked,
    unit: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let input = Reader::<V, BYTES>::new(input, picture.element);
        let mut sum = V::splat(0.0);
        for y in 0..picture.height {
            let row = picture.at(unit, y, 0);
            for x in 0..picture.width {
                sum = sum.add(input.load(row + x * V::LANES));
            }
        }
        let share = 1.0 / (picture.height * picture.width) as f32;
        let value = finish.start_without_bias::<V>(unit).mul_add(V::splat(share), sum);
        finish.store([[value]], output, [unit, 0, 0]);
    }
}
