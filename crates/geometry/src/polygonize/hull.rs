//! Convex hulls of the vertices that a simplified chain has dropped.

use super::Corner;

/// Sets up to this size are kept as they are.
const SMALL: usize = 8;

/// Twice the signed area of the triangle `a`, `b`, `c`, exactly.
pub(super) fn orient(a: Corner, b: Corner, c: Corner) -> i64 {
    let v = |from: u32, to: u32| i64::from(to) - i64::from(from);
    v(a.x, b.x) * v(a.y, c.y) - v(a.y, b.y) * v(a.x, c.x)
}

/// Points whose convex hull contains `left`, `middle` and `right`.
///
/// The distance to a segment is convex, so its maximum over a set is reached on
/// the hull: inner points can be forgotten.
pub(super) fn merge(mut left: Vec<Corner>, middle: Corner, right: &[Corner]) -> Vec<Corner> {
    left.push(middle);
    left.extend_from_slice(right);
    if left.len() <= SMALL { left } else { convex_hull(left) }
}

/// Andrew's monotone chain; collinear points are dropped.
fn convex_hull(mut points: Vec<Corner>) -> Vec<Corner> {
    points.sort_unstable();
    points.dedup();
    let mut hull: Vec<Corner> = Vec::with_capacity(points.len() + 1);
    let add = |hull: &mut Vec<Corner>, floor: usize, p: Corner| {
        while hull.len() > floor + 1 && orient(hull[hull.len() - 2], hull[hull.len() - 1], p) <= 0 {
            hull.pop();
        }
        hull.push(p);
    };
    for &p in &points {
        add(&mut hull, 0, p);
    }
    let floor = hull.len() - 1;
    for &p in points.iter().rev().skip(1) {
        add(&mut hull, floor, p);
    }
    hull.pop();
    hull
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_points_are_dropped() {
        let grid: Vec<Corner> = (0..5).flat_map(|x| (0..5).map(move |y| Corner { x, y })).collect();
        let mut hull = convex_hull(grid);
        hull.sort_unstable();
        let corners = [(0, 0), (0, 4), (4, 0), (4, 4)];
        assert_eq!(hull, corners.map(|(x, y)| Corner { x, y }));
    }
}
