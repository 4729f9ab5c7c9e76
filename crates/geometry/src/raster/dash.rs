//! Cutting lines into dashes.

use super::drawable::check_line;
use crate::{Error, Result, error::check_positive};
use geo_types::{Coord, LineString};
use serde::{Deserialize, Serialize};

/// Largest number of dashes that one line may be cut into.
const MAX_DASHES: f64 = 1e6;

/// A regular dash pattern, measured in pixels along the line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dash {
    /// Length of a dash, above 0.
    pub on: f64,
    /// Length of a gap, above 0.
    pub off: f64,
    /// How far into the pattern the line begins; any finite value.
    pub offset: f64,
}

impl Default for Dash {
    fn default() -> Self {
        Self { on: 6.0, off: 4.0, offset: 0.0 }
    }
}

impl Dash {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        check_positive("dash.on", self.on)?;
        check_positive("dash.off", self.off)?;
        if !self.offset.is_finite() {
            let allowed = "finite (pixels)";
            return Err(Error::Parameter { field: "dash.offset", value: self.offset, allowed });
        }
        Ok(())
    }
}

/// Cuts `line` into the dashes of a pattern, in order along the line.
///
/// Vertices inside a dash are kept. On a closed line a dash that covers the
/// closing point stays in one piece (it comes last); one that covers the whole
/// line is the line itself.
///
/// # Errors
/// [`Error::Parameter`] for a field out of range or coordinates beyond `1e100`,
/// [`Error::LineTooShort`] and
/// [`Error::NonFiniteLine`] for the line, [`Error::TooManyDashes`] beyond one
/// million dashes.
pub fn dash_line(line: &LineString<f64>, dash: &Dash) -> Result<Vec<LineString<f64>>> {
    dash.validate()?;
    check_line(line)?;
    let stations = stations(line);
    let length = stations.last().copied().unwrap_or(0.0);
    let period = dash.on + dash.off;
    let count = length / period;
    if count > MAX_DASHES {
        return Err(Error::TooManyDashes { count: count.ceil(), limit: MAX_DASHES });
    }
    let mut start = -dash.offset.rem_euclid(period);
    let mut pieces = Vec::new();
    let mut spans = Vec::new();
    while start < length {
        let span = (start.max(0.0), (start + dash.on).min(length));
        if span.0 < span.1 {
            pieces.push(substring(line, &stations, span));
            spans.push(span);
        }
        start += period;
    }
    if line.is_closed() {
        join_ends(&mut pieces, &spans, length);
    }
    Ok(pieces)
}

/// Joins the last dash of a closed line to the first where both touch the closing point.
fn join_ends(pieces: &mut Vec<LineString<f64>>, spans: &[(f64, f64)], length: f64) {
    let touch = spans.len() > 1 && spans[0].0 <= 0.0 && spans[spans.len() - 1].1 >= length;
    if touch {
        let head = pieces.remove(0);
        if let Some(tail) = pieces.last_mut() {
            tail.0.extend(head.0.into_iter().skip(1));
        }
    }
}

/// Distance along the line of each vertex.
fn stations(line: &LineString<f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let mut stations = Vec::with_capacity(line.0.len());
    stations.push(0.0);
    for pair in line.0.windows(2) {
        sum += (pair[1].x - pair[0].x).hypot(pair[1].y - pair[0].y);
        stations.push(sum);
    }
    stations
}

/// The part of the line between two distances along it.
fn substring(line: &LineString<f64>, stations: &[f64], (from, to): (f64, f64)) -> LineString<f64> {
    let first = stations.partition_point(|&s| s <= from);
    let last = stations.partition_point(|&s| s < to);
    let mut points = vec![point_at(line, stations, first, from)];
    points.extend_from_slice(&line.0[first.min(last)..last]);
    points.push(point_at(line, stations, last, to));
    LineString(points)
}

/// The point at distance `s`, on the segment that ends at vertex `next`.
fn point_at(line: &LineString<f64>, stations: &[f64], next: usize, s: f64) -> Coord<f64> {
    let next = next.clamp(1, line.0.len() - 1);
    let (a, b) = (line.0[next - 1], line.0[next]);
    let length = stations[next] - stations[next - 1];
    let share = if length > 0.0 { (s - stations[next - 1]) / length } else { 0.0 };
    if share >= 1.0 { b } else { a + (b - a) * share }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(line: &LineString<f64>) -> f64 {
        stations(line).last().copied().unwrap_or(0.0)
    }

    #[test]
    fn pattern_with_offset() {
        let line = LineString::from(vec![(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)]);
        let dashes = dash_line(&line, &Dash { on: 4.0, off: 2.0, offset: 1.0 }).unwrap();
        let lengths: Vec<f64> = dashes.iter().map(length).collect();
        assert_eq!(lengths, vec![3.0, 4.0, 4.0, 3.0]);
        assert_eq!(dashes[1].0.len(), 2);
        assert_eq!(dashes[1].0[0], Coord { x: 5.0, y: 0.0 });
        assert_eq!(dashes[2].0[0], Coord { x: 10.0, y: 1.0 });
    }

    #[test]
    fn corner_inside_a_dash_is_kept() {
        let line = LineString::from(vec![(0.0, 0.0), (2.0, 0.0), (2.0, 5.0)]);
        let dashes = dash_line(&line, &Dash { on: 4.0, off: 1.0, offset: 0.0 }).unwrap();
        assert_eq!(dashes[0], LineString::from(vec![(0.0, 0.0), (2.0, 0.0), (2.0, 2.0)]));
    }

    #[test]
    fn dash_over_the_closing_point_is_one_piece() {
        let square = vec![(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0)];
        let dashes = dash_line(&square.into(), &Dash { on: 4.0, off: 4.0, offset: 2.0 }).unwrap();
        assert_eq!(dashes.len(), 2);
        assert!((length(&dashes[1]) - 4.0).abs() < 1e-12);
        assert!(dashes[1].0.contains(&Coord { x: 0.0, y: 0.0 }));
    }

    #[test]
    fn bad_patterns_are_refused() {
        let line = LineString::from(vec![(0.0, 0.0), (1e9, 0.0)]);
        let tiny = dash_line(&line, &Dash { on: 1e-9, off: 1e-9, offset: 0.0 });
        assert!(matches!(tiny, Err(Error::TooManyDashes { .. })));
        let zero = dash_line(&line, &Dash { on: 0.0, off: 1.0, offset: 0.0 });
        assert!(matches!(zero, Err(Error::Parameter { field: "dash.on", .. })));
    }
}
