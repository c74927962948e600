use glam::{DMat3, DVec3};

/// Rotations after which a matrix of three rows is diagonal to the last bit, with room.
const SWEEPS: usize = 12;

/// Eigenvalues of a symmetric matrix, in ascending order, with their eigenvectors, which are of unit length, at right angles to each
/// other and right-handed. Only the upper triangle is read.
///
/// Jacobi's cyclic rotations (Golub and Van Loan, *Matrix computations*, 8.5), which are exact to rounding for any spread of values.
pub(super) fn symmetric_eigen(matrix: DMat3) -> ([f64; 3], [DVec3; 3]) {
    let at = |row: usize, column: usize| matrix.col(column.max(row))[row.min(column)];
    let mut a = [[at(0, 0), at(0, 1), at(0, 2)], [at(0, 1), at(1, 1), at(1, 2)], [at(0, 2), at(1, 2), at(2, 2)]];
    let mut vectors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..SWEEPS {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q] == 0.0 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = if theta.is_finite() { theta.signum() / (theta.abs() + theta.hypot(1.0)) } else { 0.0 };
            let c = 1.0 / t.hypot(1.0);
            let s = t * c;
            for row in a.iter_mut().chain(&mut vectors) {
                let (kp, kq) = (row[p], row[q]);
                (row[p], row[q]) = (c * kp - s * kq, s * kp + c * kq);
            }
            let (upper, lower) = (a[p], a[q]);
            a[p] = std::array::from_fn(|k| c * upper[k] - s * lower[k]);
            a[q] = std::array::from_fn(|k| s * upper[k] + c * lower[k]);
        }
    }
    let mut order = [0, 1, 2];
    order.sort_by(|&i, &j| a[i][i].total_cmp(&a[j][j]));
    let vector = |i: usize| DVec3::new(vectors[0][order[i]], vectors[1][order[i]], vectors[2][order[i]]);
    let (first, second) = (vector(0), vector(1));
    (order.map(|i| a[i][i]), [first, second, first.cross(second)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn vectors_are_stretched_by_their_values(entries in prop::array::uniform6(-10f64..10.0)) {
            let [a, b, c, d, e, f] = entries;
            let matrix = DMat3::from_cols(DVec3::new(a, b, c), DVec3::new(b, d, e), DVec3::new(c, e, f));
            let (values, vectors) = symmetric_eigen(matrix);
            prop_assert!(values.is_sorted());
            for (value, vector) in values.into_iter().zip(vectors) {
                prop_assert!((matrix * vector - vector * value).length() < 1e-9, "{value} {vector}");
                prop_assert!((vector.length() - 1.0).abs() < 1e-12);
            }
            prop_assert!((DMat3::from_cols_array_2d(&vectors.map(|v| v.to_array())).determinant() - 1.0).abs() < 1e-9);
            prop_assert!((values.iter().sum::<f64>() - (a + d + f)).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_diagonal_stays() {
        let (values, _) = symmetric_eigen(DMat3::from_diagonal(DVec3::new(3.0, 1.0, 2.0)));
        assert_eq!(values, [1.0, 2.0, 3.0]);
        assert_eq!(symmetric_eigen(DMat3::ZERO).0, [0.0; 3]);
    }
}
