//! Polygons to label maps by the pixel-centre rule.

use super::canvas::{Canvas, on_canvas};
use super::drawable::drawable_bounds;
use crate::ring::rings;
use geo_types::Polygon;
use ndarray::Array2;

/// Writes `id` into every pixel whose centre lies inside `polygon`.
///
/// The even-odd rule decides, over all rings together, so holes stay untouched.
/// A centre on an edge belongs to exactly one of two polygons that share this
/// edge: polygons that tile the plane tile the raster. Parts outside the raster
/// are clipped. A polygon with a coordinate that is not finite or beyond `1e100` draws
/// nothing; [`draw_labels`](crate::draw_labels) refuses it.
///
/// `labels` has shape (H, W). Cost: the crossings of edges with the pixel rows and the
/// pixels; nothing is sorted.
///
/// # Examples
/// ```
/// use geo_types::polygon;
/// let square = polygon![(x: 1.0, y: 1.0), (x: 3.0, y: 1.0), (x: 3.0, y: 3.0), (x: 1.0, y: 3.0)];
/// let mut labels = ndarray::Array2::zeros((4, 4));
/// mapvec_geometry::fill_labels(&square, 7, &mut labels);
/// assert_eq!(labels.iter().filter(|&&id| id == 7).count(), 4);
/// ```
pub fn fill_labels(polygon: &Polygon<f64>, id: u32, labels: &mut Array2<u32>) {
    on_canvas(labels, |canvas| fill_polygon(polygon, id, canvas));
}

/// Fills the rows of a canvas.
pub(super) fn fill_polygon(polygon: &Polygon<f64>, id: u32, canvas: &mut Canvas<'_>) {
    let Some(bounds) = drawable_bounds(polygon) else { return };
    let rows = canvas.rows(bounds.low.y, bounds.high.y);
    let mut crossings = canvas.take_crossings();
    let band = crossings.reach(&bounds, canvas.width());
    for top in rows.clone().step_by(band) {
        crossings.start(top..rows.end.min(top + band));
        for ring in rings(polygon) {
            for pair in ring.0.windows(2) {
                // The upper end goes first: both owners of a shared edge then compute
                // the same floating-point crossing.
                let (a, b) = (pair[0], pair[1]);
                let (a, b) = if a.y <= b.y { (a, b) } else { (b, a) };
                crossings.add(a, b);
            }
        }
        crossings.drain(|row, columns| canvas.fill_columns(row, columns, id));
    }
    canvas.reuse_crossings(crossings);
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::{LineString, polygon};

    #[test]
    fn hole_and_clipping() {
        let outer = LineString::from(vec![(-2.0, -2.0), (6.0, -2.0), (6.0, 6.0), (-2.0, 6.0)]);
        let hole = LineString::from(vec![(1.0, 1.0), (3.0, 1.0), (3.0, 3.0), (1.0, 3.0)]);
        let mut labels = Array2::zeros((4, 5));
        fill_labels(&Polygon::new(outer, vec![hole]), 3, &mut labels);
        assert_eq!(labels.iter().filter(|&&id| id == 3).count(), 16);
        assert_eq!(labels[[1, 1]], 0);
        assert_eq!(labels[[2, 2]], 0);
    }

    #[test]
    fn non_finite_and_huge_draw_nothing() {
        for bad in [f64::NAN, f64::INFINITY, 1e101, -1e308] {
            let bad = polygon![(x: 0.0, y: 0.0), (x: bad, y: 4.0), (x: 4.0, y: 4.0)];
            let mut labels = Array2::zeros((4, 4));
            fill_labels(&bad, 1, &mut labels);
            assert!(labels.iter().all(|&id| id == 0));
        }
    }

    #[test]
    fn edges_through_centres_tile() {
        let mut labels = Array2::zeros((8, 8));
        let a = polygon![(x: 0.5, y: 0.5), (x: 7.5, y: 0.5), (x: 7.5, y: 7.5)];
        let b = polygon![(x: 0.5, y: 0.5), (x: 7.5, y: 7.5), (x: 0.5, y: 7.5)];
        fill_labels(&a, 1, &mut labels);
        let first = labels.iter().filter(|&&id| id == 1).count();
        fill_labels(&b, 2, &mut labels);
        assert_eq!(labels.iter().filter(|&&id| id == 1).count(), first, "no pixel drawn twice");
        assert_eq!(labels.iter().filter(|&&id| id > 0).count(), 49);
    }
}
