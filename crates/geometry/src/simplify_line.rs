//! Douglas-Peucker simplification of lines.

use crate::{Result, error::check_non_negative, spatial_index::check_line};
use geo_types::{Coord, LineString};

/// Drops vertices that lie within `tolerance` pixels of the simplified line.
///
/// Ends are kept. A closed line keeps its closing point, the point farthest from
/// it and the point farthest from the chord between them, so a ring never
/// collapses. Iterative; quadratic time in the worst case, about n log n on traced
/// lines.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) unless `tolerance` is finite and at least
/// 0, and for coordinates beyond `1e100`;
/// [`Error::NonFiniteLine`](crate::Error::NonFiniteLine) for others that are no numbers.
///
/// # References
/// D. Douglas, T. Peucker, *Algorithms for the reduction of the number of points
/// required to represent a digitized line or its caricature*, 1973.
pub fn simplify_line(line: &LineString<f64>, tolerance: f64) -> Result<LineString<f64>> {
    check_non_negative("tolerance", tolerance)?;
    check_line(line)?;
    let points = &line.0;
    if points.len() < 3 {
        return Ok(line.clone());
    }
    let keep = douglas_peucker(points, tolerance);
    let kept = points.iter().zip(&keep).filter(|&(_, &keep)| keep);
    Ok(LineString(kept.map(|(&point, _)| point).collect()))
}

/// Which of at least two points the simplified line keeps.
pub(crate) fn douglas_peucker(points: &[Coord<f64>], tolerance: f64) -> Vec<bool> {
    let last = points.len() - 1;
    let mut keep = vec![false; points.len()];
    keep[0] = true;
    keep[last] = true;
    if points[0] == points[last] {
        keep_triangle(points, &mut keep);
    }
    let anchors: Vec<usize> = (0..points.len()).filter(|&index| keep[index]).collect();
    let mut stack: Vec<_> = anchors.windows(2).map(|pair| (pair[0], pair[1])).collect();
    while let Some((from, to)) = stack.pop() {
        if let Some((index, distance)) = farthest(points, from, to)
            && distance > tolerance.max(0.0)
        {
            keep[index] = true;
            stack.extend([(from, index), (index, to)]);
        }
    }
    keep
}

/// Marks two more corners of a closed line.
fn keep_triangle(points: &[Coord<f64>], keep: &mut [bool]) {
    let last = points.len() - 1;
    let Some((corner, _)) = farthest(points, 0, last) else { return };
    let sides = [farthest(points, 0, corner), farthest(points, corner, last)];
    let third = sides.into_iter().flatten().max_by(|p, q| p.1.total_cmp(&q.1));
    for (index, distance) in third.into_iter().chain([(corner, 1.0)]) {
        keep[index] |= distance > 0.0;
    }
}

/// The vertex strictly between two others that is farthest from their chord.
fn farthest(points: &[Coord<f64>], from: usize, to: usize) -> Option<(usize, f64)> {
    let chord = (points[from], points[to]);
    let distances = (from + 1..to).map(|index| (index, distance_to_segment(points[index], chord)));
    distances.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// Distance from a point to a segment.
pub(crate) fn distance_to_segment(p: Coord<f64>, (a, b): (Coord<f64>, Coord<f64>)) -> f64 {
    let (d, v) = (b - a, p - a);
    let square = d.x * d.x + d.y * d.y;
    let t = if square > 0.0 { ((v.x * d.x + v.y * d.y) / square).clamp(0.0, 1.0) } else { 0.0 };
    (v.x - t * d.x).hypot(v.y - t * d.y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn collinear_vertices_go_and_corners_stay() {
        let line = vec![(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (2.0, 3.0)].into();
        let expected: LineString<f64> = vec![(0.0, 0.0), (2.0, 0.0), (2.0, 3.0)].into();
        assert_eq!(simplify_line(&line, 0.0), Ok(expected));
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(matches!(simplify_line(&line, bad), Err(Error::Parameter { .. })));
        }
        let line = vec![(0.0, 0.0), (f64::INFINITY, 0.0)].into();
        assert_eq!(simplify_line(&line, 1.0), Err(Error::NonFiniteLine { index: 1 }));
    }

    #[test]
    fn rings_do_not_collapse() {
        let ring = vec![(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0)].into();
        let simple = simplify_line(&ring, 100.0).unwrap();
        assert_eq!(simple.0.len(), 4);
        assert!(simple.is_closed());
    }

    #[test]
    fn long_zigzag_does_not_overflow() {
        let zigzag: Vec<_> =
            (0..4000_u32).map(|k| (f64::from(k), f64::from(k % 2) * 3.0)).collect();
        assert_eq!(simplify_line(&zigzag.clone().into(), 1.0).unwrap().0.len(), 4000);
        assert_eq!(simplify_line(&zigzag.into(), 5.0).unwrap().0.len(), 2);
    }
}
