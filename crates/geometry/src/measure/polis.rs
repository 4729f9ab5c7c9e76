//! PoLiS: a distance between polygons for building footprints.

use super::boundary;
use crate::{Result, SegmentIndex};
use geo_types::{LineString, Polygon};

/// Mean distance from the vertices of `from` to the boundary of `to`.
///
/// The rings of holes count like the exterior; a closing point counts once. In the
/// unit of the coordinates; about n log m.
///
/// # Errors
/// [`Error::Empty`](crate::Error::Empty) for an empty polygon, and errors about
/// coordinates as in [`SegmentIndex::new`].
pub fn directed_polis(from: &Polygon<f64>, to: &Polygon<f64>) -> Result<f64> {
    let vertices = boundary("the first polygon", from)?;
    let index = SegmentIndex::new(&boundary("the second polygon", to)?)?;
    let (mut sum, mut count) = (0.0, 0);
    for ring in vertices {
        for &vertex in open(&ring) {
            sum += index.nearest(vertex).map_or(0.0, |near| near.distance);
            count += 1;
        }
    }
    Ok(sum / f64::from(count.max(1)))
}

/// Mean of the two directed PoLiS distances.
///
/// Zero for equal polygons; it grows about linearly with a small shift, rotation or
/// change of size, and the number of vertices has little influence.
///
/// # Errors
/// Those of [`directed_polis`].
///
/// # References
/// J. Avbelj, R. Müller, R. Bamler, *A metric for polygon comparison and building
/// extraction evaluation*, 2015.
pub fn polis(a: &Polygon<f64>, b: &Polygon<f64>) -> Result<f64> {
    Ok(0.5 * (directed_polis(a, b)? + directed_polis(b, a)?))
}

/// The points of a ring without the closing one.
fn open(ring: &LineString<f64>) -> &[geo_types::Coord<f64>] {
    match ring.0.split_last() {
        Some((last, rest)) if rest.first() == Some(last) => rest,
        _ => &ring.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::polygon;

    #[test]
    fn shifted_square() {
        let square = |x: f64, y: f64| polygon![(x: x, y: y), (x: x + 10.0, y: y), (x: x + 10.0, y: y + 10.0), (x: x, y: y + 10.0)];
        assert!(polis(&square(0.0, 0.0), &square(0.0, 0.0)).unwrap().abs() < 1e-15);
        // Two corners stay on lines of the other square, two leave by the shift.
        assert!((polis(&square(0.0, 0.0), &square(1.0, 0.0)).unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn hand_computed_triangle() {
        let square =
            polygon![(x: 0.0, y: 0.0), (x: 4.0, y: 0.0), (x: 4.0, y: 4.0), (x: 0.0, y: 4.0)];
        let triangle = polygon![(x: 0.0, y: 0.0), (x: 4.0, y: 0.0), (x: 0.0, y: 4.0)];
        // Only the corner (4, 4) is off the triangle, by the height 2 sqrt 2.
        let expected = 0.5 * (2.0 * 2.0_f64.sqrt() / 4.0 + 0.0);
        assert!((polis(&square, &triangle).unwrap() - expected).abs() < 1e-12);
    }
}
