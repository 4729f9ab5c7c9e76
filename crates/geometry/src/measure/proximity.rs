//! Shortest distances between points, segments, lines and polygons.

use super::{between, boundary};
use crate::{
    Error, Result, SegmentIndex,
    error::check_coordinate,
    spatial_index::{check_line, nearest_on_segment},
};
use geo::{CoordinatePosition, Intersects, coordinate_position::CoordPos};
use geo_types::{Coord, Line, LineString, Polygon, Rect};

/// Distance from a point to a segment.
#[must_use]
pub fn point_segment_distance(point: Coord<f64>, segment: Line<f64>) -> f64 {
    between(point, nearest_on_segment(point, segment))
}

/// Distance between two segments; 0 where they touch or cross.
///
/// Whether they cross is decided exactly.
#[must_use]
pub fn segment_distance(a: Line<f64>, b: Line<f64>) -> f64 {
    if a.intersects(&b) {
        return 0.0;
    }
    let ends = [(a.start, b), (a.end, b), (b.start, a), (b.end, a)];
    ends.map(|(p, segment)| point_segment_distance(p, segment))
        .into_iter()
        .fold(f64::INFINITY, f64::min)
}

/// Distance between two lines; 0 where they touch or cross.
///
/// About (n + m) log(n + m) for lines that do not overlap much.
///
/// # Errors
/// [`Error::Empty`](crate::Error::Empty) for a line without points, and
/// [`SegmentIndex::new`]'s errors.
pub fn line_distance(a: &LineString<f64>, b: &LineString<f64>) -> Result<f64> {
    let check = |what, line: &LineString<f64>| {
        check_line(line)?;
        if line.0.is_empty() { Err(Error::Empty { what }) } else { Ok(()) }
    };
    check("the first line", a)?;
    check("the second line", b)?;
    lines_distance(std::slice::from_ref(a), std::slice::from_ref(b))
}

/// Distance from a point to a polygon; 0 inside and on the boundary.
///
/// Linear in the number of vertices; for many points use a [`SegmentIndex`].
///
/// # Errors
/// [`Error::Empty`](crate::Error::Empty) for an empty polygon, and errors about
/// coordinates as in [`SegmentIndex::new`].
pub fn point_polygon_distance(point: Coord<f64>, polygon: &Polygon<f64>) -> Result<f64> {
    check_coordinate(point.x)?;
    check_coordinate(point.y)?;
    let rings = boundary("the polygon", polygon)?;
    if polygon.coordinate_position(&point) != CoordPos::Outside {
        return Ok(0.0);
    }
    let segments = rings.iter().flat_map(LineString::lines);
    Ok(segments.map(|s| point_segment_distance(point, s)).fold(f64::INFINITY, f64::min))
}

/// Distance between two polygons; 0 where they touch or overlap.
///
/// A polygon in a hole of the other has a distance to the ring of the hole. About
/// (n + m) log(n + m) for polygons that do not overlap much.
///
/// # Errors
/// [`Error::Empty`](crate::Error::Empty) for an empty polygon, and errors about
/// coordinates as in [`SegmentIndex::new`].
pub fn polygon_distance(a: &Polygon<f64>, b: &Polygon<f64>) -> Result<f64> {
    let lines_a = boundary("the first polygon", a)?;
    let lines_b = boundary("the second polygon", b)?;
    let inside = |polygon: &Polygon<f64>, other: &Polygon<f64>| {
        let first = other.exterior().0.first();
        first.is_some_and(|p| polygon.coordinate_position(p) != CoordPos::Outside)
    };
    // Without a crossing, one polygon lies in the other or the two are apart.
    if inside(a, b) || inside(b, a) {
        return Ok(0.0);
    }
    lines_distance(&lines_a, &lines_b)
}

fn lines_distance(a: &[LineString<f64>], b: &[LineString<f64>]) -> Result<f64> {
    let (index_a, index_b) = (SegmentIndex::new(a)?, SegmentIndex::new(b)?);
    for segment in b.iter().flat_map(LineString::lines) {
        let mut near = index_a.candidates(Rect::new(segment.start, segment.end));
        if near.any(|other| other.shape.intersects(&segment)) {
            return Ok(0.0);
        }
    }
    // Segments that do not cross are nearest at an end of one of them.
    let least = |lines: &[LineString<f64>], index: &SegmentIndex| {
        let points = lines.iter().flat_map(LineString::coords);
        let distances = points.filter_map(|&p| index.nearest(p).map(|near| near.distance));
        distances.fold(f64::INFINITY, f64::min)
    };
    Ok(least(a, &index_b).min(least(b, &index_a)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::{coord, polygon};

    #[test]
    fn polygon_in_a_hole() {
        let square = |at: f64, side: f64| {
            LineString::from(vec![
                (at, at),
                (at + side, at),
                (at + side, at + side),
                (at, at + side),
            ])
        };
        let ring = Polygon::new(square(0.0, 20.0), vec![square(2.0, 16.0)]);
        let inner = Polygon::new(square(5.0, 4.0), Vec::new());
        assert!((polygon_distance(&ring, &inner).unwrap() - 3.0).abs() < 1e-12);
        assert!((polygon_distance(&inner, &ring).unwrap() - 3.0).abs() < 1e-12);
        let full = Polygon::new(square(0.0, 20.0), Vec::new());
        assert!(polygon_distance(&full, &inner).unwrap().abs() < 1e-12);
        let point = coord! { x: 10.0, y: 10.0 };
        assert!((point_polygon_distance(point, &ring).unwrap() - 8.0).abs() < 1e-12);
        assert!(point_polygon_distance(point, &full).unwrap().abs() < 1e-12);
    }

    #[test]
    fn empty_shapes_are_refused() {
        let empty = polygon![];
        let point = coord! { x: 0.0, y: 0.0 };
        assert!(point_polygon_distance(point, &empty).is_err());
        assert!(polygon_distance(&empty, &empty).is_err());
        let line = LineString::from(vec![(0.0, 0.0), (1.0, 0.0)]);
        assert!(line_distance(&line, &LineString(Vec::new())).is_err());
    }
}
