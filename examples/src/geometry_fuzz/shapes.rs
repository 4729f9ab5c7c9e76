//! Targets that read polygons and lines.

use super::{Bytes, Finding, ensure};
use geo_types::{LineString, MultiPolygon, Polygon};
use mapvec_geometry::{
    Cap, ConcaveHullConfig, Fill, Join, OffsetConfig, RegularizeConfig, buffer_lines, concave_hull,
    convex_hull, difference, intersection, offset_polygons, oriented_box, polygon_area,
    repair_multi_polygon, snap_polygons, union, union_all, validate_line, validate_multi_polygon,
    validate_polygon, validate_ring, xor,
};

type Overlay = mapvec_geometry::Result<MultiPolygon<f64>>;

fn check(what: &str, result: Overlay) -> Finding {
    let Ok(shape) = result else { return Ok(()) };
    validate_multi_polygon(&shape).map_err(|e| format!("{what}: {e}: {shape:?}"))
}

/// The parts of a shape as they are, or repaired so that most calls have an answer.
pub(super) fn parts(bytes: &mut Bytes<'_>) -> Vec<Polygon<f64>> {
    let shape = bytes.multi_polygon();
    if bytes.below(4) == 0 {
        return shape.0;
    }
    let fill = if bytes.flag() { Fill::NonZero } else { Fill::EvenOdd };
    repair_multi_polygon(&shape, fill).map_or_else(|_| Vec::new(), |shape| shape.0)
}

fn side(polygons: &[Polygon<f64>]) -> f64 {
    let points = || polygons.iter().flat_map(|polygon| polygon.exterior().coords());
    let range = |along: fn(&geo_types::Coord<f64>) -> f64| {
        let low = points().map(along).fold(f64::INFINITY, f64::min);
        points().map(along).fold(f64::NEG_INFINITY, f64::max) - low
    };
    range(|p| p.x).max(range(|p| p.y)).max(0.0)
}

pub(super) fn total(polygons: &[Polygon<f64>]) -> f64 {
    polygons.iter().map(polygon_area).sum()
}

/// Results are valid, and areas add up.
pub(super) fn booleans(bytes: &mut Bytes<'_>) -> Finding {
    let (a, b) = (parts(bytes), parts(bytes));
    for (what, result) in [
        ("union", union(&a, &b)),
        ("intersection", intersection(&a, &b)),
        ("difference", difference(&a, &b)),
        ("xor", xor(&a, &b)),
        ("union_all", union_all(&a)),
    ] {
        check(what, result)?;
    }
    let (Ok(or), Ok(and)) = (union(&a, &b), intersection(&a, &b)) else { return Ok(()) };
    let (Ok(one), Ok(two)) = (union_all(&a), union_all(&b)) else { return Ok(()) };
    let all: Vec<_> = a.iter().chain(&b).cloned().collect();
    let count: usize = all.iter().map(|p| p.exterior().0.len() + 20 * p.interiors().len()).sum();
    // Vertices and crossings move by a step of the grid; coordinates may carry less.
    let far = all.iter().flat_map(|p| p.exterior().coords()).map(|p| p.x.abs().max(p.y.abs()));
    let side = side(&all);
    let step = side * 1e-8 + far.fold(0.0, f64::max) * 1e-15;
    let slack = (count + 1).pow(2) as f64 * side * step;
    let gap = (total(&or.0) + total(&and.0) - total(&one.0) - total(&two.0)).abs();
    ensure(gap <= slack || gap.is_nan(), || {
        format!("areas differ by {gap} of {slack}: {a:?} {b:?}")
    })
}

/// Whatever is finite can be repaired, and what is valid stays so.
pub(super) fn repair(bytes: &mut Bytes<'_>) -> Finding {
    let shape = bytes.multi_polygon();
    let _ = validate_line(&bytes.line());
    for polygon in &shape {
        let _ = (validate_polygon(polygon), validate_ring(polygon.exterior()));
    }
    let valid = validate_multi_polygon(&shape).is_ok();
    let rings = |polygon: &Polygon<f64>| {
        let mut rings = polygon.interiors().to_vec();
        rings.push(polygon.exterior().clone());
        rings
    };
    let finite = shape
        .iter()
        .flat_map(rings)
        .all(|ring: LineString<f64>| ring.coords().all(|p| p.x.is_finite() && p.y.is_finite()));
    ensure(finite || !valid, || format!("valid with infinite coordinates: {shape:?}"))?;
    for fill in [Fill::EvenOdd, Fill::NonZero] {
        match repair_multi_polygon(&shape, fill) {
            Ok(repaired) => {
                validate_multi_polygon(&repaired).map_err(|e| format!("{e}: {shape:?}"))?;
                let (old, new) = (total(&shape.0), total(&repaired.0));
                // What cancels in the sums of products.
                let far = shape.iter().flat_map(rings).flat_map(|ring| ring.0);
                let far = far.map(|p| p.x.abs().max(p.y.abs())).fold(0.0, f64::max);
                let slack = 1e-9 * old.abs() + 1e-13 * far * far;
                let same = (old - new).abs() <= slack || !old.is_finite();
                ensure(!valid || same, || format!("area {old} becomes {new}: {shape:?}"))?;
            }
            Err(error) => ensure(!finite, || format!("{fill:?}: {error}: {shape:?}"))?,
        }
    }
    Ok(())
}

/// Regularized, snapped and surrounding polygons are valid.
pub(super) fn regularize(bytes: &mut Bytes<'_>) -> Finding {
    let polygons = parts(bytes);
    let config = RegularizeConfig {
        tolerance: bytes.length(),
        diagonals: bytes.flag(),
        max_turn: bytes.length() / 10.0,
    };
    for polygon in &polygons {
        if let Ok(result) = mapvec_geometry::regularize(polygon, &config) {
            validate_polygon(&result).map_err(|e| format!("{e}: {polygon:?} {config:?}"))?;
        }
    }
    if let Ok(snapped) = snap_polygons(&polygons, bytes.length()) {
        ensure(snapped.len() == polygons.len(), || "snapping loses polygons".to_owned())?;
        for polygon in &snapped {
            validate_polygon(polygon).map_err(|e| format!("snap: {e}: {polygons:?}"))?;
        }
    }
    let cloud = bytes.cloud();
    let hull = ConcaveHullConfig { concavity: bytes.length(), min_side: bytes.length() };
    for hull in [convex_hull(&cloud), concave_hull(&cloud, &hull)].into_iter().flatten() {
        validate_polygon(&hull).map_err(|e| format!("hull: {e}: {cloud:?}"))?;
    }
    let _ = oriented_box(&cloud);
    Ok(())
}

/// Grown, shrunk and buffered shapes are valid.
pub(super) fn offset(bytes: &mut Bytes<'_>) -> Finding {
    let join = match bytes.below(3) {
        0 => Join::Round,
        1 => Join::Bevel,
        _ => Join::Miter,
    };
    let cap = [Cap::Butt, Cap::Round, Cap::Square][bytes.below(3)];
    let config = OffsetConfig { join, cap, arc_tolerance: bytes.length() };
    let mut polygons = parts(bytes);
    // Every vertex becomes a band, so that several of the largest rings take seconds.
    let mut left = 4500;
    polygons.retain(|polygon| {
        let rings = || std::iter::once(polygon.exterior()).chain(polygon.interiors());
        let count: usize = rings().map(|ring| ring.0.len()).sum();
        let fits = count <= left;
        left -= if fits { count } else { 0 };
        fits
    });
    let distance = bytes.length();
    let distance = if bytes.flag() { -distance } else { distance };
    check("offset", offset_polygons(&polygons, distance, &config))?;
    let lines: Vec<_> = (0..bytes.below(3)).map(|_| bytes.line()).collect();
    check("buffer", buffer_lines(&lines, bytes.length(), &config))
}
