//! Bundles of parallel lines, single and interleaved.

use std::f64::consts::PI;

use rand::Rng;

use super::generator::{Canvas, pick};
use super::plane::{Direction, Point, reach, undirected};
use super::scene::Draft;

/// A bundle: the lines of a direction through points on a perpendicular.
struct Bundle {
    centre: Point,
    angle: f64,
    lines: usize,
    spacing: usize,
    thickness: usize,
}

/// A bundle of lines, or two that take turns if `double` and the budget allows. `angles` are the
/// directions of earlier patterns, which this one avoids.
pub(super) fn bundles(
    canvas: &Canvas<'_>,
    rng: &mut impl Rng,
    (budget, angles): (usize, &[f64]),
    double: bool,
) -> Vec<Draft> {
    let config = &canvas.config.line_filled_args;
    let lines = pick(rng, config.lines_num_range).min(budget);
    let spacing = pick(rng, config.spacing_range);
    let padding = config.center_padding;
    let mut place = || rng.random_range(padding..canvas.size - padding) as f64;
    let centre = Point { x: place(), y: place() };
    let angle = direction(rng, angles, config.angles_prop_num);
    let thickness = canvas.thickness(rng);
    let first = Bundle { centre, angle, lines, spacing, thickness };
    let mut drafts = vec![canvas.lines(first.segments(canvas, rng), thickness, Some(angle))];
    let left = budget.saturating_sub(drafts[0].components.len());
    if double && left > 0 {
        // Between the lines of the first.
        let shift = (spacing + thickness / 2) as f64;
        let centre = centre.step(Direction::of(angle).across(), shift);
        let second = Bundle { centre, lines: lines.min(left), ..first };
        drafts.push(canvas.lines(second.segments(canvas, rng), thickness, Some(angle)));
    }
    drafts
}

/// A direction far from the others.
fn direction(rng: &mut impl Rng, others: &[f64], proposals: usize) -> f64 {
    let mut best = (rng.random_range(0.0..PI), -1.0);
    if others.is_empty() {
        return best.0;
    }
    for index in 0..proposals {
        let angle = if index == 0 { best.0 } else { rng.random_range(0.0..PI) };
        let apart = others.iter().map(|o| (angle - o).sin().abs()).fold(f64::INFINITY, f64::min);
        if apart > best.1 {
            best = (angle, apart);
        }
    }
    undirected(best.0)
}

impl Bundle {
    fn segments(&self, canvas: &Canvas<'_>, rng: &mut impl Rng) -> Vec<[Point; 2]> {
        let size = canvas.size;
        let t = self.thickness;
        // The gap is between lines, which are `2 t - 1` px wide; thin ones are spaced by the
        // rule of the reference, as if they were a little wider.
        let effective = if t == 1 { 1 } else { (t + t / 2 + 1).max(2 * t - 1) };
        let half = (canvas.config.line_args.min_length + effective as f64) / 2.0;
        let pitch = (effective + self.spacing) as f64;
        let along = Direction::of(self.angle);
        let across = along.across();
        let inside = |p: &Point| {
            let last = (size - 1) as f64;
            (0.0..=last).contains(&p.x) && (0.0..=last).contains(&p.y)
        };
        if !inside(&self.centre) {
            return Vec::new();
        }
        let before = -((reach(self.centre, across.opposite(), size) / pitch).floor());
        let after = (reach(self.centre, across, size) / pitch).floor();
        let mut segments = Vec::new();
        let mut step = before;
        while step <= after {
            let centre = self.centre.step(across, step * pitch);
            step += 1.0;
            let ends = [along.opposite(), along].map(|way| (way, reach(centre, way, size)));
            if ends.iter().any(|(_, room)| *room <= half) {
                continue;
            }
            segments.push(ends.map(|(way, room)| {
                let length = half + rng.random_range(0.0..1.0) * (room - half);
                centre.step(way, length).on_pixel(size)
            }));
        }
        let spare = segments.len().saturating_sub(self.lines);
        if spare > 0 {
            let first = rng.random_range(0..=spare);
            segments = segments.split_off(first);
            segments.truncate(self.lines);
        }
        segments
    }
}
