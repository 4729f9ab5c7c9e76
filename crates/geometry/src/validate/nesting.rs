//! Which ring lies in which, and whether touching rings cut an interior apart.

use super::{
    MultiPolygonFault, PolygonFault, Ring,
    predicates::is_left_of_path,
    rings::{Rings, Touch, crossing, part_fault},
};
use crate::union_find::{root, unite};
use geo_types::Coord;
use std::collections::BTreeMap;

/// Pairs of touching rings, with whether the first lies in the second.
type Known = BTreeMap<(usize, usize), bool>;

/// Checks the rules that look at whole rings. Rings must not cross.
///
/// The rings around one ring are listed at a time: n rings, each in the one before, take
/// time in n^2 but no more memory than the rings.
pub(super) fn check_nesting(rings: &Rings, touches: &[Touch]) -> Result<(), MultiPolygonFault> {
    let known = touching(rings, touches)?;
    for id in 0..rings.members.len() {
        check_ring(rings, id, &surrounding(rings, id, &known))?;
    }
    check_connected(rings, touches)
}

/// How touching rings lie; refuses those that pass through each other.
fn touching(rings: &Rings, touches: &[Touch]) -> Result<Known, MultiPolygonFault> {
    let mut known = Known::new();
    for touch in touches {
        for turn in 0..2 {
            let pair = (touch.rings[turn], touch.rings[1 - turn]);
            let inside = is_inside_at(rings, touch, turn);
            match inside {
                Some(inside) if *known.entry(pair).or_insert(inside) == inside => {}
                _ => {
                    let members = touch.rings.map(|id| &rings.members[id]);
                    return Err(crossing(members, rings.original(touch.point)));
                }
            }
        }
    }
    Ok(known)
}

/// The rings around a ring, in order.
fn surrounding(rings: &Rings, id: usize, known: &Known) -> Vec<usize> {
    let mut outer = rings.around(rings.points[rings.members[id].range[0]]);
    let touching = || known.range((id, 0)..=(id, usize::MAX));
    if touching().next().is_some() {
        outer.retain(|&other| !known.contains_key(&(id, other)));
        outer.extend(touching().filter(|(_, inside)| **inside).map(|((_, ring), _)| *ring));
        outer.sort_unstable();
    }
    outer.retain(|&other| other != id);
    outer
}

/// Whether one of two touching rings lies in the other, judged at the touch; none
/// where it passes through.
fn is_inside_at(rings: &Rings, touch: &Touch, turn: usize) -> Option<bool> {
    let other = 1 - turn;
    let [before, _, after] = rings.path_at(touch.segments[turn], touch.point);
    let path = rings.path_at(touch.segments[other], touch.point);
    let positive = rings.members[touch.rings[other]].positive;
    let inside = |w: Coord<f64>| is_left_of_path(path, w) == positive;
    (inside(before) == inside(after)).then(|| inside(before))
}

/// Checks one ring against those around it, in order.
pub(super) fn check_ring(
    rings: &Rings,
    id: usize,
    around: &[usize],
) -> Result<(), MultiPolygonFault> {
    let member = &rings.members[id];
    let own = |&&other: &&usize| rings.members[other].part == member.part;
    if let Ring::Hole(_) = member.role {
        let mut outer = around.iter().filter(own).map(|&other| rings.members[other].role);
        // Rings are in order, the exterior first.
        if outer.next() != Some(Ring::Exterior) {
            return Err(part_fault(member.part, PolygonFault::HoleOutside(member.role)));
        }
        if let Some(hole) = outer.next() {
            let fault = PolygonFault::NestedHoles { inner: member.role, outer: hole };
            return Err(part_fault(member.part, fault));
        }
        return Ok(());
    }
    // An exterior ring inside another polygon must be inside one of its holes, too.
    let others = around.iter().filter(|other| !own(other));
    let mut parts: Vec<usize> = others.map(|&other| rings.members[other].part).collect();
    parts.sort_unstable();
    let mut groups = parts.chunk_by(|a, b| a == b);
    if let Some(group) = groups.find(|group| group.len() % 2 == 1) {
        let Coord { x, y } = rings.original(rings.points[member.range[0]]);
        let (first, second) = (group[0].min(member.part), group[0].max(member.part));
        return Err(MultiPolygonFault::Overlap { first, second, x, y });
    }
    Ok(())
}

/// A point as numbers that can be sorted. No coordinate is a negative zero.
pub(super) fn bits(p: Coord<f64>) -> [u64; 2] {
    [p.x.to_bits(), p.y.to_bits()]
}

/// The interior of a polygon is cut apart exactly if its rings and the points where
/// they touch, joined where a point lies on a ring, form a cycle.
fn check_connected(rings: &Rings, touches: &[Touch]) -> Result<(), MultiPolygonFault> {
    let own = |touch: &&Touch| {
        let [a, b] = touch.rings.map(|id| rings.members[id].part);
        a == b
    };
    let mut links: Vec<(usize, [u64; 2], usize, usize)> = Vec::new();
    for (index, touch) in touches.iter().enumerate().filter(|(_, touch)| own(touch)) {
        let part = rings.members[touch.rings[0]].part;
        links.extend(touch.rings.map(|ring| (part, bits(touch.point), ring, index)));
    }
    links.sort_unstable();
    links.dedup_by_key(|link| (link.0, link.1, link.2));
    let mut parent: Vec<usize> = (0..rings.members.len()).collect();
    for point in links.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        // All rings of one point join the first: a ring that is there already
        // closes a cycle.
        for link in &point[1..] {
            let (a, b) = (root(&mut parent, point[0].2), root(&mut parent, link.2));
            if a == b {
                let Coord { x, y } = rings.original(touches[link.3].point);
                return Err(part_fault(link.0, PolygonFault::Disconnected { x, y }));
            }
            unite(&mut parent, a, b);
        }
    }
    Ok(())
}
