//! Sequences of pieces along a line.

use super::{CircularArc, CubicCurve, Primitive, deviation::deviation};
use crate::point::distance;
use crate::{
    Result,
    error::{check_coordinate, check_non_negative},
    simplify_line::douglas_peucker,
    validate_line,
};
use geo_types::{Coord, Line, LineString};
use serde::{Deserialize, Serialize};

/// Most samples between two vertices.
const MAX_SAMPLES: usize = 16;
/// Failures in a row after which longer pieces of a kind are not tried.
const PATIENCE: usize = 2;

/// How a line is cut into pieces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitConfig {
    /// Largest distance between the line and its pieces (pixels, at least 0).
    pub tolerance: f64,
    /// Whether arcs of circles may be used.
    pub arcs: bool,
    /// Whether cubic Bezier curves may be used.
    pub cubics: bool,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self { tolerance: 1.0, arcs: true, cubics: true }
    }
}

impl FitConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) names the field out of range.
    pub fn validate(&self) -> Result<()> {
        check_non_negative("fit.tolerance", self.tolerance)
    }
}

/// A piece and the part of the line that it stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedPart {
    /// The piece.
    pub primitive: Primitive,
    /// Indices of the first and the last vertex of the part; the next part begins
    /// with the last.
    pub vertices: [usize; 2],
    /// Upper bound on the distance between the part and the piece, both ways (pixels):
    /// exact for lines, otherwise too large by at most a sixteenth of the tolerance.
    pub error: f64,
}

/// Replaces a line by few straight, circular and cubic pieces.
///
/// The simplest kind that stands for all of a line is taken for it. Longer lines are
/// cut at vertices that Douglas-Peucker simplification at half the tolerance keeps:
/// from each cut on, every kind is tried on longer and longer parts, and the one
/// that gets farthest for its number of coordinates wins. Pieces begin and end at
/// vertices of the line, so they meet exactly; their directions may differ there.
///
/// The bound is proved for every piece and reported, up to rounding: each point of the
/// part lies within `tolerance` of the piece, and each point of the piece within
/// `tolerance` of the part. A ring is treated as a line from its first point to its
/// last.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for a field of `config` out of
/// range, or coordinates beyond `1e100`; [`Error::NonFiniteLine`](crate::Error::NonFiniteLine) or
/// [`Error::LineTooShort`](crate::Error::LineTooShort).
///
/// # References
/// P. J. Schneider, *An algorithm for automatically fitting digitized curves*, 1990.
/// W. Wang, H. Pottmann, Y. Liu, *Fitting B-spline curves to point clouds by
/// curvature-based squared distance minimization*, 2006.
pub fn fit_primitives(line: &LineString<f64>, config: &FitConfig) -> Result<Vec<FittedPart>> {
    config.validate()?;
    validate_line(line)?;
    line.coords().flat_map(|p| [p.x, p.y]).try_for_each(check_coordinate)?;
    let track = Track::new(line, config);
    let (mut parts, mut at) = (Vec::new(), 0);
    while at + 1 < track.cuts.len() {
        let (next, part) = track.piece_from(at);
        parts.push(part);
        at = next;
    }
    Ok(parts)
}

/// The three kinds, from the simplest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Line,
    Arc,
    Cubic,
}

impl Kind {
    /// Numbers that a piece adds to its start.
    fn cost(self) -> f64 {
        match self {
            Self::Line => 2.0,
            Self::Arc => 3.0,
            Self::Cubic => 6.0,
        }
    }
}

/// A line with samples between its vertices, which curves are fitted to.
struct Track<'a> {
    points: &'a [Coord<f64>],
    samples: Vec<Coord<f64>>,
    /// Sample of each vertex.
    places: Vec<usize>,
    /// Vertices where pieces may begin and end.
    cuts: Vec<usize>,
    /// Length of the line up to each cut.
    lengths: Vec<f64>,
    config: &'a FitConfig,
}

impl<'a> Track<'a> {
    fn new(line: &'a LineString<f64>, config: &'a FitConfig) -> Self {
        let points = &line.0;
        let mut samples = vec![points[0]];
        let mut places = vec![0];
        let mut sums = vec![0.0];
        for pair in points.windows(2) {
            let step = distance(pair[0], pair[1]);
            let count = (1..MAX_SAMPLES).find(|&k| step <= k as f64 * config.tolerance);
            let count = count.unwrap_or(MAX_SAMPLES);
            let share = |k: usize| pair[0] + (pair[1] - pair[0]) * (k as f64 / count as f64);
            samples.extend((1..count).map(share));
            samples.push(pair[1]);
            places.push(samples.len() - 1);
            sums.push(sums[sums.len() - 1] + step);
        }
        let cuts = kept(points, 0.5 * config.tolerance);
        let lengths = cuts.iter().map(|&vertex| sums[vertex]).collect();
        Self { points, samples, places, cuts, lengths, config }
    }

    /// The best piece that begins at a cut, and the cut where it ends.
    fn piece_from(&self, at: usize) -> (usize, FittedPart) {
        let last = self.cuts.len() - 1;
        let [from, to] = [self.cuts[at], self.cuts[at + 1]];
        // Between neighbouring cuts the line is straight within half the tolerance.
        let chord = Primitive::Line(Line::new(self.points[from], self.points[to]));
        let error = deviation(&chord, &self.points[from..=to], f64::INFINITY);
        let error = error.unwrap_or(f64::INFINITY);
        let plain = FittedPart { primitive: chord, vertices: [from, to], error };
        let (mut reach, mut best) = (at + 1, (Kind::Line, at + 1, plain));
        let kinds =
            [(Kind::Line, true), (Kind::Arc, self.config.arcs), (Kind::Cubic, self.config.cubics)];
        for (kind, _) in kinds.into_iter().filter(|(_, wanted)| *wanted) {
            let Some((end, part)) = self.farthest(kind, at, reach) else { continue };
            reach = reach.max(end);
            if self.is_better((kind, end), (best.0, best.1), at) {
                best = (kind, end, part);
            }
            // A simple piece to the end cannot be beaten by a richer one.
            if end == last {
                break;
            }
        }
        (best.1, best.2)
    }

    /// Whether a richer kind that ends at `end` beats a simpler one.
    fn is_better(&self, (kind, end): (Kind, usize), best: (Kind, usize), at: usize) -> bool {
        let last = self.cuts.len() - 1;
        if best.1 == last {
            return false;
        }
        // The simpler piece needs at least one more.
        if end == last && kind.cost() <= best.0.cost() + Kind::Line.cost() {
            return true;
        }
        let gain = |kind: Kind, end: usize| (self.lengths[end] - self.lengths[at]) / kind.cost();
        (kind == best.0 && end >= best.1) || gain(kind, end) > gain(best.0, best.1)
    }

    /// The piece of a kind that gets farthest; the search begins at the cut `reach`.
    fn farthest(&self, kind: Kind, at: usize, reach: usize) -> Option<(usize, FittedPart)> {
        let last = self.cuts.len() - 1;
        let (mut found, mut failed) = (None, None);
        let (mut step, mut failures, mut end) = (1, 0, reach);
        loop {
            match self.fit(kind, at, end) {
                Some(part) => (found, failed, failures) = (Some((end, part)), None, 0),
                None => {
                    failed = failed.or(Some(end));
                    failures += 1;
                }
            }
            if end == last || failures >= PATIENCE {
                break;
            }
            end = (end + step).min(last);
            step *= 2;
        }
        // Halve the stretch between the last success and the first failure behind it.
        while let (Some((good, _)), Some(bad)) = (found, failed)
            && bad - good > 1
        {
            let middle = good.midpoint(bad);
            match self.fit(kind, at, middle) {
                Some(part) => found = Some((middle, part)),
                None => failed = Some(middle),
            }
        }
        found
    }

    /// A piece of a kind between two cuts that keeps the bound.
    fn fit(&self, kind: Kind, at: usize, end: usize) -> Option<FittedPart> {
        let vertices = [self.cuts[at], self.cuts[end]];
        let points = &self.samples[self.places[vertices[0]]..=self.places[vertices[1]]];
        let tolerance = self.config.tolerance;
        let primitive = match kind {
            Kind::Line => Primitive::Line(Line::new(*points.first()?, *points.last()?)),
            Kind::Arc => Primitive::Arc(CircularArc::fit(points)?),
            Kind::Cubic => Primitive::Cubic(CubicCurve::fit(points, 0.5 * tolerance)?),
        };
        let part = &self.points[vertices[0]..=vertices[1]];
        let error = deviation(&primitive, part, tolerance)?;
        Some(FittedPart { primitive, vertices, error })
    }
}

/// Indices of the vertices that simplification keeps.
fn kept(points: &[Coord<f64>], tolerance: f64) -> Vec<usize> {
    let keep = douglas_peucker(points, tolerance);
    (0..points.len()).filter(|&index| keep[index]).collect()
}
