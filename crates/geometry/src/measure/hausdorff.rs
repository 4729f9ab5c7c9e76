//! Hausdorff distances between lines as continuous curves.
//!
//! Branch and bound over pieces of the segments: the distance to one segment is a
//! convex function along a line, so the distances of the two ends of a piece to any
//! one segment bound the distances of all its points. Pieces whose bound exceeds
//! what was found are halved. The ends of most segments share their nearest segment,
//! which settles them at once.

use super::{between, check_lines, check_step, point_segment_distance};
use crate::{Error, Result, SegmentIndex};
use geo_types::{Coord, Line, LineString};
use std::{cmp::Ordering, collections::BinaryHeap};

/// Largest number of pieces looked at.
const LIMIT: usize = 1 << 24;

/// Largest distance of a point of `from` to the nearest point of `to`.
///
/// Lines are continuous curves: points between the vertices count. The result is
/// at most `tolerance` (in the unit of the coordinates, above 0) below the exact
/// value and never above it, up to rounding. It is exact where the largest distance
/// is reached at a vertex of `from`. Several lines count as one set.
///
/// About n log m, and log(length / tolerance) steps for every local maximum.
///
/// # Errors
/// [`Error::Parameter`] for the tolerance, [`Error::Empty`] for lines without
/// points, [`Error::Item`] with the index of a line that has bad coordinates, and
/// [`Error::TooManySteps`] for a tolerance that is out of reach.
pub fn directed_hausdorff(
    from: &[LineString<f64>],
    to: &[LineString<f64>],
    tolerance: f64,
) -> Result<f64> {
    check_step("tolerance", tolerance)?;
    check_lines("the first set of lines", from)?;
    check_lines("the second set of lines", to)?;
    let index = Target::new(to)?;
    let ends: Vec<Vec<End>> =
        from.iter().map(|line| line.coords().map(|&p| index.end(p)).collect()).collect();
    let mut best = ends.iter().flatten().map(|end| end.distance).fold(0.0, f64::max);
    let mut pieces: BinaryHeap<Piece> = ends
        .iter()
        .flat_map(|line| line.windows(2))
        .map(|pair| Piece::new(pair[0], pair[1]))
        .filter(|piece| piece.bound > best + tolerance)
        .collect();
    let mut steps = 0;
    while let Some(piece) = pieces.pop() {
        if piece.bound <= best + tolerance {
            break;
        }
        steps += 1;
        if steps > LIMIT {
            let (count, limit) = ((steps + pieces.len()) as f64, LIMIT as f64);
            return Err(Error::TooManySteps { what: "Hausdorff distance", count, limit });
        }
        let [a, b] = piece.ends;
        let middle = index.end((a.point + b.point) * 0.5);
        best = best.max(middle.distance);
        if middle.point != a.point && middle.point != b.point {
            pieces.push(Piece::new(a, middle));
            pieces.push(Piece::new(middle, b));
        }
    }
    Ok(best)
}

/// The larger of the two directed Hausdorff distances.
///
/// # Errors
/// Those of [`directed_hausdorff`].
///
/// # References
/// H. Alt, B. Behrends, J. Blömer, *Approximate matching of polygonal shapes*, 1995.
///
/// # Examples
/// ```
/// use geo_types::LineString;
/// let flat = [LineString::from(vec![(0.0, 0.0), (10.0, 0.0)])];
/// let bent = [LineString::from(vec![(0.0, 0.0), (5.0, 2.0), (10.0, 0.0)])];
/// let distance = mapvec_geometry::hausdorff(&flat, &bent, 1e-6)?;
/// assert!((distance - 2.0).abs() < 1e-6);
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
pub fn hausdorff(a: &[LineString<f64>], b: &[LineString<f64>], tolerance: f64) -> Result<f64> {
    Ok(directed_hausdorff(a, b, tolerance)?.max(directed_hausdorff(b, a, tolerance)?))
}

/// The lines that distances are measured to.
struct Target<'a> {
    lines: &'a [LineString<f64>],
    index: SegmentIndex,
}

impl<'a> Target<'a> {
    fn new(lines: &'a [LineString<f64>]) -> Result<Self> {
        Ok(Self { lines, index: SegmentIndex::new(lines)? })
    }

    fn end(&self, point: Coord<f64>) -> End {
        let near = self.index.nearest(point);
        let segment = near.map_or(Line::new(point, point), |near| {
            let line = &self.lines[near.line].0;
            Line::new(line[near.segment], line[(near.segment + 1).min(line.len() - 1)])
        });
        End { point, segment, distance: point_segment_distance(point, segment) }
    }
}

/// A point and the segment nearest to it.
#[derive(Clone, Copy)]
struct End {
    point: Coord<f64>,
    segment: Line<f64>,
    distance: f64,
}

/// A stretch of a segment.
struct Piece {
    ends: [End; 2],
    /// No point of the piece is farther away.
    bound: f64,
}

impl Piece {
    fn new(a: End, b: End) -> Self {
        let to_a = point_segment_distance(b.point, a.segment).max(a.distance);
        let to_b = point_segment_distance(a.point, b.segment).max(b.distance);
        // The distance changes by at most the way that a point moves.
        let slope = 0.5 * (a.distance + b.distance + between(a.point, b.point));
        Self { ends: [a, b], bound: to_a.min(to_b).min(slope) }
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Piece {}

impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Piece {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.total_cmp(&other.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maximum_between_vertices() {
        // The middle of the long segment is 10 from both short ones, its ends are on them.
        let from = [LineString::from(vec![(0.0, 0.0), (20.0, 0.0)])];
        let to = [
            LineString::from(vec![(0.0, 0.0), (0.0, 5.0)]),
            LineString::from(vec![(20.0, 0.0), (20.0, 5.0)]),
        ];
        assert!((directed_hausdorff(&from, &to, 1e-9).unwrap() - 10.0).abs() < 1e-9);
        assert!((directed_hausdorff(&to, &from, 1e-9).unwrap() - 5.0).abs() < 1e-9);
        assert!((hausdorff(&from, &to, 1e-9).unwrap() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn bad_input_is_refused() {
        let line = [LineString::from(vec![(0.0, 0.0), (20.0, 0.0)])];
        let nan = [LineString::from(vec![(0.0, f64::NAN), (20.0, 0.0)])];
        assert!(matches!(hausdorff(&line, &nan, 1.0), Err(Error::Item { index: 0, .. })));
        assert!(matches!(hausdorff(&line, &[], 1.0), Err(Error::Empty { .. })));
        assert!(matches!(hausdorff(&line, &line, 0.0), Err(Error::Parameter { .. })));
    }
}
