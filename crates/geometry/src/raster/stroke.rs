//! Anti-aliased strokes of any width.
//!
//! Each pixel is compared with the segment beside it: its share of the infinite
//! strip around the segment has a closed form (a difference of two half-plane
//! areas of the unit square), so straight stretches are exact at every angle and
//! width. Joins fill the wedge outside a bend, caps shorten the strip along the
//! line. Within one pixel of a cap or bend the result is an approximation.

use super::dash::{Dash, dash_line};
use crate::{
    Result,
    error::check_positive,
    grid::{ceil_index, floor_index},
    validate_line,
};
use geo_types::{Coord, LineString};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Half the diagonal of a pixel, and a little more: beyond it a pixel is untouched.
const PIXEL_REACH: f64 = 0.72;
/// Longest miter in half widths; sharper bends are bevelled (the SVG default).
pub(super) const MITER_LIMIT: f64 = 4.0;
/// Slack of the tests that assign a pixel to a segment or a join.
const SLACK: f64 = 1e-9;

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
/// On straight stretches the value is the exact area share of the pixel; within a
/// pixel of a cap or a bend it is off by at most a few tenths of the width (of the
/// pixel for widths above 1). A closed line has no ends and a join at its closing
/// point. Only pixels beside the line are visited: the cost is about length times
/// (width + 1.5). Parts outside the raster are clipped.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for a field of `stroke`, and what
/// [`validate_line`] and [`dash_line`] return.
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
    validate_line(line)?;
    match &stroke.dash {
        Some(dash) => {
            for piece in dash_line(line, dash)? {
                Painter::new(&piece, stroke, coverage).draw();
            }
        }
        None => Painter::new(line, stroke, coverage).draw(),
    }
    Ok(())
}

/// One straight piece: start, unit direction, length and distance along the line.
#[derive(Debug, Clone, Copy)]
struct Segment {
    start: Coord<f64>,
    direction: Coord<f64>,
    length: f64,
    station: f64,
}

impl Segment {
    /// Coordinates along and across the segment.
    fn local(&self, p: Coord<f64>) -> (f64, f64) {
        let d = p - self.start;
        let u = self.direction;
        (d.x * u.x + d.y * u.y, d.y * u.x - d.x * u.y)
    }

    /// Share of a pixel, with its centre at `offset` across, inside the strip.
    fn across(&self, offset: f64, half: f64) -> f64 {
        let n = (self.direction.y, self.direction.x);
        half_plane_area(n, half - offset) - half_plane_area(n, -half - offset)
    }
}

/// Area of the unit square around the origin on the side `p . n <= x` of a line with unit normal `n`.
fn half_plane_area(n: (f64, f64), x: f64) -> f64 {
    let (a, b) = (n.0.abs().max(n.1.abs()), n.0.abs().min(n.1.abs()));
    let (outer, inner) = (0.5 * (a + b), 0.5 * (a - b));
    if x.abs() >= outer {
        f64::from(u8::from(x > 0.0))
    } else if x.abs() <= inner {
        0.5 + x / a
    } else {
        let corner = (outer - x.abs()).powi(2) / (2.0 * a * b);
        if x < 0.0 { corner } else { 1.0 - corner }
    }
}

/// Draws one solid line.
struct Painter<'a> {
    segments: Vec<Segment>,
    closed: bool,
    length: f64,
    half: f64,
    stroke: &'a Stroke,
    coverage: &'a mut Array2<f32>,
}

impl<'a> Painter<'a> {
    fn new(line: &LineString<f64>, stroke: &'a Stroke, coverage: &'a mut Array2<f32>) -> Self {
        let mut segments = Vec::with_capacity(line.0.len());
        let mut station = 0.0;
        for pair in line.0.windows(2) {
            let d = pair[1] - pair[0];
            let length = d.x.hypot(d.y);
            if length > 0.0 {
                segments.push(Segment { start: pair[0], direction: d / length, length, station });
                station += length;
            }
        }
        let closed = line.is_closed() && segments.len() > 1;
        Self { segments, closed, length: station, half: 0.5 * stroke.width, stroke, coverage }
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
        let height = self.coverage.nrows();
        let top = ends[0].y.min(ends[1].y) - reach * u.x.abs();
        let bottom = ends[0].y.max(ends[1].y) + reach * u.x.abs();
        for row in floor_index(top, height)..ceil_index(bottom, height) {
            let y = row as f64 + 0.5 - segment.start.y;
            // Both local coordinates are linear in x: intersect their ranges.
            let along = slab(u.x, y * u.y, (low, high));
            let beside = slab(-u.y, y * u.x, (-reach, reach));
            let x0 = segment.start.x;
            let span = (along.0.max(beside.0) + x0, along.1.min(beside.1) + x0);
            self.paint_row(row, span, |p| {
                let (t, offset) = segment.local(p);
                if t < low || t > high {
                    return 0.0;
                }
                let mut share = segment.across(offset, half);
                let s = segment.station + t;
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
        let round = self.stroke.join == Join::Round;
        let reach = PIXEL_REACH + if miter { half / cosine } else { half };
        let rows = (vertex.y - reach, vertex.y + reach);
        let height = self.coverage.nrows();
        let (closed, cap, total, station) =
            (self.closed, self.cap_length(), self.length, b.station);
        for row in floor_index(rows.0, height)..ceil_index(rows.1, height) {
            self.paint_row(row, (vertex.x - reach, vertex.x + reach), |p| {
                let (ta, offset_a) = a.local(p);
                let (tb, offset_b) = b.local(p);
                if ta < a.length - SLACK || tb > SLACK {
                    return 0.0;
                }
                let d = p - vertex;
                let share = if round {
                    a.across(d.x.hypot(d.y), half)
                } else {
                    let both = a.across(offset_a, half).min(b.across(offset_b, half));
                    let depth = half * cosine - (d.x * out.x + d.y * out.y);
                    if miter { both } else { both.min(half_plane_area((out.x, out.y), depth)) }
                };
                if closed { share } else { share * overlap(station, -cap, total + cap) }
            });
        }
    }

    /// Combines `share` at the pixel centres of a row between two positions.
    fn paint_row(&mut self, row: usize, (from, to): (f64, f64), share: impl Fn(Coord<f64>) -> f64) {
        let width = self.coverage.ncols();
        let y = row as f64 + 0.5;
        for column in floor_index(from - 0.5, width)..ceil_index(to + 0.5, width) {
            let value = share(Coord { x: column as f64 + 0.5, y }).clamp(0.0, 1.0) as f32;
            let cell = &mut self.coverage[[row, column]];
            *cell = cell.max(value);
        }
    }
}

/// Length of `[centre - 1/2, centre + 1/2]` inside `[low, high]`.
fn overlap(centre: f64, low: f64, high: f64) -> f64 {
    ((centre + 0.5).min(high) - (centre - 0.5).max(low)).clamp(0.0, 1.0)
}

/// The interval of x where `factor * x + offset` lies in `range`.
fn slab(factor: f64, offset: f64, range: (f64, f64)) -> (f64, f64) {
    if factor.abs() < 1e-12 {
        let inside = range.0 <= offset && offset <= range.1;
        return if inside { (f64::NEG_INFINITY, f64::INFINITY) } else { (0.0, -2.0) };
    }
    let (p, q) = ((range.0 - offset) / factor, (range.1 - offset) / factor);
    (p.min(q), p.max(q))
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
    fn half_plane_area_is_symmetric_and_total() {
        for n in [(1.0, 0.0), (0.6, 0.8), (-0.8, 0.6)] {
            for k in -12..=12 {
                let x = f64::from(k) * 0.1;
                let both = half_plane_area(n, x) + half_plane_area(n, -x);
                assert!((both - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn bad_width_is_refused() {
        let mut coverage = Array2::zeros((4, 4));
        let line = LineString::from(vec![(0.0, 0.0), (4.0, 4.0)]);
        let stroke = Stroke { width: f64::NAN, ..Stroke::default() };
        assert!(stroke_coverage(&line, &stroke, &mut coverage).is_err());
    }
}
