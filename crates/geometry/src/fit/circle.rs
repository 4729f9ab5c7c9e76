//! Circles fitted to points.

use crate::{Error, Result};
use geo_types::Coord;

/// Steps of Newton's method.
const MAX_STEPS: usize = 50;
/// Points whose spread across their line is less than this, relative to the spread
/// along it, are collinear.
const FLAT: f64 = 1e-12;

/// A circle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// Its centre.
    pub centre: Coord<f64>,
    /// Its radius (pixels).
    pub radius: f64,
}

/// The circle that fits points best in the sense of Taubin.
///
/// Minimises the squared algebraic distances divided by the mean squared gradient,
/// which on short arcs is far less biased towards small circles than plain
/// algebraic fits; exact for points on a circle. Linear in the number of points.
///
/// # Errors
/// [`Error::NonFiniteLine`] for a coordinate that is infinite or not a number;
/// [`Error::NoCircle`] for points that are fewer than three or on one line.
///
/// # References
/// G. Taubin, *Estimation of planar curves, surfaces and nonplanar space curves
/// defined by implicit equations*, 1991. N. Chernov, *Circular and linear
/// regression*, 2010, section 5.10.
pub fn fit_circle(points: &[Coord<f64>]) -> Result<Circle> {
    if let Some(index) = points.iter().position(|p| !(p.x.is_finite() && p.y.is_finite())) {
        return Err(Error::NonFiniteLine { index });
    }
    taubin(points).ok_or(Error::NoCircle { count: points.len() })
}

/// The fit; `None` for points without a circle.
pub(super) fn taubin(points: &[Coord<f64>]) -> Option<Circle> {
    if points.len() < 3 {
        return None;
    }
    let count = points.len() as f64;
    let mean = points.iter().fold(Coord::zero(), |sum, &p| sum + p / count);
    let spread = |p: &Coord<f64>| (p.x - mean.x).hypot(p.y - mean.y);
    let scale = points.iter().map(spread).fold(0.0, f64::max);
    if !scale.is_finite() || scale <= 0.0 {
        return None;
    }
    // Moments of the centred and scaled points; z is the squared distance.
    let (mut xx, mut xy, mut yy, mut xz, mut yz, mut zz) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for p in points {
        let (x, y) = ((p.x - mean.x) / scale, (p.y - mean.y) / scale);
        let z = x * x + y * y;
        xx += x * x / count;
        xy += x * y / count;
        yy += y * y / count;
        xz += x * z / count;
        yz += y * z / count;
        zz += z * z / count;
    }
    let z = xx + yy;
    let covariance = xx * yy - xy * xy;
    if covariance <= FLAT * z * z {
        return None;
    }
    let variance = zz - z * z;
    let a2 = 4.0 * covariance - 3.0 * z * z - zz;
    let a1 = variance * z + 4.0 * covariance * z - xz * xz - yz * yz;
    let a0 = xz * (xz * yy - yz * xy) + yz * (yz * xx - xz * xy) - variance * covariance;
    let a3 = 4.0 * z;
    // The smallest root that is not negative: Newton's method from 0 never passes it.
    let mut root = 0.0;
    for _ in 0..MAX_STEPS {
        let value = a0 + root * (a1 + root * (a2 + root * a3));
        let slope = a1 + root * (2.0 * a2 + 3.0 * root * a3);
        let next = root - value / slope;
        if !next.is_finite() || next <= root {
            break;
        }
        root = next;
    }
    let determinant = root * root - root * z + covariance;
    let centre = Coord {
        x: (xz * (yy - root) - yz * xy) / determinant / 2.0,
        y: (yz * (xx - root) - xz * xy) / determinant / 2.0,
    };
    let radius = (centre.x * centre.x + centre.y * centre.y + z).sqrt() * scale;
    let centre = mean + centre * scale;
    let finite = radius.is_finite() && centre.x.is_finite() && centre.y.is_finite();
    finite.then_some(Circle { centre, radius })
}
