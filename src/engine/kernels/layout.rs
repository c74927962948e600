//! Into the blocked layout and out of it. A unit of work is one row of one block.

use super::blocked::Blocked;
use super::vector::Vector;

/// Most lanes of any vector.
const MOST_LANES: usize = 16;

/// Transposes the first `V::LANES` rows: in each of log2(LANES) rounds, the row and the row half of all rows further on
/// are zipped, which moves one bit of the place in the row to the number of the row.
///
/// # Safety
/// The contract of [`Vector`].
#[inline(always)]
unsafe fn transpose<V: Vector>(mut rows: [V; MOST_LANES]) -> [V; MOST_LANES] {
    let half = V::LANES / 2;
    for _ in 0..V::LANES.trailing_zeros() {
        let mut zipped = rows;
        for ix in 0..half {
            // SAFETY: the caller's promise.
            (zipped[2 * ix], zipped[2 * ix + 1]) = unsafe { rows[ix].zip(rows[ix + half]) };
        }
        rows = zipped;
    }
    rows
}

/// A row of a planar picture [channels, height, width] into the blocked layout. Lanes beyond the channels become zero.
///
/// # Safety
/// The contract of [`Vector`] with `V::LANES` the picture's lanes, unless it has one. `planar` holds the picture's pixels
/// channel by channel, `output` is a picture of `picture`'s layout.
#[inline(always)]
pub(super) unsafe fn import<V: Vector>(planar: *const f32, picture: &Blocked, output: *mut f32, unit: usize) {
    let [block, y] = picture.row_of(unit);
    let (width, plane) = (picture.width, picture.height * picture.width);
    // SAFETY: the caller's promise.
    unsafe {
        let from = planar.add(block * picture.lanes * plane + y * width);
        let to = output.add(picture.at(block, y, 0));
        if picture.lanes == 1 {
            to.copy_from_nonoverlapping(from, width);
            return;
        }
        let depth = picture.depth(block);
        let mut x = 0;
        while x + V::LANES <= width {
            let mut rows = [V::splat(0.0); MOST_LANES];
            for (channel, row) in rows.iter_mut().enumerate().take(depth) {
                *row = V::load(from.add(channel * plane + x));
            }
            for (pixel, values) in transpose(rows).into_iter().enumerate().take(V::LANES) {
                values.store(to.add((x + pixel) * V::LANES));
            }
            x += V::LANES;
        }
        for x in x..width {
            for lane in 0..V::LANES {
                *to.add(x * V::LANES + lane) = if lane < depth { *from.add(lane * plane + x) } else { 0.0 };
            }
        }
    }
}

/// A row of a blocked picture into planar pixels [channels, height, width].
///
/// # Safety
/// As [`import`], the other way round, from a picture of more than one lane.
#[inline(always)]
pub(super) unsafe fn export<V: Vector>(input: *const f32, picture: &Blocked, planar: *mut f32, unit: usize) {
    let [block, y] = picture.row_of(unit);
    let (width, plane) = (picture.width, picture.height * picture.width);
    // SAFETY: the caller's promise.
    unsafe {
        let from = input.add(picture.at(block, y, 0));
        let to = planar.add(block * V::LANES * plane + y * width);
        let depth = picture.depth(block);
        let mut x = 0;
        while x + V::LANES <= width {
            let mut pixels = [V::splat(0.0); MOST_LANES];
            for (pixel, values) in pixels.iter_mut().enumerate().take(V::LANES) {
                *values = V::load(from.add((x + pixel) * V::LANES));
            }
            for (channel, row) in transpose(pixels).into_iter().enumerate().take(depth) {
                row.store(to.add(channel * plane + x));
            }
            x += V::LANES;
        }
        for x in x..width {
            for channel in 0..depth {
                *to.add(channel * plane + x) = *from.add(x * V::LANES + channel);
            }
        }
    }
}

/// Zeros the border of block `unit`.
///
/// # Safety
/// `output` is a picture of `picture`'s layout that no other thread touches in this block.
#[inline(always)]
pub(super) unsafe fn clear_border(picture: &Blocked, output: *mut f32, unit: usize) {
    let (row, lanes) = (picture.row(), picture.lanes);
    // SAFETY: the caller's promise; every range lies within the block's plane.
    unsafe {
        let plane = output.add(unit * picture.plane());
        let zero = |from: usize, len: usize| plane.add(from).write_bytes(0, len);
        zero(0, picture.before * row);
        for y in picture.before..picture.before + picture.height {
            zero(y * row, picture.before * lanes);
            zero(y * row + (picture.before + picture.width) * lanes, picture.after * lanes);
        }
        zero((picture.before + picture.height) * row, picture.after * row);
    }
}
