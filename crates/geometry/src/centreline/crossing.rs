//! Repair of crossings: thinning splits them into two junctions with a short edge
//! between.

use super::strand::{Strand, append, turn};
use crate::point::distance;
use crate::{
    Result,
    error::{check_non_negative, check_positive, check_turn},
};
use geo_types::Coord;
use serde::{Deserialize, Serialize};

/// Largest share of a line that is straightened at each of its ends.
const INNER_SHARE: f64 = 0.4;
/// Largest length of an edge between two junctions, over their largest distance.
const DETOUR: f64 = 1.5;
/// Shorter lines have no direction (pixels).
const MIN_ARM: f64 = 2.0;

/// When two close junctions are one crossing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossingConfig {
    /// Largest distance between two junctions joined by an edge (pixels, at least
    /// 0). Lines of width w that cross at an angle need about w / tan(angle / 2) and
    /// some pixels more. Two edges of at most this length between the same junctions
    /// enclose a hole and become one.
    pub max_length: f64,
    /// Largest turn of a line on its way through the crossing (radians, 0 to pi / 2).
    pub max_angle: f64,
    /// Length of each line, behind a stretch of `max_length`, that its direction is
    /// measured over (pixels, above 0).
    pub reach: f64,
    /// `true`: each line passes through the crossing as one, without a junction.
    /// `false`: four lines meet in one junction.
    pub join: bool,
}

impl Default for CrossingConfig {
    fn default() -> Self {
        Self { max_length: 10.0, max_angle: 0.4, reach: 12.0, join: true }
    }
}

impl CrossingConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        check_non_negative("centreline.crossings.max_length", self.max_length)?;
        check_turn("centreline.crossings.max_angle", self.max_angle)?;
        check_positive("centreline.crossings.reach", self.reach)
    }
}

/// A strand and which of its ends.
type Arm = (usize, usize);

/// Where an arm is straightened and where it points, away from the crossing.
#[derive(Debug, Clone, Copy)]
struct Bearing {
    inner: f64,
    foot: Coord<f64>,
    direction: Coord<f64>,
}

/// Strands by id, and the ends that meet at each junction.
struct Web<'a> {
    strands: Vec<Option<Strand>>,
    arms: Vec<Vec<Arm>>,
    config: &'a CrossingConfig,
}

/// Repairs all crossings and numbers the remaining junctions from 0.
pub(super) fn pass_crossings(strands: Vec<Strand>, config: &CrossingConfig) -> Vec<Strand> {
    let mut web = Web::new(strands, config);
    let mut bridges: Vec<(f64, usize)> = Vec::new();
    for (id, strand) in web.strands.iter().enumerate() {
        let Some(strand) = strand else { continue };
        let gap = distance(strand.end_point(0), strand.end_point(1));
        if gap <= config.max_length && strand.length() <= DETOUR * config.max_length {
            bridges.push((gap, id));
        }
    }
    bridges.sort_by(|p, q| p.0.total_cmp(&q.0).then(p.1.cmp(&q.1)));
    for (_, id) in bridges {
        web.repair(id);
    }
    if config.join {
        for junction in 0..web.arms.len() {
            web.pass(junction);
        }
    }
    web.finish()
}

impl<'a> Web<'a> {
    fn new(strands: Vec<Strand>, config: &'a CrossingConfig) -> Self {
        let count = strands.iter().flat_map(|strand| strand.ends).flatten().max();
        let mut arms = vec![Vec::new(); count.map_or(0, |last| last + 1)];
        for (id, strand) in strands.iter().enumerate() {
            for (side, end) in strand.ends.into_iter().enumerate() {
                if let Some(junction) = end {
                    arms[junction].push((id, side));
                }
            }
        }
        Self { strands: strands.into_iter().map(Some).collect(), arms, config }
    }

    /// Makes a crossing of the two junctions at the ends of a short strand.
    fn repair(&mut self, id: usize) {
        let Some(bridge) = &self.strands[id] else { return };
        let [Some(a), Some(b)] = bridge.ends else { return };
        if a == b || self.arms[a].len() != 3 || self.arms[b].len() != 3 {
            return;
        }
        let others = |junction: usize| -> Vec<Arm> {
            self.arms[junction].iter().copied().filter(|arm| arm.0 != id).collect()
        };
        let (&[a0, a1], &[b0, b1]) = (others(a).as_slice(), others(b).as_slice()) else { return };
        let pairings = [[[a0, b0], [a1, b1]], [[a0, b1], [a1, b0]]];
        let Some(pairs) = self.straightest(&pairings) else { return };
        let middle = (bridge.end_point(0) + bridge.end_point(1)) * 0.5;
        let pixels = bridge.pixels.clone();
        self.strands[id] = None;
        self.arms[a].retain(|arm| arm.0 != id);
        self.arms[b].retain(|arm| arm.0 != id);
        self.straighten(pairs, middle);
        if self.config.join {
            self.arms[a].clear();
            self.arms[b].clear();
            self.join_all(pairs, &pixels);
        } else {
            for (id, side) in std::mem::take(&mut self.arms[b]) {
                if let Some(strand) = &mut self.strands[id] {
                    extend_end(strand, side, &pixels);
                    strand.ends[side] = Some(a);
                }
                self.arms[a].push((id, side));
            }
        }
    }

    /// Leads the lines through a junction of four.
    fn pass(&mut self, junction: usize) {
        let &[p, q, r, s] = self.arms[junction].as_slice() else { return };
        let pairings = [[[p, q], [r, s]], [[p, r], [q, s]], [[p, s], [q, r]]];
        let Some(pairs) = self.straightest(&pairings) else { return };
        let middle = self.strands[p.0].as_ref().map_or_else(Coord::zero, |s| s.end_point(p.1));
        self.straighten(pairs, middle);
        self.arms[junction].clear();
        self.join_all(pairs, &[]);
    }

    /// The pairing with the least turns, if its lines are straight enough.
    fn straightest(&self, pairings: &[[[Arm; 2]; 2]]) -> Option<[[Arm; 2]; 2]> {
        let turns = |pairs: &[[Arm; 2]; 2]| -> Option<f64> {
            let [p, q] = pairs.map(|pair| self.turn_through(pair));
            let (p, q) = (p?, q?);
            (p.max(q) <= self.config.max_angle).then_some(p + q)
        };
        let fitting = pairings.iter().filter_map(|pairs| Some((turns(pairs)?, *pairs)));
        fitting.min_by(|p, q| p.0.total_cmp(&q.0)).map(|(_, pairs)| pairs)
    }

    /// The largest turn of a line that comes in by one arm and leaves by another.
    fn turn_through(&self, [p, q]: [Arm; 2]) -> Option<f64> {
        let (p, q) = (self.bearing(p)?, self.bearing(q)?);
        let (back, across) = (Coord::zero() - p.direction, q.foot - p.foot);
        let turns = [turn(back, q.direction), turn(back, across), turn(across, q.direction)];
        Some(turns.into_iter().fold(0.0, f64::max))
    }

    fn bearing(&self, (id, side): Arm) -> Option<Bearing> {
        let strand = self.strands[id].as_ref()?;
        let length = strand.length();
        if length < MIN_ARM {
            return None;
        }
        let inner = self.config.max_length.min(INNER_SHARE * length);
        let foot = strand.along(side, inner);
        let outer = strand.along(side, (inner + self.config.reach).min(length));
        Some(Bearing { inner, foot, direction: outer - foot })
    }

    /// Moves the four arms to the point where their lines cross.
    fn straighten(&mut self, pairs: [[Arm; 2]; 2], middle: Coord<f64>) {
        let bearings = pairs.map(|pair| pair.map(|arm| self.bearing(arm)));
        let [[Some(p), Some(q)], [Some(r), Some(s)]] = bearings else { return };
        let tip = meet([p.foot, q.foot], [r.foot, s.foot])
            .filter(|tip| distance(*tip, middle) <= self.config.max_length)
            .unwrap_or(middle);
        for (arm, bearing) in pairs.as_flattened().iter().zip([p, q, r, s]) {
            if let Some(strand) = &mut self.strands[arm.0] {
                strand.retract(arm.1, bearing.inner, tip);
            }
        }
    }

    /// Joins the arms of both pairs; `pixels` lead from the first to the second arm
    /// or the other way round.
    fn join_all(&mut self, [first, mut second]: [[Arm; 2]; 2], pixels: &[(u32, u32)]) {
        let id = self.strands.len();
        self.join(first, pixels);
        // Arms of the second pair may be the far ends of the strands just joined.
        for arm in &mut second {
            if (arm.0, 1 - arm.1) == first[0] {
                *arm = (id, 0);
            } else if (arm.0, 1 - arm.1) == first[1] {
                *arm = (id, 1);
            }
        }
        self.join(second, pixels);
    }

    /// Joins two arms to one strand, or the two ends of one strand to a ring.
    fn join(&mut self, [p, q]: [Arm; 2], pixels: &[(u32, u32)]) {
        let Some(mut first) = self.strands[p.0].take() else { return };
        if p.1 == 0 {
            first.reverse();
        }
        extend_end(&mut first, 1, pixels);
        if p.0 == q.0 {
            let (start, point) = (first.pixels[0], first.end_point(0));
            append(&mut first.pixels, [start]);
            close(&mut first.points, point);
            first.ends = [None, None];
            self.strands.push(Some(first));
            return;
        }
        let Some(mut second) = self.strands[q.0].take() else { return };
        if q.1 == 1 {
            second.reverse();
        }
        append(&mut first.pixels, second.pixels);
        // Both end at the crossing.
        first.points.extend(second.points.into_iter().skip(1));
        first.ends[1] = second.ends[1];
        let id = self.strands.len();
        for (side, end) in first.ends.into_iter().enumerate() {
            let far = if side == 0 { (p.0, 1 - p.1) } else { (q.0, 1 - q.1) };
            let Some(junction) = end else { continue };
            for arm in &mut self.arms[junction] {
                if *arm == far {
                    *arm = (id, side);
                }
            }
        }
        self.strands.push(Some(first));
    }

    fn finish(self) -> Vec<Strand> {
        let mut count = 0;
        let number = |arms: &Vec<Arm>| {
            (!arms.is_empty()).then(|| {
                count += 1;
                count - 1
            })
        };
        let numbers: Vec<Option<usize>> = self.arms.iter().map(number).collect();
        let renumber = |mut strand: Strand| {
            strand.ends = strand.ends.map(|end| end.and_then(|junction| numbers[junction]));
            strand
        };
        self.strands.into_iter().flatten().map(renumber).collect()
    }
}

/// Appends pixels at an end, in whichever direction they begin there.
fn extend_end(strand: &mut Strand, side: usize, pixels: &[(u32, u32)]) {
    if side == 0 {
        strand.pixels.reverse();
    }
    if strand.pixels.last() == pixels.last() {
        append(&mut strand.pixels, pixels.iter().rev().copied());
    } else {
        append(&mut strand.pixels, pixels.iter().copied());
    }
    if side == 0 {
        strand.pixels.reverse();
    }
}

/// Ends a line at the point where it begins.
fn close(points: &mut Vec<Coord<f64>>, first: Coord<f64>) {
    if points.last() != Some(&first) {
        points.push(first);
    }
}

/// The point where two segments cross.
fn meet([a, b]: [Coord<f64>; 2], [c, d]: [Coord<f64>; 2]) -> Option<Coord<f64>> {
    let cross = |u: Coord<f64>, v: Coord<f64>| u.x * v.y - u.y * v.x;
    let slant = cross(b - a, d - c);
    let (t, s) = (cross(c - a, d - c) / slant, cross(c - a, b - a) / slant);
    let within = (0.0..=1.0).contains(&t) && (0.0..=1.0).contains(&s);
    within.then(|| a + (b - a) * t)
}
