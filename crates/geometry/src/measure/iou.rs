//! Intersection over union of polygons.

use crate::{Result, intersection, polygon_area, union_all};
use geo_types::Polygon;

/// Area of the intersection over the area of the union, in `[0, 1]`.
///
/// Each operand stands for the union of its polygons; two empty operands are equal
/// and have 1. Precision as for [`union`](crate::union()).
///
/// # Errors
/// Those of [`union`](crate::union()).
pub fn polygon_iou(a: &[Polygon<f64>], b: &[Polygon<f64>]) -> Result<f64> {
    if a.is_empty() && b.is_empty() {
        return Ok(1.0);
    }
    let area = |shapes: &[Polygon<f64>]| shapes.iter().map(polygon_area).sum::<f64>();
    let covered = |shapes: &[Polygon<f64>]| match shapes {
        [] | [_] => Ok(area(shapes)),
        _ => union_all(shapes).map(|shapes| area(&shapes.0)),
    };
    let common = area(&intersection(a, b)?.0);
    let all = covered(a)? + covered(b)? - common;
    Ok(if all > 0.0 { (common / all).clamp(0.0, 1.0) } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::polygon;

    #[test]
    fn squares() {
        let square = |x: f64| polygon![(x: x, y: 0.0), (x: x + 4.0, y: 0.0), (x: x + 4.0, y: 4.0), (x: x, y: 4.0)];
        let iou = |a: &[Polygon<f64>], b: &[Polygon<f64>]| polygon_iou(a, b).unwrap();
        assert!((iou(&[square(0.0)], &[square(0.0)]) - 1.0).abs() < 1e-9);
        assert!((iou(&[square(0.0)], &[square(2.0)]) - 1.0 / 3.0).abs() < 1e-7);
        assert!(iou(&[square(0.0)], &[square(9.0)]).abs() < 1e-9);
        // The first two overlap: together they are 6 wide.
        assert!((iou(&[square(0.0), square(2.0)], &[square(2.0)]) - 2.0 / 3.0).abs() < 1e-7);
        assert!(iou(&[], &[square(0.0)]).abs() < 1e-9);
        assert!((iou(&[], &[]) - 1.0).abs() < 1e-9);
    }
}
