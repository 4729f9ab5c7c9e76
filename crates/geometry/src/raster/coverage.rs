//! Exact area coverage of polygons.
//!
//! Every edge adds, in each cell it passes, its signed height times the part of
//! the cell right of it; a running sum along the row then yields the covered
//! area of each pixel (the accumulation buffer of font rasterizers).

use super::{accumulator::Accumulator, drawable::drawable_bounds};
use crate::ring::rings;
use crate::{
    grid::{ceil_index, floor_index},
    signed_area,
};
use geo_types::{Coord, Polygon};
use ndarray::Array2;

/// Cells of the accumulation buffer; larger polygons are drawn in bands of rows.
const BAND_CELLS: usize = 1 << 16;

/// Draws the exact area share of each pixel that `polygon` covers, in `[0, 1]`.
///
/// The value is combined by maximum with what `coverage` (shape (H, W)) holds, so
/// touching polygons do not add up. Ring orientation does not matter: the first
/// ring fills, holes subtract. The polygon must not cross itself; where it does,
/// the winding sum is clamped (beyond 127 windings it is not). What an edge adds to a
/// pixel is rounded to a multiple of 2^-24, and these add up exactly: pixels inside are 1,
/// those outside are not touched. Parts outside the raster are clipped and
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
    let Some(bounds) = drawable_bounds(polygon) else { return };
    let span = |low: f64, high: f64, len: usize| floor_index(low, len)..ceil_index(high, len);
    let rows = span(bounds.low.y, bounds.high.y, coverage.len() / width.max(1));
    let columns = span(bounds.low.x, bounds.high.x, width);
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
        let lines = coverage.chunks_exact_mut(width).take(bottom).skip(top);
        buffer.drain(lines.filter_map(|line| line.get_mut(columns.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::{LineString, polygon};

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
