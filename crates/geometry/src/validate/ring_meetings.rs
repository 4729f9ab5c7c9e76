//! Rings that cannot be rings of one polygon, or that touch.

use super::{
    predicates::{Meeting, meeting},
    rings::Rings,
};
use geo_types::{LineString, Polygon};
use std::collections::BTreeMap;

/// Two lines out of several that meet, or lie in each other where they must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RingMeeting {
    /// Their indices, ascending.
    pub(crate) lines: [usize; 2],
    /// Whether they touch at points only and may fit or not.
    pub(crate) touch_only: bool,
}

/// Compares valid rings, each given with the index of the ring of a polygon that it is to
/// be; 0 is the exterior one. Those of equal index are not compared.
///
/// About n log n in the number of vertices and meetings. Rings with coordinates beside
/// which others have no size are all said to meet.
pub(crate) fn ring_meetings(lines: &[(usize, &LineString<f64>)]) -> Vec<RingMeeting> {
    let polygons: Vec<Polygon<f64>> =
        lines.iter().map(|(_, line)| Polygon::new((*line).clone(), Vec::new())).collect();
    let mut met: BTreeMap<[usize; 2], bool> = BTreeMap::new();
    let differ = |a: usize, b: usize| lines[a].0 != lines[b].0;
    let Ok(rings) = Rings::new(polygons.iter()) else {
        let count = lines.len();
        let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| [a, b]));
        let pairs = pairs.filter(|&[a, b]| differ(a, b));
        return pairs.map(|lines| RingMeeting { lines, touch_only: false }).collect();
    };
    rings.visit_pairs(|k, l| {
        let [a, b] = [k, l].map(|k| rings.member_of(k).part);
        if differ(a, b) {
            let touch_only = match meeting(rings.segment(k), rings.segment(l)) {
                Meeting::None => return true,
                Meeting::Touch(_) => true,
                Meeting::Cross(_) | Meeting::Overlap(_) => false,
            };
            *met.entry([a.min(b), a.max(b)]).or_insert(true) &= touch_only;
        }
        true
    });
    let exteriors: Vec<usize> = (0..lines.len()).filter(|&line| lines[line].0 == 0).collect();
    for (hole, _) in lines.iter().enumerate().filter(|(_, (ring, _))| *ring > 0) {
        let around = rings.around(rings.points[rings.members[hole].range[0]]);
        let holes = around.iter().copied().filter(|&other| lines[other].0 > 0);
        let outside = exteriors.iter().copied().filter(|other| !around.contains(other));
        for other in holes.chain(outside).filter(|&other| differ(hole, other)) {
            // Where they touch, the ray may have counted either way.
            met.entry([hole.min(other), hole.max(other)]).or_insert(false);
        }
    }
    met.into_iter().map(|(lines, touch_only)| RingMeeting { lines, touch_only }).collect()
}
