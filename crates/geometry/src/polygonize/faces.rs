//! Rings of faces from arcs.

use super::{
    Face, HalfArc,
    trace::{NO_ARC, Node, Traced},
};

/// Links the half-arcs of each face to rings, the exterior first.
///
/// Rings keep their face on the right (on the screen), which makes exterior rings
/// positive and holes negative. Where a face meets a corner from two opposite
/// pixels, the walk turns left, around the neighbour: the two pixels are connected
/// elsewhere, so the neighbours beside them are not, and no ring visits a corner
/// twice.
pub(super) fn assemble(traced: &Traced, labels: &[u32], groups: &[u32]) -> Vec<Face> {
    let face = |(&label, &group)| Face { label, group, rings: Vec::new() };
    let mut faces: Vec<Face> = labels.iter().zip(groups).map(face).collect();
    let mut used = vec![false; 2 * traced.arcs.len()];
    for start in 0..used.len() {
        let face = right_face(traced, start);
        if used[start] || face == 0 {
            continue;
        }
        let mut ring = Vec::new();
        let mut half = start;
        // Every half-arc is used once, so the walk ends.
        while !used[half] {
            used[half] = true;
            ring.push(HalfArc { arc: (half / 2) as u32, reversed: half % 2 == 1 });
            half = successor(traced, half, face);
        }
        let rings = &mut faces[face as usize - 1].rings;
        rings.push(ring);
        if doubled_area(traced, &rings[rings.len() - 1]) > 0 {
            let last = rings.len() - 1;
            rings.swap(0, last);
        }
    }
    faces
}

fn right_face(traced: &Traced, half: usize) -> u32 {
    traced.arcs[half / 2].faces[half % 2]
}

/// The half-arc after this one on the border of `face`.
fn successor(traced: &Traced, half: usize, face: u32) -> usize {
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
        .find(|&next| right_face(traced, next) == face)
        .unwrap_or(half)
}

/// Twice the signed area of a ring, exactly.
fn doubled_area(traced: &Traced, ring: &[HalfArc]) -> i64 {
    let mut sum = 0;
    for half in ring {
        let corners = &traced.arcs[half.arc as usize].corners;
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
