//! Equal symbols here and there.

use rand::Rng;
use rand::seq::IndexedRandom;

use super::generator::{Canvas, pick};
use super::plane::Point;
use super::scene::Draft;

/// At most `budget` symbols apart from each other.
pub(super) fn scatter(canvas: &Canvas<'_>, rng: &mut impl Rng, budget: usize) -> Draft {
    let (config, size) = (&canvas.config.spreaded_shapes_args, canvas.size);
    let symbol = canvas.symbol(rng);
    let diagonal = symbol.diagonal();
    let count = pick(rng, config.shapes_num_range).min(budget);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most a few hundred pixels"
    )]
    let margin = (diagonal / 2.0) as usize + 1;
    if 2 * margin + 1 > size {
        return Draft::default();
    }
    let mut centres: Vec<Point> = Vec::new();
    while centres.len() < count {
        let proposals = if centres.is_empty() { 1 } else { config.placement_proposals_num };
        let mut possible = Vec::new();
        for _ in 0..proposals {
            let mut place = || rng.random_range(margin..size - margin) as f64;
            let centre = Point { x: place(), y: place() };
            let free = |other: &Point| centre.distance(*other) > diagonal + config.min_dist;
            if centres.iter().all(free) {
                possible.push(centre);
            }
        }
        let Some(centre) = possible.choose(rng) else { break };
        centres.push(*centre);
    }
    let parts = centres
        .iter()
        .map(|centre| {
            let turn = rng.random_range(0.0..std::f64::consts::TAU);
            symbol.part(*centre, turn, size)
        })
        .collect();
    Draft { components: parts, ..Draft::default() }
}
