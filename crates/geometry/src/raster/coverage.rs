//! Exact area coverage of polygons.
//!
//! Every edge adds, in each cell it passes, its signed height times the part of
//! the cell right of it; a running sum along the row then yields the covered
//! area of each pixel (the accumulation buffer of font rasterizers).

use super::{is_finite, rings};
use crate::{
    grid::{ceil_index, floor_index},
    signed_area,
};
use geo_types::{Coord, LineString, Polygon};
use ndarray::{Array2, s};
use std::ops::Range;

/// Cells of the accumulation buffer; larger polygons are drawn in bands of rows.
const BAND_CELLS: usize = 1 << 18;
/// Coverage below this is rounding noise of the running sum.
const NOISE: f64 = 1e-9;

/// Draws the exact area share of each pixel that `polygon` covers, in `[0, 1]`.
///
/// The value is combined by maximum with what `coverage` (shape (H, W)) holds, so
/// touching polygons do not add up. Ring orientation does not matter: the first
/// ring fills, holes subtract. The polygon must not cross itself; where it does,
/// the winding sum is clamped. Parts outside the raster are clipped exactly and
/// only the bounding box is visited. A polygon with a non-finite coordinate draws
/// nothing.
///
/// # References
/// Raph Levien, *Inside the fastest font renderer in the world*, 2016.
pub fn fill_coverage(polygon: &Polygon<f64>, coverage: &mut Array2<f32>) {
    if !is_finite(polygon) {
        return;
    }
    let (height, width) = coverage.dim();
    let ring = polygon.exterior();
    let rows = span(ring.coords().map(|p| p.y), height);
    let columns = span(ring.coords().map(|p| p.x), width);
    if rows.is_empty() || columns.is_empty() {
        return;
    }
    let edges = oriented_edges(polygon);
    let band = (BAND_CELLS / (columns.len() + 2)).clamp(1, rows.len());
    let mut buffer = Accumulator::new(columns.len(), band);
    for top in rows.clone().step_by(band) {
        let bottom = (top + band).min(rows.end);
        let origin = Coord { x: columns.start as f64, y: top as f64 };
        for &[p, q] in &edges {
            buffer.add_edge(p - origin, q - origin);
        }
        for row in top..bottom {
            let line = coverage.slice_mut(s![row, columns.clone()]);
            buffer.drain_row(row - top, line.into_iter());
        }
        buffer.cells.fill(0.0);
    }
}

/// The cells that the interval of `values` touches.
fn span(values: impl Iterator<Item = f64>, len: usize) -> Range<usize> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        low = low.min(value);
        high = high.max(value);
    }
    if low > high {
        return 0..0;
    }
    floor_index(low, len)..ceil_index(high, len)
}

/// All edges, the exterior ring turned positive and the holes negative.
fn oriented_edges(polygon: &Polygon<f64>) -> Vec<[Coord<f64>; 2]> {
    let mut edges = Vec::new();
    for (index, ring) in rings(polygon).enumerate() {
        let forward = (signed_area(ring) > 0.0) == (index == 0);
        push_edges(ring, forward, &mut edges);
    }
    edges
}

fn push_edges(ring: &LineString<f64>, forward: bool, edges: &mut Vec<[Coord<f64>; 2]>) {
    for pair in ring.0.windows(2) {
        edges.push(if forward { [pair[0], pair[1]] } else { [pair[1], pair[0]] });
    }
}

/// Differences of coverage along each row of a band.
struct Accumulator {
    width: usize,
    rows: usize,
    /// `rows` x (`width` + 2): an edge on the right border writes beyond it.
    cells: Vec<f64>,
}

impl Accumulator {
    fn new(width: usize, rows: usize) -> Self {
        Self { width, rows, cells: vec![0.0; (width + 2) * rows] }
    }

    /// Adds one edge, cut where it leaves the band or crosses its side borders.
    fn add_edge(&mut self, p: Coord<f64>, q: Coord<f64>) {
        // Upwards edges have the interior on their right: they open the coverage.
        let (a, b, sign) = if p.y < q.y { (p, q, -1.0) } else { (q, p, 1.0) };
        let (top, bottom) = (a.y.max(0.0), b.y.min(self.rows as f64));
        if top >= bottom {
            return;
        }
        let slope = (b.x - a.x) / (b.y - a.y);
        let x_at = |y: f64| a.x + (y - a.y) * slope;
        let limit = self.width as f64;
        let mut cuts = [top, bottom, bottom, bottom];
        if slope.abs() > 0.0 {
            cuts[1] = (a.y + (0.0 - a.x) / slope).clamp(top, bottom);
            cuts[2] = (a.y + (limit - a.x) / slope).clamp(top, bottom);
            if cuts[1] > cuts[2] {
                cuts.swap(1, 2);
            }
        }
        for pair in cuts.windows(2) {
            let (y0, y1) = (pair[0], pair[1]);
            if y0 < y1 {
                // A piece outside collapses onto the border it lies beyond.
                let (x0, x1) = (x_at(y0).clamp(0.0, limit), x_at(y1).clamp(0.0, limit));
                self.add_piece((x0, y0), (x1, y1), sign);
            }
        }
    }

    /// Adds a downwards piece inside the band, row by row.
    fn add_piece(&mut self, (x0, y0): (f64, f64), (x1, y1): (f64, f64), sign: f64) {
        let slope = (x1 - x0) / (y1 - y0);
        let (low, high) = (x0.min(x1), x0.max(x1));
        let first = floor_index(y0, self.rows);
        for row in first..ceil_index(y1, self.rows) {
            let top = y0.max(row as f64);
            let bottom = y1.min(row as f64 + 1.0);
            let left = (x0 + (top - y0) * slope).clamp(low, high);
            let right = (x0 + (bottom - y0) * slope).clamp(low, high);
            self.add_row(row, left.min(right), left.max(right), sign * (bottom - top));
        }
    }

    /// Spreads the signed height `rise` of a piece in one row over its cells.
    fn add_row(&mut self, row: usize, low: f64, high: f64, rise: f64) {
        let start = row * (self.width + 2);
        let cells = &mut self.cells[start..start + self.width + 2];
        let first = floor_index(low, self.width);
        if high <= first as f64 + 1.0 {
            let middle = 0.5 * (low + high) - first as f64;
            cells[first] += rise * (1.0 - middle);
            cells[first + 1] += rise * middle;
            return;
        }
        let density = rise / (high - low);
        for column in first..ceil_index(high, self.width) {
            let left = low.max(column as f64);
            let right = high.min(column as f64 + 1.0);
            let middle = 0.5 * (left + right) - column as f64;
            let part = density * (right - left);
            cells[column] += part * (1.0 - middle);
            cells[column + 1] += part * middle;
        }
    }

    /// Sums one row up and combines it with the raster.
    fn drain_row<'a>(&self, row: usize, line: impl Iterator<Item = &'a mut f32>) {
        let cells = &self.cells[row * (self.width + 2)..];
        let mut sum = 0.0;
        for (cell, out) in cells.iter().zip(line) {
            sum += cell;
            if sum > NOISE {
                *out = out.max(sum.min(1.0) as f32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::polygon;

    fn total(coverage: &Array2<f32>) -> f64 {
        coverage.iter().map(|&c| f64::from(c)).sum()
    }

    #[test]
    fn half_pixels() {
        let mut coverage = Array2::zeros((3, 3));
        let square =
            polygon![(x: 0.5, y: 1.0), (x: 2.25, y: 1.0), (x: 2.25, y: 1.5), (x: 0.5, y: 1.5)];
        fill_coverage(&square, &mut coverage);
        assert_eq!(coverage.row(1).to_vec(), vec![0.25, 0.5, 0.125]);
        assert!((total(&coverage) - 0.875).abs() < 1e-6);
    }

    #[test]
    fn clipped_on_all_sides() {
        let mut coverage = Array2::zeros((4, 4));
        let diamond =
            polygon![(x: -4.0, y: 2.0), (x: 2.0, y: -4.0), (x: 8.0, y: 2.0), (x: 2.0, y: 8.0)];
        fill_coverage(&diamond, &mut coverage);
        assert!(coverage.iter().all(|&c| (c - 1.0).abs() < 1e-6), "{coverage}");
    }

    #[test]
    fn hole_of_any_orientation_subtracts() {
        let outer = LineString::from(vec![(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]);
        let hole = vec![(1.0, 1.0), (3.0, 1.0), (3.0, 3.0), (1.0, 3.0)];
        let mut reversed = hole.clone();
        reversed.reverse();
        for ring in [hole, reversed] {
            let mut coverage = Array2::zeros((4, 4));
            fill_coverage(&Polygon::new(outer.clone(), vec![ring.into()]), &mut coverage);
            assert!((total(&coverage) - 12.0).abs() < 1e-6);
            assert!(coverage[[1, 2]].abs() < 1e-6);
        }
    }

    #[test]
    fn bands_join_without_a_seam() {
        let mut coverage = Array2::zeros((900, 700));
        let big = polygon![(x: 3.25, y: 2.5), (x: 690.0, y: 20.0), (x: 600.5, y: 890.75), (x: 40.0, y: 700.0)];
        fill_coverage(&big, &mut coverage);
        assert!((total(&coverage) - signed_area(big.exterior()).abs()).abs() < 0.05);
    }
}
