use super::LowResLogits;
use crate::geometry::Size;

/// How little the mask depends on the threshold: the IoU of the masks at `threshold + offset` and `threshold - offset`,
/// 0 to 1 (Kirillov et al., "Segment Anything", 2023). Zero when even the wider mask is empty.
///
/// Only the top-left `content` cells count ([`LowResLogits::content`]).
///
/// # Panics
/// If `data` is shorter than `size` says.
pub fn stability_score(logits: &LowResLogits, content: Size, threshold: f32, offset: f32) -> f32 {
    let (high, low) = (threshold + offset.abs(), threshold - offset.abs());
    let columns = content.width.min(logits.size.width) as usize;
    let stride = logits.size.width as usize;
    let (mut narrow, mut wide) = (0u64, 0u64);
    for y in 0..content.height.min(logits.size.height) as usize {
        let row = &logits.data[y * stride..][..columns];
        let (mut above_high, mut above_low) = (0u32, 0u32);
        for value in row {
            above_high += (*value > high) as u32;
            above_low += (*value > low) as u32;
        }
        narrow += above_high as u64;
        wide += above_low as u64;
    }
    // The narrow mask lies inside the wide one, so their counts are intersection and union.
    if wide == 0 { 0.0 } else { narrow as f32 / wide as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(width: u32, data: &[f32]) -> LowResLogits {
        LowResLogits { size: Size::new(width, data.len() as u32 / width), data: data.to_vec() }
    }

    #[test]
    fn counts_between_the_two_thresholds() {
        let l = logits(3, &[5.0, 0.5, -5.0, 2.0, -0.5, f32::NAN]);
        let whole = l.size;
        assert_eq!(stability_score(&l, whole, 0.0, 1.0), 0.5);
        assert_eq!(stability_score(&l, whole, 0.0, -1.0), 0.5);
        assert_eq!(stability_score(&l, whole, 0.0, 0.0), 1.0);
        assert_eq!(stability_score(&l, whole, 10.0, 1.0), 0.0);
    }

    #[test]
    fn padding_does_not_count() {
        let l = logits(2, &[5.0, 0.5, 0.5, 0.5]);
        assert_eq!(stability_score(&l, Size::new(1, 1), 0.0, 1.0), 1.0);
        assert_eq!(stability_score(&l, Size::new(9, 9), 0.0, 1.0), 0.25);
        assert_eq!(stability_score(&LowResLogits::default(), Size::new(9, 9), 0.0, 1.0), 0.0);
    }
}
