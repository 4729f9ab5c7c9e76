//! Pieces of lines joined end to end.

use super::LinePiece;
use crate::{
    Error, Result,
    box_tree::{Bounds, BoxTree},
    error::check_non_negative,
    point_segment_distance,
    raster::check_line,
};
use geo_types::{Coord, Line, LineString};

/// Distance over which the direction of an end is measured, in pixels: the last stretch
/// alone may be a stair, a longer one hides a fork.
const REACH: f64 = 3.0;
/// Pairs of ends that are compared: as many per end on average, and as many more where
/// there are few.
const MAX_PAIRS: [usize; 2] = [16, 10_000_000];
/// A joint at most this far from the straight line is dropped (pixels, and relative to
/// the coordinates in case of large ones).
const STRAIGHT: [f64; 2] = [1e-9, 1e-15];

/// Joins pieces of lines where the cores of tiles cut them.
///
/// Two ends that are [cut](LinePiece::cut), with equal label and at most `tolerance`
/// (pixels) apart, become a joint, at their middle. Where several ends may be joined, the
/// pairs with the smallest sum of distance, relative to the tolerance, and turn, relative
/// to going back, are first. An end that is not cut is never joined: free ends and
/// junctions on a border stay what they are. Joints on a straight line are dropped.
///
/// So lines cut by [`clip_line`](crate::clip_line) come back with the vertices that they
/// had, apart from straight ones on the borders of cores. For lines that were traced in
/// each tile by itself, trace with the halo and without simplification
/// ([`CentrelineConfig::tolerance`](crate::CentrelineConfig) 0), clip to the core, join,
/// and simplify at last: the result is that of the whole raster as far as the lines in
/// the cores are those of the whole. A halo wider than the drawn lines and the shortest
/// spur and part that is kept does for that.
///
/// Pieces come in any order. A joined line has the place and the direction of its first
/// piece; a ring without an end of its own begins at its topmost vertex. Ends for which
/// none was found stay marked as cut, so that rows of tiles may be joined one after
/// the other, and breaks be seen. About n log n in the number of ends.
///
/// # Errors
/// [`Error::Parameter`] for a negative tolerance; [`Error::Item`] with the index of a piece
/// that is no line or has coordinates beyond `1e100`; [`Error::TooManySteps`] where
/// thousands of ends lie within the tolerance of each other: beyond 16 pairs per end and
/// ten million more.
pub fn merge_lines(pieces: &[LinePiece], tolerance: f64) -> Result<Vec<LinePiece>> {
    check_non_negative("tolerance", tolerance)?;
    let mut ends = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        check_line(&piece.line).map_err(|error| error.of_item("pieces", index))?;
        ends.extend([0, 1].into_iter().filter(|&side| piece.cut[side]).map(|side| {
            let (point, directions) = end_of(&piece.line.0, side);
            End { piece: index, side, label: piece.label, point, directions }
        }));
    }
    let mut partners = vec![[None; 2]; pieces.len()];
    for (k, l) in pairs(&ends, tolerance)? {
        let [(p, i), (q, j)] = [&ends[k], &ends[l]].map(|end| (end.piece, end.side));
        if partners[p][i].is_none() && partners[q][j].is_none() {
            partners[p][i] = Some((q, j));
            partners[q][j] = Some((p, i));
        }
    }
    let mut used = vec![false; pieces.len()];
    let mut lines = Vec::new();
    for first in 0..pieces.len() {
        if !used[first] {
            let chain = chain(first, &partners);
            chain.iter().for_each(|&(piece, _)| used[piece] = true);
            lines.push(join(pieces, &chain, &partners));
        }
    }
    Ok(lines)
}

/// A cut end of a piece.
#[derive(Debug, Clone, Copy)]
struct End {
    piece: usize,
    /// 0 for the start, 1 for the end.
    side: usize,
    label: u32,
    point: Coord<f64>,
    /// Unit vectors in which the line leaves the piece: of its last stretch, and over
    /// [`REACH`].
    directions: [Coord<f64>; 2],
}

/// The point at an end of a line and the directions in which the line leaves there.
fn end_of(points: &[Coord<f64>], side: usize) -> (Coord<f64>, [Coord<f64>; 2]) {
    let at = |k: usize| if side == 0 { points[k] } else { points[points.len() - 1 - k] };
    let mut directions = [Coord::zero(); 2];
    let mut longest = 0.0;
    for v in (1..points.len()).map(|k| at(0) - at(k)) {
        let length = v.x.hypot(v.y);
        if length > longest {
            directions[1] = v / length;
            if longest <= 0.0 {
                directions[0] = directions[1];
            }
            longest = length;
        }
        if length >= REACH {
            break;
        }
    }
    (at(0), directions)
}

/// Half the cosines between directions, so that 0 is straight on and 1 is back.
fn turn(a: &End, b: &End) -> f64 {
    let cosine = |(u, v): (&Coord<f64>, &Coord<f64>)| u.x * v.x + u.y * v.y;
    let cosines: f64 = a.directions.iter().zip(&b.directions).map(cosine).sum();
    0.5 + 0.25 * cosines
}

/// Pairs of ends that may be joined, the best first.
fn pairs(ends: &[End], tolerance: f64) -> Result<Vec<(usize, usize)>> {
    let spot = |end: &End| Bounds::of(end.point, end.point);
    let tree = BoxTree::new(ends.iter().map(spot).collect());
    let mut found: Vec<(f64, usize, usize)> = Vec::new();
    let limit = MAX_PAIRS[0] * ends.len() + MAX_PAIRS[1];
    let mut looked_at = 0;
    for (k, end) in ends.iter().enumerate() {
        tree.visit(&spot(end).grown(tolerance), |l| {
            looked_at += usize::from(l > k);
            let other = &ends[l];
            if l > k && other.label == end.label && other.piece != end.piece {
                let gap = end.point - other.point;
                let distance = gap.x.hypot(gap.y);
                if distance <= tolerance {
                    let share = if tolerance > 0.0 { distance / tolerance } else { 0.0 };
                    found.push((share + turn(end, other), k, l));
                }
            }
            looked_at <= limit
        });
        if looked_at > limit {
            let (what, count, limit) = ("joining lines", looked_at as f64, limit as f64);
            return Err(Error::TooManySteps { what, count, limit });
        }
    }
    found.sort_by(|p, q| p.0.total_cmp(&q.0).then((p.1, p.2).cmp(&(q.1, q.2))));
    Ok(found.into_iter().map(|(_, k, l)| (k, l)).collect())
}

type Partners = [[Option<(usize, usize)>; 2]];

/// The pieces of the line through `first` in order, each with whether it is reversed.
fn chain(first: usize, partners: &Partners) -> Vec<(usize, bool)> {
    // Back to the start, or once around a ring.
    let mut start = (first, false);
    while let Some((piece, side)) = partners[start.0][usize::from(start.1)] {
        start = (piece, side == 0);
        if piece == first {
            start = (first, false);
            break;
        }
    }
    let mut chain = vec![start];
    let mut at = start;
    while let Some((piece, side)) = partners[at.0][usize::from(!at.1)] {
        if piece == start.0 {
            break;
        }
        at = (piece, side == 1);
        chain.push(at);
    }
    chain
}

/// Joins the pieces of a chain.
fn join(pieces: &[LinePiece], chain: &[(usize, bool)], partners: &Partners) -> LinePiece {
    // Points with whether they are joints.
    let mut points: Vec<(Coord<f64>, bool)> = Vec::new();
    for &(index, reversed) in chain {
        let mut next: Vec<_> = pieces[index].line.coords().map(|&p| (p, false)).collect();
        if reversed {
            next.reverse();
        }
        if let Some((end, _)) = points.pop() {
            next[0] = (middle(end, next[0].0), true);
        }
        points.extend(next);
    }
    let [first, last] = [chain[0], chain[chain.len() - 1]];
    let is_ring = partners[first.0][usize::from(first.1)].is_some();
    if is_ring && let Some((end, _)) = points.pop() {
        points[0] = (middle(end, points[0].0), true);
        let order = |&k: &usize| (points[k].1, points[k].0.y, points[k].0.x);
        let topmost =
            (0..points.len()).reduce(|best, k| if order(&k) < order(&best) { k } else { best });
        points.rotate_left(topmost.unwrap_or(0));
        points.push((points[0].0, false));
    }
    let mut line: Vec<Coord<f64>> = Vec::with_capacity(points.len());
    for (k, &(p, is_joint)) in points.iter().enumerate() {
        let after = points.get(k + 1).map(|next| next.0);
        let is_straight = is_joint
            && line
                .last()
                .zip(after)
                .is_some_and(|(&before, after)| lies_between(before, p, after));
        if !is_straight {
            line.push(p);
        }
    }
    let cut = [(first, first.1), (last, !last.1)]
        .map(|((piece, _), side)| !is_ring && pieces[piece].cut[usize::from(side)]);
    LinePiece { label: pieces[first.0].label, line: LineString(line), cut }
}

fn middle(p: Coord<f64>, q: Coord<f64>) -> Coord<f64> {
    if p == q { p } else { (p + q) * 0.5 }
}

fn lies_between(before: Coord<f64>, p: Coord<f64>, after: Coord<f64>) -> bool {
    let largest =
        [before, p, after].iter().fold(0.0_f64, |most, p| most.max(p.x.abs()).max(p.y.abs()));
    let distance = point_segment_distance(p, Line::new(before, after));
    distance <= STRAIGHT[0].max(STRAIGHT[1] * largest)
}
