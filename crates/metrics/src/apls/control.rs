//! The places between which paths are measured.

use super::graph::{Place, RoadGraph};
use crate::{Error, Result};

/// Points along the roads, before they are thinned.
const LIMIT: u64 = 1 << 24;
/// Share of `spacing` from which on a road gets a point in its middle.
const HALVED: f64 = 0.75;

/// Ends, junctions, and points that cut the roads between them into equal pieces of at most
/// `spacing`; a road of at least [`HALVED`] of that is cut once.
pub(super) fn control_points(graph: &RoadGraph, spacing: f64) -> Result<Vec<Place>> {
    let mut edges_of = vec![Vec::new(); graph.points.len()];
    for (edge, ends) in graph.edges.iter().enumerate() {
        ends.iter().for_each(|&node| edges_of[node].push(edge));
    }
    let mut places = Vec::new();
    let mut used = vec![false; graph.edges.len()];
    let mut start_at = |start: usize, all: bool| -> Result<()> {
        let Some(&edge) = edges_of[start].first().filter(|&&edge| all || !used[edge]) else {
            return Ok(());
        };
        let share = if graph.edges[edge][0] == start { 0.0 } else { 1.0 };
        places.push(Place { edge, share });
        for &first in &edges_of[start] {
            if !used[first] {
                let road = follow(graph, &edges_of, start, first, &mut used);
                cut(graph, &road, spacing, &mut places)?;
            }
        }
        Ok(())
    };
    let inner = |node: &usize| edges_of[*node].len() == 2;
    (0..edges_of.len()).filter(|node| !inner(node)).try_for_each(|node| start_at(node, true))?;
    // What is left are roads around a block without a junction.
    (0..edges_of.len()).filter(inner).try_for_each(|node| start_at(node, false))?;
    Ok(places)
}

/// The edges from a node to the next end or junction, or around to the node itself; with
/// each whether it is walked from its first node.
fn follow(
    graph: &RoadGraph,
    edges_of: &[Vec<usize>],
    start: usize,
    first: usize,
    used: &mut [bool],
) -> Vec<(usize, bool)> {
    let (mut node, mut edge) = (start, first);
    let mut road = Vec::new();
    loop {
        used[edge] = true;
        let [a, b] = graph.edges[edge];
        road.push((edge, a == node));
        node = if a == node { b } else { a };
        let onward = edges_of[node].iter().find(|&&next| next != edge);
        match onward {
            Some(&next) if edges_of[node].len() == 2 && node != start && !used[next] => edge = next,
            _ => return road,
        }
    }
}

/// Adds the points between the ends of a road.
fn cut(
    graph: &RoadGraph,
    road: &[(usize, bool)],
    spacing: f64,
    places: &mut Vec<Place>,
) -> Result<()> {
    let length: f64 = road.iter().map(|&(edge, _)| graph.length(edge)).sum();
    let least = if length >= HALVED * spacing { 2.0 } else { 1.0 };
    let pieces = (length / spacing).ceil().max(least);
    if pieces + places.len() as f64 > LIMIT as f64 {
        let (count, limit) = (pieces.min(1e18) as i64, LIMIT);
        let advice = "raise `spacing`";
        let count = count.unsigned_abs();
        return Err(Error::TooMany { what: "control points", count, limit, advice });
    }
    let piece = length / pieces;
    let (mut next, mut passed) = (1.0, 0.0);
    for &(edge, forward) in road {
        let way = graph.length(edge);
        while next < pieces && next * piece <= passed + way {
            let share = (next * piece - passed) / way;
            let share = if forward { share } else { 1.0 - share };
            places.push(Place { edge, share: share.clamp(0.0, 1.0) });
            next += 1.0;
        }
        passed += way;
    }
    Ok(())
}
