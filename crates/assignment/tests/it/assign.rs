//! The exact assignment.

use mapvec_assignment::{AssignmentConfig, Error, NonFinite, assign, assign_with};
use ndarray::{Array2, array};
use proptest::prelude::*;

/// The least cost over all assignments of the rows from `row` on to free columns.
fn least(costs: &Array2<f64>, row: usize, taken: u32) -> f64 {
    if row == costs.nrows() {
        return 0.0;
    }
    let free = (0..costs.ncols()).filter(|column| taken & (1 << column) == 0);
    free.map(|column| costs[(row, column)] + least(costs, row + 1, taken | (1 << column)))
        .fold(f64::INFINITY, f64::min)
}

proptest! {
    #[test]
    fn no_assignment_is_cheaper(
        (rows, columns, values) in (1..6_usize, 1..7_usize).prop_flat_map(|(rows, columns)| {
            let cost = prop_oneof![9 => -4.0..4.0_f64, 1 => Just(f64::INFINITY)];
            (Just(rows), Just(columns), prop::collection::vec(cost, rows * columns))
        }),
    ) {
        let costs = Array2::from_shape_vec((rows, columns), values).unwrap();
        let wide = if rows > columns { costs.t().to_owned() } else { costs.clone() };
        let optimum = least(&wide, 0, 0);
        let config =
            AssignmentConfig { non_finite: NonFinite::Forbid, ..AssignmentConfig::default() };
        match assign_with(costs.view(), &config) {
            Ok(found) => {
                found.certify(costs.view(), &config).unwrap();
                prop_assert_eq!(found.pairs.len(), rows.min(columns));
                prop_assert!((found.cost - optimum).abs() < 1e-9);
            }
            Err(error) => {
                let infeasible = matches!(error, Error::Infeasible { .. });
                prop_assert!(infeasible);
                prop_assert_eq!(optimum, f64::INFINITY);
            }
        }
    }
}

#[test]
fn values_that_are_no_costs_are_refused() {
    let refused = assign(array![[0.0, 1.0], [f64::NAN, 2.0]].view()).unwrap_err();
    assert!(refused.to_string().contains("row 1 and column 0 is NaN"), "{refused}");
    assert!(matches!(assign(array![[f64::NEG_INFINITY]].view()), Err(Error::Cost { .. })));
    assert!(matches!(assign(array![[f64::INFINITY]].view()), Err(Error::Cost { .. })));
    assert_eq!(assign(Array2::zeros((0, 3)).view()).unwrap().pairs, []);
}
