//! The visible runs of a segment, and the one vector that stands for them.

use crate::{Error, Result, error::check_coordinate, grid::floor_index};
use geo_types::{Coord, Line, LineString};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// Which vector stands for a segment that is partly hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisibleVector {
    /// The longest run without a gap; the first of equally long ones.
    #[default]
    LongestRun,
    /// From the first visible point to the last; may bridge hidden stretches.
    Extremes,
}

/// The runs of a segment over true pixels, as intervals of the parameter that is 0
/// at its start and 1 at its end.
///
/// `visible` has shape (H, W). The runs are exact: they begin and end where the
/// segment crosses the edges of pixels. They are in order and do not touch; what
/// lies outside the raster is hidden. The width of a line plays no part: its axis
/// is hidden where the pixel under it is.
///
/// # Errors
/// [`Error::NonFiniteLine`] for a coordinate that is infinite or not a number,
/// [`Error::Parameter`] for one beyond `1e100`.
pub fn visible_runs(segment: Line<f64>, visible: ArrayView2<'_, bool>) -> Result<Vec<[f64; 2]>> {
    check_segment(segment)?;
    let Line { start, end } = segment;
    [start.x, start.y, end.x, end.y].into_iter().try_for_each(check_coordinate)?;
    let (height, width) = visible.dim();
    let mut cuts = vec![0.0, 1.0];
    let axes = [(segment.start.x, segment.end.x, width), (segment.start.y, segment.end.y, height)];
    for (from, to, limit) in axes {
        let (low, high) = (from.min(to), from.max(to));
        for line in floor_index(low, limit)..=floor_index(high, limit) {
            let cut = (line as f64 - from) / (to - from);
            if cut > 0.0 && cut < 1.0 {
                cuts.push(cut);
            }
        }
    }
    let is_visible = |p: Coord<f64>| {
        let inside = p.x >= 0.0 && p.y >= 0.0 && p.x < width as f64 && p.y < height as f64;
        inside && visible[[floor_index(p.y, height), floor_index(p.x, width)]]
    };
    Ok(runs(cuts, |t| is_visible(along(segment, t))))
}

/// The vector that stands for the visible runs of a segment; `None` without runs.
///
/// It points the same way as the segment, and keeps its exact end points where
/// these are visible.
#[must_use]
pub fn visible_vector(
    segment: Line<f64>,
    runs: &[[f64; 2]],
    rule: VisibleVector,
) -> Option<Line<f64>> {
    let [from, to] = match rule {
        VisibleVector::LongestRun => runs
            .iter()
            .copied()
            .reduce(|best, run| if run[1] - run[0] > best[1] - best[0] { run } else { best })?,
        VisibleVector::Extremes => [runs.first()?[0], runs.last()?[1]],
    };
    Some(Line::new(along(segment, from), along(segment, to)))
}

/// Which vertices of a line lie on true pixels (`visible` has shape (H, W)).
///
/// Vertices outside the raster, or not finite, are hidden.
#[must_use]
pub fn visible_vertices(line: &LineString<f64>, visible: ArrayView2<'_, bool>) -> Vec<bool> {
    let (height, width) = visible.dim();
    let is_visible = |p: &Coord<f64>| {
        let inside = p.x >= 0.0 && p.y >= 0.0 && p.x < width as f64 && p.y < height as f64;
        inside && visible[[floor_index(p.y, height), floor_index(p.x, width)]]
    };
    line.coords().map(is_visible).collect()
}

/// Joins the intervals between cuts whose middle passes the test.
fn runs(mut cuts: Vec<f64>, test: impl Fn(f64) -> bool) -> Vec<[f64; 2]> {
    cuts.sort_by(f64::total_cmp);
    let mut runs: Vec<[f64; 2]> = Vec::new();
    for pair in cuts.windows(2) {
        if pair[0] >= pair[1] || !test(0.5 * (pair[0] + pair[1])) {
            continue;
        }
        match runs.last_mut() {
            Some(last) if last[1] >= pair[0] => last[1] = pair[1],
            _ => runs.push([pair[0], pair[1]]),
        }
    }
    runs
}

/// The point of a segment at a parameter; exact at 0 and 1.
fn along(segment: Line<f64>, t: f64) -> Coord<f64> {
    segment.start * (1.0 - t) + segment.end * t
}

pub(super) fn check_segment(segment: Line<f64>) -> Result<()> {
    let finite = |p: Coord<f64>| p.x.is_finite() && p.y.is_finite();
    match [segment.start, segment.end].into_iter().position(|p| !finite(p)) {
        None => Ok(()),
        Some(index) => Err(Error::NonFiniteLine { index }),
    }
}
