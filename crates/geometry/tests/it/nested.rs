//! A thousand frames, each inside the one before.

use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::{
    Connectivity, Coverage, Join, OffsetConfig, RegularizeConfig, TilePolygons, Window,
    merge_polygons, offset_polygons, polygon_area, regularize, snap_polygons, validate_coverage,
    validate_multi_polygon,
};

/// Number of frames, of two rings each.
const DEPTH: u32 = 1000;
const CENTRE: f64 = 2.0 * DEPTH as f64;

/// A square ring around the centre of the page.
fn square(half: f64) -> LineString<f64> {
    let (low, high) = (CENTRE - half, CENTRE + half);
    vec![(low, low), (high, low), (high, high), (low, high), (low, low)].into()
}

/// Frames one pixel wide with gaps one pixel wide, the innermost first.
fn frames() -> Vec<Polygon<f64>> {
    let frame = |k: u32| {
        let inner = f64::from(2 * k + 1);
        Polygon::new(square(inner + 1.0), vec![square(inner)])
    };
    (0..DEPTH).map(frame).collect()
}

#[test]
fn frames_grow_and_shrink() {
    let config = OffsetConfig { join: Join::Miter, ..OffsetConfig::default() };
    for distance in [0.25, -0.25] {
        let grown = offset_polygons(&frames(), distance, &config).unwrap();
        assert_eq!(validate_multi_polygon(&grown), Ok(()));
        assert_eq!(grown.0.len(), DEPTH as usize);
        let area: f64 = grown.iter().map(polygon_area).sum();
        let side = |half: f64| (2.0 * half).powi(2);
        let frame = |k: u32| {
            let inner = f64::from(2 * k + 1);
            side(inner + 1.0 + distance) - side(inner - distance)
        };
        let expected: f64 = (0..DEPTH).map(frame).sum();
        assert!((area - expected).abs() < 1e-6 * expected, "{area} {expected}");
    }
    // By more than half a gap they become one square.
    let one = offset_polygons(&frames(), 0.6, &config).unwrap();
    assert_eq!((one.0.len(), one.0[0].interiors().len()), (1, 1));
}

#[test]
fn frames_are_regular_and_apart() {
    for frame in frames() {
        let regular = regularize(&frame, &RegularizeConfig::default()).unwrap();
        for (ring, old) in [
            (regular.exterior(), frame.exterior()),
            (&regular.interiors()[0], &frame.interiors()[0]),
        ] {
            let near = |(p, q): (&Coord<f64>, &Coord<f64>)| (p.x - q.x).hypot(p.y - q.y) < 1e-9;
            assert_eq!(ring.0.len(), old.0.len());
            assert!(ring.0.iter().zip(&old.0).all(near));
        }
    }
    assert_eq!(snap_polygons(&frames(), 0.4), Ok(frames()));
    assert_eq!(validate_coverage(&frames(), 0.0), Ok(()));
}

/// Left and right halves of all frames.
#[test]
fn halves_of_frames_are_joined() {
    let half = |k: u32, sign: f64| {
        let (inner, outer) = (f64::from(2 * k + 1), f64::from(2 * k + 2));
        let at = |x: f64, y: f64| (CENTRE + sign * x, CENTRE + y);
        let points = vec![
            at(0.0, -outer),
            at(outer, -outer),
            at(outer, outer),
            at(0.0, outer),
            at(0.0, inner),
            at(inner, inner),
            at(inner, -inner),
            at(0.0, -inner),
        ];
        (1, Polygon::new(points.into(), Vec::new()))
    };
    let side = 2 * 2 * DEPTH;
    let tile = |x: u32, sign: f64| TilePolygons {
        core: Window { x, y: 0, width: side / 2, height: side },
        polygons: (0..DEPTH).map(|k| half(k, sign)).collect(),
    };
    let merged = merge_polygons(&[tile(side / 2, 1.0), tile(0, -1.0)]).unwrap();
    // The outermost one begins highest.
    let expected: Vec<_> = frames().into_iter().rev().map(|frame| (1, frame)).collect();
    assert_eq!(merged.len(), expected.len());
    for ((_, frame), (_, other)) in merged.iter().zip(&expected) {
        assert_eq!(frame.exterior(), other.exterior());
        assert_eq!(frame.interiors().len(), 1);
        assert!((polygon_area(frame) - polygon_area(other)).abs() < 1e-9);
    }
    let page = Window { x: 0, y: 0, width: side, height: side };
    let coverage = Coverage::from_polygons(&merged, page, Connectivity::Four).unwrap();
    // The outermost ring runs along the page and has its corners as nodes: four arcs.
    let count = DEPTH as usize;
    assert_eq!((coverage.len(), coverage.arcs().len()), (count, 2 * count + 3));
    assert_eq!(coverage.simplify(0.5), Ok(coverage));
}
