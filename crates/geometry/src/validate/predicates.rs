//! Exact predicates on points and segments.

use geo::algorithm::kernels::{Kernel, Orientation, RobustKernel};
use geo_types::Coord;

/// Coordinates below this are scaled up before their products are compared, which would be
/// below the smallest numbers.
const TINY: f64 = 1e-100;
/// By this power of two, which changes no digit: the smallest number becomes 1e-83.
const UP: f64 = f64::from_bits((1023 + 800) << 52);

/// Whether [`side`] is exact for points of which this holds, and that are at most 1e100 in
/// size: no coordinate is so small that products of differences underflow.
pub(crate) fn has_exact_sides(p: Coord<f64>) -> bool {
    [p.x, p.y].iter().all(|v| v.abs() >= TINY || v.abs() <= 0.0)
}

/// Side of `p` seen along `a` to `b`: positive where x turns to y, 0 on the line.
///
/// Exact unless products of coordinates overflow, or underflow beside others above 1e-100.
pub(crate) fn side(a: Coord<f64>, b: Coord<f64>, p: Coord<f64>) -> i8 {
    let largest = |p: Coord<f64>| p.x.abs().max(p.y.abs());
    let [a, b, p] = if largest(a).max(largest(b)).max(largest(p)) < TINY {
        [a * UP, b * UP, p * UP]
    } else {
        [a, b, p]
    };
    match RobustKernel::orient2d(a, b, p) {
        Orientation::CounterClockwise => 1,
        Orientation::Clockwise => -1,
        Orientation::Collinear => 0,
    }
}

/// How two segments with distinct ends meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Meeting {
    /// They do not.
    None,
    /// In a point inside both; the point is rounded.
    Cross(Coord<f64>),
    /// In an end of one of them.
    Touch(Coord<f64>),
    /// In a stretch that contains this point.
    Overlap(Coord<f64>),
}

/// How the segments `a` to `b` and `c` to `d` meet.
pub(crate) fn meeting([a, b]: [Coord<f64>; 2], [c, d]: [Coord<f64>; 2]) -> Meeting {
    let (sc, sd) = (side(a, b, c), side(a, b, d));
    if sc * sd > 0 {
        return Meeting::None;
    }
    let (sa, sb) = (side(c, d, a), side(c, d, b));
    if sa * sb > 0 {
        return Meeting::None;
    }
    if sc == 0 && sd == 0 {
        return collinear([a, b], [c, d]);
    }
    // Not collinear: at most one of these ends lies on the other segment.
    for (on_line, p) in [(sc == 0, c), (sd == 0, d), (sa == 0, a), (sb == 0, b)] {
        if on_line {
            return Meeting::Touch(p);
        }
    }
    Meeting::Cross(cross_point([a, b], [c, d]))
}

fn collinear([a, b]: [Coord<f64>; 2], [c, d]: [Coord<f64>; 2]) -> Meeting {
    // The lexicographic order is the order along a line.
    let key = |p: Coord<f64>, q: Coord<f64>| p.x < q.x || (p.x <= q.x && p.y < q.y);
    let sorted = |p, q| if key(p, q) { [p, q] } else { [q, p] };
    let ([a, b], [c, d]) = (sorted(a, b), sorted(c, d));
    let low = if key(a, c) { c } else { a };
    let high = if key(b, d) { b } else { d };
    if low == high {
        Meeting::Touch(low)
    } else if key(low, high) {
        Meeting::Overlap(low)
    } else {
        Meeting::None
    }
}

fn cross_point([a, b]: [Coord<f64>; 2], [c, d]: [Coord<f64>; 2]) -> Coord<f64> {
    let (u, v, w) = (b - a, d - c, c - a);
    let determinant = u.x * v.y - u.y * v.x;
    let t = (w.x * v.y - w.y * v.x) / determinant;
    // Near-parallel segments: any point of both boxes will do.
    if t.is_finite() { a + u * t.clamp(0.0, 1.0) } else { a }
}

/// Whether the direction from `p` to `w` lies left of the path `before`, `p`, `after`
/// (on the side of positive [`side`]), where `w` is on neither of its edges.
pub(crate) fn is_left_of_path(path: [Coord<f64>; 3], w: Coord<f64>) -> bool {
    let [before, p, after] = path;
    let (arriving, leaving) = (side(before, p, w) > 0, side(p, after, w) > 0);
    match side(before, p, after) {
        1 => arriving && leaving,
        -1 => arriving || leaving,
        _ => arriving,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, y: f64) -> Coord<f64> {
        Coord { x, y }
    }

    #[test]
    fn meetings() {
        let flat = [at(0.0, 0.0), at(4.0, 0.0)];
        let cross = meeting(flat, [at(1.0, -1.0), at(1.0, 1.0)]);
        assert_eq!(cross, Meeting::Cross(at(1.0, 0.0)));
        assert_eq!(meeting(flat, [at(4.0, 3.0), at(2.0, 0.0)]), Meeting::Touch(at(2.0, 0.0)));
        assert_eq!(meeting(flat, [at(6.0, 0.0), at(4.0, 0.0)]), Meeting::Touch(at(4.0, 0.0)));
        assert_eq!(meeting(flat, [at(6.0, 0.0), at(3.0, 0.0)]), Meeting::Overlap(at(3.0, 0.0)));
        assert_eq!(meeting(flat, [at(6.0, 0.0), at(5.0, 0.0)]), Meeting::None);
        assert_eq!(meeting(flat, [at(5.0, -1.0), at(5.0, 1.0)]), Meeting::None);
    }

    #[test]
    fn sides_of_a_path() {
        let left_turn = [at(0.0, 0.0), at(1.0, 0.0), at(1.0, 1.0)];
        assert!(is_left_of_path(left_turn, at(0.0, 1.0)));
        assert!(!is_left_of_path(left_turn, at(2.0, 0.0)));
        assert!(!is_left_of_path(left_turn, at(1.0, -1.0)));
        let right_turn = [at(0.0, 0.0), at(1.0, 0.0), at(1.0, -1.0)];
        assert!(is_left_of_path(right_turn, at(2.0, 0.0)));
        assert!(is_left_of_path(right_turn, at(1.0, 1.0)));
        assert!(!is_left_of_path(right_turn, at(0.0, -1.0)));
    }
}
