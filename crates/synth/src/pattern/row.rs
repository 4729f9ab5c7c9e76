//! Equal symbols at equal steps on a line.

use std::f64::consts::{FRAC_PI_2, PI};

use rand::Rng;
use rand::seq::IndexedRandom;

use super::generator::{Canvas, pick};
use super::plane::{Direction, Point, reach, undirected};
use super::scene::Draft;

/// A row of at most `budget` symbols.
pub(super) fn row(canvas: &Canvas<'_>, rng: &mut impl Rng, budget: usize) -> Draft {
    let (config, size) = (&canvas.config.linear_shapes_args, canvas.size);
    let symbol = canvas.symbol(rng);
    let turn = rng.random_range(0.0..std::f64::consts::TAU);
    let diagonal = symbol.diagonal();
    let count = pick(rng, config.shapes_num_range).min(budget);
    let gap = pick(rng, config.dist_range) as f64;
    let gap = gap.max((diagonal / 2.0 + 1.0).floor());
    let step = diagonal + gap;
    let mut place = || rng.random_range(0..size - 1) as f64;
    let middle = Point { x: place(), y: place() };
    // Lines through the middle, and how long they are.
    let turns = PI / config.angle_proposals_num as f64;
    let jitter = rng.random_range(0.0..1.0) * turns / 2.0;
    let chords: Vec<(f64, f64)> = (0..config.angle_proposals_num)
        .map(|k| -FRAC_PI_2 + jitter + k as f64 * turns)
        .map(|angle| {
            let way = Direction::of(angle);
            (angle, reach(middle, way, size) + reach(middle, way.opposite(), size))
        })
        .collect();
    let needed = count as f64 * step - gap;
    let long: Vec<(f64, f64)> = chords.iter().copied().filter(|c| c.1 > needed).collect();
    let longest = chords.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((angle, length)) = long.choose(rng).copied().or(longest) else {
        return Draft::default();
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most the side of a canvas"
    )]
    let fitting = ((length + gap) / step).floor() as usize;
    let count = fitting.clamp(1, count);
    let slack = (length - (count as f64 * step - gap)).max(0.0);
    let first = diagonal / 2.0 + rng.random_range(0.0..1.0) * slack;
    let (way, back) = (Direction::of(angle), Direction::of(angle).opposite());
    let start = middle.step(back, reach(middle, back, size));
    let centres: Vec<Point> = (0..count)
        .map(|k| start.step(way, (first + k as f64 * step).min(length)).on_pixel(size))
        .collect();
    let parts = centres.iter().map(|centre| symbol.part(*centre, turn, size)).collect();
    let axis = match (centres.first(), centres.last()) {
        (Some(a), Some(b)) if a != b => Some([*a, *b]),
        _ => None,
    };
    Draft { components: parts, axis, angle: Some(undirected(angle)), thickness: 0 }
}
