//! The cheapest pair first.

use mapvec_assignment::{AssignmentConfig, Objective, assign, greedy};
use ndarray::{Array2, array};
use proptest::prelude::*;

use crate::matrices::{KINDS, matrix};

/// Looks for the cheapest free pair again and again.
fn by_scanning(costs: &Array2<f64>) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for _ in 0..costs.nrows().min(costs.ncols()) {
        let mut best: Option<(usize, usize)> = None;
        for (at, &cost) in costs.indexed_iter() {
            let free = pairs.iter().all(|pair| pair.0 != at.0 && pair.1 != at.1);
            if free && best.is_none_or(|best| cost < costs[best]) {
                best = Some(at);
            }
        }
        pairs.extend(best);
    }
    pairs.sort_unstable();
    pairs
}

proptest! {
    #[test]
    fn the_cheapest_free_pair_is_next(
        kind in 0..KINDS, rows in 1..16_usize, columns in 1..16_usize, seed in 0..1000_u64,
    ) {
        let costs = matrix(kind, rows, columns, seed);
        let found = greedy(costs.view(), &AssignmentConfig::default()).unwrap();
        prop_assert_eq!(&found.pairs, &by_scanning(&costs));
        let sum: f64 = found.pairs.iter().map(|&pair| costs[pair]).sum();
        prop_assert!((found.cost - sum).abs() <= 1e-12 * sum.abs());
        let optimum = assign(costs.view()).unwrap().cost;
        prop_assert!(found.cost >= optimum - 1e-12 * optimum.abs());
    }
}

#[test]
fn the_largest_gain_is_first_for_a_maximum() {
    let gains = array![[3.0, 2.0], [2.9, 0.0]];
    let config = AssignmentConfig { objective: Objective::Maximum, ..AssignmentConfig::default() };
    let found = greedy(gains.view(), &config).unwrap();
    assert_eq!((found.pairs, found.cost), (vec![(0, 0), (1, 1)], 3.0));
}
