//! Into the blocked layout and out of it. A unit of work is one row of one block.

use super::blocked::Blocked;
use super::grid::{Element, Grid, Reader};
use super::vector::Vector;

/// Most lanes of any vector.
const MAX_LANES: usize = 16;

/// Transposes the first `V::LANES` rows: in each of log2(LANES) rounds, the row and the row half of all rows further on
/// are zipped, which moves one bit of the place in the row to the number of the row.
///
/// # Safety
/// The contract of [`Vector`].
#[inline(always)]
unsafe fn transpose<V: Vector>(mut rows: [V; MAX_LANES]) -> [V; MAX_LANES] {
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
            let mut rows = [V::splat(0.0); MAX_LANES];
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
/// As [`import`], the other way round, from a picture of more than one lane, of bytes if `BYTES` says so.
#[inline(always)]
pub(super) unsafe fn export<V: Vector, const BYTES: bool>(
    input: *const f32,
    picture: &Blocked,
    planar: *mut f32,
    unit: usize,
) {
    let [block, y] = picture.row_of(unit);
    let (width, plane) = (picture.width, picture.height * picture.width);
    // SAFETY: the caller's promise.
    unsafe {
        let input = Reader::<V, BYTES>::new(input, picture.element);
        let from = picture.at(block, y, 0);
        let to = planar.add(block * V::LANES * plane + y * width);
        let depth = picture.depth(block);
        let mut x = 0;
        while x + V::LANES <= width {
            let mut pixels = [V::splat(0.0); MAX_LANES];
            for (pixel, values) in pixels.iter_mut().enumerate().take(V::LANES) {
                *values = input.load(from + (x + pixel) * V::LANES);
            }
            for (channel, row) in transpose(pixels).into_iter().enumerate().take(depth) {
                row.store(to.add(channel * plane + x));
            }
            x += V::LANES;
        }
        for x in x..width {
            let mut pixel = [0.0; MAX_LANES];
            input.load(from + x * V::LANES).store(pixel.as_mut_ptr());
            for (channel, value) in pixel.into_iter().enumerate().take(depth) {
                *to.add(channel * plane + x) = value;
            }
        }
    }
}

/// Most channels of a pixel that [`pack`] takes: their bytes, side by side, are a whole number that a float can be.
pub(in crate::engine) const MAX_PACKED: usize = 3;
/// Bytes of a packed pixel.
pub(in crate::engine) const PACKED: usize = 4;

/// A row of a planar picture of up to [`MAX_PACKED`] channels into bytes on `grid`, [`PACKED`] a pixel.
///
/// # Safety
/// The contract of [`Vector`]; `input` is a picture of `from`'s layout and `output` one of `to`'s.
#[inline(always)]
pub(super) unsafe fn pack<V: Vector>(
    input: *const f32,
    from: &Blocked,
    grid: Grid,
    output: *mut f32,
    to: &Blocked,
    unit: usize,
) {
    // The bit in which signed and unsigned bytes differ, for every byte that is a channel's.
    let flip = if V::LOWEST < 0 { 0x0080_8080 } else { 0 };
    let zero = grid.zero() as f32;
    // SAFETY: the caller's promise.
    unsafe {
        let row = input.add(from.at(0, unit, 0));
        let words = output.cast::<u8>().add(to.at(0, unit, 0)).cast::<i32>();
        let width = from.width;
        let mut x = 0;
        while x < width {
            if x + V::LANES > width && width >= V::LANES {
                // Some pixels once more.
                x = width - V::LANES;
            }
            let count = (width - x).min(V::LANES);
            let mut word = V::splat(0.0);
            for channel in (0..from.channels).rev() {
                let at = row.add(channel * from.plane() + x);
                let mut few = [0.0; MAX_LANES];
                let value = if count == V::LANES {
                    V::load(at)
                } else {
                    at.copy_to_nonoverlapping(few.as_mut_ptr(), count);
                    V::load(few.as_ptr())
                };
                word = grid.steps(value).add(V::splat(zero)).mul_add(word, V::splat(256.0));
            }
            if count == V::LANES {
                word.store_words(flip, words.add(x));
            } else {
                let mut few = [0; MAX_LANES];
                word.store_words(flip, few.as_mut_ptr());
                few.as_ptr().copy_to_nonoverlapping(words.add(x), count);
            }
            x += count;
        }
    }
}

/// Gives the border of block `unit` the number 0.
///
/// # Safety
/// The contract of [`Vector`]; `output` is a picture of `picture`'s layout that no other thread touches in this block.
#[inline(always)]
pub(super) unsafe fn clear_border<V: Vector>(picture: &Blocked, output: *mut f32, unit: usize) {
    let (row, lanes, size) = (picture.row(), picture.lanes, picture.element.size());
    let zero = match picture.element {
        Element::Float => 0,
        Element::Byte(grid) => grid.stored_zero::<V>() as u8,
    };
    // SAFETY: the caller's promise; every range lies within the block's plane.
    unsafe {
        let plane = output.cast::<u8>().add(unit * picture.plane() * size);
        let zero = |from: usize, len: usize| plane.add(from * size).write_bytes(zero, len * size);
        zero(0, picture.before * row);
        for y in picture.before..picture.before + picture.height {
            zero(y * row, picture.before * lanes);
            zero(y * row + (picture.before + picture.width) * lanes, picture.after * lanes);
        }
        zero((picture.before + picture.height) * row, picture.after * row);
    }
}
