//! Invalid polygons to valid multipolygons.
//!
//! Rings are cut on an integer lattice with exact signs. The overlay of `geo` rounds
//! to a lattice of its own, and on shapes near its resolution it has been seen to panic
//! and to return parts that overlap by a rounding error.

mod arrangement;
mod assemble;
mod border;
mod line;

use crate::{Error, PolygonFault, Result, Ring, ring::rings, signed_area, validate_multi_polygon};
use arrangement::{Point, arrange};
use border::{Role, borders};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use serde::{Deserialize, Serialize};

pub use line::repair_line;

/// Bits of the largest coordinate on the lattices that are tried, the finest first.
const LATTICES: [i32; 4] = [50, 42, 34, 26];

/// Which points are inside of rings that cross or overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// Those that a ray leaves through an odd number of edges. What two rings cover
    /// becomes a hole; the direction of rings does not matter.
    #[default]
    EvenOdd,
    /// Those around which the exterior ring winds, minus those around which a hole
    /// winds. What the exterior covers twice stays; holes cut wherever they lie.
    NonZero,
}

/// Turns the rings of any finite polygon into a valid multipolygon.
///
/// Valid polygons come back with oriented rings and are otherwise unchanged. Crossings
/// become vertices, stretches without area (spikes, flat rings) vanish, and what the
/// rule of `fill` puts inside is kept: the result may have several parts or none.
/// Vertices move by about 1e-15 of the largest coordinate, or more where crossings are
/// closer together than that. Exterior rings have positive
/// area, holes negative.
///
/// # Errors
/// [`PolygonFault::NonFinite`] as [`Error::Polygon`], [`Error::TooManySteps`] for more
/// than two million crossings, and [`Error::MultiPolygon`] should the result still be
/// invalid on a lattice of 2^26 steps, which is not known to happen.
///
/// # Examples
/// ```
/// use geo_types::polygon;
/// use mapvec_geometry::{Fill, repair_polygon};
/// let bow = polygon![(x: 0.0, y: 0.0), (x: 2.0, y: 2.0), (x: 2.0, y: 0.0), (x: 0.0, y: 2.0)];
/// assert_eq!(repair_polygon(&bow, Fill::EvenOdd)?.0.len(), 2);
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
pub fn repair_polygon(polygon: &Polygon<f64>, fill: Fill) -> Result<MultiPolygon<f64>> {
    repair_multi_polygon(&MultiPolygon(vec![polygon.clone()]), fill)
}

/// Turns the rings of any finite multipolygon into a valid one.
///
/// As [`repair_polygon`], over all rings together: with [`Fill::EvenOdd`] the overlap
/// of two parts becomes a hole, with [`Fill::NonZero`] parts are merged.
///
/// # Errors
/// As [`repair_polygon`].
pub fn repair_multi_polygon(
    multi_polygon: &MultiPolygon<f64>,
    fill: Fill,
) -> Result<MultiPolygon<f64>> {
    for polygon in multi_polygon {
        check_finite(polygon)?;
    }
    if validate_multi_polygon(multi_polygon).is_ok() {
        return Ok(oriented(multi_polygon.clone()));
    }
    let coordinates = multi_polygon.iter().flat_map(rings).flat_map(LineString::coords);
    let largest = coordinates.fold(0.0_f64, |most, p| most.max(p.x.abs()).max(p.y.abs()));
    let mut result = Ok(());
    for bits in LATTICES {
        let step = step(largest, bits);
        if let Some(repaired) = filled(multi_polygon, fill, step)? {
            result = validate_multi_polygon(&repaired);
            if result.is_ok() {
                return Ok(repaired);
            }
        }
    }
    result.and_then(|()| validate_multi_polygon(multi_polygon)).map(|()| multi_polygon.clone())
}

/// The power of two of which the largest coordinate has 2^`bits`; not below the
/// smallest normal numbers.
fn step(largest: f64, bits: i32) -> f64 {
    let exponent = if largest > 0.0 { largest.log2().ceil() } else { 0.0 };
    (exponent - f64::from(bits)).max(-1021.0).exp2()
}

fn check_finite(polygon: &Polygon<f64>) -> Result<()> {
    let holes = polygon.interiors().iter().enumerate();
    let rings = std::iter::once((Ring::Exterior, polygon.exterior()))
        .chain(holes.map(|(index, ring)| (Ring::Hole(index), ring)));
    for (ring, line) in rings {
        let finite = |p: &Coord<f64>| p.x.is_finite() && p.y.is_finite();
        if let Some(index) = line.coords().position(|p| !finite(p)) {
            return Err(Error::Polygon(PolygonFault::NonFinite { ring, index }));
        }
    }
    Ok(())
}

/// The area that the rings cover by a rule, on a lattice.
fn filled(shape: &MultiPolygon<f64>, fill: Fill, step: f64) -> Result<Option<MultiPolygon<f64>>> {
    let (mut roles, mut on_lattice) = (Vec::new(), Vec::new());
    for (part, polygon) in shape.iter().enumerate() {
        for (index, ring) in rings(polygon).enumerate() {
            roles.push(Role { part, exterior: index == 0 });
            let whole = |v: f64| (v / step).round() as i64;
            on_lattice
                .push(ring.coords().map(|p| Point { x: whole(p.x), y: whole(p.y) }).collect());
        }
    }
    let Some(edges) = arrange(&on_lattice)? else { return Ok(None) };
    let ring = |points: &Vec<Point>| {
        // The largest numbers may have been rounded beyond themselves.
        let whole = |v: i64| (v as f64 * step).clamp(f64::MIN, f64::MAX);
        let coord = |p: &Point| Coord { x: whole(p.x), y: whole(p.y) };
        LineString(points.iter().chain(points.first()).map(coord).collect())
    };
    let part = |loops: &Vec<Vec<Point>>| {
        let mut rings = loops.iter().map(ring);
        let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
        Polygon::new(exterior, rings.collect())
    };
    let parts = assemble::polygons(&borders(&edges, &roles, fill));
    Ok(Some(MultiPolygon(parts.iter().map(part).collect())))
}

fn has_points(polygon: &Polygon<f64>) -> bool {
    !polygon.exterior().0.is_empty()
}

/// Exterior rings with positive area, holes with negative; empty parts are dropped.
fn oriented(shape: MultiPolygon<f64>) -> MultiPolygon<f64> {
    let parts = shape.into_iter().filter(has_points).map(oriented_polygon);
    MultiPolygon(parts.collect())
}

fn oriented_polygon(polygon: Polygon<f64>) -> Polygon<f64> {
    let turned = |mut ring: LineString<f64>, positive: bool| {
        if (signed_area(&ring) > 0.0) != positive {
            ring.0.reverse();
        }
        ring
    };
    let (exterior, holes) = polygon.into_inner();
    let holes = holes.into_iter().map(|hole| turned(hole, false));
    Polygon::new(turned(exterior, true), holes.collect())
}
