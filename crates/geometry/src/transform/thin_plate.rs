//! Thin-plate splines.

use super::{
    least_squares::{Matrix, least_squares},
    polynomial::Sample,
};
use geo_types::Coord;

/// A pair of thin-plate splines over the same sites.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ThinPlate {
    sites: Vec<Coord<f64>>,
    /// One weight per site, then the coefficients of 1, x and y.
    weights: [Vec<f64>; 2],
}

impl ThinPlate {
    /// The spline with values at sites; `smoothing` is added to the diagonal of the
    /// kernel matrix. `None` if the sites lie on a line or nearly coincide.
    pub(super) fn fit(pairs: &[[Coord<f64>; 2]], smoothing: f64) -> Option<Self> {
        let sites: Vec<_> = pairs.iter().map(|pair| pair[0]).collect();
        let mut columns: Vec<Vec<f64>> = Vec::with_capacity(sites.len() + 3);
        for (index, &site) in sites.iter().enumerate() {
            let mut column: Vec<f64> = sites.iter().map(|&p| kernel(p - site).0).collect();
            column[index] += smoothing;
            column.extend([1.0, site.x, site.y]);
            columns.push(column);
        }
        let bottom = [0.0; 3];
        for value in [|_| 1.0, |p: Coord<f64>| p.x, |p: Coord<f64>| p.y] {
            columns.push(sites.iter().map(|&p| value(p)).chain(bottom).collect());
        }
        let right = [
            pairs.iter().map(|pair| pair[1].x).chain(bottom).collect(),
            pairs.iter().map(|pair| pair[1].y).chain(bottom).collect(),
        ];
        let weights = least_squares(Matrix { columns }, right)?;
        Some(Self { sites, weights })
    }

    pub(super) fn sample(&self, p: Coord<f64>) -> Sample {
        let count = self.sites.len();
        let weight = |k: usize| Coord { x: self.weights[0][k], y: self.weights[1][k] };
        let (dx, dy) = (weight(count + 1), weight(count + 2));
        let mut sample = Sample { value: weight(count) + dx * p.x + dy * p.y, dx, dy };
        for (k, &site) in self.sites.iter().enumerate() {
            let offset = p - site;
            let (value, slope) = kernel(offset);
            sample.value = sample.value + weight(k) * value;
            sample.dx = sample.dx + weight(k) * (slope * offset.x);
            sample.dy = sample.dy + weight(k) * (slope * offset.y);
        }
        sample
    }
}

/// `r^2 ln r^2`, and the factor that turns the offset into the gradient.
fn kernel(offset: Coord<f64>) -> (f64, f64) {
    let square = offset.x * offset.x + offset.y * offset.y;
    if square > 0.0 {
        let logarithm = square.ln();
        (square * logarithm, 2.0 * (logarithm + 1.0))
    } else {
        (0.0, 0.0)
    }
}
