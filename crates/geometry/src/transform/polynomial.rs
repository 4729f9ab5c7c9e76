//! Polynomials of two variables, fitted to points.

use super::least_squares::{Matrix, least_squares};
use geo_types::Coord;

/// Number of terms of order 3.
const TERMS: usize = 10;
/// Exponents of x and y, by order.
const EXPONENTS: [[usize; 2]; TERMS] =
    [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2], [3, 0], [2, 1], [1, 2], [0, 3]];

/// A pair of polynomials.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Polynomial {
    /// Coefficients of both results, in the order of [`EXPONENTS`].
    pub(super) coefficients: [Vec<f64>; 2],
}

/// A value and the derivatives `[d/dx, d/dy]` of its two coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) value: Coord<f64>,
    pub(super) dx: Coord<f64>,
    pub(super) dy: Coord<f64>,
}

/// Number of coefficients per coordinate, for order 1 to 3.
pub(super) fn terms(order: usize) -> usize {
    (order + 1) * (order + 2) / 2
}

impl Polynomial {
    /// The least squares fit; `None` if the points leave it open.
    pub(super) fn fit(pairs: &[[Coord<f64>; 2]], order: usize) -> Option<Self> {
        let column = |&[i, j]: &[usize; 2]| {
            pairs.iter().map(|[p, _]| powers(p.x)[i] * powers(p.y)[j]).collect()
        };
        let columns = EXPONENTS[..terms(order)].iter().map(column).collect();
        let right =
            [pairs.iter().map(|[_, q]| q.x).collect(), pairs.iter().map(|[_, q]| q.y).collect()];
        Some(Self { coefficients: least_squares(Matrix { columns }, right)? })
    }

    pub(super) fn sample(&self, p: Coord<f64>) -> Sample {
        let (x, y) = (powers(p.x), powers(p.y));
        let slope = |powers: &[f64; 4], k: usize| match k {
            0 => 0.0,
            _ => k as f64 * powers[k - 1],
        };
        let sum = |term: &dyn Fn(usize, usize) -> f64| {
            let total = |coefficients: &Vec<f64>| {
                let terms = coefficients.iter().zip(&EXPONENTS);
                terms.map(|(c, &[i, j])| c * term(i, j)).sum()
            };
            Coord { x: total(&self.coefficients[0]), y: total(&self.coefficients[1]) }
        };
        Sample {
            value: sum(&|i, j| x[i] * y[j]),
            dx: sum(&|i, j| slope(&x, i) * y[j]),
            dy: sum(&|i, j| x[i] * slope(&y, j)),
        }
    }
}

/// `[1, v, v^2, v^3]`.
fn powers(v: f64) -> [f64; 4] {
    [1.0, v, v * v, v * v * v]
}
