//! Segments, each from the end of the one before.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use rand::Rng;
use rand::seq::IndexedRandom;

use super::generator::{Canvas, pick};
use super::plane::{Direction, Point, difference, reach};
use super::scene::Draft;

/// A polyline of at most `budget` segments.
pub(super) fn polyline(canvas: &Canvas<'_>, rng: &mut impl Rng, budget: usize) -> Draft {
    let (config, size) = (&canvas.config.polyline_args, canvas.size);
    let thickness = canvas.thickness(rng);
    let least = canvas.config.line_args.min_length * thickness as f64;
    let count = pick(rng, config.vertices_range).min(budget);
    let mut place = || rng.random_range(0..size - 1) as f64;
    let mut from = Point { x: place(), y: place() };
    let mut before = rng.random_range(-PI..PI);
    let mut segments = Vec::new();
    for index in 0..count {
        // All around first, then forward only.
        let (start, span) = if index <= 1 { (before, TAU) } else { (before - FRAC_PI_2, PI) };
        let limit = match index {
            0 => 0.0,
            1 => config.first_angle_diff,
            _ => config.min_angle_diff,
        };
        let step = span / config.proposals_num as f64;
        let jitter = rng.random_range(0.0..1.0) * step;
        let possible: Vec<(f64, f64)> = (0..config.proposals_num)
            .map(|k| start + jitter + k as f64 * step)
            .filter(|angle| index == 0 || difference(*angle, before) > limit)
            .map(|angle| (angle, reach(from, Direction::of(angle), size)))
            .filter(|(_, room)| *room > least)
            .collect();
        let Some(&(angle, room)) = possible.choose(rng) else { break };
        let length = least + rng.random_range(0.0..1.0) * (room - least);
        let to = from.step(Direction::of(angle), length);
        segments.push([from.on_pixel(size), to.on_pixel(size)]);
        (from, before) = (to, angle);
    }
    canvas.lines(segments, thickness, None)
}
