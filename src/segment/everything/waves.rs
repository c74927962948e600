use super::grid::Cell;

/// The coarsest wave asks in every so many cells of a row.
const COARSEST: u32 = 4;

/// The cells of a grid of `side` x `side`, row by row.
pub fn all(side: u32) -> Vec<Cell> {
    (0..side).flat_map(|row| (0..side).map(move |column| (column, row))).collect()
}

/// The same in waves, evenly spread and the coarsest first: each has about four times as many cells as all before it.
pub fn waves(side: u32) -> Vec<Vec<Cell>> {
    let strides = std::iter::successors(Some(COARSEST), |stride| (*stride > 1).then_some(stride / 2));
    let mut asked = vec![false; (side * side) as usize];
    let waves = strides.map(|stride| {
        let is_in = |place: u32| place % stride == stride / 2;
        let mut wave = all(side);
        wave.retain(|(column, row)| {
            let taken = &mut asked[(row * side + column) as usize];
            is_in(*column) && is_in(*row) && !std::mem::replace(taken, true)
        });
        wave
    });
    waves.filter(|wave| !wave.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_grid_of_32_is_asked_coarsely_first() {
        let counts: Vec<usize> = waves(32).iter().map(Vec::len).collect();
        assert_eq!(counts, [64, 256, 704]);
        assert_eq!(waves(1), [[(0, 0)]]);
    }

    proptest! {
        #[test]
        fn every_cell_is_asked_once(side in 1u32..40) {
            let mut cells: Vec<_> = waves(side).concat();
            cells.sort_by_key(|(column, row)| (*row, *column));
            prop_assert_eq!(cells, all(side));
        }
    }
}
