//! Rings and polylines: the drafting tools of the layouts.
//!
//! Rings are open lists of corners (the first is not repeated), in pixels of the sheet.

use std::f64::consts::TAU;

use geo_types::{Coord, LineString, Polygon};

use crate::cast::to_index;
use crate::draw::Draw;

/// Corners of a ring or points of a polyline.
pub(crate) type Points = Vec<Coord<f64>>;

pub(crate) fn point(x: f64, y: f64) -> Coord<f64> {
    Coord { x, y }
}

/// The unit vector of a direction.
pub(crate) fn unit(angle: f64) -> Coord<f64> {
    point(angle.cos(), angle.sin())
}

/// The vector turned by a quarter from +x towards +y.
pub(crate) fn normal(v: Coord<f64>) -> Coord<f64> {
    point(-v.y, v.x)
}

pub(crate) fn dot(a: Coord<f64>, b: Coord<f64>) -> f64 {
    a.x * b.x + a.y * b.y
}

pub(crate) fn norm(v: Coord<f64>) -> f64 {
    v.x.hypot(v.y)
}

/// The vector at unit length; +x for a vector without length.
pub(crate) fn unit_of(v: Coord<f64>) -> Coord<f64> {
    let length = norm(v);
    if length > 1e-12 { v / length } else { point(1.0, 0.0) }
}

/// A polygon without holes.
pub(crate) fn polygon(ring: &[Coord<f64>]) -> Polygon<f64> {
    Polygon::new(LineString::new(ring.to_vec()), Vec::new())
}

/// Edges of a ring as pairs of corners.
pub(crate) fn edges(ring: &[Coord<f64>]) -> impl Iterator<Item = (Coord<f64>, Coord<f64>)> + '_ {
    ring.iter().copied().zip(ring.iter().copied().cycle().skip(1)).take(ring.len())
}

/// Signed shoelace area.
pub(crate) fn area(ring: &[Coord<f64>]) -> f64 {
    edges(ring).map(|(a, b)| a.x * b.y - b.x * a.y).sum::<f64>() / 2.0
}

/// Mean of the corners.
pub(crate) fn middle(ring: &[Coord<f64>]) -> Coord<f64> {
    let sum = ring.iter().fold(point(0.0, 0.0), |sum, &p| sum + p);
    sum / (ring.len().max(1) as f64)
}

/// The part of a convex ring where `(p - through) . direction >= 0`.
pub(crate) fn cut(ring: &[Coord<f64>], through: Coord<f64>, direction: Coord<f64>) -> Points {
    let mut kept = Vec::with_capacity(ring.len() + 1);
    for (a, b) in edges(ring) {
        let (da, db) = (dot(a - through, direction), dot(b - through, direction));
        if da >= 0.0 {
            kept.push(a);
        }
        if da * db < 0.0 {
            kept.push(a + (b - a) * (da / (da - db)));
        }
    }
    kept
}

/// A convex ring moved inwards by `width`; empty when nothing is left.
pub(crate) fn inset(ring: &[Coord<f64>], width: f64) -> Points {
    let sign = area(ring).signum();
    let mut kept = ring.to_vec();
    for (a, b) in edges(ring) {
        if norm(b - a) < 1e-9 {
            continue;
        }
        let inwards = normal(unit_of(b - a)) * sign;
        kept = cut(&kept, a + inwards * width, inwards);
        if kept.len() < 3 {
            return Vec::new();
        }
    }
    kept
}

/// The longest edge: a point on it (at `share` of its length), its direction and length.
pub(crate) fn longest_edge(ring: &[Coord<f64>], share: f64) -> (Coord<f64>, Coord<f64>, f64) {
    let mut best = (point(0.0, 0.0), point(1.0, 0.0), 0.0);
    for (a, b) in edges(ring) {
        let length = norm(b - a);
        if length > best.2 {
            best = (a + (b - a) * share, unit_of(b - a), length);
        }
    }
    best
}

/// A rectangle of half sizes `(along, across)` around `centre`, `axis` a unit vector.
pub(crate) fn rectangle(centre: Coord<f64>, axis: Coord<f64>, along: f64, across: f64) -> Points {
    let (u, v) = (axis * along, normal(axis) * across);
    vec![centre - u - v, centre + u - v, centre + u + v, centre - u + v]
}

/// An ellipse of half sizes `(along, across)`.
pub(crate) fn ellipse(centre: Coord<f64>, axis: Coord<f64>, along: f64, across: f64) -> Points {
    let count = to_index(along.max(across) * 1.5).clamp(12, 64);
    (0..count)
        .map(|k| {
            let t = TAU * k as f64 / count as f64;
            centre + axis * (along * t.cos()) + normal(axis) * (across * t.sin())
        })
        .collect()
}

/// A soft closed form: a circle with three low harmonics, stretched by `aspect`.
pub(crate) fn blob(draw: &mut Draw, centre: Coord<f64>, radius: f64, aspect: f64) -> Points {
    let axis = unit(draw.turn());
    let waves: [(f64, f64); 3] = [2.0, 3.0, 4.0].map(|k| (draw.normal(0.0, 0.22 / k), draw.turn()));
    let count = to_index(radius * 1.2).clamp(14, 72);
    (0..count)
        .map(|i| {
            let t = TAU * i as f64 / count as f64;
            let swell: f64 = waves
                .iter()
                .zip([2.0, 3.0, 4.0])
                .map(|((size, phase), k)| size * (k * t + phase).cos())
                .sum();
            let r = radius * (1.0 + swell).max(0.2);
            centre + axis * (r * t.cos() * aspect) + normal(axis) * (r * t.sin() / aspect)
        })
        .collect()
}

/// Corners cut at `size` from each corner (at most 0.4 of the edge); with `steps` > 0 the
/// cut follows a parabola of so many segments.
pub(crate) fn round_corners(ring: &[Coord<f64>], size: f64, steps: usize) -> Points {
    let count = ring.len();
    if count < 3 {
        return ring.to_vec();
    }
    let mut rounded = Vec::with_capacity(count * (steps + 2));
    for k in 0..count {
        let (before, corner, after) =
            (ring[(k + count - 1) % count], ring[k], ring[(k + 1) % count]);
        let towards = |other: Coord<f64>| {
            let length = norm(other - corner);
            corner + unit_of(other - corner) * size.min(0.4 * length)
        };
        let (start, end) = (towards(before), towards(after));
        rounded.push(start);
        for step in 1..=steps {
            let t = step as f64 / (steps + 1) as f64;
            let (a, b) = (start + (corner - start) * t, corner + (end - corner) * t);
            rounded.push(a + (b - a) * t);
        }
        rounded.push(end);
    }
    rounded
}

/// Frontages stepped back and forth by up to `depth` along edges longer than 20 px.
pub(crate) fn jogged(draw: &mut Draw, ring: &[Coord<f64>], depth: f64) -> Points {
    let mut stepped = Vec::with_capacity(ring.len() * 4);
    for (a, b) in edges(ring) {
        stepped.push(a);
        let length = norm(b - a);
        if length < 20.0 {
            continue;
        }
        let (along, across) = (unit_of(b - a), normal(unit_of(b - a)));
        let steps = draw.count(0, to_index(length / 25.0) + 1);
        let mut places: Vec<f64> = (0..steps).map(|_| draw.range(0.06, 0.94)).collect();
        places.sort_by(f64::total_cmp);
        let mut depth_now = 0.0;
        for place in places {
            let foot = a + along * (length * place);
            stepped.push(foot + across * depth_now);
            // Returning to the building line is as likely as another step.
            depth_now = if draw.chance(0.4) { 0.0 } else { draw.range(-depth, depth) };
            stepped.push(foot + across * depth_now);
        }
        if depth_now.abs() > 1e-9 {
            stepped.push(b + across * depth_now);
        }
    }
    stepped
}

/// A rectangle with buttresses: teeth of `depth`, one per `period`, on its long sides.
pub(crate) fn toothed(rect: &[Coord<f64>], period: f64, depth: f64) -> Points {
    let outwards = -area(rect).signum();
    let mut ring = Vec::new();
    for (a, b) in edges(rect) {
        ring.push(a);
        let (along, out) = (unit_of(b - a), normal(unit_of(b - a)) * (outwards * depth));
        let length = norm(b - a);
        let teeth = to_index(length / period).saturating_sub(1);
        for k in 0..teeth {
            let centre = a + along * (length * (k as f64 + 1.0) / (teeth as f64 + 1.0));
            let (left, right) =
                (centre - along * (period * 0.25), centre + along * (period * 0.25));
            ring.extend([left, left + out, right + out, right]);
        }
    }
    ring
}
