//! Rings cut into edges that meet at their ends only, on an integer lattice.
//!
//! Coordinates become whole multiples of a power of two, so that every sign is exact.
//! Crossings are rounded to the lattice; edges that move onto others by this are cut
//! again until nothing crosses.

use crate::{
    Error, Result,
    box_tree::{Bounds, BoxTree},
    hot_cell::passes,
};
use geo_types::Coord;

/// Rounds of cutting. A few are enough unless the lattice is too fine for the shape.
const MAX_ROUNDS: usize = 24;
/// The round from which on pieces are led through all points whose cells they pass. Where
/// crossings are exact (see [`crossing`]), one such round leaves none.
const SNAP_FROM: usize = 6;
/// Largest number of cuts, two for each crossing: under a gigabyte of edges.
const MAX_CUTS: usize = 4_000_000;
/// Largest number of pairs of pieces that are compared in one round.
const MAX_PAIRS: usize = 2_000_000_000;

/// A lattice point, with coordinates up to 2^51.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Point {
    // The order of points is that along upward edges.
    pub(super) y: i64,
    pub(super) x: i64,
}

impl Point {
    fn place(self) -> [i64; 2] {
        [self.x, self.y]
    }

    fn coord(self) -> Coord<f64> {
        Coord { x: self.x as f64, y: self.y as f64 }
    }
}

/// Sign of the area of the triangle `a`, `b`, `p`: positive where x turns to y.
pub(super) fn orient(a: Point, b: Point, p: Point) -> i128 {
    let v = |from: i64, to: i64| i128::from(to - from);
    (v(a.x, b.x) * v(a.y, p.y) - v(a.y, b.y) * v(a.x, p.x)).signum()
}

/// A directed piece of a ring.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: Point,
    end: Point,
    ring: u32,
}

/// Coinciding pieces, from the lower to the higher point.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) low: Point,
    pub(super) high: Point,
    /// How often each ring runs upwards minus how often downwards; never 0.
    pub(super) windings: Vec<(u32, i32)>,
}

/// Cuts rings of lattice points; none if rounding does not come to an end.
///
/// # Errors
/// [`Error::TooManySteps`] for millions of crossings.
pub(super) fn arrange(rings: &[Vec<Point>]) -> Result<Option<Vec<Edge>>> {
    let mut pieces = Vec::new();
    for (ring, points) in (0..).zip(rings) {
        let after = points.iter().cycle().skip(1);
        let pairs = points.iter().zip(after).filter(|(a, b)| a != b);
        pieces.extend(pairs.map(|(&start, &end)| Piece { start, end, ring }));
    }
    let mut left = MAX_CUTS;
    for round in 0..MAX_ROUNDS {
        let mut cuts = cuts(&pieces, left)?;
        if cuts.is_empty() {
            return Ok(Some(merge(&pieces)));
        }
        if round >= SNAP_FROM {
            snap(&pieces, &mut cuts, left)?;
        }
        left -= cuts.len();
        pieces = cut(&pieces, &mut cuts);
    }
    Ok(None)
}

/// Points at which pieces must be cut, with their index; at most `limit`.
fn cuts(pieces: &[Piece], limit: usize) -> Result<Vec<(usize, Point)>> {
    let bounds: Vec<Bounds> =
        pieces.iter().map(|piece| Bounds::of(piece.start.coord(), piece.end.coord())).collect();
    let tree = BoxTree::new(bounds.clone());
    let mut cuts = Vec::new();
    let mut pairs = 0;
    for (k, bounds) in bounds.iter().enumerate() {
        tree.visit(bounds, |l| {
            if l > k {
                pairs += 1;
                compare(pieces, [k, l], &mut cuts);
            }
            cuts.len() <= limit && pairs <= MAX_PAIRS
        });
        if cuts.len() > limit {
            return too_many(MAX_CUTS - limit + cuts.len(), MAX_CUTS);
        }
        if pairs > MAX_PAIRS {
            return too_many(pairs, MAX_PAIRS);
        }
    }
    Ok(cuts)
}

fn too_many(count: usize, limit: usize) -> Result<Vec<(usize, Point)>> {
    let (count, limit) = (count as f64, limit as f64);
    Err(Error::TooManySteps { what: "cutting rings where they cross", count, limit })
}

/// Adds cuts where a piece passes the cell of an end or of a cut of any piece: snap rounding.
fn snap(pieces: &[Piece], cuts: &mut Vec<(usize, Point)>, limit: usize) -> Result<()> {
    let mut hot: Vec<Point> = pieces.iter().flat_map(|piece| [piece.start, piece.end]).collect();
    hot.extend(cuts.iter().map(|cut| cut.1));
    hot.sort_unstable();
    hot.dedup();
    let places = BoxTree::new(hot.iter().map(|p| Bounds::of(p.coord(), p.coord())).collect());
    for (k, piece) in pieces.iter().enumerate() {
        let (start, end) = (piece.start, piece.end);
        places.visit(&Bounds::of(start.coord(), end.coord()).grown(0.5), |index| {
            let p = hot[index];
            if p != start && p != end && passes([start, end].map(Point::place), p.place()) {
                cuts.push((k, p));
            }
            cuts.len() <= limit
        });
        if cuts.len() > limit {
            too_many(MAX_CUTS - limit + cuts.len(), MAX_CUTS)?;
        }
    }
    Ok(())
}

fn compare(pieces: &[Piece], [k, l]: [usize; 2], cuts: &mut Vec<(usize, Point)>) {
    let ends = |k: usize| [pieces[k].start, pieces[k].end];
    let ([a, b], [c, d]) = (ends(k), ends(l));
    let (oc, od) = (orient(a, b, c), orient(a, b, d));
    if oc * od > 0 {
        return;
    }
    let (oa, ob) = (orient(c, d, a), orient(c, d, b));
    if oa * ob > 0 {
        return;
    }
    if oc * od < 0 && oa * ob < 0 {
        let p = crossing([a, b], [c, d]);
        // At least one of them does not end there, or they would share an end.
        cuts.extend(
            [(k, [a, b]), (l, [c, d])]
                .iter()
                .filter(|cut| !cut.1.contains(&p))
                .map(|cut| (cut.0, p)),
        );
        return;
    }
    for (on_line, p, other, [from, to]) in [
        (oc == 0, c, k, [a, b]),
        (od == 0, d, k, [a, b]),
        (oa == 0, a, l, [c, d]),
        (ob == 0, b, l, [c, d]),
    ] {
        // The order of points is monotone along a line.
        if on_line && from.min(to) < p && p < from.max(to) {
            cuts.push((other, p));
        }
    }
}

/// Where two segments cross: the lattice point in whose cell, as far as 128 bits reach (which
/// is for coordinates up to 2^36), otherwise that or one beside it.
fn crossing([a, b]: [Point; 2], [c, d]: [Point; 2]) -> Point {
    let v = |from: i64, to: i64| i128::from(to - from);
    let numerator = v(a.x, c.x) * v(c.y, d.y) - v(a.y, c.y) * v(c.x, d.x);
    let denominator = v(a.x, b.x) * v(c.y, d.y) - v(a.y, b.y) * v(c.x, d.x);
    let (numerator, whole) = (numerator * denominator.signum(), denominator.abs());
    let along = |from: i64, to: i64| {
        // Half a step up, then down: a cell holds its lower sides.
        let exact = v(from, to).checked_mul(2 * numerator).and_then(|way| way.checked_add(whole));
        let steps = match exact {
            Some(way) => way.div_euclid(2 * whole),
            None => (v(from, to) as f64 * (numerator as f64 / whole as f64)).round() as i128,
        };
        // Between both ends, so that the sum fits.
        from + steps as i64
    };
    Point { x: along(a.x, b.x), y: along(a.y, b.y) }
}

fn cut(pieces: &[Piece], cuts: &mut [(usize, Point)]) -> Vec<Piece> {
    cuts.sort_unstable();
    let mut rest = &*cuts;
    let mut result = Vec::with_capacity(pieces.len() + cuts.len());
    for (k, piece) in pieces.iter().enumerate() {
        let count = rest.iter().take_while(|cut| cut.0 == k).count();
        let (own, others) = rest.split_at(count);
        rest = others;
        let mut points: Vec<Point> = own.iter().map(|cut| cut.1).collect();
        let way = |p: &Point| {
            let v = |from: i64, to: i64| i128::from(to - from);
            let (s, e) = (piece.start, piece.end);
            v(s.x, p.x) * v(s.x, e.x) + v(s.y, p.y) * v(s.y, e.y)
        };
        points.sort_by_key(way);
        let mut start = piece.start;
        for end in points.into_iter().chain([piece.end]).filter(|p| *p != piece.start) {
            if end != start {
                result.push(Piece { start, end, ring: piece.ring });
                start = end;
            }
        }
    }
    result
}

/// Joins coinciding pieces; those that cancel out vanish.
fn merge(pieces: &[Piece]) -> Vec<Edge> {
    let mut sorted: Vec<(Point, Point, u32, i32)> = pieces
        .iter()
        .map(
            |&Piece { start, end, ring }| {
                if start < end { (start, end, ring, 1) } else { (end, start, ring, -1) }
            },
        )
        .collect();
    sorted.sort_unstable();
    let mut edges = Vec::new();
    for same in sorted.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let windings: Vec<(u32, i32)> = same
            .chunk_by(|a, b| a.2 == b.2)
            .map(|ring| (ring[0].2, ring.iter().map(|piece| piece.3).sum()))
            .filter(|&(_, winding)| winding != 0)
            .collect();
        if !windings.is_empty() {
            edges.push(Edge { low: same[0].0, high: same[0].1, windings });
        }
    }
    edges
}

/// A tree over the edges, in lattice units.
pub(super) fn edge_tree(edges: &[[Point; 2]]) -> BoxTree {
    BoxTree::new(edges.iter().map(|[a, b]| Bounds::of(a.coord(), b.coord())).collect())
}

/// The ray from a point to the right, for [`edge_tree`].
pub(super) fn ray(x: f64, y: f64) -> Bounds {
    Bounds::of(Coord { x, y }, Coord { x: f64::MAX, y })
}
