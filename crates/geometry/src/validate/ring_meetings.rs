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

/// A valid ring that may be one of a polygon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingForm<'a> {
    /// Which ring it is to be; 0 is the exterior one.
    pub(crate) ring: usize,
    /// Whether it is not the ring that the polygon has.
    pub(crate) is_new: bool,
    pub(crate) line: &'a LineString<f64>,
}

/// Compares new forms of the rings of a polygon with all forms of its other rings.
///
/// About n log n in the number of vertices and meetings. Rings with coordinates beside
/// which others have no size are all said to meet.
pub(crate) fn ring_meetings(forms: &[RingForm<'_>]) -> Vec<RingMeeting> {
    let polygons: Vec<Polygon<f64>> =
        forms.iter().map(|form| Polygon::new(form.line.clone(), Vec::new())).collect();
    let mut met: BTreeMap<[usize; 2], bool> = BTreeMap::new();
    let differ =
        |a: usize, b: usize| forms[a].ring != forms[b].ring && (forms[a].is_new || forms[b].is_new);
    let Ok(rings) = Rings::new(polygons.iter()) else {
        let count = forms.len();
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
    let exteriors: Vec<usize> = (0..forms.len()).filter(|&line| forms[line].ring == 0).collect();
    for (hole, _) in forms.iter().enumerate().filter(|(_, form)| form.ring > 0) {
        let around = rings.around(rings.points[rings.members[hole].range[0]]);
        let holes = around.iter().copied().filter(|&other| forms[other].ring > 0);
        let outside = exteriors.iter().copied().filter(|other| !around.contains(other));
        for other in holes.chain(outside).filter(|&other| differ(hole, other)) {
            // Where they touch, the ray may have counted either way.
            met.entry([hole.min(other), hole.max(other)]).or_insert(false);
        }
    }
    met.into_iter().map(|(lines, touch_only)| RingMeeting { lines, touch_only }).collect()
}
