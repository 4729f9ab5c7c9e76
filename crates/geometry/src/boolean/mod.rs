//! Union, intersection, difference and exclusive or of polygons.
//!
//! `i_overlay`, the engine of `geo::BooleanOps`, splits the edges at their crossings,
//! on integers, and tells what lies beside them. Polygons are put together from the
//! edges here: in version 4.5 the part of the engine that gives holes to their
//! exterior rings, and with it `geo::BooleanOps` of version 0.33, panics on some
//! shapes whose rings touch and returns invalid polygons for others.

mod assemble;
mod grid;
mod limit;
mod noding;
mod owners;
mod shorten;

use crate::{
    Result,
    error::{LARGEST_COORDINATE, check_coordinate, check_each},
    ring::rings,
    validate_polygon,
};
use assemble::{Shape, assemble};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use grid::Grid;
use i_overlay::{
    core::{
        fill_rule::FillRule,
        overlay::{IntOverlayOptions, Overlay, ShapeType},
        solver::Solver,
    },
    i_float::int::point::IntPoint,
    vector::edge::{CLIP_LEFT, CLIP_RIGHT, SUBJ_LEFT, SUBJ_RIGHT, VectorEdge},
};
use owners::overlay_bundles;
use shorten::{Shortening, Stretches, shorten};

pub(crate) use owners::first_owners;

/// Vertices of the smaller operand from which on both are checked side by side.
const PARALLEL: usize = 2000;

/// Which points belong to the result, by whether they belong to the operands.
pub(crate) type Rule = fn(bool, bool) -> bool;

/// The area that `a` or `b` covers.
///
/// Each operand stands for the union of its polygons, which may overlap; a single
/// polygon is passed with `std::slice::from_ref`. The same holds for
/// [`intersection`], [`difference`] and [`xor`].
///
/// The result consists of valid polygons in the crate's orientation that touch at
/// points at most; no area is an empty multipolygon, not an error. Vertices are
/// snapped to a grid with a step between 2^-29 and 2^-28 of half the larger side of
/// the bounding box of both operands (for a raster of 1024 x 1024 about a millionth
/// of a pixel), or 2^-52 of the largest coordinate where that is more. Input vertices
/// move by at most 0.71 steps, crossings by about as much, and areas and gaps thinner
/// than about two steps vanish. Multiples of the step are exact, so that results fit each other
/// and are valid. About n log n in the number of vertices and crossings.
///
/// # Errors
/// [`Error::Item`](crate::Error::Item) with the index of a polygon: an
/// [`Error::Polygon`](crate::Error::Polygon) if it is not valid or has coordinates that
/// are not finite, an [`Error::Parameter`](crate::Error::Parameter) for coordinates beyond
/// `1e100`; [`Error::TooManySteps`](crate::Error::TooManySteps) where
/// edges meet in more than four million places.
///
/// # Examples
/// ```
/// use geo_types::polygon;
/// use mapvec_geometry::{polygon_area, union};
/// let a = [polygon![(x: 0., y: 0.), (x: 2., y: 0.), (x: 2., y: 2.), (x: 0., y: 2.)]];
/// let b = [polygon![(x: 1., y: 1.), (x: 3., y: 1.), (x: 3., y: 3.), (x: 1., y: 3.)]];
/// let both = union(&a, &b)?;
/// assert!((polygon_area(&both.0[0]) - 7.0).abs() < 1e-6);
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
pub fn union(a: &[Polygon<f64>], b: &[Polygon<f64>]) -> Result<MultiPolygon<f64>> {
    overlay(a, b, |a, b| a || b)
}

/// The area that `a` and `b` both cover; conventions and precision as for [`union`].
///
/// # Errors
/// Those of [`union`].
pub fn intersection(a: &[Polygon<f64>], b: &[Polygon<f64>]) -> Result<MultiPolygon<f64>> {
    overlay(a, b, |a, b| a && b)
}

/// The area that `a` covers and `b` does not; conventions and precision as for
/// [`union`].
///
/// # Errors
/// Those of [`union`].
pub fn difference(a: &[Polygon<f64>], b: &[Polygon<f64>]) -> Result<MultiPolygon<f64>> {
    overlay(a, b, |a, b| a && !b)
}

/// The area that one of `a` and `b` covers but not both; conventions and precision
/// as for [`union`].
///
/// # Errors
/// Those of [`union`].
pub fn xor(a: &[Polygon<f64>], b: &[Polygon<f64>]) -> Result<MultiPolygon<f64>> {
    overlay(a, b, |a, b| a != b)
}

/// The area that any of the polygons covers, in one pass over all of them;
/// conventions and precision as for [`union`].
///
/// # Errors
/// Those of [`union`].
pub fn union_all(polygons: &[Polygon<f64>]) -> Result<MultiPolygon<f64>> {
    check_each("polygons", polygons, check_polygon)?;
    overlay_unchecked(polygons, &[], |a, b| a || b)
}

fn overlay(a: &[Polygon<f64>], b: &[Polygon<f64>], rule: Rule) -> Result<MultiPolygon<f64>> {
    let check = |list, polygons: &[Polygon<f64>]| check_each(list, polygons, check_polygon);
    let vertices = |polygons: &[Polygon<f64>]| -> usize {
        polygons.iter().flat_map(rings).map(|ring| ring.0.len()).sum()
    };
    if vertices(a).min(vertices(b)) < PARALLEL {
        check("a", a)?;
        check("b", b)?;
    } else {
        let (a, b) = rayon::join(|| check("a", a), || check("b", b));
        a?;
        b?;
    }
    overlay_unchecked(a, b, rule)
}

/// Refuses a polygon that is not valid or has coordinates beyond `1e100`.
pub(crate) fn check_polygon(polygon: &Polygon<f64>) -> Result<()> {
    validate_polygon(polygon)?;
    let fits = |p: &Coord<f64>| p.x.abs() <= LARGEST_COORDINATE && p.y.abs() <= LARGEST_COORDINATE;
    let beyond = rings(polygon).find_map(|ring| ring.0.iter().find(|p| !fits(p)));
    beyond.map_or(Ok(()), |p| check_coordinate(p.x).and_then(|()| check_coordinate(p.y)))
}

/// Overlay of polygons with finite coordinates.
pub(crate) fn overlay_unchecked(
    a: &[Polygon<f64>],
    b: &[Polygon<f64>],
    rule: Rule,
) -> Result<MultiPolygon<f64>> {
    let Some(grid) = Grid::around(a.iter().chain(b)) else { return Ok(MultiPolygon(Vec::new())) };
    let (rings_a, rings_b) = (grid.snap(a), grid.snap(b));
    let (edges, stretches) = match shorten([&rings_a, &rings_b])? {
        Shortening::Bundles => return overlay_bundles(&grid, a, b, rule),
        Shortening::Pays(shortened) => separate_shortened(shortened),
        Shortening::DoesNotPay => None,
    }
    .unwrap_or_else(|| (separate(&rings_a, &rings_b), Stretches::default()));
    Ok(result(&grid, edges, &stretches, rule))
}

/// As [`separate`], with chords in the place of long stretches; none where a chord was
/// not met whole.
fn separate_shortened(
    ([a, b], stretches): ([Vec<Vec<IntPoint>>; 2], Stretches),
) -> Option<(Vec<VectorEdge>, Stretches)> {
    let edges = separate(&a, &b);
    let whole = edges.iter().filter(|edge| stretches.contains(edge.a, edge.b)).count();
    (whole == stretches.len()).then_some((edges, stretches))
}

/// Polygons from the edges that separate the inside of the result from the outside.
fn result(
    grid: &Grid,
    edges: Vec<VectorEdge>,
    stretches: &Stretches,
    rule: Rule,
) -> MultiPolygon<f64> {
    let boundary = edges.into_iter().filter_map(|edge| {
        let is_in = |subject: u8, clip: u8| rule(edge.fill & subject != 0, edge.fill & clip != 0);
        match (is_in(SUBJ_LEFT, CLIP_LEFT), is_in(SUBJ_RIGHT, CLIP_RIGHT)) {
            (true, false) => Some([edge.a, edge.b]),
            (false, true) => Some([edge.b, edge.a]),
            _ => None,
        }
    });
    restore(grid, assemble(boundary.collect(), stretches))
}

/// Shapes in coordinates.
fn restore(grid: &Grid, shapes: Vec<Shape>) -> MultiPolygon<f64> {
    let polygons = shapes.into_iter().map(|shape| {
        let mut rings = shape.iter().map(|ring| grid.restore(ring));
        let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
        Polygon::new(exterior, rings.collect())
    });
    MultiPolygon(polygons.collect())
}

/// The edges of both operands, cut where they cross, and what lies beside them.
fn separate(a: &[Vec<IntPoint>], b: &[Vec<IntPoint>]) -> Vec<VectorEdge> {
    // Collinear vertices keep the edges that rings share equal.
    let options =
        IntOverlayOptions { preserve_input_collinear: true, ..IntOverlayOptions::default() };
    let count = a.iter().chain(b).map(Vec::len).sum();
    let mut overlay = Overlay::new_custom(count, options, Solver::AUTO);
    overlay.add_contours(a, ShapeType::Subject);
    overlay.add_contours(b, ShapeType::Clip);
    // Exteriors turn positively and holes negatively: wherever at least one polygon
    // covers a point its winding number is positive, also where several do.
    overlay.build_separate_vectors(FillRule::Positive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A smooth ring with waves, of many vertices.
    fn ring(centre: Coord<f64>, radius: f64, (waves, phase): (u8, f64)) -> LineString<f64> {
        let vertex = |k: u32| {
            let angle = std::f64::consts::TAU * f64::from(k) / 400.0;
            let distance = radius * (1.0 + 0.3 * (f64::from(waves) * angle + phase).sin());
            centre + Coord { x: distance * angle.cos(), y: distance * angle.sin() }
        };
        (0..400).map(vertex).collect()
    }

    /// A polygon with a hole and an island in it.
    fn shape() -> impl Strategy<Value = Vec<Polygon<f64>>> {
        let ring_with = (3_u8..12, 0.0..6.0_f64);
        ((-60.0..60.0_f64, -60.0..60.0_f64), ring_with).prop_map(|((x, y), waves)| {
            let centre = Coord { x, y };
            let [outer, hole, island] = [100.0, 50.0, 10.0].map(|r| ring(centre, r, waves));
            vec![Polygon::new(outer, vec![hole]), Polygon::new(island, Vec::new())]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Both ways to cut edges give the same areas, and valid polygons.
        #[test]
        fn bundles_are_overlaid_as_all_else(a in shape(), b in shape()) {
            let grid = Grid::around(a.iter().chain(&b)).unwrap();
            let rules: [Rule; 4] = [|a, b| a || b, |a, b| a && b, |a, b| a && !b, |a, b| a != b];
            for rule in rules {
                let one = overlay_bundles(&grid, &a, &b, rule)?;
                let two = overlay_unchecked(&a, &b, rule)?;
                prop_assert_eq!(crate::validate_multi_polygon(&one), Ok(()));
                let area = |shapes: &MultiPolygon<f64>| -> f64 {
                    shapes.iter().map(crate::polygon_area).sum()
                };
                prop_assert!((area(&one) - area(&two)).abs() < 1e-3);
            }
        }

        #[test]
        fn chords_change_nothing(a in shape(), b in shape()) {
            let grid = Grid::around(a.iter().chain(&b)).unwrap();
            let (a, b) = (grid.snap(&a), grid.snap(&b));
            let Shortening::Pays(shortened) = shorten([&a, &b])? else {
                return Err(TestCaseError::fail("no chords"));
            };
            let (edges, stretches) = separate_shortened(shortened).unwrap();
            prop_assert!(stretches.len() > 20);
            let all = separate(&a, &b);
            prop_assert!(edges.len() * 2 < all.len());
            let rules: [Rule; 4] = [|a, b| a || b, |a, b| a && b, |a, b| a && !b, |a, b| a != b];
            for rule in rules {
                let sorted = |mut shapes: MultiPolygon<f64>| {
                    let first = |polygon: &Polygon<f64>| {
                        let p = polygon.exterior().0[0];
                        (p.x.to_bits(), p.y.to_bits())
                    };
                    shapes.0.sort_by_key(first);
                    for polygon in &mut shapes.0 {
                        polygon.interiors_mut(|holes| {
                            holes.sort_by_key(|hole| (hole.0[0].x.to_bits(), hole.0[0].y.to_bits()));
                        });
                    }
                    shapes
                };
                let short = sorted(result(&grid, edges.clone(), &stretches, rule));
                let long = sorted(result(&grid, all.clone(), &Stretches::default(), rule));
                prop_assert_eq!(short, long);
            }
        }
    }
}
