//! Contours of scalar fields by marching squares.
//!
//! A field has its samples at the pixel centres and is extended to the edge of the
//! raster by repeating the outer samples, so contours reach the edge. Each cell of
//! four samples is cut by at most two segments, which run with the higher side on
//! their right (on the screen). A point on the side of two cells is computed once:
//! neighbouring segments meet exactly.

use crate::{Error, Result};
use geo_types::{Coord, LineString};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// Largest number of lattice points: two sides of each are numbered by 32 bits.
const MAX_POINTS: usize = (1 << 31) - 1;
/// No crossing.
const NONE: u32 = u32::MAX;

/// What happens to contours at the edge of the raster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContourBorder {
    /// They end there as open lines.
    #[default]
    Open,
    /// They run along it, around the areas at or above the level: all are closed.
    Closed,
}

/// How contours are drawn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContourConfig {
    /// What happens at the edge of the raster.
    pub border: ContourBorder,
}

/// Lines along which a field (shape (H, W)) has the value `level`.
///
/// Areas at or above the level lie on the right of the lines (on the screen), so rings
/// around them have positive area and rings around lower areas negative area. Vertices
/// interpolate linearly between two neighbouring samples. Where two opposite corners of
/// a cell are above and two below (a saddle), the mean of the four decides: at or above
/// the level it connects the high corners. Lines never cross; they touch themselves and
/// each other only in samples that equal the level. Rings are closed lines; rings
/// without area are left out, so a lone sample at the level leaves nothing. Open lines
/// come first, then rings, both in raster order of their starts. Linear time.
///
/// # Errors
/// [`Error::NonFiniteSample`], [`Error::Parameter`] if `level` is not finite or the
/// field, with two samples more on each side, has 2^31 samples or more.
///
/// # Examples
/// ```
/// use mapvec_geometry::{ContourConfig, contours};
/// let cone = |i: f64, j: f64| 2.5 - (i - 4.0).hypot(j - 4.0);
/// let field = ndarray::Array2::from_shape_fn((9, 9), |(i, j)| cone(i as f64, j as f64));
/// let rings = contours(field.view(), 0.0, &ContourConfig::default())?;
/// assert_eq!(rings.len(), 1);
/// assert!(rings[0].is_closed());
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
///
/// # References
/// W. Lorensen, H. Cline, *Marching cubes: a high resolution 3D surface construction
/// algorithm*, 1987 (its plane case).
pub fn contours(
    field: ArrayView2<'_, f64>,
    level: f64,
    config: &ContourConfig,
) -> Result<Vec<LineString<f64>>> {
    if !level.is_finite() {
        return Err(Error::Parameter { field: "level", value: level, allowed: "finite" });
    }
    let lattice = Lattice::new(field, level, config.border);
    if lattice.columns.saturating_mul(lattice.rows) > MAX_POINTS {
        let value = field.len() as f64;
        return Err(Error::Parameter { field: "samples", value, allowed: "below 2^31 with rim" });
    }
    if let Some(((row, column), _)) = field.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(Error::NonFiniteSample { row, column });
    }
    if field.is_empty() {
        return Ok(Vec::new());
    }
    Ok(lattice.lines(&lattice.links()))
}

/// The samples with the rim around them.
///
/// Index 0 and the last one of each axis lie on the edge of the raster and repeat the
/// outer samples; closed borders have one more index beyond, at the same place, which
/// is below any level.
struct Lattice<'a> {
    field: ArrayView2<'a, f64>,
    level: f64,
    /// Indices beyond the edge: 0 or 1.
    rim: usize,
    columns: usize,
    rows: usize,
}

impl<'a> Lattice<'a> {
    fn new(field: ArrayView2<'a, f64>, level: f64, border: ContourBorder) -> Self {
        let (height, width) = field.dim();
        let rim = usize::from(border == ContourBorder::Closed);
        let extra = 2 + 2 * rim;
        Self { field, level, rim, columns: width + extra, rows: height + extra }
    }

    /// The sample at a lattice point; none beyond the edge.
    fn value(&self, column: usize, row: usize) -> Option<f64> {
        let sample = |index: usize, count: usize| {
            let beyond = self.rim == 1 && (index == 0 || index + 1 == count);
            let inner = index.saturating_sub(1 + self.rim).min(count - 3 - 2 * self.rim);
            (!beyond).then_some(inner)
        };
        let (j, i) = (sample(column, self.columns)?, sample(row, self.rows)?);
        self.field.get([i, j]).copied()
    }

    fn is_high(&self, column: usize, row: usize) -> bool {
        self.value(column, row).is_some_and(|value| value >= self.level)
    }

    fn position(&self, column: usize, row: usize) -> Coord<f64> {
        let along = |index: usize, count: usize| {
            let end = (count - 2 - 2 * self.rim) as f64;
            (index as f64 - 0.5 - self.rim as f64).clamp(0.0, end)
        };
        Coord { x: along(column, self.columns), y: along(row, self.rows) }
    }

    /// For each crossed side the side where the segment that starts there ends.
    ///
    /// Side 2k goes right from lattice point k, side 2k + 1 down. Each is the start of
    /// at most one segment and the end of at most one.
    fn links(&self) -> Vec<u32> {
        let mut links = vec![NONE; 2 * self.columns * self.rows];
        for row in 0..self.rows - 1 {
            for column in 0..self.columns - 1 {
                for [from, to] in self.segments(column, row).into_iter().flatten() {
                    let [from, to] = [from, to].map(|side| self.side(column, row, side));
                    links[from] = to as u32;
                }
            }
        }
        links
    }

    /// Segments of a cell as sides from and to: 0 top, 1 right, 2 bottom, 3 left.
    fn segments(&self, column: usize, row: usize) -> [Option<[usize; 2]>; 2] {
        let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map(|(dx, dy)| (column + dx, row + dy));
        let high = corners.map(|(x, y)| self.is_high(x, y));
        let bits = high.iter().rev().fold(0, |bits, &high| 2 * bits + u8::from(high));
        // Bits: top left 1, top right 2, bottom right 4, bottom left 8.
        match bits {
            0b0001 => [Some([0, 3]), None],
            0b0010 => [Some([1, 0]), None],
            0b0011 => [Some([1, 3]), None],
            0b0100 => [Some([2, 1]), None],
            0b0110 => [Some([2, 0]), None],
            0b0111 => [Some([2, 3]), None],
            0b1000 => [Some([3, 2]), None],
            0b1001 => [Some([0, 2]), None],
            0b1011 => [Some([1, 2]), None],
            0b1100 => [Some([3, 1]), None],
            0b1101 => [Some([0, 1]), None],
            0b1110 => [Some([3, 0]), None],
            0b0101 if self.mean_is_high(corners) => [Some([0, 1]), Some([2, 3])],
            0b0101 => [Some([0, 3]), Some([2, 1])],
            0b1010 if self.mean_is_high(corners) => [Some([3, 0]), Some([1, 2])],
            0b1010 => [Some([1, 0]), Some([3, 2])],
            _ => [None, None],
        }
    }

    fn mean_is_high(&self, corners: [(usize, usize); 4]) -> bool {
        let excess =
            |(x, y)| self.value(x, y).map_or(0.0, |value| 0.25 * value - 0.25 * self.level);
        corners.into_iter().map(excess).sum::<f64>() >= 0.0
    }

    fn side(&self, column: usize, row: usize, side: usize) -> usize {
        let point = row * self.columns + column;
        match side {
            0 => 2 * point,
            1 => 2 * (point + 1) + 1,
            2 => 2 * (point + self.columns),
            _ => 2 * point + 1,
        }
    }

    /// Where the level is crossed on a side.
    fn crossing(&self, side: usize) -> Coord<f64> {
        let (point, down) = (side / 2, side % 2);
        let (column, row) = (point % self.columns, point / self.columns);
        let end = (column + 1 - down, row + down);
        let (p, q) = (self.position(column, row), self.position(end.0, end.1));
        match (self.value(column, row), self.value(end.0, end.1)) {
            (Some(a), Some(b)) => {
                // Halves keep the difference of huge values finite, and make that of the
                // smallest ones 0.
                let t = if (b - a).is_finite() {
                    (self.level - a) / (b - a)
                } else {
                    (0.5 * self.level - 0.5 * a) / (0.5 * b - 0.5 * a)
                };
                p + (q - p) * t.clamp(0.0, 1.0)
            }
            // Beyond the edge: both ends are at the same place along this side.
            (None, _) => q,
            _ => p,
        }
    }

    fn lines(&self, links: &[u32]) -> Vec<LineString<f64>> {
        let mut is_end = vec![false; links.len()];
        for &to in links.iter().filter(|&&to| to != NONE) {
            is_end[to as usize] = true;
        }
        let mut used = vec![false; links.len()];
        let mut lines = Vec::new();
        for open in [true, false] {
            for start in 0..links.len() {
                if links[start] == NONE || used[start] || (open && is_end[start]) {
                    continue;
                }
                lines.extend(self.follow(links, &mut used, start));
            }
        }
        lines
    }

    /// The line from a side on; none if it has no length or, closed, no area.
    fn follow(&self, links: &[u32], used: &mut [bool], start: usize) -> Option<LineString<f64>> {
        let mut points = vec![self.crossing(start)];
        let mut side = start;
        // Each link is followed once, so the walk ends.
        while links[side] != NONE && !used[side] {
            used[side] = true;
            side = links[side] as usize;
            let p = self.crossing(side);
            if points.last() != Some(&p) {
                points.push(p);
            }
        }
        let enough = if side == start { points.len() > 3 } else { points.len() > 1 };
        enough.then_some(LineString(points))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn config(border: ContourBorder) -> ContourConfig {
        ContourConfig { border }
    }

    #[test]
    fn a_slope_has_one_line_from_edge_to_edge() {
        let field = Array2::from_shape_fn((3, 4), |(_, j)| j as f64);
        let lines = contours(field.view(), 1.25, &config(ContourBorder::Open)).unwrap();
        assert_eq!(lines.len(), 1);
        let expected: Vec<_> = [3.0, 2.5, 1.5, 0.5, 0.0].map(|y| (1.75, y)).to_vec();
        let mut line = lines[0].clone();
        // The high side is on the right on the screen, so the line goes up.
        assert_eq!(line, LineString::from(expected));
        line.0.reverse();
        let rings = contours(field.view(), 1.25, &config(ContourBorder::Closed)).unwrap();
        assert_eq!(rings.len(), 1);
        assert!((crate::signed_area(&rings[0]) - 2.25 * 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_mean_decides_at_saddles() {
        let lines = |low: f64| {
            let field = array![[1.0, low], [low, 1.0]];
            contours(field.view(), 0.5, &config(ContourBorder::Closed)).unwrap().len()
        };
        assert_eq!(lines(0.1), 1);
        assert_eq!(lines(-0.1), 2);
    }

    #[test]
    fn constant_fields() {
        let field = Array2::from_elem((2, 5), 3.0);
        for (level, rings) in [(3.0, 1), (2.0, 1), (3.5, 0)] {
            let open = contours(field.view(), level, &config(ContourBorder::Open)).unwrap();
            assert!(open.is_empty());
            let closed = contours(field.view(), level, &config(ContourBorder::Closed)).unwrap();
            assert_eq!(closed.len(), rings);
            assert!(closed.iter().all(|ring| (crate::signed_area(ring) - 10.0).abs() < 1e-12));
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let field = array![[0.0, 1.0], [f64::NAN, 0.0]];
        let config = ContourConfig::default();
        let fault = Error::NonFiniteSample { row: 1, column: 0 };
        assert_eq!(contours(field.view(), 0.5, &config), Err(fault));
        assert!(contours(array![[0.0]].view(), f64::INFINITY, &config).is_err());
        assert_eq!(contours(Array2::zeros((0, 4)).view(), 0.0, &config), Ok(Vec::new()));
        let huge = array![[f64::MAX, -f64::MAX]];
        let lines = contours(huge.view(), 0.0, &config).unwrap();
        assert!(lines[0].coords().all(|p| (p.x - 1.0).abs() < 1e-12));
    }
}
