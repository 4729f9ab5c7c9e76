//! Convex and concave hulls of points.

use crate::{
    Error, Result,
    error::{check_coordinate, check_non_negative},
    polygon_area, validate_polygon,
};
use geo::{ConcaveHull as _, concave_hull::ConcaveHullOptions, convex_hull::graham_hull};
use geo_types::{Coord, Polygon};
use serde::{Deserialize, Serialize};

/// The smallest convex polygon that holds all points.
///
/// Corners are points of the input, in the crate's orientation, without those on
/// straight sides. Decided by exact predicates; n log n.
///
/// # Errors
/// [`Error::Collinear`] for points without area and [`Error::Parameter`] for
/// coordinates that are not finite or beyond `1e100`.
///
/// # References
/// R. Graham, *An efficient algorithm for determining the convex hull of a finite
/// planar set*, 1972.
pub fn convex_hull(points: &[Coord<f64>]) -> Result<Polygon<f64>> {
    let mut points = check_points(points)?;
    let count = points.len();
    let ring = graham_hull(&mut points, false);
    // An open ring of three corners is closed here.
    let hull = Polygon::new(ring, Vec::new());
    if hull.exterior().0.len() < 4 || polygon_area(&hull) <= 0.0 {
        return Err(Error::Collinear { count });
    }
    Ok(hull)
}

/// How far a concave hull follows its points inwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConcaveHullConfig {
    /// A side is bent inwards to a point if its length is at least this multiple of
    /// the distance of the point (no unit, at least 0.1). 1 gives a detailed shape,
    /// 1000 about the convex hull.
    pub concavity: f64,
    /// Sides up to this length stay straight (unit of the coordinates, at least 0).
    pub min_side: f64,
}

impl Default for ConcaveHullConfig {
    fn default() -> Self {
        Self { concavity: 2.0, min_side: 0.0 }
    }
}

impl ConcaveHullConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        if !(self.concavity.is_finite() && self.concavity >= 0.1) {
            let (field, value) = ("concave_hull.concavity", self.concavity);
            return Err(Error::Parameter { field, value, allowed: "finite and at least 0.1" });
        }
        check_non_negative("concave_hull.min_side", self.min_side)
    }
}

/// A polygon with corners among the points that holds all of them and hugs them
/// more closely than [`convex_hull`].
///
/// Starts from the convex hull and bends long sides inwards to the nearest points.
/// Should the result not be valid, as may happen with many collinear points, the
/// convex hull is returned. Cost: n log n, and all points against all corners for that check.
///
/// # Errors
/// [`Error::Parameter`] for a field of `config` and those of [`convex_hull`].
///
/// # References
/// J.-S. Park, S.-J. Oh, *A new concave hull algorithm and concaveness measure for
/// n-dimensional datasets*, 2012.
pub fn concave_hull(points: &[Coord<f64>], config: &ConcaveHullConfig) -> Result<Polygon<f64>> {
    config.validate()?;
    let convex = convex_hull(points)?;
    let points = check_points(points)?;
    let options =
        ConcaveHullOptions::default().concavity(config.concavity).length_threshold(config.min_side);
    let hull = points.concave_hull_with_options(options);
    let holds_all = || {
        use geo::Intersects;
        points.iter().all(|p| hull.intersects(p))
    };
    Ok(if validate_polygon(&hull).is_ok() && holds_all() { hull } else { convex })
}

/// The points, each once.
fn check_points(points: &[Coord<f64>]) -> Result<Vec<Coord<f64>>> {
    points.iter().flat_map(|p| [p.x, p.y]).try_for_each(check_coordinate)?;
    // Zeros of both signs are the same point.
    let mut points: Vec<_> = points.iter().map(|p| Coord { x: p.x + 0.0, y: p.y + 0.0 }).collect();
    points.sort_unstable_by(|p, q| p.x.total_cmp(&q.x).then(p.y.total_cmp(&q.y)));
    points.dedup();
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(list: &[(f64, f64)]) -> Vec<Coord<f64>> {
        list.iter().map(|&p| p.into()).collect()
    }

    #[test]
    fn corners_only() {
        let grid: Vec<Coord<f64>> = (0..5_u8)
            .flat_map(|x| (0..4_u8).map(move |y| Coord { x: x.into(), y: y.into() }))
            .collect();
        let hull = convex_hull(&grid).unwrap();
        assert_eq!(hull.exterior().0.len(), 5);
        assert!((polygon_area(&hull) - 12.0).abs() < 1e-12);
    }

    #[test]
    fn notch_of_an_l() {
        let list = [
            (0.0, 0.0),
            (4.0, 0.0),
            (4.0, 1.0),
            (2.0, 1.0),
            (1.0, 1.0),
            (1.0, 2.0),
            (1.0, 4.0),
            (0.0, 4.0),
        ];
        let convex = convex_hull(&points(&list)).unwrap();
        let config = ConcaveHullConfig { concavity: 1.0, min_side: 0.0 };
        let concave = concave_hull(&points(&list), &config).unwrap();
        assert!(polygon_area(&concave) < 0.8 * polygon_area(&convex));
    }

    #[test]
    fn bad_points_are_refused() {
        let line = points(&[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]);
        assert_eq!(convex_hull(&line), Err(Error::Collinear { count: 3 }));
        assert_eq!(convex_hull(&[]), Err(Error::Collinear { count: 0 }));
        let nan = points(&[(0.0, 0.0), (1.0, f64::NAN), (2.0, 2.0)]);
        assert!(matches!(convex_hull(&nan), Err(Error::Parameter { .. })));
        let config = ConcaveHullConfig { concavity: -1.0, min_side: 0.0 };
        assert!(matches!(concave_hull(&line, &config), Err(Error::Parameter { .. })));
    }
}
