//! Covariance matrices: their kinds, Cholesky factors and inverses.
//!
//! A symmetric matrix is its lower triangle, row after row.

use serde::{Deserialize, Serialize};

/// What the covariance matrices of a mixture may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CovarianceKind {
    /// Every component has a matrix of its own.
    #[default]
    Full,
    /// All components share one matrix.
    Tied,
    /// Every component has variances of its own along the axes, and no correlations.
    Diagonal,
    /// Every component has one variance for all directions.
    Spherical,
}

impl CovarianceKind {
    /// Whether there are correlations.
    pub(super) fn is_full(self) -> bool {
        matches!(self, Self::Full | Self::Tied)
    }

    /// Free numbers of the matrices of `components` in `dimensions`.
    pub(super) fn parameters(self, components: usize, dimensions: usize) -> usize {
        let triangle = dimensions * (dimensions + 1) / 2;
        match self {
            Self::Full => components * triangle,
            Self::Tied => triangle,
            Self::Diagonal => components * dimensions,
            Self::Spherical => components,
        }
    }
}

/// The inverse of the Cholesky factor of a matrix; none if the matrix is not positive
/// definite.
pub(super) fn inverse_factor(matrix: &[f64], size: usize) -> Option<Vec<f64>> {
    let at = |row: usize, column: usize| row * (row + 1) / 2 + column;
    let mut factor = matrix.to_vec();
    for row in 0..size {
        for column in 0..=row {
            let mut sum = factor[at(row, column)];
            for k in 0..column {
                sum -= factor[at(row, k)] * factor[at(column, k)];
            }
            if row == column {
                if !(sum > 0.0 && sum.is_finite()) {
                    return None;
                }
                factor[at(row, row)] = sum.sqrt();
            } else {
                factor[at(row, column)] = sum / factor[at(column, column)];
            }
        }
    }
    let mut inverse = vec![0.0; matrix.len()];
    for column in 0..size {
        inverse[at(column, column)] = 1.0 / factor[at(column, column)];
        for row in column + 1..size {
            let sum: f64 = (column..row).map(|k| factor[at(row, k)] * inverse[at(k, column)]).sum();
            inverse[at(row, column)] = -sum / factor[at(row, row)];
        }
    }
    inverse.iter().all(|value| value.is_finite()).then_some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_factor_turns_the_matrix_into_the_unit_matrix() {
        let matrix = [4.0, 2.0, 5.0, -1.0, 0.5, 3.0];
        let inverse = inverse_factor(&matrix, 3).unwrap();
        let get = |m: &[f64], r: usize, c: usize| if c > r { 0.0 } else { m[r * (r + 1) / 2 + c] };
        let symmetric = |r: usize, c: usize| get(&matrix, r.max(c), r.min(c));
        for r in 0..3 {
            for c in 0..3 {
                let mut sum = 0.0;
                for i in 0..3 {
                    for j in 0..3 {
                        sum += get(&inverse, r, i) * symmetric(i, j) * get(&inverse, c, j);
                    }
                }
                assert!((sum - f64::from(u8::from(r == c))).abs() < 1e-12);
            }
        }
        assert_eq!(inverse_factor(&[1.0, 1.0, 1.0], 2), None);
        assert_eq!(inverse_factor(&[f64::NAN], 1), None);
    }
}
