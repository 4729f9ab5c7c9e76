//! Rings of which very many meet in the same vertices.
//!
//! Every two of the rings through a vertex touch, so that pairs are too many to list. Where
//! rings meet at vertices only, all is told by the order of their edges around each.

use super::{
    MultiPolygonFault, PolygonFault,
    coverage::sort_by_angle,
    nesting::{bits, check_ring},
    predicates::is_left_of_path,
    rings::{Rings, part_fault},
    sweep::meet_at_ends_only,
};
use crate::union_find::{root, unite};
use geo_types::Coord;

/// From when on rings crowd.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Fewest rings.
    pub(super) rings: usize,
    /// Fewest pairs of rings at common vertices, per vertex.
    pub(super) pairs: usize,
}

/// Below these, comparing all pairs is faster.
pub(super) const LIMITS: Limits = Limits { rings: 64, pairs: 16 };

/// The points of rings by their places.
pub(super) struct Crowd<'a> {
    rings: &'a Rings,
    /// Points at the same place, one place after the other.
    points: Vec<usize>,
    /// For each point the range of those at its place.
    places: Vec<[usize; 2]>,
}

impl<'a> Crowd<'a> {
    /// None for rings that do not crowd, touch elsewhere than at vertices of both, cross or
    /// meet themselves.
    pub(super) fn new(rings: &'a Rings, limits: Limits) -> Option<Self> {
        if rings.members.len() < limits.rings {
            return None;
        }
        let count = rings.points.len();
        let place = |k: usize| rings.points[k];
        let order = |p: Coord<f64>, q: Coord<f64>| p.x.total_cmp(&q.x).then(p.y.total_cmp(&q.y));
        let mut points: Vec<usize> = (0..count).collect();
        points.sort_unstable_by(|&k, &l| order(place(k), place(l)).then(k.cmp(&l)));
        let (mut places, mut pairs, mut start) = (vec![[0, 0]; count], 0_usize, 0);
        for group in points.chunk_by(|&k, &l| place(k) == place(l)) {
            let range = [start, start + group.len()];
            group.iter().for_each(|&k| places[k] = range);
            pairs = pairs.saturating_add(group.len() * (group.len() - 1));
            start = range[1];
        }
        if pairs < limits.pairs * count {
            return None;
        }
        let crowd = Self { rings, points, places };
        let fits = meet_at_ends_only((0..count).map(|k| rings.segment(k)))
            && crowd.places().all(|group| crowd.is_nested(group));
        fits.then_some(crowd)
    }

    fn places(&self) -> impl Iterator<Item = &[usize]> {
        self.points.chunk_by(|&k, &l| self.places[k] == self.places[l])
    }

    /// Whether the corners of rings at a place lie in or beside each other, like brackets.
    fn is_nested(&self, group: &[usize]) -> bool {
        let p = self.rings.points[group[0]];
        let mut ways: Vec<(Coord<f64>, usize)> = Vec::with_capacity(2 * group.len());
        for &k in group {
            let [before, _, after] = self.rings.path_at(k, p);
            ways.extend([(before, k), (after, k)]);
        }
        sort_by_angle(&mut ways, p, |way| way.0);
        let mut open: Vec<usize> = Vec::new();
        for (_, k) in ways {
            if open.last() == Some(&k) {
                open.pop();
            } else {
                open.push(k);
            }
        }
        // Points of one ring at one place follow each other.
        let is_own = |pair: &[usize]| self.rings.owner(pair[0]) == self.rings.owner(pair[1]);
        open.is_empty() && !group.windows(2).any(is_own)
    }

    /// Checks the rules that look at whole rings.
    pub(super) fn check(&self) -> Result<(), MultiPolygonFault> {
        for (id, member) in self.rings.members.iter().enumerate() {
            let [start, end] = member.range;
            // The vertex that fewest rings have.
            let size = |k: &usize| self.places[*k][1] - self.places[*k][0];
            let least = (start..end).min_by_key(size).unwrap_or(start);
            check_ring(self.rings, id, &self.surrounding(id, least))?;
        }
        self.check_connected()
    }

    /// The rings around a ring with a vertex, in order.
    fn surrounding(&self, id: usize, vertex: usize) -> Vec<usize> {
        let p = self.rings.points[vertex];
        let [before, ..] = self.rings.path_at(vertex, p);
        let [start, end] = self.places[vertex];
        let here = &self.points[start..end];
        let mut touching: Vec<usize> = here.iter().map(|&k| self.rings.owner(k)).collect();
        touching.sort_unstable();
        let mut outer = self.rings.around(p);
        outer.retain(|ring| touching.binary_search(ring).is_err());
        let is_around = |&&k: &&usize| {
            let positive = self.rings.member_of(k).positive;
            k != vertex && is_left_of_path(self.rings.path_at(k, p), before) == positive
        };
        outer.extend(here.iter().filter(is_around).map(|&k| self.rings.owner(k)));
        outer.sort_unstable();
        outer.retain(|&other| other != id);
        outer
    }

    /// As the check of touching rings, by places.
    fn check_connected(&self) -> Result<(), MultiPolygonFault> {
        let rings = self.rings;
        let mut parent: Vec<usize> = (0..rings.members.len()).collect();
        // Polygon by polygon, so that the same fault is named.
        let key = |k: usize| (rings.member_of(k).part, bits(rings.points[k]));
        let mut links: Vec<usize> = (0..rings.points.len()).collect();
        links.sort_unstable_by_key(|&k| (key(k), k));
        for own in links.chunk_by(|&k, &l| key(k) == key(l)) {
            for &k in &own[1..] {
                let [a, b] = [own[0], k].map(|k| root(&mut parent, rings.owner(k)));
                if a == b {
                    let Coord { x, y } = rings.original(rings.points[k]);
                    return Err(part_fault(key(k).0, PolygonFault::Disconnected { x, y }));
                }
                unite(&mut parent, a, b);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::{
        nesting::check_nesting,
        predicates::{Meeting, meeting},
    };
    use geo_types::{LineString, Polygon};
    use proptest::{prelude::*, test_runner::TestRunner};
    use std::cell::Cell;

    /// Whether two segments meet at ends of both or not at all.
    fn are_apart([a, b]: [Coord<f64>; 2], [c, d]: [Coord<f64>; 2]) -> bool {
        match meeting([a, b], [c, d]) {
            Meeting::None => true,
            Meeting::Touch(p) => (p == a || p == b) && (p == c || p == d),
            Meeting::Cross(_) | Meeting::Overlap(_) => false,
        }
    }

    /// Polygons of rings of common points: corners of each, its direction, and where it goes.
    fn polygons(
        frame: bool,
        points: &[(u8, u8)],
        rings: &[(Vec<usize>, bool, u8)],
    ) -> Vec<Polygon<f64>> {
        let page = [(-5.0, -5.0), (20.0, -5.0), (20.0, 20.0), (-5.0, 20.0)];
        let mut polygons = Vec::new();
        if frame {
            polygons.push(Polygon::new(page.to_vec().into(), Vec::new()));
        }
        let mut kept: Vec<[Coord<f64>; 2]> = Vec::new();
        for (corners, is_reversed, place) in rings {
            let corner = |&index: &usize| {
                let (x, y) = points[index % points.len()];
                Coord { x: f64::from(x), y: f64::from(y) }
            };
            let mut ring: Vec<Coord<f64>> = corners.iter().map(corner).collect();
            ring.push(ring[0]);
            let count = kept.len();
            for pair in ring.windows(2) {
                let edge = [pair[0], pair[1]];
                if pair[0] == pair[1] || !kept.iter().all(|&other| are_apart(edge, other)) {
                    break;
                }
                kept.push(edge);
            }
            if kept.len() < count + corners.len() {
                kept.truncate(count);
                continue;
            }
            if *is_reversed {
                ring.reverse();
            }
            let ring = LineString(ring);
            match (place, polygons.len()) {
                (1, 1..) => polygons[0].interiors_push(ring),
                (2.., last @ 1..) => polygons[last - 1].interiors_push(ring),
                _ => polygons.push(Polygon::new(ring, Vec::new())),
            }
        }
        polygons
    }

    /// Rings that meet at vertices only, in all ways, whether they fit or not.
    #[test]
    fn rings_of_common_points_are_judged_as_pairs_are() {
        let ring = (proptest::collection::vec(0..16_usize, 3..6), any::<bool>(), 0..4_u8);
        let input = (
            any::<bool>(),
            proptest::collection::vec((0..12_u8, 0..12_u8), 8..=16),
            proptest::collection::vec(ring, 1..40),
        );
        let [valid, faulty] = [Cell::new(0), Cell::new(0)];
        let mut runner = TestRunner::new(ProptestConfig::with_cases(3000));
        let result = runner.run(&input, |(frame, points, rings)| {
            let polygons = polygons(frame, &points, &rings);
            let rings = Rings::new(polygons.iter()).unwrap();
            let slow = rings.touches().and_then(|touches| check_nesting(&rings, &touches));
            let Some(crowd) = Crowd::new(&rings, Limits { rings: 0, pairs: 0 }) else {
                prop_assert!(slow.is_err(), "{:?}", polygons);
                return Ok(());
            };
            prop_assert_eq!(crowd.check(), slow, "{:?}", polygons);
            let reached = if slow.is_ok() { &valid } else { &faulty };
            reached.set(reached.get() + usize::from(rings.members.len() > 2));
            Ok(())
        });
        assert_eq!(result, Ok(()));
        assert!(valid.get() > 20 && faulty.get() > 200, "{valid:?} {faulty:?}");
    }

    /// The corner of a wedge at the origin, for one of 16 directions of the upper half.
    fn at(radius: f64, direction: u8) -> (f64, f64) {
        let angle = f64::from(direction) * 0.19;
        (radius * angle.cos(), radius * angle.sin())
    }

    fn wedge(radius: f64, directions: [u8; 2]) -> LineString<f64> {
        let [a, b] = directions.map(|direction| at(radius, direction));
        vec![(0.0, 0.0), a, b, (0.0, 0.0)].into()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        /// Many triangles below, and a few wedges above that lie in or beside each other,
        /// some of them holes of the one before.
        #[test]
        fn judges_as_pairs_do(
            wedges in proptest::collection::vec((0..16_u8, 1..6_u8, any::<bool>()), 0..6),
        ) {
            let below = (0..80_u8).map(|k| {
                let at = |k: u8| (f64::from(k) - 80.0, -50.0);
                Polygon::new(vec![(0.0, 0.0), at(2 * k), at(2 * k + 1)].into(), Vec::new())
            });
            let mut polygons: Vec<Polygon<f64>> = below.collect();
            for (index, (from, width, is_hole)) in wedges.into_iter().enumerate() {
                let ring = wedge(9.0 - index as f64, [from, (from + width).min(16)]);
                match polygons.last_mut() {
                    Some(last) if is_hole => last.interiors_push(ring),
                    _ => polygons.push(Polygon::new(ring, Vec::new())),
                }
            }
            let rings = Rings::new(polygons.iter()).unwrap();
            if let Some(crowd) = Crowd::new(&rings, LIMITS) {
                let slow = rings.touches().and_then(|touches| check_nesting(&rings, &touches));
                prop_assert_eq!(crowd.check(), slow, "{:?}", polygons);
            }
        }
    }

    #[test]
    fn thousands_of_triangles_around_a_point() {
        let at = |k: u32| {
            let angle = f64::from(k) * std::f64::consts::TAU / 8000.0;
            (angle.cos(), angle.sin())
        };
        let triangle =
            |k: u32| Polygon::new(vec![(0.0, 0.0), at(2 * k), at(2 * k + 1)].into(), Vec::new());
        let polygons: Vec<Polygon<f64>> = (0..4000).map(triangle).collect();
        let rings = Rings::new(polygons.iter()).unwrap();
        assert_eq!(Crowd::new(&rings, LIMITS).map(|crowd| crowd.check()), Some(Ok(())));
        assert_eq!(crate::validate_coverage(&polygons, f64::INFINITY), Ok(()));
    }
}
