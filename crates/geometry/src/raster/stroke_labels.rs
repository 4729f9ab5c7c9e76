//! Lines of any width to label maps by the pixel-centre rule.
//!
//! A stroke is a union of convex pieces: a rectangle along each segment, a piece
//! outside each bend and one at each end. Every piece is cut by the centre lines of
//! the pixel rows it touches, and nothing is stored in between.

use super::canvas::{Canvas, on_canvas};
use super::dash::dash_line;
use super::drawable::check_line;
use super::straight::{HalfPlane, Straight, dot, for_each_span};
use super::stroke::{Cap, Join, MITER_LIMIT, Stroke};
use crate::Result;
use geo_types::{Coord, LineString};
use ndarray::Array2;

/// Pieces overlap by this much, so that rounding leaves no pixel between them.
const SLACK: f64 = 1e-9;

/// Writes `id` into every pixel whose centre lies under the stroke of `line`.
///
/// The width is kept at every angle: on average over the position of the line, a
/// straight stroke has length times width pixels. A centre on the border counts where
/// the stroke lies right of it or below, so that a horizontal line of width 1 is one
/// row thick wherever it lies. From width 1 on the pixels of a line are connected (8
/// neighbours); thinner lines break up. With round caps and joins the pixels are those
/// whose centres are within half the width of the line, where no segment is shorter
/// than that. A closed line has no ends and a join at its closing point.
///
/// `labels` has shape (H, W). Only pixels under the stroke are visited, and nothing is
/// allocated unless the line is dashed. Parts outside the raster are clipped.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for a field of `stroke` or coordinates
/// beyond `1e100`, and what [`validate_line`](crate::validate_line) and [`dash_line`]
/// return.
///
/// # Examples
/// ```
/// use mapvec_geometry::{Stroke, stroke_labels};
/// let mut labels = ndarray::Array2::zeros((6, 9));
/// let line = geo_types::LineString::from(vec![(0.0, 3.0), (9.0, 3.0)]);
/// stroke_labels(&line, &Stroke { width: 2.0, ..Stroke::default() }, 7, &mut labels)?;
/// assert_eq!(labels.column(4).to_vec(), [0, 0, 7, 7, 0, 0]);
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
pub fn stroke_labels(
    line: &LineString<f64>,
    stroke: &Stroke,
    id: u32,
    labels: &mut Array2<u32>,
) -> Result<()> {
    stroke.validate()?;
    check_line(line)?;
    let pieces = stroke.dash.as_ref().map(|dash| dash_line(line, dash)).transpose()?;
    let pieces = pieces.as_deref().unwrap_or(std::slice::from_ref(line));
    on_canvas(labels, |canvas| {
        for piece in pieces {
            stroke_line(piece, stroke, id, canvas);
        }
    });
    Ok(())
}

/// Draws one solid line that is known to be valid.
pub(super) fn stroke_line(
    line: &LineString<f64>,
    stroke: &Stroke,
    id: u32,
    canvas: &mut Canvas<'_>,
) {
    let mut segments = line.0.windows(2).filter_map(|pair| Straight::new(pair[0], pair[1]));
    let Some(first) = segments.next() else { return };
    let mut pen = Pen { half: 0.5 * stroke.width, join: stroke.join, id, canvas };
    let closed = line.is_closed();
    let cap = if stroke.cap == Cap::Square { pen.half } else { 0.0 };
    let beyond = if closed { SLACK } else { cap };
    let mut current = first;
    let mut before = beyond;
    for next in segments {
        pen.strip(&current, before, SLACK);
        pen.join(&current, &next);
        (current, before) = (next, SLACK);
    }
    pen.strip(&current, before, beyond);
    if closed {
        pen.join(&current, &first);
    } else if stroke.cap == Cap::Round {
        pen.half_disc(first.start, first.direction * -1.0);
        pen.half_disc(current.end, current.direction);
    }
}

struct Pen<'a, 'b> {
    half: f64,
    join: Join,
    id: u32,
    canvas: &'a mut Canvas<'b>,
}

impl Pen<'_, '_> {
    /// The rectangle along a segment, lengthened at both ends.
    fn strip(&mut self, segment: &Straight, before: f64, after: f64) {
        let span = (-before, segment.length + after);
        let rows = segment.strip_rows(span, self.half);
        self.fill(segment.strip(span, self.half), rows);
    }

    /// The part of a disc beyond the end of a line.
    fn half_disc(&mut self, centre: Coord<f64>, direction: Coord<f64>) {
        self.fill_disc([beyond(centre, direction)], centre);
    }

    /// What lies outside the bend between two segments.
    fn join(&mut self, a: &Straight, b: &Straight) {
        let vertex = b.start;
        let turn = a.direction.x * b.direction.y - a.direction.y * b.direction.x;
        if self.half * turn.abs() < SLACK && dot(a.direction, b.direction) > 0.0 {
            return;
        }
        // The wedge beyond the end of `a` and before the start of `b`.
        let wedge = [beyond(vertex, a.direction), beyond(vertex, b.direction * -1.0)];
        if self.join == Join::Round {
            self.fill_disc(wedge, vertex);
            return;
        }
        let side = if turn > 0.0 { -self.half } else { self.half };
        let corners = [vertex + a.normal() * side, vertex + b.normal() * side];
        let sum = a.direction + b.direction;
        // Cosine of half the turning angle; the miter is its inverse long.
        let cosine = 0.5 * dot(sum, sum).sqrt();
        let across = corners[0] + corners[1] - vertex * 2.0;
        let length = dot(across, across).sqrt();
        if self.join == Join::Miter && cosine * MITER_LIMIT >= 1.0 {
            let tip = vertex + across * (self.half / (cosine * length));
            let outer = |segment: &Straight, corner| {
                let inward = segment.normal() * -side.signum();
                HalfPlane { normal: inward, level: dot(inward, corner) }
            };
            let rows = rows_of([vertex, corners[0], tip, corners[1]]);
            self.fill([wedge[0], wedge[1], outer(a, corners[0]), outer(b, corners[1])], rows);
        } else if length > SLACK {
            let inward = across / -length;
            let chord = HalfPlane { normal: inward, level: dot(inward, corners[0]) };
            self.fill([wedge[0], wedge[1], chord], rows_of([vertex, corners[0], corners[1]]));
        }
    }

    fn fill<const N: usize>(&mut self, planes: [HalfPlane; N], (top, bottom): (f64, f64)) {
        let rows = self.canvas.rows(top, bottom);
        for_each_span(planes, rows, |row, left, right| {
            self.canvas.fill(row, left, right, self.id);
        });
    }

    /// The part of a disc within half-planes.
    fn fill_disc<const N: usize>(&mut self, planes: [HalfPlane; N], centre: Coord<f64>) {
        let rows = self.canvas.rows(centre.y - self.half, centre.y + self.half);
        for_each_span(planes, rows, |row, left, right| {
            let y = row as f64 + 0.5 - centre.y;
            let chord = (self.half * self.half - y * y).max(0.0).sqrt();
            let (left, right) = (left.max(centre.x - chord), right.min(centre.x + chord));
            self.canvas.fill(row, left, right, self.id);
        });
    }
}

/// What lies in a direction from a point, and a little more.
fn beyond(point: Coord<f64>, direction: Coord<f64>) -> HalfPlane {
    HalfPlane { normal: direction, level: dot(direction, point) - SLACK }
}

/// Top and bottom of some points.
fn rows_of<const N: usize>(points: [Coord<f64>; N]) -> (f64, f64) {
    let fold = |(low, high): (f64, f64), p: Coord<f64>| (low.min(p.y), high.max(p.y));
    points.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), fold)
}
