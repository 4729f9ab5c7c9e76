//! Polygons from the borders of an area.

use super::arrangement::{Point, edge_tree, orient, ray};
use std::collections::HashMap;

/// A simple ring without its closing point.
type Loop = Vec<Point>;

/// Polygons as loops, the exterior first, from borders with the inside on their left.
///
/// A walk along the border keeps to one corner of the inside where several meet in a
/// point, so that it goes around one connected area. Cut where it visits a point twice,
/// it gives the exterior ring and holes that touch it, or holes alone; those belong to
/// the smallest exterior ring around them.
pub(super) fn polygons(borders: &[[Point; 2]]) -> Vec<Vec<Loop>> {
    let mut parts: Vec<Vec<Loop>> = Vec::new();
    let mut holes: Vec<Loop> = Vec::new();
    for walk in walks(borders) {
        let mut loops = simple_loops(&walk);
        match loops.iter().position(|ring| doubled_area(ring) > 0) {
            Some(exterior) => {
                loops.swap(0, exterior);
                parts.push(loops);
            }
            None => holes.extend(loops),
        }
    }
    let owners = owners(&parts, &holes);
    for (hole, owner) in holes.into_iter().zip(owners) {
        // Every hole has an area around it.
        if let Some(part) = owner.and_then(|owner| parts.get_mut(owner)) {
            part.push(hole);
        }
    }
    parts
}

/// Closed walks that use every border once.
fn walks(borders: &[[Point; 2]]) -> Vec<Vec<Point>> {
    let mut leaving: HashMap<Point, Vec<usize>> = HashMap::new();
    for (index, border) in borders.iter().enumerate() {
        leaving.entry(border[0]).or_default().push(index);
    }
    let mut used = vec![false; borders.len()];
    let mut walks = Vec::new();
    for start in 0..borders.len() {
        let mut walk = Vec::new();
        let mut at = start;
        while !used[at] {
            used[at] = true;
            let [from, to] = borders[at];
            walk.push(from);
            let ways = leaving.get(&to).map_or(&[][..], Vec::as_slice);
            let next = ways.iter().copied().reduce(|best, way| {
                if is_first_clockwise([from, to], borders[way][1], borders[best][1]) {
                    way
                } else {
                    best
                }
            });
            let Some(next) = next else { break };
            at = next;
        }
        if !walk.is_empty() {
            walks.push(walk);
        }
    }
    walks
}

/// Whether, turning clockwise (against x to y) at the end of an edge from the way back,
/// `a` comes before `b`.
fn is_first_clockwise([from, to]: [Point; 2], a: Point, b: Point) -> bool {
    // Half turns from the way back: the left side of the edge comes first.
    let half = |p: Point| {
        let side = orient(from, to, p);
        // Straight on lies between the two; the way back itself comes last.
        let ahead = i128::from(p.x - to.x) * i128::from(to.x - from.x)
            + i128::from(p.y - to.y) * i128::from(to.y - from.y);
        match side {
            1 => 0,
            0 if ahead > 0 => 1,
            -1 => 2,
            _ => 3,
        }
    };
    let (ha, hb) = (half(a), half(b));
    if ha == hb { orient(to, b, a) > 0 } else { ha < hb }
}

/// Cuts a walk where it comes to a point again.
fn simple_loops(walk: &[Point]) -> Vec<Loop> {
    let mut loops = Vec::new();
    let mut path: Vec<Point> = Vec::new();
    let mut places: HashMap<Point, usize> = HashMap::new();
    for &p in walk {
        if let Some(&place) = places.get(&p) {
            for dropped in &path[place..] {
                places.remove(dropped);
            }
            loops.push(path.split_off(place));
        }
        places.insert(p, path.len());
        path.push(p);
    }
    loops.push(path);
    loops
}

fn doubled_area(ring: &[Point]) -> i128 {
    let Some(&origin) = ring.first() else { return 0 };
    let v = |from: i64, to: i64| i128::from(to - from);
    ring.windows(2)
        .map(|pair| {
            let (a, b) = (pair[0], pair[1]);
            v(origin.x, a.x) * v(origin.y, b.y) - v(origin.x, b.x) * v(origin.y, a.y)
        })
        .sum()
}

/// For each hole the polygon with the smallest exterior ring around it.
fn owners(parts: &[Vec<Loop>], holes: &[Loop]) -> Vec<Option<usize>> {
    let mut edges = Vec::new();
    let mut part_of = Vec::new();
    for (part, loops) in parts.iter().enumerate() {
        let ring = &loops[0];
        for (&a, &b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            edges.push([a.min(b), a.max(b)]);
            part_of.push(part);
        }
    }
    let areas: Vec<i128> = parts.iter().map(|loops| doubled_area(&loops[0])).collect();
    let tree = edge_tree(&edges);
    let owner = |hole: &Loop| {
        let p = hole[0];
        let (mut crossed, mut through) = (Vec::new(), Vec::new());
        tree.visit(&ray(p.x as f64, p.y as f64), |k| {
            let [low, high] = edges[k];
            if low == p || high == p {
                through.push(part_of[k]);
            } else if low.y <= p.y && p.y < high.y && orient(low, high, p) > 0 {
                crossed.push(part_of[k]);
            }
            true
        });
        crossed.sort_unstable();
        crossed
            .chunk_by(|a, b| a == b)
            .filter(|group| group.len() % 2 == 1 && !through.contains(&group[0]))
            .map(|group| group[0])
            .min_by_key(|&part| areas[part])
    };
    holes.iter().map(owner).collect()
}
