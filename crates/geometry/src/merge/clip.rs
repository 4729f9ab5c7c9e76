//! Lines cut at the border of a core.

use super::seam::Frame;
use crate::{Result, Window, spatial_index::check_line};
use geo_types::{Coord, LineString};

/// A line, or the piece of one that lies in the core of a tile.
#[derive(Debug, Clone, PartialEq)]
pub struct LinePiece {
    /// What the line is; pieces with different labels do not belong together.
    pub label: u32,
    /// The piece, in pixels of the page.
    pub line: LineString<f64>,
    /// Whether the line goes on beyond its first and its last point.
    pub cut: [bool; 2],
}

/// The pieces of a line that lie in a window, in their order along the line.
///
/// The window holds its left and its upper side, not the others: of windows that
/// partition the page each stretch has one owner, stretches along a border too. Pieces
/// end exactly on the border, at the point that the neighbour also finds, up to
/// rounding along the border. A line that only touches the border is not cut there, and
/// a closed line is cut at its first point no more than any other: the two ends are its
/// own.
///
/// # Errors
/// [`Error::NonFiniteLine`](crate::Error::NonFiniteLine) for a coordinate that is infinite
/// or not a number and [`Error::Parameter`](crate::Error::Parameter) for one beyond `1e100`.
///
/// # Examples
/// ```
/// use mapvec_geometry::{Window, clip_line};
/// let window = Window { x: 0, y: 0, width: 4, height: 4 };
/// let pieces = clip_line(&vec![(1.0, 2.0), (9.0, 2.0)].into(), 0, window)?;
/// assert_eq!(pieces[0].line, vec![(1.0, 2.0), (4.0, 2.0)].into());
/// assert_eq!(pieces[0].cut, [false, true]);
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
pub fn clip_line(line: &LineString<f64>, label: u32, window: Window) -> Result<Vec<LinePiece>> {
    check_line(line)?;
    let frame = Frame::new(window);
    let mut pieces: Vec<LinePiece> = Vec::new();
    // Whether the last stretch was inside; none before the first.
    let mut was_inside = None;
    for segment in line.0.windows(2).filter(|pair| pair[0] != pair[1]) {
        for pair in cut_points(segment[0], segment[1], &frame).windows(2) {
            let is_inside = owns(&frame, pair[0], pair[1]);
            match pieces.last_mut() {
                Some(piece) if was_inside == Some(true) && is_inside => piece.line.0.push(pair[1]),
                Some(piece) if was_inside == Some(true) => piece.cut[1] = true,
                _ if is_inside => pieces.push(LinePiece {
                    label,
                    line: LineString(pair.to_vec()),
                    cut: [was_inside.is_some(), false],
                }),
                _ => {}
            }
            was_inside = Some(is_inside);
        }
    }
    Ok(pieces)
}

/// The ends of a segment and the points where it crosses the lines of the sides.
fn cut_points(a: Coord<f64>, b: Coord<f64>, frame: &Frame) -> Vec<Coord<f64>> {
    // Neighbours may see a segment from either end.
    let is_turned = (a.y, a.x) > (b.y, b.x);
    let (from, to) = if is_turned { (b, a) } else { (a, b) };
    let step = to - from;
    let mut cuts: Vec<(f64, Coord<f64>)> = Vec::new();
    let is_between = |u: f64, c: f64, v: f64| (u < c && c < v) || (v < c && c < u);
    for x in [frame.low.x, frame.high.x] {
        if is_between(from.x, x, to.x) {
            let t = (x - from.x) / step.x;
            let y = (from.y + step.y * t).clamp(from.y, to.y);
            cuts.push((t, Coord { x, y }));
        }
    }
    for y in [frame.low.y, frame.high.y] {
        if is_between(from.y, y, to.y) {
            let t = (y - from.y) / step.y;
            let x = (from.x + step.x * t).clamp(from.x.min(to.x), from.x.max(to.x));
            cuts.push((t, Coord { x, y }));
        }
    }
    cuts.sort_by(|p, q| p.0.total_cmp(&q.0));
    let mut points = vec![from];
    points.extend(cuts.into_iter().map(|cut| cut.1));
    points.push(to);
    points.dedup();
    if is_turned {
        points.reverse();
    }
    points
}

/// Whether the window owns a stretch that crosses no line of its sides.
fn owns(frame: &Frame, a: Coord<f64>, b: Coord<f64>) -> bool {
    let holds = |u: f64, v: f64, low: f64, high: f64| {
        let (least, most) = (u.min(v), u.max(v));
        low <= least && most <= high && least < high
    };
    holds(a.x, b.x, frame.low.x, frame.high.x) && holds(a.y, b.y, frame.low.y, frame.high.y)
}
