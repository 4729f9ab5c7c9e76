//! Invalid polygons to valid multipolygons.

use crate::{
    Error, PolygonFault, Result, Ring, signed_area, validate::scale_of, validate_multi_polygon,
};
use geo::algorithm::bool_ops::{BooleanOps, FillRule, OpType};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use serde::{Deserialize, Serialize};

/// Rounds of snapping before a shape is given up.
const MAX_ROUNDS: usize = 8;

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
/// Vertices move by about 1e-9 of the extent at most. Exterior rings have positive
/// area, holes negative.
///
/// # Errors
/// [`PolygonFault::NonFinite`] as [`Error::Polygon`], and [`Error::MultiPolygon`] where
/// the result is still invalid after rounding (extents beyond what `f64` resolves).
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
    // Extreme coordinates are brought near 1, so that extents do not overflow.
    let coordinates = multi_polygon.iter().flat_map(rings).flat_map(LineString::coords);
    let scale = scale_of(coordinates.fold(0.0, |most, p| most.max(p.x.abs()).max(p.y.abs())));
    let mut repaired = oriented(filled(&scaled(multi_polygon, scale), fill));
    for _ in 0..MAX_ROUNDS {
        match validate_multi_polygon(&repaired) {
            Ok(()) => return Ok(scaled(&repaired, 1.0 / scale)),
            // Rounding has moved vertices onto neighbours; a second pass sees them.
            Err(_) => repaired = oriented(filled(&repaired, Fill::EvenOdd)),
        }
    }
    validate_multi_polygon(&repaired)?;
    Ok(scaled(&repaired, 1.0 / scale))
}

fn rings(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

fn scaled(shape: &MultiPolygon<f64>, scale: f64) -> MultiPolygon<f64> {
    let ring = |ring: &LineString<f64>| ring.coords().map(|&p| p * scale).collect();
    let part = |polygon: &Polygon<f64>| {
        let holes = polygon.interiors().iter().map(ring);
        Polygon::new(ring(polygon.exterior()), holes.collect())
    };
    MultiPolygon(shape.iter().map(part).collect())
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

/// The area that the rings cover by a rule.
fn filled(shape: &MultiPolygon<f64>, fill: Fill) -> MultiPolygon<f64> {
    let alone = |ring: &LineString<f64>| Polygon::new(ring.clone(), Vec::new());
    let nothing = MultiPolygon(Vec::new());
    match fill {
        Fill::EvenOdd => {
            let rings = shape.iter().flat_map(rings).map(alone);
            let rings = MultiPolygon(rings.filter(has_points).collect());
            rings.boolean_op_with_fill_rule(&nothing, OpType::Union, FillRule::EvenOdd)
        }
        Fill::NonZero => {
            // Rings are made simple one by one and turned alike, so that where they
            // overlap they add up and never cancel.
            let simple = |ring: &LineString<f64>| {
                let rings =
                    MultiPolygon(vec![alone(ring)].into_iter().filter(has_points).collect());
                oriented(rings.boolean_op_with_fill_rule(
                    &nothing,
                    OpType::Union,
                    FillRule::NonZero,
                ))
            };
            let parts = shape.iter().map(|polygon| {
                let exterior = simple(polygon.exterior());
                let holes = MultiPolygon(polygon.interiors().iter().flat_map(simple).collect());
                exterior.boolean_op_with_fill_rule(&holes, OpType::Difference, FillRule::NonZero)
            });
            let parts = oriented(MultiPolygon(parts.flatten().collect()));
            parts.boolean_op_with_fill_rule(&nothing, OpType::Union, FillRule::NonZero)
        }
    }
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
