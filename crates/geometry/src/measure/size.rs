//! Lengths and areas.

use super::between;
use crate::{ring::rings, signed_area};
use geo_types::{LineString, Polygon};

/// Length of a line, in the unit of its coordinates.
#[must_use]
pub fn line_length(line: &LineString<f64>) -> f64 {
    line.lines().map(|segment| between(segment.start, segment.end)).sum()
}

/// Length of all rings of a polygon, those of holes included.
#[must_use]
pub fn perimeter(polygon: &Polygon<f64>) -> f64 {
    rings(polygon).map(line_length).sum()
}

/// Area of a polygon without its holes, whatever the orientation of its rings.
#[must_use]
pub fn polygon_area(polygon: &Polygon<f64>) -> f64 {
    let holes: f64 = polygon.interiors().iter().map(|ring| signed_area(ring).abs()).sum();
    signed_area(polygon.exterior()).abs() - holes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn square_with_a_hole() {
        let square = |at: f64, side: f64| {
            LineString::from(vec![
                (at, at),
                (at, at + side),
                (at + side, at + side),
                (at + side, at),
            ])
        };
        let polygon = Polygon::new(square(0.0, 10.0), vec![square(2.0, 3.0)]);
        assert!((polygon_area(&polygon) - 91.0).abs() < 1e-12);
        assert!((perimeter(&polygon) - 52.0).abs() < 1e-12);
        assert!((line_length(&square(0.0, 10.0)) - 30.0).abs() < 1e-12);
    }
}
