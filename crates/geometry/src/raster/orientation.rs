//! Direction, distance and offset of the line nearest to each pixel.

use super::drawable::check_line;
use super::straight::{Straight, dot, for_each_span};
use crate::{
    Result,
    error::{check_each, check_positive},
    grid::centres,
};
use geo_types::{Coord, LineString};
use ndarray::{Array2, Array3, ArrayViewMut2, ArrayViewMut3, Axis};
use rayon::prelude::*;
use std::f32::consts::PI;

/// Rows that one task fills.
const BAND: usize = 64;

/// What is known about the line nearest to each pixel centre; arrays of shape (H, W).
#[derive(Debug, Clone, PartialEq)]
pub struct OrientationField {
    /// Undirected angle of the nearest segment, radians in `[0, pi)` from +x towards
    /// +y; NaN out of reach.
    pub angle: Array2<f32>,
    /// Distance to that segment in pixels; infinite out of reach.
    pub distance: Array2<f32>,
    /// Vector (dx, dy) from the pixel centre to the nearest point of that segment, in
    /// pixels; shape (2, H, W), NaN out of reach.
    pub offset: Array3<f32>,
    /// 1 + index of the nearest line; 0 out of reach.
    pub line: Array2<u32>,
}

/// Finds the nearest line of each pixel, among the lines within their own reach.
///
/// Each line comes with its reach in pixels, above 0; `shape` is (H, W). Of segments
/// at the same distance, as outside a bend, the first one counts. The edges of
/// polygons are lines too: give their rings. Only pixels in reach are visited.
/// Parallel over bands of rows; the result does not depend on the number of threads.
///
/// # Errors
/// [`Error::Item`](crate::Error::Item) with the index of a line: an
/// [`Error::Parameter`](crate::Error::Parameter) for a reach out of range or coordinates
/// beyond `1e100`, or what [`validate_line`](crate::validate_line) returns.
///
/// # Examples
/// ```
/// use mapvec_geometry::orientation_field;
/// let line = geo_types::LineString::from(vec![(1.0, 1.0), (7.0, 7.0)]);
/// let field = orientation_field(&[(&line, 2.0)], (8, 8))?;
/// assert!((field.angle[[4, 4]] - std::f32::consts::FRAC_PI_4).abs() < 1e-6);
/// assert!(field.angle[[0, 7]].is_nan());
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
pub fn orientation_field(
    lines: &[(&LineString<f64>, f64)],
    shape: (usize, usize),
) -> Result<OrientationField> {
    check_each("lines", lines, |&(line, reach)| {
        check_positive("reach", reach)?;
        check_line(line)
    })?;
    let (height, width) = shape;
    let mut field = OrientationField {
        angle: Array2::from_elem(shape, f32::NAN),
        distance: Array2::from_elem(shape, f32::INFINITY),
        offset: Array3::from_elem((2, height, width), f32::NAN),
        line: Array2::zeros(shape),
    };
    let angles = field.angle.axis_chunks_iter_mut(Axis(0), BAND);
    let distances = field.distance.axis_chunks_iter_mut(Axis(0), BAND);
    let offsets = field.offset.axis_chunks_iter_mut(Axis(1), BAND);
    let owners = field.line.axis_chunks_iter_mut(Axis(0), BAND);
    let bands: Vec<_> = angles.zip(distances).zip(offsets.zip(owners)).enumerate().collect();
    bands.into_par_iter().for_each(|(index, ((angle, distance), (offset, owner)))| {
        let squared = Array2::from_elem(angle.dim(), f64::INFINITY);
        let mut band = Band { first: index * BAND, angle, distance, offset, owner, squared };
        for (line, owner) in lines.iter().zip(1..) {
            band.add(line.0, line.1, owner);
        }
        band.measure();
    });
    Ok(field)
}

/// Some rows of a field.
struct Band<'a> {
    first: usize,
    angle: ArrayViewMut2<'a, f32>,
    distance: ArrayViewMut2<'a, f32>,
    offset: ArrayViewMut3<'a, f32>,
    owner: ArrayViewMut2<'a, u32>,
    /// Squared distances, exact enough to tell the nearer one.
    squared: Array2<f64>,
}

impl Band<'_> {
    fn add(&mut self, line: &LineString<f64>, reach: f64, owner: u32) {
        for pair in line.0.windows(2) {
            if let Some(segment) = Straight::new(pair[0], pair[1]) {
                self.add_segment(&segment, reach, owner);
            }
        }
    }

    fn add_segment(&mut self, segment: &Straight, reach: f64, owner: u32) {
        let (height, width) = self.angle.dim();
        let span = (-reach, segment.length + reach);
        let (top, bottom) = segment.strip_rows(span, reach);
        // One pixel more on every side: the distance decides.
        let rows = centres(top - 1.0, bottom + 1.0, self.first + height);
        let rows = rows.start.max(self.first)..rows.end;
        let angle = undirected(segment.direction);
        let limit = reach * reach;
        for_each_span(segment.strip(span, reach), rows, |row, left, right| {
            for column in centres(left - 1.0, right + 1.0, width) {
                let p = Coord { x: column as f64 + 0.5, y: row as f64 + 0.5 };
                let offset = nearest(segment, p) - p;
                let squared = dot(offset, offset);
                let at = [row - self.first, column];
                if squared <= limit && squared < self.squared[at] {
                    self.squared[at] = squared;
                    self.angle[at] = angle;
                    self.owner[at] = owner;
                    self.offset[[0, at[0], at[1]]] = offset.x as f32;
                    self.offset[[1, at[0], at[1]]] = offset.y as f32;
                }
            }
        });
    }

    fn measure(&mut self) {
        let squared = self.squared.iter();
        self.distance.iter_mut().zip(squared).for_each(|(d, s)| *d = s.sqrt() as f32);
    }
}

/// The nearest point of a segment; its ends are exact, so that neighbours agree there.
fn nearest(segment: &Straight, p: Coord<f64>) -> Coord<f64> {
    let t = dot(p - segment.start, segment.direction);
    if t <= 0.0 {
        segment.start
    } else if t >= segment.length {
        segment.end
    } else {
        segment.start + segment.direction * t
    }
}

/// The angle of a direction without its sense, in `[0, pi)`.
fn undirected(direction: Coord<f64>) -> f32 {
    let turned = (direction.y.atan2(direction.x) as f32).rem_euclid(PI);
    // A tiny negative angle is rounded up to pi.
    if turned >= PI { 0.0 } else { turned }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_stay_below_pi() {
        let angle = |x, y| undirected(Coord { x, y });
        for (x, y) in [(1.0, -1e-12), (-1.0, 0.0), (-1.0, -0.0), (1.0, 0.0), (-1.0, 1e-12)] {
            assert!((0.0..PI).contains(&angle(x, y)), "({x}, {y}): {}", angle(x, y));
        }
        assert!((angle(0.0, -3.0) - PI / 2.0).abs() < 1e-6);
    }
}
