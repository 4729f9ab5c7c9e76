//! Snapping of neighbouring polygons onto common vertices.

use super::{displacement::is_within, with_rings};
use crate::point::distance;
use crate::ring::rings;
use crate::{
    Result,
    box_tree::{Bounds, BoxTree},
    error::{check_each, check_positive},
    simplify_line::distance_to_segment,
    validate_polygon,
};
use geo_types::{Coord, LineString, Polygon};
use std::collections::{HashMap, HashSet};

/// Joins vertices and edges of different polygons that are within `tolerance` pixels.
///
/// Vertices go to the first vertex (in the order of the input) that is near, and edges
/// bend to vertices of other polygons that are near. Nothing moves by more than
/// `tolerance`: no point of an old ring is farther from the new one, nor the other way
/// round. A polygon that would become invalid stays as it is, so the result has one
/// valid polygon per input polygon. What was farther apart is not closed: gaps and
/// overlaps wider than the tolerance stay.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) unless `tolerance` is finite and above
/// 0, and [`Error::Item`](crate::Error::Item) with the index of the first polygon that
/// [`validate_polygon`] refuses.
pub fn snap_polygons(polygons: &[Polygon<f64>], tolerance: f64) -> Result<Vec<Polygon<f64>>> {
    check_positive("tolerance", tolerance)?;
    check_each("polygons", polygons, validate_polygon)?;
    let mut targets = Targets::new(tolerance);
    let snapped: Vec<Vec<Vec<u32>>> = polygons
        .iter()
        .map(|polygon| {
            let ring = |ring: &LineString<f64>| ring.coords().map(|&p| targets.join(p)).collect();
            rings(polygon).map(ring).collect()
        })
        .collect();
    let tree = BoxTree::new(targets.points.iter().map(|&p| Bounds::of(p, p)).collect());
    let result = polygons.iter().zip(&snapped).map(|(polygon, snapped)| {
        let own: HashSet<u32> = snapped.iter().flatten().copied().collect();
        let old: Vec<&LineString<f64>> = rings(polygon).collect();
        let bend = |(ring, ids): (&&LineString<f64>, &Vec<u32>)| {
            bent(&ring.0, ids, |edge| targets.beside(&tree, edge, &own))
                .iter()
                .map(|&id| targets.points[id as usize])
                .collect()
        };
        let new: Vec<LineString<f64>> = old.iter().zip(snapped).map(bend).collect();
        let near = old.iter().zip(&new).all(|(old, new)| is_within(old, new, tolerance));
        let moved = with_rings(new);
        if near && validate_polygon(&moved).is_ok() { moved } else { polygon.clone() }
    });
    Ok(result.collect())
}

/// The vertices that others are moved to.
struct Targets {
    tolerance: f64,
    points: Vec<Coord<f64>>,
    /// Targets by square cells with sides of the tolerance.
    cells: HashMap<(i64, i64), Vec<u32>>,
}

impl Targets {
    fn new(tolerance: f64) -> Self {
        Self { tolerance, points: Vec::new(), cells: HashMap::new() }
    }

    fn cell(&self, p: Coord<f64>) -> (i64, i64) {
        // Casts saturate: far-away points share cells, which costs time only.
        ((p.x / self.tolerance).floor() as i64, (p.y / self.tolerance).floor() as i64)
    }

    /// The nearest target within the tolerance, or a new one.
    fn join(&mut self, p: Coord<f64>) -> u32 {
        let (column, row) = self.cell(p);
        let around = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx, dy)));
        let nearest = around
            .filter_map(|(dx, dy)| {
                self.cells.get(&(column.saturating_add(dx), row.saturating_add(dy)))
            })
            .flatten()
            .map(|&id| (distance(p, self.points[id as usize]), id))
            .filter(|&(distance, _)| distance <= self.tolerance)
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        if let Some((_, id)) = nearest {
            return id;
        }
        let id = self.points.len() as u32;
        self.points.push(p);
        self.cells.entry((column, row)).or_default().push(id);
        id
    }

    /// Targets beside an edge that are not among `own`, in order along it.
    fn beside(&self, tree: &BoxTree, [a, b]: [Coord<f64>; 2], own: &HashSet<u32>) -> Vec<u32> {
        let mut found = Vec::new();
        let chord = b - a;
        tree.visit(&Bounds::of(a, b).grown(self.tolerance), |id| {
            let p = self.points[id];
            let along = (p - a).x * chord.x + (p - a).y * chord.y;
            let between = along > 0.0 && along < chord.x * chord.x + chord.y * chord.y;
            let near = distance_to_segment(p, (a, b)) <= self.tolerance;
            if between && near && !own.contains(&(id as u32)) {
                found.push((along, id as u32));
            }
            true
        });
        found.sort_unstable_by(|p, q| p.0.total_cmp(&q.0).then(p.1.cmp(&q.1)));
        found.into_iter().map(|(_, id)| id).collect()
    }
}

/// The targets of a ring's vertices with those beside its edges between them.
fn bent(
    ring: &[Coord<f64>],
    ids: &[u32],
    beside: impl Fn([Coord<f64>; 2]) -> Vec<u32>,
) -> Vec<u32> {
    let mut path = vec![ids[0]];
    for (pair, ids) in ring.windows(2).zip(ids.windows(2)) {
        path.extend(beside([pair[0], pair[1]]));
        path.push(ids[1]);
    }
    path.dedup();
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use geo_types::polygon;

    #[test]
    fn neighbours_share_their_border() {
        let a =
            polygon![(x: 0.0, y: 0.0), (x: 10.0, y: 0.0), (x: 10.0, y: 10.0), (x: 0.0, y: 10.0)];
        let b = polygon![(x: 10.3, y: 0.2), (x: 20.0, y: 0.0), (x: 20.0, y: 6.0), (x: 9.8, y: 6.1)];
        let snapped = snap_polygons(&[a, b], 0.5).unwrap();
        let edge = |from: (f64, f64), to: (f64, f64)| {
            let pair = [Coord::from(from), Coord::from(to)];
            snapped.iter().any(|polygon| polygon.exterior().0.windows(2).any(|edge| edge == pair))
        };
        assert!(edge((10.0, 0.0), (9.8, 6.1)) && edge((9.8, 6.1), (10.0, 0.0)), "{snapped:?}");
        assert_eq!(snapped[0].exterior().0.len(), 6);
    }

    #[test]
    fn small_polygons_do_not_collapse() {
        let small = polygon![(x: 0.0, y: 0.0), (x: 1.0, y: 0.0), (x: 0.0, y: 1.0)];
        let polygons = [small];
        assert_eq!(snap_polygons(&polygons, 5.0).unwrap(), polygons);
        assert!(matches!(snap_polygons(&polygons, 0.0), Err(Error::Parameter { .. })));
    }
}
