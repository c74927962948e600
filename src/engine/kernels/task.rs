//! One piece of work for one thread, in the form that crosses into code compiled for an instruction set.

use std::ops::Range;

use super::attention::{Attention, Operands};
use super::blocked::Blocked;
use super::convolution::Convolution;
use super::depthwise::Depthwise;
use super::finish::Finish;
use super::grid::{Grid, by_element};
use super::layout;
use super::mix::Mix;
use super::permute::Permutation;
use super::planes::{self, MaxPool, Resize};
use super::rows::RowWork;
use super::vector::Vector;
use super::winograd::Winograd;

/// What is computed.
#[derive(Clone, Copy)]
pub(super) enum Work<'a> {
    Convolve(&'a Convolution),
    Depthwise(&'a Depthwise),
    /// Transforms the input to `finish.output`.
    Transform(&'a Winograd),
    Multiply(&'a Winograd),
    Resize(&'a Resize),
    MaxPool(&'a MaxPool),
    /// From the first layout to the second.
    Copy(Blocked, Blocked),
    /// As `Copy`, times the pixel at the pointer.
    Scale(Blocked, Blocked, *const f32),
    /// From the first layout to one pixel.
    Mean(Blocked, Blocked),
    Import(Blocked),
    Export(Blocked),
    /// From the first layout, which is planar, to the second's bytes.
    Pack(Blocked, Blocked, Grid),
    ClearBorder(Blocked),
    /// On this many rows.
    Rows(&'a RowWork, usize),
    Attend(&'a Attention, Operands<'a>),
    Permute(&'a Permutation),
    /// With the small factor.
    Mix(&'a Mix, *const f32),
}

/// Units of a work, and where its pictures are.
pub(super) struct Task<'a> {
    pub work: Work<'a>,
    pub input: *const f32,
    pub finish: Finish,
    /// This thread's own.
    pub scratch: *mut f32,
    pub units: Range<usize>,
}

/// Does `task` with vectors `V`.
///
/// # Safety
/// The contract of [`Vector`]. `V::LANES` are the lanes of the pictures, the pointers are to pictures of the layouts that
/// the work was planned for, the output overlaps none of the others, the units exist, and no other thread has any of
/// them.
#[inline(always)]
pub(super) unsafe fn run_task<V: Vector>(task: &Task<'_>) {
    let Task { work, input, finish, scratch, .. } = *task;
    for unit in task.units.clone() {
        // SAFETY: the caller's promise.
        unsafe {
            match work {
                Work::Convolve(plan) => plan.run::<V>(input, &finish, unit),
                Work::Depthwise(plan) => plan.run::<V>(input, &finish, unit),
                Work::Transform(plan) => plan.transform::<V>(input, finish.output, unit),
                Work::Multiply(plan) => plan.multiply::<V>(input, scratch, &finish, unit),
                Work::Resize(plan) => plan.run::<V>(input, &finish, unit),
                Work::MaxPool(plan) => plan.run::<V>(input, &finish, unit),
                Work::Scale(from, to, pixel) => {
                    by_element!(from.element, |BYTES| planes::scale::<V, BYTES>(
                        input, pixel, &from, &finish, &to, unit
                    ));
                }
                Work::Copy(from, to) => {
                    by_element!(from.element, |BYTES| planes::copy::<V, BYTES>(input, &from, &finish, &to, unit));
                }
                Work::Mean(from, to) => {
                    by_element!(from.element, |BYTES| planes::mean::<V, BYTES>(input, &from, &finish, &to, unit));
                }
                Work::Import(picture) => layout::import::<V>(input, &picture, finish.output, unit),
                Work::Export(picture) => {
                    by_element!(picture.element, |BYTES| layout::export::<V, BYTES>(
                        input,
                        &picture,
                        finish.output,
                        unit
                    ));
                }
                Work::Pack(from, to, grid) => layout::pack::<V>(input, &from, grid, finish.output, &to, unit),
                Work::Rows(rows, count) => rows.unit::<V>(input, finish.output, count, unit),
                Work::Attend(plan, operands) => plan.unit::<V>(input, operands, finish.output, scratch, unit),
                Work::Mix(plan, small) => plan.unit::<V>(input, small, finish.output, unit),
                Work::Permute(plan) => plan.unit(input, finish.output, unit),
                Work::ClearBorder(picture) => layout::clear_border::<V>(&picture, finish.output, unit),
            }
        }
    }
}
