//! Polygons that meet edge to edge: what lies around each of their vertices.

use super::{
    CoverageFault, MultiPolygonFault, Ring,
    predicates::{Meeting, has_exact_sides, meeting, side},
    rings::{Rings, scale_of},
    sweep::meet_at_ends_only,
};
use crate::{
    Error, Result,
    union_find::{root, unite},
};
use geo_types::{Coord, Polygon};
use std::{cmp::Ordering, f64::consts::TAU};

/// Pairs of borders at common vertices, per vertex, from which on they crowd.
const CROWD: usize = 32;

/// Checks that polygons meet edge to edge, without overlaps and gaps.
///
/// Every polygon is valid; the interiors of two are disjoint; and where their borders
/// meet, both have the same vertices and edges. So whatever is done to a shared edge can
/// be done to both. Areas that polygons surround and none covers are gaps if they have
/// at most `gap_area` (in squared units, polygons inside counted): 0 allows them all,
/// infinity none, also where squared units go beyond all numbers. Slits that are open to
/// the outside are no gaps.
///
/// About n log n in the number of vertices.
///
/// # Errors
/// [`Error::Coverage`] with one fault and the indices of the polygons that it concerns;
/// [`Error::Parameter`] unless `gap_area` is at least 0.
///
/// # Examples
/// ```
/// use geo_types::polygon;
/// use mapvec_geometry::{CoverageFault, Error, validate_coverage};
/// let left = polygon![(x: 0., y: 0.), (x: 2., y: 0.), (x: 2., y: 2.), (x: 0., y: 2.)];
/// let right = polygon![(x: 2., y: 0.), (x: 4., y: 0.), (x: 4., y: 2.), (x: 2., y: 2.)];
/// assert!(validate_coverage(&[left.clone(), right], 0.0).is_ok());
/// let over = polygon![(x: 1., y: 0.), (x: 4., y: 0.), (x: 4., y: 3.), (x: 1., y: 3.)];
/// let fault = validate_coverage(&[left, over], 0.0);
/// let Err(Error::Coverage(CoverageFault::Overlap { first: 0, second: 1, .. })) = fault else {
///     panic!("they overlap");
/// };
/// ```
pub fn validate_coverage(polygons: &[Polygon<f64>], gap_area: f64) -> Result<()> {
    if gap_area.is_nan() || gap_area < 0.0 {
        let allowed = "at least 0 (squared units)";
        return Err(Error::Parameter { field: "gap_area", value: gap_area, allowed });
    }
    let borders = Borders::new(polygons.iter())?;
    Ok(if gap_area > 0.0 { borders.check_gaps(gap_area) } else { Ok(()) }?)
}

/// An edge as seen from one of its ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spoke {
    /// The other end.
    pub(crate) to: usize,
    /// The polygon on its positive side: between this spoke and the next one.
    pub(crate) ahead: Option<usize>,
    /// The polygon on its other side.
    pub(crate) behind: Option<usize>,
}

/// The vertices of a coverage and the edges around them.
#[derive(Debug)]
pub(crate) struct Borders {
    /// Distinct vertices in raster order.
    pub(crate) points: Vec<Coord<f64>>,
    /// The spokes of all points, each point's by angle from +x towards +y.
    pub(crate) spokes: Vec<Spoke>,
    /// The first spoke of each point, and the end.
    starts: Vec<usize>,
    /// For each spoke the one that leads back, at its other end.
    backs: Vec<usize>,
}

impl Borders {
    /// Finds and checks the borders of polygons that meet edge to edge.
    pub(crate) fn new<'a>(
        polygons: impl Iterator<Item = &'a Polygon<f64>> + Clone,
    ) -> Result<Self, CoverageFault> {
        for (index, polygon) in polygons.clone().enumerate() {
            let fault = super::check(std::slice::from_ref(polygon)).err();
            if let Some(MultiPolygonFault::Part { fault, .. }) = fault {
                return Err(CoverageFault::Polygon { polygon: index, fault });
            }
        }
        // Beside large polygons, tiny ones may have too few points left.
        let rings = Rings::new(polygons).map_err(|fault| match fault {
            MultiPolygonFault::Part { part, fault } => {
                CoverageFault::Polygon { polygon: part, fault }
            }
            MultiPolygonFault::SharedLine { first, second, x, y }
            | MultiPolygonFault::Overlap { first, second, x, y } => {
                CoverageFault::Overlap { first, second, x, y }
            }
        })?;
        let (ids, points) = distinct(&rings.points);
        if !(is_crowded(&ids) && meet_at_vertices(&rings, &ids)) {
            check_meetings(&rings)?;
        }
        let (spokes, starts) = spokes(&rings, &ids, &points)?;
        let backs = backs(&spokes, &starts);
        let borders = Self { points, spokes, starts, backs };
        borders.check_wedges(&rings)?;
        borders.check_nesting(&rings, &ids)?;
        Ok(Self { points: borders.points.iter().map(|&p| rings.original(p)).collect(), ..borders })
    }

    /// The spokes of a point, as a part of `spokes`.
    pub(crate) fn around(&self, point: usize) -> std::ops::Range<usize> {
        self.starts[point]..self.starts[point + 1]
    }

    /// The spoke that leads back, at the end of another one.
    pub(crate) fn back(&self, spoke: usize) -> usize {
        self.backs[spoke]
    }

    /// Neighbouring spokes say the same of what lies between them.
    fn check_wedges(&self, rings: &Rings) -> Result<(), CoverageFault> {
        for (id, &p) in self.points.iter().enumerate() {
            let around = &self.spokes[self.around(id)];
            for (spoke, next) in around.iter().zip(around.iter().cycle().skip(1)) {
                if spoke.ahead == next.behind {
                    continue;
                }
                let of =
                    |inner: Option<usize>, spoke: &Spoke| inner.or(spoke.ahead).or(spoke.behind);
                let parts = of(spoke.ahead, spoke).zip(of(next.behind, next));
                return Err(overlap(rings, parts.unwrap_or((0, 0)), p));
            }
        }
        Ok(())
    }

    /// Whatever lies inside a polygon without touching it lies in one of its holes.
    fn check_nesting(&self, rings: &Rings, ids: &[usize]) -> Result<(), CoverageFault> {
        let mut parent: Vec<usize> = (0..self.points.len()).collect();
        for id in 0..self.points.len() {
            for spoke in &self.spokes[self.around(id)] {
                unite(&mut parent, id, spoke.to);
            }
        }
        let group_of: Vec<usize> =
            rings.members.iter().map(|member| root(&mut parent, ids[member.range[0]])).collect();
        for (group, &p) in self.points.iter().enumerate() {
            if root(&mut parent, group) != group {
                continue;
            }
            // All spokes of the topmost point lead down: above it is the outside.
            let Some(last) = self.spokes[self.around(group)].last() else { continue };
            let around = rings.around(p).into_iter().filter(|&ring| group_of[ring] != group);
            let parts: Vec<usize> = around.map(|ring| rings.members[ring].part).collect();
            // Rings of a polygon follow each other.
            let odd = parts.chunk_by(|a, b| a == b).filter(|group| group.len() % 2 == 1);
            if let Some(part) = odd.map(|group| group[0]).find(|&part| Some(part) != last.ahead) {
                let own = last.behind.or(last.ahead).unwrap_or(part);
                return Err(overlap(rings, (part, own), p));
            }
        }
        Ok(())
    }

    /// Refuses outlines of what no polygon covers, up to an area.
    fn check_gaps(&self, gap_area: f64) -> Result<(), CoverageFault> {
        let reach = self.points.iter().map(|p| p.x.abs().max(p.y.abs()));
        let scale = scale_of(reach.fold(0.0, f64::max));
        let mut seen = vec![false; self.spokes.len()];
        for start in 0..self.points.len() {
            for first in self.around(start) {
                if seen[first] || self.spokes[first].ahead.is_some() {
                    continue;
                }
                // Along the gap, which lies ahead of each spoke on the way.
                let (mut from, mut spoke, mut doubled) = (start, first, 0.0);
                let mut beside = Vec::new();
                while !seen[spoke] {
                    seen[spoke] = true;
                    beside.extend(self.spokes[spoke].behind);
                    let to = self.spokes[spoke].to;
                    let origin = self.points[start];
                    // Scaled first: differences of the largest numbers are beyond all numbers.
                    let [u, v] = [from, to].map(|end| self.points[end] * scale - origin * scale);
                    doubled += u.x * v.y - u.y * v.x;
                    let (back, around) = (self.back(spoke), self.around(to));
                    spoke = if back == around.start { around.end } else { back } - 1;
                    from = to;
                }
                // Beyond all numbers, the area is infinite.
                let area = 0.5 * doubled / scale / scale;
                if doubled > 0.0 && area <= gap_area {
                    let one = beside.first().copied().unwrap_or(0);
                    let other = beside.iter().copied().find(|&part| part != one).unwrap_or(one);
                    let (first, second) = (one.min(other), one.max(other));
                    let Coord { x, y } = self.points[start];
                    return Err(CoverageFault::Gap { first, second, x, y, area });
                }
            }
        }
        Ok(())
    }
}

/// Whether so many borders pass the same places that comparing all pairs takes long.
fn is_crowded(ids: &[usize]) -> bool {
    let mut counts = vec![0_usize; ids.len()];
    ids.iter().for_each(|&id| counts[id] += 1);
    let pairs = counts.iter().fold(0_usize, |sum, &count| sum.saturating_add(count * count));
    pairs > CROWD * ids.len()
}

/// Whether borders meet at vertices of both only, or along whole edges.
fn meet_at_vertices(rings: &Rings, ids: &[usize]) -> bool {
    let ends = |k: usize| [ids[k], ids[rings.next(k)]];
    let key = |k: usize| [ends(k)[0].min(ends(k)[1]), ends(k)[0].max(ends(k)[1])];
    let mut edges: Vec<usize> = (0..ids.len()).collect();
    edges.sort_unstable_by_key(|&k| (key(k), k));
    edges.dedup_by_key(|k| key(*k));
    meet_at_ends_only(edges.into_iter().map(|k| rings.segment(k)))
}

/// Refuses borders of two polygons that cross, or meet where one has no vertex.
///
/// Borders that cross say more: the other fault is named if there are none.
fn check_meetings(rings: &Rings) -> Result<(), CoverageFault> {
    let (mut crossed, mut met) = (None, None);
    rings.visit_pairs(|k, l| {
        let [first, second] = [k, l].map(|k| rings.member_of(k).part);
        let parts = (first.min(second), first.max(second));
        if first == second {
            return true;
        }
        let [[a, b], [c, d]] = [rings.segment(k), rings.segment(l)];
        let shares = |p: Coord<f64>| (p == a || p == b) && (p == c || p == d);
        let place = match meeting([a, b], [c, d]) {
            Meeting::Touch(p) if !shares(p) => p,
            Meeting::Overlap(_) if !(shares(a) && shares(b)) => {
                // One of the ends lies inside the other segment.
                let is_inside = |p: &Coord<f64>| !shares(*p) && is_between(*p, [a, b], [c, d]);
                [a, b, c, d].into_iter().find(is_inside).unwrap_or(a)
            }
            Meeting::Cross(p) => {
                crossed = Some(overlap(rings, parts, p));
                return false;
            }
            _ => return true,
        };
        met.get_or_insert((parts, place));
        true
    });
    let unmatched = |((first, second), place)| {
        let Coord { x, y } = rings.original(place);
        CoverageFault::Unmatched { first, second, x, y }
    };
    crossed.or(met.map(unmatched)).map_or(Ok(()), Err)
}

/// Whether a point on the line of two segments lies in the boxes of both.
fn is_between(p: Coord<f64>, s: [Coord<f64>; 2], t: [Coord<f64>; 2]) -> bool {
    let within = |v: f64, a: f64, b: f64| a.min(b) <= v && v <= a.max(b);
    [s, t].iter().all(|[a, b]| within(p.x, a.x, b.x) && within(p.y, a.y, b.y))
}

fn overlap(rings: &Rings, parts: (usize, usize), p: Coord<f64>) -> CoverageFault {
    let Coord { x, y } = rings.original(p);
    CoverageFault::Overlap { first: parts.0.min(parts.1), second: parts.0.max(parts.1), x, y }
}

/// For each point the number of its place, and the places in raster order.
fn distinct(points: &[Coord<f64>]) -> (Vec<usize>, Vec<Coord<f64>>) {
    let order = |p: Coord<f64>, q: Coord<f64>| p.y.total_cmp(&q.y).then(p.x.total_cmp(&q.x));
    let mut sorted: Vec<usize> = (0..points.len()).collect();
    sorted.sort_unstable_by(|&k, &l| order(points[k], points[l]).then(k.cmp(&l)));
    let mut ids = vec![0; points.len()];
    let mut places: Vec<Coord<f64>> = Vec::new();
    for k in sorted {
        if places.last() != Some(&points[k]) {
            places.push(points[k]);
        }
        ids[k] = places.len() - 1;
    }
    (ids, places)
}

/// The spokes of every place, and where those of each begin.
fn spokes(
    rings: &Rings,
    ids: &[usize],
    points: &[Coord<f64>],
) -> Result<(Vec<Spoke>, Vec<usize>), CoverageFault> {
    // Ends, whether the polygon is behind, and the polygon.
    let mut halves: Vec<(usize, usize, bool, usize)> = Vec::with_capacity(2 * ids.len());
    for k in 0..ids.len() {
        let member = rings.member_of(k);
        let (from, to) = (ids[k], ids[rings.next(k)]);
        let is_forward = (member.role == Ring::Exterior) == member.positive;
        halves.push((from, to, !is_forward, member.part));
        halves.push((to, from, is_forward, member.part));
    }
    halves.sort_unstable();
    let mut spokes: Vec<Spoke> = Vec::with_capacity(halves.len());
    let mut starts = Vec::with_capacity(points.len() + 1);
    for edge in halves.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (from, to, ..) = edge[0];
        while starts.len() <= from {
            starts.push(spokes.len());
        }
        let mut spoke = Spoke { to, ahead: None, behind: None };
        for &(.., is_behind, part) in edge {
            let place = if is_behind { &mut spoke.behind } else { &mut spoke.ahead };
            if let Some(other) = place.replace(part) {
                return Err(overlap(rings, (other, part), points[from]));
            }
        }
        spokes.push(spoke);
    }
    starts.push(spokes.len());
    for (id, &p) in points.iter().enumerate() {
        sort_by_angle(&mut spokes[starts[id]..starts[id + 1]], p, |spoke| points[spoke.to]);
    }
    Ok((spokes, starts))
}

/// For each spoke the one between the same points in the other direction.
fn backs(spokes: &[Spoke], starts: &[usize]) -> Vec<usize> {
    let mut ends: Vec<(usize, usize, usize)> = Vec::with_capacity(spokes.len());
    for (from, range) in starts.windows(2).enumerate() {
        let leaving = (range[0]..).zip(&spokes[range[0]..range[1]]);
        ends.extend(leaving.map(|(id, spoke)| (from.min(spoke.to), from.max(spoke.to), id)));
    }
    ends.sort_unstable();
    let mut backs: Vec<usize> = (0..spokes.len()).collect();
    for pair in ends.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        if let &[(.., one), (.., other)] = pair {
            (backs[one], backs[other]) = (other, one);
        }
    }
    backs
}

/// Sorts by the direction from `p` to an end of each, by angle from +x towards +y.
///
/// By rounded angles where sides are not exact, as these may contradict each other.
pub(super) fn sort_by_angle<T>(items: &mut [T], p: Coord<f64>, end: impl Fn(&T) -> Coord<f64>) {
    if has_exact_sides(p) && items.iter().all(|item| has_exact_sides(end(item))) {
        items.sort_by(|s, t| by_angle(p, end(s), end(t)));
        return;
    }
    let angle = |item: &T| {
        let way = end(item) - p;
        way.y.atan2(way.x).rem_euclid(TAU)
    };
    items.sort_by(|s, t| angle(s).total_cmp(&angle(t)));
}

fn by_angle(p: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> Ordering {
    let is_second_half = |q: Coord<f64>| q.y < p.y || (q.y <= p.y && q.x < p.x);
    let turn = || 0.cmp(&side(p, a, b));
    is_second_half(a).cmp(&is_second_half(b)).then_with(turn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate_polygon;
    use proptest::prelude::*;

    /// Directions on a lattice, by angle.
    const AROUND: [(i8, i8); 16] = [
        (1, 0),
        (2, 1),
        (1, 1),
        (1, 2),
        (0, 1),
        (-1, 2),
        (-1, 1),
        (-2, 1),
        (-1, 0),
        (-2, -1),
        (-1, -1),
        (-1, -2),
        (0, -1),
        (1, -2),
        (1, -1),
        (2, -1),
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]
        /// Triangles with common edges around a point, of which one has a vertex elsewhere.
        #[test]
        fn meetings_at_vertices_are_those_of_all_pairs(
            sizes in proptest::array::uniform16(1..4_i8),
            left_out in proptest::array::uniform16(0..4_u8),
            (which, vertex) in (0..16_usize, 0..3_usize),
            shift in (-2..3_i8, -2..3_i8),
        ) {
            let at = |k: usize| {
                let (size, (x, y)) = (sizes[k % 16], AROUND[k % 16]);
                (2 * size * x, 2 * size * y)
            };
            let mut fan: Vec<[(i8, i8); 3]> =
                (0..16).map(|k| [(0, 0), at(k), at(k + 1)]).collect();
            let moved = &mut fan[which][vertex];
            *moved = (moved.0 + shift.0, moved.1 + shift.1);
            let triangle = |corners: &[(i8, i8); 3]| {
                let corner = |&(x, y): &(i8, i8)| (f64::from(x), f64::from(y));
                Polygon::new(corners.iter().map(corner).collect::<Vec<_>>().into(), Vec::new())
            };
            let kept = fan.iter().zip(left_out).filter(|(_, left_out)| *left_out > 0);
            let polygons: Vec<Polygon<f64>> = kept.map(|(corners, _)| triangle(corners)).collect();
            prop_assume!(polygons.iter().all(|polygon| validate_polygon(polygon).is_ok()));
            let rings = Rings::new(polygons.iter()).unwrap();
            let (ids, _) = distinct(&rings.points);
            let met = check_meetings(&rings);
            prop_assert_eq!(meet_at_vertices(&rings, &ids), met.is_ok(), "{:?} {:?}", met, fan);
        }
    }
}
