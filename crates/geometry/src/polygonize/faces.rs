//! Rings of faces from arcs.

use super::{
    Arc, Face, HalfArc,
    trace::{NO_ARC, Node, Traced},
};

/// Links the half-arcs of each face to rings, the exterior first.
///
/// Rings keep their face on the right (on the screen), which makes exterior rings
/// positive and holes negative. `successor` gives the half-arc after one on the border
/// of a face. Where a face meets a node from two sides, it is that around the neighbour
/// on the left: the two parts of the face are connected elsewhere, so the neighbours
/// beside them are not, and no ring visits a node twice.
pub(super) fn assemble(
    arcs: &[Arc],
    labels: &[u32],
    groups: &[u32],
    successor: impl Fn(usize, u32) -> usize,
) -> Vec<Face> {
    let face = |(&label, &group)| Face { label, group, rings: Vec::new() };
    let mut faces: Vec<Face> = labels.iter().zip(groups).map(face).collect();
    let mut used = vec![false; 2 * arcs.len()];
    for start in 0..used.len() {
        let face = right_face(arcs, start);
        if used[start] || face == 0 {
            continue;
        }
        let mut ring = Vec::new();
        let mut half = start;
        // Every half-arc is used once, so the walk ends.
        while !used[half] {
            used[half] = true;
            ring.push(HalfArc { arc: (half / 2) as u32, reversed: half % 2 == 1 });
            half = successor(half, face);
        }
        let rings = &mut faces[face as usize - 1].rings;
        rings.push(ring);
        if doubled_area(arcs, &rings[rings.len() - 1]) > 0 {
            let last = rings.len() - 1;
            rings.swap(0, last);
        }
    }
    faces
}

fn right_face(arcs: &[Arc], half: usize) -> u32 {
    arcs[half / 2].faces[half % 2]
}

/// The half-arc after this one on the border of `face`; it turns left if it can.
pub(super) fn successor(traced: &Traced, half: usize, face: u32) -> usize {
    let (arc, reversed) = (half / 2, half % 2 == 1);
    let Some([start, end]) = traced.arcs[arc].nodes else { return half };
    let [first, last] = traced.directions[arc];
    let (node, heading) = if reversed { (start, (first + 2) % 4) } else { (end, last) };
    let node: &Node = &traced.nodes[node as usize];
    [3, 0, 1]
        .into_iter()
        .map(|turn| node.out[(heading + turn) % 4])
        .filter(|&next| next != NO_ARC)
        .map(|next| next as usize)
        .find(|&next| right_face(&traced.arcs, next) == face)
        .unwrap_or(half)
}

/// Twice the signed area of a ring, exactly.
fn doubled_area(arcs: &[Arc], ring: &[HalfArc]) -> i64 {
    let mut sum = 0;
    for half in ring {
        let corners = &arcs[half.arc as usize].corners;
        let area: i64 = corners
            .windows(2)
            .map(|pair| {
                let [a, b] = [pair[0], pair[1]];
                i64::from(a.x) * i64::from(b.y) - i64::from(b.x) * i64::from(a.y)
            })
            .sum();
        sum += if half.reversed { -area } else { area };
    }
    sum
}
