//! The assignment by bids.

use mapvec_assignment::{AssignmentConfig, Error, Objective, assign, assign_with, auction};
use ndarray::array;
use proptest::prelude::*;

use crate::matrices::{KINDS, matrix};

proptest! {
    #[test]
    fn the_bound_holds_and_is_proved(
        kind in 0..KINDS, rows in 1..24_usize, columns in 1..24_usize, seed in 0..1000_u64,
        share in prop_oneof![Just(0.1), Just(0.01), Just(0.002)], maximum in any::<bool>(),
    ) {
        let costs = matrix(kind, rows, columns, seed);
        let largest = costs.iter().fold(1e-9_f64, |most, cost| most.max(cost.abs()));
        let epsilon = share * largest;
        let objective = if maximum { Objective::Maximum } else { Objective::Minimum };
        let config = AssignmentConfig { objective, ..AssignmentConfig::default() };
        let found = auction(costs.view(), epsilon, &config).unwrap();
        let optimum = assign_with(costs.view(), &config).unwrap().cost;
        let n = rows.min(columns) as f64;
        prop_assert_eq!(found.pairs.len(), rows.min(columns));
        prop_assert!((found.cost - optimum).abs() <= n * epsilon * (1.0 + 1e-9));
        let gap = found.optimality_gap(costs.view(), &config).unwrap();
        prop_assert!(gap <= n * epsilon * (1.0 + 1e-9));
        prop_assert!((found.cost - optimum).abs() <= gap + 1e-9 * epsilon);
    }

    #[test]
    fn whole_numbers_have_an_exact_optimum(
        rows in 1..24_usize, columns in 1..24_usize, seed in 0..1000_u64,
    ) {
        let costs = matrix(1, rows, columns, seed);
        let epsilon = 0.9 / rows.min(columns) as f64;
        let found = auction(costs.view(), epsilon, &AssignmentConfig::default()).unwrap();
        prop_assert_eq!(found.cost, assign(costs.view()).unwrap().cost);
    }
}

#[test]
fn an_epsilon_that_prices_cannot_show_is_refused() {
    let costs = array![[1.0, 2.0], [2.0, 1.0]];
    for epsilon in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-13] {
        let refused = auction(costs.view(), epsilon, &AssignmentConfig::default());
        assert!(matches!(refused, Err(Error::Config { field: "epsilon", .. })), "{epsilon}");
    }
}

#[test]
fn an_auction_that_does_not_end_is_stopped() {
    // Two columns are dear to all three rows by far: they outbid each other by epsilon.
    let costs = array![[0.0, 0.0, 1e6, 1e6], [0.0, 0.0, 1e6, 1e6], [0.0, 0.0, 1e6, 1e6]];
    let refused = auction(costs.view(), 1e-3, &AssignmentConfig::default());
    assert_eq!(refused, Err(Error::Bids { bids: 14_000 }));
    assert_eq!(auction(costs.view(), 1e3, &AssignmentConfig::default()).unwrap().cost, 1e6);
}
