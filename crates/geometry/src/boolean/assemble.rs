//! From boundary edges to polygons.
//!
//! Edges meet at their ends only and have the inside to their left (in a plane with
//! y up). At a vertex, the edge that continues another is the one across the same
//! sector of the inside: the loops found are the boundaries of connected areas. A
//! loop that passes a vertex twice is split there: a hole touches its exterior ring.
//! All decisions are exact.

use super::{
    grid::{cross, doubled_area, place},
    shorten::Stretches,
};
use crate::box_tree::{Bounds, BoxTree};
use geo_types::Coord;
use i_overlay::i_float::int::point::IntPoint;
use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

/// A directed boundary edge.
pub(super) type Edge = [IntPoint; 2];

/// Open rings of a polygon, the exterior first, without collinear vertices.
pub(super) type Shape = Vec<Vec<IntPoint>>;

/// Builds the polygons that `edges` surround, with the stretches that some stand for.
///
/// Rings thinner than about two steps are dropped.
pub(super) fn assemble(edges: Vec<Edge>, stretches: &Stretches) -> Vec<Shape> {
    let finish = |ring: &[IntPoint], area: i128| {
        (!is_slit(ring, area)).then(|| straighten(ring, &HashSet::new()))
    };
    assemble_with(edges, stretches, finish)
}

/// Builds the polygons that some edges of a coverage surround: no ring is dropped, and
/// nodes stay also where a ring passes straight through them.
pub(super) fn assemble_faces(edges: Vec<Edge>, nodes: &HashSet<IntPoint>) -> Vec<Shape> {
    let finish = |ring: &[IntPoint], _| Some(straighten(ring, nodes));
    assemble_with(edges, &Stretches::default(), finish)
}

fn assemble_with(
    mut edges: Vec<Edge>,
    stretches: &Stretches,
    finish: impl Fn(&[IntPoint], i128) -> Option<Vec<IntPoint>>,
) -> Vec<Shape> {
    edges.sort_unstable_by_key(|&[a, b]| [place(a), place(b)]);
    let starts: Vec<u64> = edges.iter().map(|&[a, _]| place(a)).collect();
    let mut shapes = Vec::new();
    let mut free_holes = Vec::new();
    let mut used = vec![false; edges.len()];
    for start in 0..edges.len() {
        if used[start] {
            continue;
        }
        let (vertices, forks) = trace((&edges, &starts), stretches, start, &mut used);
        let mut exterior = None;
        let mut holes = Vec::new();
        for ring in split(vertices, &forks) {
            let area = doubled_area(&ring);
            match area.cmp(&0) {
                Ordering::Greater => exterior = finish(&ring, area).or(exterior),
                Ordering::Less => holes.extend(finish(&ring, area)),
                Ordering::Equal => {}
            }
        }
        match exterior {
            Some(exterior) => {
                holes.insert(0, exterior);
                shapes.push(holes);
            }
            None if holes.is_empty() => {}
            None => free_holes.push((edges[start], holes)),
        }
    }
    place_holes(&mut shapes, free_holes);
    shapes
}

/// Follows a loop along edges, of which the places of the starts are also given; returns its
/// vertices and the indices of those that have several edges.
fn trace(
    (edges, starts): (&[Edge], &[u64]),
    stretches: &Stretches,
    start: usize,
    used: &mut [bool],
) -> (Vec<IntPoint>, Vec<usize>) {
    let (mut vertices, mut forks) = (Vec::new(), Vec::new());
    let mut edge = start;
    // Every vertex has as many edges in as out, so a loop ends where it began.
    while !used[edge] {
        used[edge] = true;
        let [from, to] = edges[edge];
        let first = starts.partition_point(|&at| at < place(to));
        let count = starts[first..].iter().take_while(|&&at| at == place(to)).count();
        // Nothing else meets the inside of a stretch.
        stretches.between(from, to, |p| vertices.push(p));
        if count > 1 {
            forks.push(vertices.len());
        }
        vertices.push(to);
        let next = (first..first + count).reduce(|best, other| {
            if is_before(from, to, edges[other][1], edges[best][1]) { other } else { best }
        });
        let Some(next) = next else { break };
        edge = next;
    }
    (vertices, forks)
}

/// Whether, turning clockwise (y up) around `centre` from `start`, `a` comes first.
fn is_before(start: IntPoint, centre: IntPoint, a: IntPoint, b: IntPoint) -> bool {
    // 0 for the half turn clockwise of the start, 1 for the opposite direction, 2
    // for the rest, 3 for the start itself.
    let part = |p: IntPoint| match cross(centre, start, p).cmp(&0) {
        Ordering::Less => 0,
        Ordering::Greater => 2,
        Ordering::Equal => {
            let along = |d: fn(IntPoint) -> i64| (d(start) - d(centre)) * (d(p) - d(centre));
            let same = along(|p| i64::from(p.x)) + along(|p| i64::from(p.y)) > 0;
            if same { 3 } else { 1 }
        }
    };
    match part(a).cmp(&part(b)) {
        Ordering::Equal => cross(centre, a, b) < 0,
        order => order == Ordering::Less,
    }
}

/// Splits a loop at the vertices that it passes more than once, which are among its forks.
fn split(vertices: Vec<IntPoint>, forks: &[usize]) -> Vec<Vec<IntPoint>> {
    if forks.is_empty() {
        return vec![vertices];
    }
    let mut rings = Vec::new();
    let mut open: Vec<IntPoint> = Vec::with_capacity(vertices.len());
    // Where forks stand in the open part, by their points and in their order.
    let mut places: HashMap<(i32, i32), usize> = HashMap::new();
    let mut order: Vec<(i32, i32)> = Vec::new();
    let mut from = 0;
    for &fork in forks {
        open.extend_from_slice(&vertices[from..fork]);
        from = fork;
        let p = (vertices[fork].x, vertices[fork].y);
        if let Some(place) = places.remove(&p) {
            rings.push(open.split_off(place));
            while let Some(inner) = order.pop().filter(|inner| *inner != p) {
                places.remove(&inner);
            }
        }
        places.insert(p, open.len());
        order.push(p);
    }
    open.extend_from_slice(&vertices[from..]);
    rings.push(open);
    rings
}

/// Whether a ring is thinner than about two steps.
///
/// Where edges that overlap are crossed by a third one, the crossings may be rounded
/// to different points, which opens a slit.
fn is_slit(ring: &[IntPoint], doubled_area: i128) -> bool {
    let Some(&last) = ring.last() else { return true };
    let (mut length, mut a) = (0_i64, last);
    for &b in ring {
        let span = |a: i32, b: i32| (i64::from(a) - i64::from(b)).abs();
        length += span(a.x, b.x) + span(a.y, b.y);
        a = b;
    }
    doubled_area.abs() <= 2 * i128::from(length)
}

/// Drops collinear vertices that are not nodes; starts at the lowest of the leftmost ones.
fn straighten(ring: &[IntPoint], nodes: &HashSet<IntPoint>) -> Vec<IntPoint> {
    let mut corner = 0;
    for (k, p) in ring.iter().enumerate() {
        let least = ring[corner];
        if p.x < least.x || (p.x == least.x && p.y < least.y) {
            corner = k;
        }
    }
    let mut kept: Vec<IntPoint> = Vec::with_capacity(ring.len());
    // The start is a corner: no ring has a straight angle there.
    for &p in ring[corner..].iter().chain(&ring[..=corner]) {
        while let [.., a, b] = kept[..]
            && cross(a, b, p) == 0
            && !nodes.contains(&b)
        {
            kept.pop();
        }
        kept.push(p);
    }
    kept.pop();
    kept
}

/// Gives each hole to the smallest exterior ring around it.
fn place_holes(shapes: &mut [Shape], free_holes: Vec<(Edge, Vec<Vec<IntPoint>>)>) {
    if free_holes.is_empty() {
        return;
    }
    let areas: Vec<i128> = shapes.iter().map(|shape| doubled_area(&shape[0])).collect();
    let mut sides: Vec<(usize, Edge)> = Vec::new();
    for (index, exterior) in shapes.iter().map(|shape| &shape[0]).enumerate() {
        let next = exterior.iter().cycle().skip(1);
        sides.extend(exterior.iter().zip(next).map(|(&a, &b)| (index, [a, b])));
    }
    let coordinates = |p: IntPoint| Coord { x: f64::from(p.x), y: f64::from(p.y) };
    let bounds = sides.iter().map(|&(_, [a, b])| Bounds::of(coordinates(a), coordinates(b)));
    let tree = BoxTree::new(bounds.collect());
    for ([a, b], holes) in free_holes {
        // The middle of an edge lies on no other loop; doubled, it is on the grid.
        let middle = (coordinates(a) + coordinates(b)) * 0.5;
        let ray = Bounds::of(middle, Coord { x: f64::MAX, y: middle.y });
        let twice = [a.x, a.y].map(i64::from);
        let twice = [twice[0] + i64::from(b.x), twice[1] + i64::from(b.y)];
        let mut crossed = Vec::new();
        tree.visit(&ray, |side| {
            let (shape, edge) = sides[side];
            if crosses_ray(edge, twice) {
                crossed.push(shape);
            }
            true
        });
        crossed.sort_unstable();
        let around = crossed.chunk_by(|p, q| p == q).filter(|group| group.len() % 2 == 1);
        if let Some(shape) = around.map(|group| group[0]).min_by_key(|&shape| areas[shape]) {
            shapes[shape].extend(holes);
        }
    }
}

/// Whether a ray towards +x from half of `twice` crosses an edge.
fn crosses_ray([a, b]: Edge, twice: [i64; 2]) -> bool {
    let (low, high) = if a.y <= b.y { (a, b) } else { (b, a) };
    let [low, high] = [low, high].map(|p| [i128::from(p.x) * 2, i128::from(p.y) * 2]);
    let [x, y] = twice.map(i128::from);
    let left = (high[0] - low[0]) * (y - low[1]) - (high[1] - low[1]) * (x - low[0]);
    low[1] <= y && y < high[1] && left > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(rings: &[&[(i32, i32)]]) -> Vec<Edge> {
        let point = |(x, y): (i32, i32)| IntPoint::new(x * SCALE, y * SCALE);
        let ring = |ring: &&[(i32, i32)]| -> Vec<Edge> {
            (0..ring.len()).map(|k| [point(ring[k]), point(ring[(k + 1) % ring.len()])]).collect()
        };
        rings.iter().flat_map(ring).collect()
    }

    const SCALE: i32 = 100;

    #[test]
    fn hole_that_touches_and_island_in_a_hole() {
        let outer: &[(i32, i32)] = &[(0, 0), (8, 0), (8, 8), (0, 8), (0, 4)];
        let touching: &[(i32, i32)] = &[(0, 4), (2, 6), (6, 6), (6, 2), (2, 2)];
        let island: &[(i32, i32)] = &[(3, 3), (5, 3), (5, 5), (3, 5)];
        let shapes = assemble(edges(&[outer, touching, island]), &Stretches::default());
        assert_eq!(shapes.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        // The collinear corner at the contact is gone from the outer ring only.
        assert_eq!((shapes[0][0].len(), shapes[0][1].len()), (4, 5));
    }

    #[test]
    fn slits_are_dropped() {
        let point = |(x, y)| IntPoint::new(x, y);
        let slit = [(0, 0), (1000, 1), (0, 1)].map(point);
        let needle = [(0, 0), (1000, 5), (0, 5)].map(point);
        let is_slit = |ring: &[IntPoint]| is_slit(ring, doubled_area(ring));
        assert!(is_slit(&slit) && !is_slit(&needle));
    }

    #[test]
    fn squares_that_touch_stay_apart() {
        let a: &[(i32, i32)] = &[(0, 0), (2, 0), (2, 2), (0, 2)];
        let b: &[(i32, i32)] = &[(2, 2), (4, 2), (4, 4), (2, 4)];
        let shapes = assemble(edges(&[a, b]), &Stretches::default());
        assert_eq!(shapes.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
        assert!(assemble(Vec::new(), &Stretches::default()).is_empty());
    }
}
