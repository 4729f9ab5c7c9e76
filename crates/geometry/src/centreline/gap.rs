//! Bridging gaps between free ends that point at each other.

use super::{
    centre,
    graph::{Edge, Pixel},
    prune::{Network, trim_ring},
    strand::{append, turn},
};
use crate::point::distance;
use crate::{
    Result,
    error::{check_non_negative, check_positive, check_turn},
};
use geo_types::Coord;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// When two free ends are one line with a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GapConfig {
    /// Largest distance between the ends (pixels, at least 0).
    pub max_gap: f64,
    /// Largest turn from the one line into the gap, from the gap into the other line,
    /// and from line to line (radians, 0 to pi / 2). Curved lines turn within `reach`
    /// and need more.
    pub max_angle: f64,
    /// Ends that miss each other sideways by no more than this do so at any angle
    /// (pixels, at least 0). Thinning turns the ends of broad lines to the side by up
    /// to half their width.
    pub max_offset: f64,
    /// Length at each end that its direction is measured over (pixels, above 0).
    pub reach: f64,
}

impl Default for GapConfig {
    fn default() -> Self {
        Self { max_gap: 12.0, max_angle: 0.5, max_offset: 1.0, reach: 12.0 }
    }
}

impl GapConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        check_non_negative("centreline.gaps.max_gap", self.max_gap)?;
        check_turn("centreline.gaps.max_angle", self.max_angle)?;
        check_non_negative("centreline.gaps.max_offset", self.max_offset)?;
        check_positive("centreline.gaps.reach", self.reach)
    }
}

/// An end of an edge: its id and 0 or 1.
type End = (usize, usize);

/// A free end.
struct Tip {
    end: End,
    at: Coord<f64>,
    /// Where the line would go on; not of unit length.
    direction: Coord<f64>,
}

impl Network {
    /// Joins free ends, the best fitting pairs first, each end once.
    pub(super) fn bridge_gaps(&mut self, config: &GapConfig) {
        let tips = self.tips(config.reach);
        let mut links: BTreeMap<End, End> = BTreeMap::new();
        for (_, i, j) in candidates(&tips, config) {
            let (p, q) = (tips[i].end, tips[j].end);
            if !links.contains_key(&p) && !links.contains_key(&q) {
                links.insert(p, q);
                links.insert(q, p);
            }
        }
        // First the rows of edges that have an end, from that end; then the rings.
        let mut ends: Vec<End> = links.keys().map(|&(edge, side)| (edge, 1 - side)).collect();
        ends.sort_by_key(|end| (links.contains_key(end), *end));
        for end in ends {
            self.join_row(end, &links);
        }
    }

    fn tips(&self, reach: f64) -> Vec<Tip> {
        let mut tips = Vec::new();
        for (id, edge) in self.edges.iter().enumerate() {
            let Some(edge) = edge else { continue };
            // Rings have no ends, single pixels no direction.
            if edge.pixels.first() == edge.pixels.last() {
                continue;
            }
            for side in [0, 1] {
                if edge.ends[side].is_none() {
                    let (at, direction) = tip(edge, side, reach);
                    tips.push(Tip { end: (id, side), at, direction });
                }
            }
        }
        tips
    }

    /// Replaces the row of linked edges that begins at an end by one edge.
    fn join_row(&mut self, start: End, links: &BTreeMap<End, End>) {
        let mut row: Option<Edge> = None;
        let mut at = start;
        let mut members = Vec::new();
        while let Some(mut edge) = self.edges[at.0].take() {
            members.push(at.0);
            if at.1 == 1 {
                edge.pixels.reverse();
                edge.ends.reverse();
            }
            row = Some(match row {
                None => edge,
                Some(mut row) => {
                    bridge(&mut row.pixels, edge.pixels[0]);
                    append(&mut row.pixels, edge.pixels);
                    row.ends[1] = edge.ends[1];
                    row
                }
            });
            match links.get(&(at.0, 1 - at.1)) {
                Some(&next) => at = next,
                None => break,
            }
        }
        let Some(mut row) = row else { return };
        if links.contains_key(&start) {
            let first = row.pixels[0];
            bridge(&mut row.pixels, first);
            append(&mut row.pixels, [first]);
            trim_ring(&mut row.pixels);
        }
        let id = self.edges.len();
        for node in row.ends.into_iter().flatten() {
            for edge in &mut self.incident[node] {
                if members.contains(edge) {
                    *edge = id;
                }
            }
        }
        self.edges.push(Some(row));
    }
}

/// The position of an end and the direction in which it points.
fn tip(edge: &Edge, side: usize, reach: f64) -> (Coord<f64>, Coord<f64>) {
    let last = edge.pixels.len() - 1;
    let pixel = |k: usize| centre(edge.pixels[if side == 0 { k } else { last - k }]);
    let at = pixel(0);
    let mut passed = 0.0;
    let mut inner = at;
    for k in 1..=last {
        passed += distance(inner, pixel(k));
        inner = pixel(k);
        if passed >= reach {
            break;
        }
    }
    (at, at - inner)
}

/// Pairs of ends that may be joined, as (cost, index, index), the best first.
fn candidates(tips: &[Tip], config: &GapConfig) -> Vec<(f64, usize, usize)> {
    let size = config.max_gap.max(1.0);
    let cell = |p: Coord<f64>| ((p.x / size) as i64, (p.y / size) as i64);
    let mut cells: BTreeMap<(i64, i64), Vec<usize>> = BTreeMap::new();
    for (index, tip) in tips.iter().enumerate() {
        cells.entry(cell(tip.at)).or_default().push(index);
    }
    let mut pairs = Vec::new();
    for (i, tip) in tips.iter().enumerate() {
        let (x, y) = cell(tip.at);
        for near in (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (x + dx, y + dy))) {
            for &j in cells.get(&near).into_iter().flatten().filter(|&&j| j > i) {
                if let Some(cost) = cost(tip, &tips[j], config) {
                    pairs.push((cost, i, j));
                }
            }
        }
    }
    pairs.sort_by(|p, q| p.0.total_cmp(&q.0).then((p.1, p.2).cmp(&(q.1, q.2))));
    pairs
}

/// Length of the gap, longer for turns; `None` if it is not to be bridged.
fn cost(p: &Tip, q: &Tip, config: &GapConfig) -> Option<f64> {
    let gap = q.at - p.at;
    let length = distance(p.at, q.at);
    let zero = Coord::zero();
    let back = zero - gap;
    let into = |direction: Coord<f64>, gap: Coord<f64>| {
        if offset(direction, gap) <= config.max_offset { 0.0 } else { turn(direction, gap) }
    };
    let turns =
        [into(p.direction, gap), into(q.direction, back), turn(p.direction, zero - q.direction)];
    let fits = length <= config.max_gap && turns.iter().all(|&turn| turn <= config.max_angle);
    fits.then(|| length * (1.0 + turns.iter().sum::<f64>()))
}

/// How far a gap ahead leads aside of a direction; infinite for one behind.
fn offset(direction: Coord<f64>, gap: Coord<f64>) -> f64 {
    let ahead = direction.x * gap.x + direction.y * gap.y;
    let aside = direction.x * gap.y - direction.y * gap.x;
    if ahead > 0.0 { aside.abs() / direction.x.hypot(direction.y) } else { f64::INFINITY }
}

/// Appends the pixels of a straight line from the last pixel up to `to`.
fn bridge(pixels: &mut Vec<Pixel>, to: Pixel) {
    let Some(&from) = pixels.last() else { return };
    let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1));
    let place = |a: u32, b: u32, k: u32| {
        let (a, b, k, n) = (i64::from(a), i64::from(b), i64::from(k), i64::from(steps));
        // Rounded to the nearest; between two pixels of the raster, hence in range.
        u32::try_from((2 * (a * (n - k) + b * k) + n) / (2 * n)).unwrap_or(0)
    };
    append(pixels, (1..steps).map(|k| (place(from.0, to.0, k), place(from.1, to.1, k))));
}
