//! Exact area coverage of polygons.
//!
//! Every edge adds, in each cell it passes, its signed height times the part of
//! the cell right of it; a running sum along the row then yields the covered
//! area of each pixel (the accumulation buffer of font rasterizers).

use super::drawable::is_drawable;
use crate::ring::rings;
use crate::{
    grid::{ceil_index, floor_index},
    signed_area,
};
use geo_types::{Coord, LineString, Polygon};
use ndarray::Array2;
use std::ops::Range;

/// Cells of the accumulation buffer; larger polygons are drawn in bands of rows.
const BAND_CELLS: usize = 1 << 16;
/// Coverage below this is rounding noise of the running sum.
const NOISE: f64 = 1e-9;

/// Draws the exact area share of each pixel that `polygon` covers, in `[0, 1]`.
///
/// The value is combined by maximum with what `coverage` (shape (H, W)) holds, so
/// touching polygons do not add up. Ring orientation does not matter: the first
/// ring fills, holes subtract. The polygon must not cross itself; where it does,
/// the winding sum is clamped. Parts outside the raster are clipped exactly and
/// only the pixels of the polygon are visited. A polygon with a coordinate that is not
/// finite or beyond `1e100` draws nothing;
/// [`validate_polygon`](crate::validate_polygon) names those that are not finite.
///
/// # References
/// Raph Levien, *Inside the fastest font renderer in the world*, 2016.
pub fn fill_coverage(polygon: &Polygon<f64>, coverage: &mut Array2<f32>) {
    on_cells(coverage, |cells, width| fill_cells(polygon, cells, width));
}

/// Works on the pixels in row-major order, whatever the order of the array is; also
/// given is the width.
pub(super) fn on_cells(coverage: &mut Array2<f32>, work: impl FnOnce(&mut [f32], usize)) {
    let width = coverage.ncols();
    if coverage.is_standard_layout() {
        if let Some(cells) = coverage.as_slice_mut() {
            work(cells, width);
        }
        return;
    }
    let mut copy = coverage.as_standard_layout().into_owned();
    if let Some(cells) = copy.as_slice_mut() {
        work(cells, width);
    }
    coverage.assign(&copy);
}

fn fill_cells(polygon: &Polygon<f64>, coverage: &mut [f32], width: usize) {
    if width == 0 || !is_drawable(polygon) {
        return;
    }
    let (rows, columns) = spans(polygon.exterior(), coverage.len() / width, width);
    if rows.is_empty() || columns.is_empty() {
        return;
    }
    // The exterior ring is turned positive, the holes negative.
    let signs: Vec<f64> = rings(polygon)
        .enumerate()
        .map(|(index, ring)| if (signed_area(ring) > 0.0) == (index == 0) { 1.0 } else { -1.0 })
        .collect();
    let band = (BAND_CELLS / (columns.len() + 2)).clamp(1, rows.len());
    let mut buffer = Accumulator::new(columns.len(), band);
    for top in rows.clone().step_by(band) {
        let bottom = (top + band).min(rows.end);
        let origin = Coord { x: columns.start as f64, y: top as f64 };
        for (ring, &sign) in rings(polygon).zip(&signs) {
            for pair in ring.0.windows(2) {
                buffer.add_edge(pair[0] - origin, pair[1] - origin, sign);
            }
        }
        for row in top..bottom {
            let start = row * width;
            let line = &mut coverage[start + columns.start..start + columns.end];
            buffer.drain_row(row - top, line);
        }
    }
}

/// The rows and columns of cells that a ring touches.
fn spans(ring: &LineString<f64>, height: usize, width: usize) -> (Range<usize>, Range<usize>) {
    let Some(&first) = ring.0.first() else { return (0..0, 0..0) };
    let (mut low, mut high) = (first, first);
    for p in &ring.0 {
        low = Coord { x: low.x.min(p.x), y: low.y.min(p.y) };
        high = Coord { x: high.x.max(p.x), y: high.y.max(p.y) };
    }
    let span = |low: f64, high: f64, len: usize| floor_index(low, len)..ceil_index(high, len);
    (span(low.y, high.y, height), span(low.x, high.x, width))
}

/// Differences of coverage along each row of a band.
struct Accumulator {
    width: usize,
    rows: usize,
    /// `rows` x (`width` + 2): an edge on the right border writes beyond it.
    cells: Vec<f64>,
    /// Per row, words with a bit for each cell that was written to.
    written: Vec<u64>,
    /// Words of a row.
    words: usize,
}

impl Accumulator {
    fn new(width: usize, rows: usize) -> Self {
        let words = (width + 2).div_ceil(64);
        let (cells, written) = (vec![0.0; (width + 2) * rows], vec![0; words * rows]);
        Self { width, rows, cells, written, words }
    }

    /// Adds one edge, cut where it leaves the band or crosses its side borders.
    fn add_edge(&mut self, p: Coord<f64>, q: Coord<f64>, sign: f64) {
        // Upwards edges have the interior on their right: they open the coverage.
        let (a, b, sign) = if p.y < q.y { (p, q, -sign) } else { (q, p, sign) };
        let (top, bottom) = (a.y.max(0.0), b.y.min(self.rows as f64));
        if top >= bottom {
            return;
        }
        let slope = (b.x - a.x) / (b.y - a.y);
        if !slope.is_finite() {
            // Lower than 1e-200: no share of a pixel.
            return;
        }
        let x_at = |y: f64| a.x + (y - a.y) * slope;
        let limit = self.width as f64;
        let inside = a.x.min(b.x) >= 0.0 && a.x.max(b.x) <= limit;
        let mut cuts = [top, bottom, bottom, bottom];
        if !inside && slope.abs() > 0.0 {
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
        let (mut top, mut left) = (y0, x0);
        for row in floor_index(y0, self.rows)..ceil_index(y1, self.rows) {
            let bottom = y1.min((row + 1) as f64);
            let right = (x0 + (bottom - y0) * slope).max(low).min(high);
            self.add_row(row, left.min(right), left.max(right), sign * (bottom - top));
            (top, left) = (bottom, right);
        }
    }

    /// Spreads the signed height `rise` of a piece in one row over its cells.
    #[inline]
    fn add_row(&mut self, row: usize, low: f64, high: f64, rise: f64) {
        let start = row * (self.width + 2);
        let cells = &mut self.cells[start..start + self.width + 2];
        let written = &mut self.written[row * self.words..(row + 1) * self.words];
        let first = floor_index(low, self.width);
        let left = first as f64;
        if high <= left + 1.0 {
            let beyond = rise * (0.5 * (low + high) - left);
            cells[first] += rise - beyond;
            cells[first + 1] += beyond;
            mark(written, first, first + 1);
            return;
        }
        let density = rise / (high - low);
        let end = ceil_index(high, self.width);
        let (mut from, mut carried) = (low, 0.0);
        for (cell, column) in cells[first..end].iter_mut().zip(first..) {
            let to = high.min((column + 1) as f64);
            let part = density * (to - from);
            let beyond = part * (0.5 * (from + to) - column as f64);
            *cell += carried + (part - beyond);
            (from, carried) = (to, beyond);
        }
        cells[end] += carried;
        mark(written, first, end);
    }

    /// Sums one row up, combines it with the raster and clears it.
    fn drain_row(&mut self, row: usize, line: &mut [f32]) {
        let start = row * (self.width + 2);
        let cells = &mut self.cells[start..start + self.width + 2];
        let written = &mut self.written[row * self.words..(row + 1) * self.words];
        // Between written cells the sum does not change.
        let (mut sum, mut from) = (0.0_f64, 0);
        for (word, bits) in written.iter_mut().enumerate() {
            let mut left = std::mem::take(bits);
            while left != 0 {
                let column = word * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                raise(line, from..column, sum);
                sum += std::mem::take(&mut cells[column]);
                from = column;
            }
        }
        raise(line, from..line.len(), sum);
    }
}

/// Sets the bits from `first` to `last`.
#[inline]
fn mark(written: &mut [u64], first: usize, last: usize) {
    let (low, high) = (first / 64, last / 64);
    let (from, to) = (u64::MAX << (first % 64), u64::MAX >> (63 - last % 64));
    if low == high {
        written[low] |= from & to;
        return;
    }
    written[low] |= from;
    written[low + 1..high].fill(u64::MAX);
    written[high] |= to;
}

/// Combines a covered share with a run of pixels by maximum.
#[inline]
fn raise(line: &mut [f32], run: Range<usize>, share: f64) {
    if share <= NOISE {
        return;
    }
    let share = share.min(1.0) as f32;
    // Most runs are single pixels at the border.
    if run.len() == 1
        && let Some(cell) = line.get_mut(run.start)
    {
        *cell = cell.max(share);
        return;
    }
    // The last two cells lie beyond the raster.
    let end = run.end.min(line.len());
    let Some(run) = line.get_mut(run.start..end) else { return };
    if share >= 1.0 {
        run.fill(1.0);
    } else {
        for cell in run {
            *cell = cell.max(share);
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
