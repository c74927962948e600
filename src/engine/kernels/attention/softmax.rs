use super::super::activation::exp_below;
use super::super::vector::Vector;

/// Turns scores into e to their difference from the largest, which is `least` at least; returns the largest and the sum. What
/// lies beyond `count` becomes 0. Where every score is minus infinity all keys weigh the same.
///
/// # Safety
/// The contract of [`Vector`]; `row` holds `padded` floats, a whole number of vectors.
#[inline(always)]
pub(super) unsafe fn weigh<V: Vector>(row: *mut f32, count: usize, padded: usize, least: f32) -> (f32, f32) {
    // SAFETY: the caller's promise.
    unsafe {
        let whole = count - count % V::LANES;
        let mut most = V::splat(least);
        for at in (0..whole).step_by(V::LANES) {
            most = most.max(V::load(row.add(at)));
        }
        let mut lanes = [least; 16];
        most.store(lanes.as_mut_ptr());
        let mut largest = lanes.into_iter().fold(least, f32::max);
        for at in whole..count {
            largest = largest.max(*row.add(at));
        }
        let apart = V::splat(largest);
        let mut sum = V::splat(0.0);
        for at in (0..whole).step_by(V::LANES) {
            let weights = exp_below(V::load(row.add(at)).sub(apart));
            weights.store(row.add(at));
            sum = sum.add(weights);
        }
        if whole < padded {
            exp_below(V::load(row.add(whole)).sub(apart)).store(row.add(whole));
            row.add(count).write_bytes(0, padded - count);
            sum = sum.add(V::load(row.add(whole)));
        }
        let mut lanes = [0.0f32; 16];
        sum.store(lanes.as_mut_ptr());
        (largest, lanes.iter().sum())
    }
}
