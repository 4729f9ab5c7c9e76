//! The target of polygons that crowd around points.

use super::{Bytes, Finding, ensure, shapes::total};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use mapvec_geometry::{
    Fill, RegularizeConfig, regularize, repair_multi_polygon, validate_coverage,
    validate_multi_polygon, validate_polygon,
};

/// Half the side of the square on which the spokes of a fan end.
const REACH: usize = 50;

/// Triangles around points, on a lattice before they are scaled.
struct Fans {
    triangles: Vec<Polygon<f64>>,
    /// By construction they fit: a single fan, without a vertex where another has none.
    is_coverage: bool,
    /// Neighbours have common edges.
    is_shared: bool,
    scale: f64,
}

/// Fans can be validated, repaired and regularized, and are coverages.
pub(super) fn fans(bytes: &mut Bytes<'_>) -> Finding {
    let fans = draw(bytes);
    let area = if bytes.flag() { f64::INFINITY } else { 0.0 };
    let covers = validate_coverage(&fans.triangles, area);
    ensure(covers.is_ok() || !fans.is_coverage || fans.is_shared && area > 0.0, || {
        format!("{covers:?}: {:?}", fans.triangles)
    })?;
    let shape = MultiPolygon(fans.triangles);
    let valid = validate_multi_polygon(&shape);
    ensure(valid.is_ok() || !fans.is_coverage || fans.is_shared, || {
        format!("{valid:?}: {shape:?}")
    })?;
    for fill in [Fill::EvenOdd, Fill::NonZero] {
        let repaired = repair_multi_polygon(&shape, fill).map_err(|e| format!("{e}: {shape:?}"))?;
        validate_multi_polygon(&repaired).map_err(|e| format!("{fill:?}: {e}: {shape:?}"))?;
        let (old, new) = (total(&shape.0), total(&repaired.0));
        ensure(valid.is_err() || (old - new).abs() <= 1e-6 * old, || {
            format!("{fill:?}: area {old} becomes {new}: {shape:?}")
        })?;
    }
    let config = RegularizeConfig {
        tolerance: f64::from(bytes.byte().max(1)) / 32.0 * fans.scale,
        diagonals: bytes.flag(),
        ..RegularizeConfig::default()
    };
    for triangle in shape.iter().take(8) {
        straighten(triangle, &config)?;
    }
    // The triangles as holes of a page.
    let [low, high] = [-2.0, 20.0].map(|times| times * REACH as f64 * fans.scale);
    let page = vec![(low, low), (high, low), (high, high), (low, high)];
    let holes = shape.iter().map(|triangle| triangle.exterior().clone()).collect();
    straighten(&Polygon::new(page.into(), holes), &config)
}

fn draw(bytes: &mut Bytes<'_>) -> Fans {
    let scale = [1.0, 1.0, 1.0 / 3.0, 1e-7, 1e97, 1e-150][bytes.below(6)];
    let centres = bytes.below(3) + 1;
    let (is_shared, with_vertex) = (bytes.flag(), bytes.flag());
    // Beside each other, with common corners, or over each other.
    let apart = [3 * REACH, 2 * REACH, REACH][bytes.below(3)];
    let mut triangles = Vec::new();
    for centre in 0..centres {
        let count = 50 + bytes.below(51);
        let step = 8 * REACH / count;
        let apex = Coord { x: (apart * centre) as f64, y: 0.0 };
        for k in 0..count {
            let end = k * step + if is_shared { step } else { step - 1 };
            let corners = [apex, spoke(apex, k * step), spoke(apex, end)];
            let mut ring = corners.map(|p| p * scale).to_vec();
            if with_vertex && k == count / 2 {
                let edge = bytes.below(3);
                let middle = (ring[edge] + ring[(edge + 1) % 3]) * 0.5;
                ring.insert(edge + 1, middle);
            }
            if bytes.below(4) == 0 {
                ring.reverse();
            }
            triangles.push(Polygon::new(LineString(ring), Vec::new()));
        }
    }
    let is_coverage = centres == 1 && !(is_shared && with_vertex);
    Fans { triangles, is_coverage, is_shared, scale }
}

/// A place on the border of the square around a point.
fn spoke(p: Coord<f64>, along: usize) -> Coord<f64> {
    let reach = REACH as f64;
    let off = (along % (2 * REACH)) as f64 - reach;
    let (x, y) = match along / (2 * REACH) % 4 {
        0 => (off, -reach),
        1 => (reach, off),
        2 => (-off, reach),
        _ => (-reach, -off),
    };
    p + Coord { x, y }
}

/// Regularized polygons are valid, have their rings, and no vertex is far from the old ring.
fn straighten(polygon: &Polygon<f64>, config: &RegularizeConfig) -> Finding {
    let Ok(result) = regularize(polygon, config) else { return Ok(()) };
    validate_polygon(&result).map_err(|e| format!("{e}: {polygon:?} {config:?}"))?;
    let count = [polygon, &result].map(|polygon| polygon.interiors().len());
    ensure(count[0] == count[1], || format!("{count:?} holes: {polygon:?} {config:?}"))?;
    let rings = |polygon: &Polygon<f64>| {
        let mut rings = polygon.interiors().to_vec();
        rings.push(polygon.exterior().clone());
        rings
    };
    for (old, new) in rings(polygon).into_iter().zip(rings(&result)) {
        let far = farthest(&old, &new).max(farthest(&new, &old));
        ensure(far <= config.tolerance * (1.0 + 1e-6), || {
            format!("moved by {far}: {old:?} {new:?} {config:?}")
        })?;
    }
    Ok(())
}

/// The largest distance of a vertex of one line from the other line.
fn farthest(from: &LineString<f64>, to: &LineString<f64>) -> f64 {
    let distance = |p: &Coord<f64>| {
        let near = to.lines().map(|line| {
            let (way, off) = (line.end - line.start, *p - line.start);
            let length = way.x.hypot(way.y);
            if length <= 0.0 {
                return off.x.hypot(off.y);
            }
            let unit = way / length;
            let t = (off.x * unit.x + off.y * unit.y).clamp(0.0, length);
            (off.x - t * unit.x).hypot(off.y - t * unit.y)
        });
        near.fold(f64::INFINITY, f64::min)
    };
    from.coords().map(distance).fold(0.0, f64::max)
}
