//! Runs of equal bytes in a row of zeros and ones.

/// First index at or after `from` whose byte is `value` (0 or 1). Eight bytes are compared at a time.
pub(super) fn find(row: &[u8], from: usize, value: u8) -> Option<usize> {
    let tail = row.get(from..)?;
    let other = u64::from_ne_bytes([value ^ 1; 8]);
    let (words, rest) = tail.as_chunks::<8>();
    let skipped = words.iter().take_while(|word| u64::from_ne_bytes(**word) == other).count();
    match words.get(skipped) {
        Some(word) => word.iter().position(|byte| *byte == value).map(|at| from + skipped * 8 + at),
        None => rest.iter().position(|byte| *byte == value).map(|at| from + skipped * 8 + at),
    }
}

/// The maximal runs `start..end` of bytes equal to `value`, from left to right.
pub(super) fn runs(row: &[u8], value: u8) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = find(row, from, value)?;
        let end = find(row, start, value ^ 1).unwrap_or(row.len());
        from = end;
        Some((start, end))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_rebuild_the_row(row in prop::collection::vec(0u8..2, 0..70), value in 0u8..2) {
            let mut rebuilt = vec![value ^ 1; row.len()];
            let mut before = 0;
            for (start, end) in runs(&row, value) {
                prop_assert!(start < end && (start > before || before == 0), "runs are maximal and in order");
                rebuilt[start..end].fill(value);
                before = end;
            }
            prop_assert_eq!(rebuilt, row);
        }
    }
}
