//! The proof that an assignment is optimal.

use mapvec_assignment::{AssignmentConfig, Error, Objective, assign, greedy};
use ndarray::array;
use proptest::prelude::*;

use crate::matrices::{KINDS, matrix};

const CONFIG: AssignmentConfig = AssignmentConfig {
    objective: Objective::Minimum,
    non_finite: mapvec_assignment::NonFinite::Refuse,
};

proptest! {
    #[test]
    fn dual_variables_prove_the_optimum_of_larger_matrices(
        kind in 0..KINDS, rows in 1..260_usize, columns in 1..260_usize, seed in 0..1000_u64,
    ) {
        let costs = matrix(kind, rows, columns, seed);
        let found = assign(costs.view()).unwrap();
        prop_assert!(found.certify(costs.view(), &CONFIG).is_ok());
        // The sum of the dual variables is the sum of costs.
        let sum: f64 = found.row_duals.iter().chain(&found.column_duals).sum();
        let largest = costs.iter().fold(0.0_f64, |most, cost| most.max(cost.abs()));
        prop_assert!((sum - found.cost).abs() <= 1e-11 * 260.0 * largest);
        // What is longer has dual variables of one sign, and 0 where there is no pair.
        if rows < columns {
            for (column, &dual) in found.column_duals.iter().enumerate() {
                prop_assert!(dual <= 0.0);
                prop_assert!(dual == 0.0 || found.pairs.iter().any(|pair| pair.1 == column));
            }
        }
    }

    #[test]
    fn another_assignment_has_no_proof(
        kind in prop_oneof![Just(0), Just(2), Just(3)],
        rows in 2..30_usize, columns in 2..30_usize, seed in 0..1000_u64, first in 0..30_usize,
    ) {
        let costs = matrix(kind, rows, columns, seed);
        let mut found = assign(costs.view()).unwrap();
        let optimum = found.cost;
        let n = found.pairs.len();
        let (a, b) = (first % n, (first + 1) % n);
        let column = found.pairs[a].1;
        found.pairs[a].1 = found.pairs[b].1;
        found.pairs[b].1 = column;
        let cost: f64 = found.pairs.iter().map(|&pair| costs[pair]).sum();
        prop_assume!(cost > optimum + 1e-9 * optimum.abs());
        let gap = found.optimality_gap(costs.view(), &CONFIG).unwrap();
        prop_assert!((gap - (cost - optimum)).abs() <= 1e-9 * cost.abs());
        let refused = matches!(found.certify(costs.view(), &CONFIG), Err(Error::Gap { .. }));
        prop_assert!(refused);
    }
}

#[test]
fn pairs_that_are_no_assignment_are_named() {
    let costs = array![[1.0, 2.0, 3.0], [2.0, 1.0, 3.0]];
    let right = assign(costs.view()).unwrap();
    assert_eq!(right.certify(costs.view(), &CONFIG).unwrap(), 0.0);
    let reason = |pairs: &[(usize, usize)]| {
        let mut wrong = right.clone();
        wrong.pairs = pairs.to_vec();
        wrong.certify(costs.view(), &CONFIG).unwrap_err().to_string()
    };
    assert!(reason(&[(0, 0)]).contains("as many pairs"));
    assert!(reason(&[(0, 0), (1, 0)]).contains("in two pairs"));
    assert!(reason(&[(0, 0), (0, 1)]).contains("in two pairs"));
    assert!(reason(&[(0, 0), (1, 3)]).contains("lies outside"));
    let unproved = greedy(costs.view(), &CONFIG).unwrap();
    let refused = unproved.certify(costs.view(), &CONFIG).unwrap_err().to_string();
    assert!(refused.contains("dual variable for every row"), "{refused}");
    for cost in [right.cost + 1.0, f64::NAN] {
        let wrong = mapvec_assignment::Assignment { cost, ..right.clone() };
        let refused = wrong.certify(costs.view(), &CONFIG).unwrap_err().to_string();
        assert!(refused.contains("`cost` is not the sum"), "{refused}");
    }
    let mut wrong = right.clone();
    wrong.row_duals[0] = f64::NAN;
    assert!(matches!(wrong.certify(costs.view(), &CONFIG), Err(Error::Gap { .. })));
    let mut forbidden = costs.clone();
    forbidden[(0, 0)] = f64::INFINITY;
    let refused = right.certify(forbidden.view(), &crate::assign::FORBID).unwrap_err();
    assert!(refused.to_string().contains("forbidden"), "{refused}");
}
