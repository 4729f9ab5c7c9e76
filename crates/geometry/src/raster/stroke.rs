//! Anti-aliased strokes of any width.
//!
//! Each pixel is compared with the segment beside it: its share of the infinite
//! strip around the segment has a closed form (a difference of two half-plane
//! areas of the unit square), so straight stretches are exact at every angle and
//! width. Joins fill the wedge outside a bend, caps shorten the strip along the
//! line. Within one pixel of a cap or bend the result is an approximation.

use super::coverage::on_cells;
use super::dash::{Dash, dash_line};
use super::drawable::check_line;
use super::edge::{Edge, Strip};
use crate::{
    Result,
    error::check_positive,
    grid::{ceil_index, centres, floor_index},
};
use geo_types::{Coord, LineString};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Half the diagonal of a pixel, and a little more: beyond it a pixel is untouched.
const PIXEL_REACH: f64 = 0.72;
/// Longest miter in half widths; sharper bends are bevelled (the SVG default).
pub(crate) const MITER_LIMIT: f64 = 4.0;
/// Slack of the tests that assign a pixel to a segment or a join.
const SLACK: f64 = 1e-9;
/// Pixels that far outside of the wedge of a join are looked at.
const WEDGE_SLACK: f64 = 1e-3;

/// Shape of the two ends of an open line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cap {
    /// The stroke ends at the last point.
    #[default]
    Butt,
    /// A half disc is added.
    Round,
    /// The stroke is lengthened by half its width.
    Square,
}

/// Shape of the outer side of a bend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// A disc sector.
    #[default]
    Round,
    /// The two edges are prolonged until they meet (up to four half widths).
    Miter,
    /// The corner is cut off.
    Bevel,
}

/// How a line is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stroke {
    /// Width in pixels, above 0. Below 1 an anti-aliased line becomes faint, not
    /// wider: the coverage across the line always adds up to the width.
    pub width: f64,
    /// Shape of the ends.
    pub cap: Cap,
    /// Shape of the bends.
    pub join: Join,
    /// Dash pattern; none draws a solid line.
    pub dash: Option<Dash>,
}

impl Default for Stroke {
    fn default() -> Self {
        Self { width: 1.0, cap: Cap::Butt, join: Join::Round, dash: None }
    }
}

impl Stroke {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        check_positive("stroke.width", self.width)?;
        self.dash.as_ref().map_or(Ok(()), Dash::validate)
    }
}

/// Draws `line` and combines it by maximum with `coverage` (shape (H, W), `[0, 1]`).
///
/// On straight stretches the value is the area share of the pixel, to 1e-6; within a
/// pixel of a cap or a bend it is off by at most a few tenths of the width (of the
/// pixel for widths above 1). A closed line has no ends and a join at its closing
/// point. Only pixels beside the line are visited: the cost is about length times
/// (width + 1.5). Parts outside the raster are clipped.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for a field of `stroke` or coordinates
/// beyond `1e100`, and what [`validate_line`](crate::validate_line) and [`dash_line`]
/// return.
///
/// # Examples
/// ```
/// use mapvec_geometry::{Stroke, stroke_coverage};
/// let mut coverage = ndarray::Array2::zeros((5, 9));
/// let line = geo_types::LineString::from(vec![(0.0, 2.5), (9.0, 2.5)]);
/// stroke_coverage(&line, &Stroke { width: 0.4, ..Stroke::default() }, &mut coverage)?;
/// assert!((coverage.column(4).sum() - 0.4).abs() < 1e-6);
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
pub fn stroke_coverage(
    line: &LineString<f64>,
    stroke: &Stroke,
    coverage: &mut Array2<f32>,
) -> Result<()> {
    stroke.validate()?;
    check_line(line)?;
    let pieces = stroke.dash.as_ref().map(|dash| dash_line(line, dash)).transpose()?;
    let pieces = pieces.as_deref().unwrap_or(std::slice::from_ref(line));
    on_cells(coverage, |cells, width| {
        for piece in pieces {
            Painter::new(piece, stroke, cells, width).draw();
        }
    });
    Ok(())
}

/// One straight piece: start, unit direction, length and distance along the line.
#[derive(Debug, Clone, Copy)]
struct Segment {
    start: Coord<f64>,
    direction: Coord<f64>,
    length: f64,
    station: f64,
    edge: Edge,
}

impl Segment {
    /// Coordinates along and across the segment.
    fn local(&self, p: Coord<f64>) -> (f64, f64) {
        let d = p - self.start;
        let u = self.direction;
        (d.x * u.x + d.y * u.y, d.y * u.x - d.x * u.y)
    }

    /// Share of a pixel, with its centre at `offset` across, inside the strip.
    #[inline]
    fn across(&self, offset: f64, half: f64) -> f64 {
        self.edge.area(half - offset) - self.edge.area(-half - offset)
    }
}

/// Draws one solid line.
struct Painter<'a> {
    segments: Vec<Segment>,
    closed: bool,
    length: f64,
    half: f64,
    stroke: &'a Stroke,
    /// Rows one after the other.
    cells: &'a mut [f32],
    width: usize,
    height: usize,
}

impl<'a> Painter<'a> {
    fn new(line: &LineString<f64>, stroke: &'a Stroke, cells: &'a mut [f32], width: usize) -> Self {
        let mut segments = Vec::with_capacity(line.0.len());
        let mut station = 0.0;
        for pair in line.0.windows(2) {
            let d = pair[1] - pair[0];
            let length = (d.x * d.x + d.y * d.y).sqrt();
            if length > 0.0 {
                let (start, direction) = (pair[0], d / length);
                // The normal has the same two components, one turned round.
                let edge = Edge::new(direction);
                segments.push(Segment { start, direction, length, station, edge });
                station += length;
            }
        }
        let closed = line.is_closed() && segments.len() > 1;
        let (half, height) = (0.5 * stroke.width, cells.len() / width.max(1));
        Self { segments, closed, length: station, half, stroke, cells, width, height }
    }

    fn draw(mut self) {
        let segments = std::mem::take(&mut self.segments);
        let count = segments.len();
        for (index, segment) in segments.iter().enumerate() {
            let open = (!self.closed && index == 0, !self.closed && index + 1 == count);
            self.draw_segment(segment, open);
            let next = (index + 1) % count;
            if !open.1 {
                self.draw_join(segment, &segments[next]);
            }
        }
    }

    /// How far the cap reaches beyond an end.
    fn cap_length(&self) -> f64 {
        if self.stroke.cap == Cap::Butt { 0.0 } else { self.half }
    }

    fn draw_segment(&mut self, segment: &Segment, open: (bool, bool)) {
        let cap = self.cap_length();
        let low = if open.0 { -cap - PIXEL_REACH } else { -SLACK };
        let high = segment.length + if open.1 { cap + PIXEL_REACH } else { SLACK };
        let reach = self.half + PIXEL_REACH;
        let (u, half, total) = (segment.direction, self.half, self.length);
        let ends = [segment.start + u * low, segment.start + u * high];
        let (closed, round) = (self.closed, self.stroke.cap == Cap::Round);
        let height = self.height;
        // Between these stations neither end shows.
        let margin = if round { (0.5 - cap).max(0.0) } else { 0.5 - cap };
        let plain = if closed {
            (segment.station + low, segment.station + high)
        } else {
            let (first, last) = (segment.station + low, segment.station + high);
            (first.max(margin), last.min(total - margin))
        };
        let strip = Strip::new(&segment.edge, half, -u.y);
        let slabs = [Slab::new(u.x, (low, high)), Slab::new(-u.y, (-reach, reach))];
        let top = ends[0].y.min(ends[1].y) - reach * u.x.abs();
        let bottom = ends[0].y.max(ends[1].y) + reach * u.x.abs();
        for row in floor_index(top, height)..ceil_index(bottom, height) {
            let y = row as f64 + 0.5 - segment.start.y;
            // Both local coordinates are linear in x: intersect their ranges.
            let along = slabs[0].interval(y * u.y);
            let beside = slabs[1].interval(y * u.x);
            let x0 = segment.start.x;
            let span = (along.0.max(beside.0) + x0, along.1.min(beside.1) + x0);
            let (columns, line) = self.pixels(row, span);
            let last = columns.end as f64 - 0.5;
            let first = Coord { x: columns.start as f64 + 0.5, y: row as f64 + 0.5 };
            let ends = [first.x, last].map(|x| segment.local(Coord { x, ..first }).0);
            let [from, to] = ends.map(|t| segment.station + t);
            if from.min(to) >= plain.0 && from.max(to) <= plain.1 {
                strip.paint(segment.local(first).1, line);
                continue;
            }
            paint(line, first, |p| {
                let (t, offset) = segment.local(p);
                let s = segment.station + t;
                let share = segment.across(offset, half);
                if s >= plain.0 && s <= plain.1 {
                    return share;
                }
                if t < low || t > high {
                    return 0.0;
                }
                let mut share = share;
                if !closed {
                    share *= overlap(s, -cap, total + cap);
                    let beyond = (-s).max(s - total);
                    if round && beyond > 0.0 {
                        share = share.min(segment.across(beyond.hypot(offset), half));
                    }
                }
                share
            });
        }
    }

    /// Fills the wedge between the end normals of `a` and the start normals of `b`.
    fn draw_join(&mut self, a: &Segment, b: &Segment) {
        let vertex = b.start;
        let half = self.half;
        let sum = a.direction + b.direction;
        // Cosine of half the turning angle; the miter is its inverse long.
        let cosine = 0.5 * sum.x.hypot(sum.y);
        let miter = self.stroke.join == Join::Miter && cosine * MITER_LIMIT >= 1.0;
        // Bisector of the outer normals, pointing out of the bend.
        let difference = a.direction - b.direction;
        let size = difference.x.hypot(difference.y);
        let out = if size > 0.0 { difference / size } else { a.direction };
        let bevel = Edge::new(out);
        let round = self.stroke.join == Join::Round;
        let reach = PIXEL_REACH + if miter { half / cosine } else { half };
        let rows = (vertex.y - reach, vertex.y + reach);
        let height = self.height;
        let (closed, cap, total, station) =
            (self.closed, self.cap_length(), self.length, b.station);
        // The wedge, and a little more: each pixel is tested below.
        let beyond = Slab::new(a.direction.x, (-WEDGE_SLACK, 2.0 * reach));
        let before = Slab::new(b.direction.x, (-2.0 * reach, WEDGE_SLACK));
        for row in floor_index(rows.0, height)..ceil_index(rows.1, height) {
            let y = row as f64 + 0.5 - vertex.y;
            let (p, q) = (beyond.interval(y * a.direction.y), before.interval(y * b.direction.y));
            let span = (p.0.max(q.0).max(-reach), p.1.min(q.1).min(reach));
            let (columns, line) = self.pixels(row, (vertex.x + span.0, vertex.x + span.1));
            let first = Coord { x: columns.start as f64 + 0.5, y: row as f64 + 0.5 };
            paint(line, first, |p| {
                let (ta, offset_a) = a.local(p);
                let (tb, offset_b) = b.local(p);
                if ta < a.length - SLACK || tb > SLACK {
                    return 0.0;
                }
                let d = p - vertex;
                let share = if round {
                    a.across((d.x * d.x + d.y * d.y).sqrt(), half)
                } else {
                    let both = a.across(offset_a, half).min(b.across(offset_b, half));
                    let depth = half * cosine - (d.x * out.x + d.y * out.y);
                    if miter { both } else { both.min(0.5 + bevel.area(depth)) }
                };
                if closed { share } else { share * overlap(station, -cap, total + cap) }
            });
        }
    }

    /// Pixels of a row with their centres between two positions.
    #[inline]
    fn pixels(&mut self, row: usize, (from, to): (f64, f64)) -> (Range<usize>, &mut [f32]) {
        let columns = centres(from - SLACK, to + SLACK, self.width);
        let start = row * self.width;
        let line = self.cells.get_mut(start + columns.start..start + columns.end);
        (columns, line.unwrap_or_default())
    }
}

/// Combines shares with a run of pixels, the first with its centre at `first`, by maximum.
#[inline]
fn paint(line: &mut [f32], first: Coord<f64>, share: impl Fn(Coord<f64>) -> f64) {
    let mut p = first;
    for cell in line {
        *cell = cell.max(share(p).clamp(0.0, 1.0) as f32);
        p.x += 1.0;
    }
}

/// Length of `[centre - 1/2, centre + 1/2]` inside `[low, high]`.
fn overlap(centre: f64, low: f64, high: f64) -> f64 {
    ((centre + 0.5).min(high) - (centre - 0.5).max(low)).clamp(0.0, 1.0)
}

/// The x where `factor * x + offset` lies in a range, for many offsets.
struct Slab {
    /// One over the factor; none for a factor of 0.
    inverse: Option<f64>,
    range: (f64, f64),
}

impl Slab {
    fn new(factor: f64, range: (f64, f64)) -> Self {
        let inverse = (factor.abs() >= 1e-12).then(|| 1.0 / factor);
        Self { inverse, range }
    }

    #[inline]
    fn interval(&self, offset: f64) -> (f64, f64) {
        let (low, high) = self.range;
        let Some(inverse) = self.inverse else {
            let inside = low <= offset && offset <= high;
            return if inside { (f64::NEG_INFINITY, f64::INFINITY) } else { (0.0, -2.0) };
        };
        let (p, q) = ((low - offset) * inverse, (high - offset) * inverse);
        (p.min(q), p.max(q))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(coverage: &Array2<f32>) -> f64 {
        coverage.iter().map(|&c| f64::from(c)).sum()
    }

    fn draw(points: Vec<(f64, f64)>, stroke: &Stroke) -> Array2<f32> {
        let mut coverage = Array2::zeros((120, 120));
        stroke_coverage(&points.into(), stroke, &mut coverage).unwrap();
        coverage
    }

    #[test]
    fn integral_is_length_times_width_at_any_angle() {
        for width in [0.1, 0.4, 1.0, 2.3, 7.0] {
            for step in 0..37 {
                let angle = f64::from(step) * std::f64::consts::PI / 36.0;
                let (dx, dy) = (50.0 * angle.cos(), 50.0 * angle.sin());
                let centre = (60.2, 59.7);
                let line = vec![(centre.0 - dx, centre.1 - dy), (centre.0 + dx, centre.1 + dy)];
                let sum = total(&draw(line, &Stroke { width, ..Stroke::default() }));
                let share = sum / (100.0 * width);
                assert!((share - 1.0).abs() < 0.01, "width {width}, angle {angle}: {share}");
            }
        }
    }

    #[test]
    fn short_segments_keep_the_width() {
        for width in [0.4, 1.5, 6.0] {
            let circle: Vec<_> = (0..=1000)
                .map(|k| f64::from(k % 1000) * std::f64::consts::TAU / 1000.0)
                .map(|a| (60.0 + 40.0 * a.cos(), 60.0 + 40.0 * a.sin()))
                .collect();
            let sum = total(&draw(circle, &Stroke { width, ..Stroke::default() }));
            let share = sum / (width * 40.0 * std::f64::consts::TAU);
            assert!((share - 1.0).abs() < 0.02, "width {width}: {share}");
        }
    }

    #[test]
    fn caps_have_their_area() {
        let line = vec![(30.3, 60.0), (80.3, 60.0)];
        let area =
            |cap| total(&draw(line.clone(), &Stroke { width: 8.0, cap, ..Stroke::default() }));
        assert!((area(Cap::Butt) - 400.0).abs() < 0.5);
        assert!((area(Cap::Square) - 464.0).abs() < 0.5);
        let disc = std::f64::consts::PI * 16.0;
        assert!((area(Cap::Round) - 400.0 - disc).abs() < 2.0);
    }

    #[test]
    fn joins_have_their_area() {
        let line = vec![(20.0, 60.0), (60.0, 60.0), (60.0, 100.0)];
        let area =
            |join| total(&draw(line.clone(), &Stroke { width: 8.0, join, ..Stroke::default() }));
        // Two strips share a 4 x 4 square; the outer corner adds its own part.
        let base = 2.0 * 40.0 * 8.0 - 16.0;
        assert!((area(Join::Miter) - base - 16.0).abs() < 1.0, "{}", area(Join::Miter) - base);
        assert!((area(Join::Bevel) - base - 8.0).abs() < 1.0, "{}", area(Join::Bevel) - base);
        let sector = std::f64::consts::PI * 4.0;
        assert!((area(Join::Round) - base - sector).abs() < 1.5, "{}", area(Join::Round) - base);
    }

    #[test]
    fn bad_width_is_refused() {
        let mut coverage = Array2::zeros((4, 4));
        let line = LineString::from(vec![(0.0, 0.0), (4.0, 4.0)]);
        let stroke = Stroke { width: f64::NAN, ..Stroke::default() };
        assert!(stroke_coverage(&line, &stroke, &mut coverage).is_err());
    }
}
