//! Cubic Bezier curves between two points.

use crate::point::distance;
use geo_types::Coord;
use kurbo::{CubicBez, ParamCurve, ParamCurveDeriv, ParamCurveNearest, Point, Vec2};

/// Rounds of fitting and moving the parameters.
const ROUNDS: usize = 20;
/// Rounds in which distances count in all directions alike.
const POINT_ROUNDS: usize = 4;
/// Weight of distances along the curve afterwards.
const SLACK: f64 = 0.02;
/// The round after which a fit that is this many times too far off is given up.
const LAST_CHANCE: usize = 8;
const HOPELESS: f64 = 4.0;
/// Accuracy of the nearest point on a curve (pixels).
const ACCURACY: f64 = 1e-9;

/// A cubic Bezier curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CubicCurve {
    /// Start, two control points, end.
    pub points: [Coord<f64>; 4],
}

impl CubicCurve {
    /// The point at parameter `t`, 0 at the start and 1 at the end.
    #[must_use]
    pub fn point_at(&self, t: f64) -> Coord<f64> {
        if t <= 0.0 {
            return self.points[0];
        }
        if t >= 1.0 {
            return self.points[3];
        }
        coord(self.curve().eval(t))
    }

    /// Distance of a point from the curve.
    #[must_use]
    pub fn distance(&self, p: Coord<f64>) -> f64 {
        self.curve().nearest(point(p), ACCURACY).distance_sq.max(0.0).sqrt()
    }

    /// The parameter of the point of the curve nearest to a point.
    pub(super) fn nearest(&self, p: Coord<f64>) -> f64 {
        self.curve().nearest(point(p), ACCURACY).t
    }

    /// Largest second derivative, which bounds how far chords stray.
    pub(super) fn bend(&self) -> f64 {
        self.bend_at(0.0).max(self.bend_at(1.0))
    }

    /// Length of the second derivative, which is linear in the parameter and therefore
    /// longest at an end of any stretch.
    pub(super) fn bend_at(&self, t: f64) -> f64 {
        let [a, b, c, d] = self.points;
        let bend = (a - b * 2.0 + c) * (1.0 - t) + (b - c * 2.0 + d) * t;
        6.0 * bend.x.hypot(bend.y)
    }

    fn curve(&self) -> CubicBez {
        let [a, b, c, d] = self.points.map(point);
        CubicBez::new(a, b, c, d)
    }

    /// The curve from the first to the last of some points that fits the ones
    /// between best.
    ///
    /// Alternates between control points by least squares and parameters by a step of
    /// Newton's method (Schneider). After some rounds of distances to the points at
    /// their parameters, distances along the curve count for little, which turns
    /// linear convergence into nearly quadratic (Wang, Pottmann, Liu). Ends early
    /// when no point is farther than `tolerance`.
    pub(super) fn fit(points: &[Coord<f64>], tolerance: f64) -> Option<Self> {
        if points.len() < 4 {
            return None;
        }
        let mut parameters = chord_lengths(points)?;
        let mut directions = vec![Vec2::ZERO; points.len()];
        let mut best: Option<(f64, Self)> = None;
        for round in 0..ROUNDS {
            let slack = if round < POINT_ROUNDS { 1.0 } else { SLACK };
            let Some(found) = solve(points, &parameters, &directions, slack) else { break };
            let curve = found.curve();
            let derivative = curve.deriv();
            let second = derivative.deriv();
            let mut worst: f64 = 0.0;
            for ((t, direction), &p) in parameters.iter_mut().zip(&mut directions).zip(points) {
                let offset = curve.eval(*t) - point(p);
                worst = worst.max(offset.hypot());
                let (d, dd) = (vector(derivative.eval(*t)), vector(second.eval(*t)));
                // Towards the foot of the perpendicular.
                let next = *t - offset.dot(d) / (d.dot(d) + offset.dot(dd));
                if next.is_finite() {
                    *t = next.clamp(0.0, 1.0);
                }
                let d = vector(derivative.eval(*t));
                *direction = if d.hypot() > 0.0 { d / d.hypot() } else { Vec2::ZERO };
            }
            if best.is_none_or(|(least, _)| worst < least) {
                best = Some((worst, found));
            }
            let hopeless = round == LAST_CHANCE && worst > HOPELESS * tolerance;
            if worst <= tolerance || hopeless {
                break;
            }
        }
        best.map(|(_, curve)| curve)
    }
}

/// Share of the length of the line up to each point.
fn chord_lengths(points: &[Coord<f64>]) -> Option<Vec<f64>> {
    let mut sums = Vec::with_capacity(points.len());
    let mut sum = 0.0;
    sums.push(sum);
    for pair in points.windows(2) {
        sum += distance(pair[0], pair[1]);
        sums.push(sum);
    }
    let usable = sum.is_finite() && sum > 0.0;
    usable.then(|| sums.into_iter().map(|length| length / sum).collect())
}

/// The control points with the least squared distances at given parameters; the
/// part of a distance along the unit vector `directions` counts `slack` times.
fn solve(
    points: &[Coord<f64>],
    parameters: &[f64],
    directions: &[Vec2],
    slack: f64,
) -> Option<CubicCurve> {
    let (&start, &end) = (points.first()?, points.last()?);
    // Normal equations for x and y of the two control points.
    let mut rows = [[0.0; 5]; 4];
    for ((&t, &u), &p) in parameters.iter().zip(directions).zip(points) {
        let s = 1.0 - t;
        let [a, b, c, d] = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
        let rest = p - start * a - end * d;
        let less = 1.0 - slack;
        let weight = [
            [1.0 - less * u.x * u.x, -less * u.x * u.y],
            [-less * u.x * u.y, 1.0 - less * u.y * u.y],
        ];
        let goal = weight.map(|[x, y]| x * rest.x + y * rest.y);
        for (i, row) in rows.iter_mut().enumerate() {
            let own = if i < 2 { b } else { c };
            for (j, value) in row[..4].iter_mut().enumerate() {
                *value += own * if j < 2 { b } else { c } * weight[i % 2][j % 2];
            }
            row[4] += own * goal[i % 2];
        }
    }
    let [x1, y1, x2, y2] = eliminate(rows)?;
    let points = [start, Coord { x: x1, y: y1 }, Coord { x: x2, y: y2 }, end];
    Some(CubicCurve { points })
}

/// Solves four linear equations by elimination with pivots.
fn eliminate(mut rows: [[f64; 5]; 4]) -> Option<[f64; 4]> {
    for k in 0..4 {
        let pivot = (k..4).max_by(|&i, &j| rows[i][k].abs().total_cmp(&rows[j][k].abs()))?;
        rows.swap(k, pivot);
        let head = rows[k];
        for row in &mut rows[k + 1..] {
            let factor = row[k] / head[k];
            for (value, &above) in row.iter_mut().zip(&head) {
                *value -= factor * above;
            }
        }
    }
    let mut x = [0.0; 4];
    for k in (0..4).rev() {
        let known: f64 = (k + 1..4).map(|j| rows[k][j] * x[j]).sum();
        x[k] = (rows[k][4] - known) / rows[k][k];
    }
    x.iter().all(|value| value.is_finite()).then_some(x)
}

fn point(p: Coord<f64>) -> Point {
    Point::new(p.x, p.y)
}

fn vector(p: Point) -> Vec2 {
    p.to_vec2()
}

fn coord(p: Point) -> Coord<f64> {
    Coord { x: p.x, y: p.y }
}
