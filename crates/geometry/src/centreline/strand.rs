//! Lines of a network whose geometry may leave the pixels.

use super::graph::Pixel;
use crate::point::distance;
use geo_types::Coord;

/// Pixels, the vertices that stand for them, and the junctions at the two ends.
#[derive(Debug, Clone)]
pub(super) struct Strand {
    pub(super) pixels: Vec<Pixel>,
    pub(super) points: Vec<Coord<f64>>,
    pub(super) ends: [Option<usize>; 2],
}

impl Strand {
    pub(super) fn length(&self) -> f64 {
        self.points.windows(2).map(|pair| distance(pair[0], pair[1])).sum()
    }

    /// The point at a distance along the line from its end `side` (0 or 1).
    pub(super) fn along(&self, side: usize, length: f64) -> Coord<f64> {
        let (mut left, mut previous) = (length, self.end_point(side));
        for next in self.points_from(side) {
            let step = distance(previous, next);
            if step > left {
                return previous + (next - previous) * (left / step);
            }
            left -= step;
            previous = next;
        }
        previous
    }

    /// Replaces the first stretch of the given length from the end `side` by a
    /// straight way from its last point to `tip`.
    pub(super) fn retract(&mut self, side: usize, length: f64, tip: Coord<f64>) {
        let foot = self.along(side, length);
        let (mut passed, mut previous, mut count) = (0.0, self.end_point(side), 0);
        for next in self.points_from(side) {
            passed += distance(previous, next);
            if passed > length {
                break;
            }
            previous = next;
            count += 1;
        }
        let kept = self.points.len().saturating_sub(count);
        if side == 0 {
            self.points.splice(..count, [tip, foot]);
        } else {
            self.points.truncate(kept);
            self.points.extend([foot, tip]);
        }
    }

    pub(super) fn reverse(&mut self) {
        self.pixels.reverse();
        self.points.reverse();
        self.ends.reverse();
    }

    pub(super) fn end_point(&self, side: usize) -> Coord<f64> {
        let end = if side == 0 { self.points.first() } else { self.points.last() };
        end.copied().unwrap_or_default()
    }

    /// The points from one end to the other.
    fn points_from(&self, side: usize) -> impl Iterator<Item = Coord<f64>> + '_ {
        let last = self.points.len().saturating_sub(1);
        (0..self.points.len()).map(move |k| self.points[if side == 0 { k } else { last - k }])
    }
}

/// Appends pixels to a chain; steps back undo the step before.
pub(super) fn append(chain: &mut Vec<Pixel>, pixels: impl IntoIterator<Item = Pixel>) {
    for pixel in pixels {
        if chain.last() == Some(&pixel) {
            continue;
        }
        if chain.len() > 1 && chain[chain.len() - 2] == pixel {
            chain.pop();
        } else {
            chain.push(pixel);
        }
    }
}

/// Angle between two directions, in `[0, pi]`; 0 if one has no length.
pub(super) fn turn(u: Coord<f64>, v: Coord<f64>) -> f64 {
    (u.x * v.y - u.y * v.x).abs().atan2(u.x * v.x + u.y * v.y)
}
