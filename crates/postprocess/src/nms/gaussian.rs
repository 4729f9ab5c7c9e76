//! Overlap of oriented boxes as normal distributions.

use geo_types::{Coord, Rect, coord};
use mapvec_geometry::OrientedBox;

use super::detections::GaussianOverlap;

/// Smaller overlaps count as none, which bounds how far a distribution reaches.
const LEAST: f64 = 0.01;

/// Centre and covariance; no overlap with anything where the box has no area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gaussian {
    centre: Coord<f64>,
    /// Variances along x and y and their covariance.
    covariance: [f64; 3],
    determinant: f64,
    /// The larger of the standard deviations along the sides.
    deviation: f64,
}

impl Gaussian {
    pub(super) fn of_box(turned: &OrientedBox) -> Self {
        let (sin, cos) = turned.angle.sin_cos();
        let (u, v) = (turned.width * turned.width / 12.0, turned.height * turned.height / 12.0);
        let covariance =
            [u * cos * cos + v * sin * sin, u * sin * sin + v * cos * cos, (u - v) * sin * cos];
        let deviation = u.max(v).sqrt();
        Self { centre: turned.centre, covariance, determinant: u * v, deviation }
    }

    /// A box that meets that of every other distribution with an overlap of at least
    /// [`LEAST`].
    pub(super) fn bounds(&self, measure: GaussianOverlap) -> Rect<f64> {
        let coefficient = match measure {
            GaussianOverlap::Hellinger => 1.0 - (1.0 - LEAST) * (1.0 - LEAST),
            GaussianOverlap::Bhattacharyya => LEAST,
        };
        // d^2 <= 8 B (s1^2 + s2^2) / 2 with B = -ln coefficient, and the root of a sum of
        // squares is at most the sum. A little more for rounding.
        let reach = 1.001 * (-4.0 * coefficient.ln()).sqrt() * self.deviation;
        let by = coord! { x: reach, y: reach };
        Rect::new(self.centre - by, self.centre + by)
    }

    pub(super) fn overlap(&self, other: &Self, measure: GaussianOverlap) -> f64 {
        if !(self.determinant > 0.0 && other.determinant > 0.0) {
            return 0.0;
        }
        let mean = |k: usize| 0.5 * (self.covariance[k] + other.covariance[k]);
        let (xx, yy, xy) = (mean(0), mean(1), mean(2));
        let determinant = xx * yy - xy * xy;
        let d = other.centre - self.centre;
        let square = (yy * d.x * d.x - 2.0 * xy * d.x * d.y + xx * d.y * d.y) / determinant;
        let spread = determinant / (self.determinant.sqrt() * other.determinant.sqrt());
        let coefficient = (-(0.125 * square + 0.5 * spread.ln())).exp().min(1.0);
        let overlap = match measure {
            GaussianOverlap::Bhattacharyya => coefficient,
            GaussianOverlap::Hellinger => 1.0 - (1.0 - coefficient).sqrt(),
        };
        // NaN, too: covariances that over- or underflow.
        if overlap >= LEAST { overlap } else { 0.0 }
    }
}
