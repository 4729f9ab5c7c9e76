//! The exact assignment.

use mapvec_assignment::{AssignmentConfig, Error, NonFinite, Objective, assign, assign_with};
use ndarray::{Array2, ShapeBuilder, array, s};
use proptest::prelude::*;

use crate::matrices::{KINDS, least_by_paths, least_of_all, matrix};

pub(crate) const FORBID: AssignmentConfig =
    AssignmentConfig { objective: Objective::Minimum, non_finite: NonFinite::Forbid };

/// The most pairs that avoid forbidden ones.
fn most_pairs(costs: &Array2<f64>, row: usize, taken: u32) -> usize {
    if row == costs.nrows() {
        return 0;
    }
    let free = (0..costs.ncols())
        .filter(|&column| taken & (1 << column) == 0 && costs[(row, column)] < f64::INFINITY);
    free.map(|column| 1 + most_pairs(costs, row + 1, taken | (1 << column)))
        .fold(most_pairs(costs, row + 1, taken), usize::max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_assignment_is_cheaper(
        (rows, columns, values) in (1..6_usize, 1..7_usize).prop_flat_map(|(rows, columns)| {
            let cost = prop_oneof![
                5 => -4.0..4.0_f64,
                3 => (-2..3_i32).prop_map(f64::from),
                1 => Just(f64::INFINITY),
                1 => Just(f64::NAN),
            ];
            (Just(rows), Just(columns), prop::collection::vec(cost, rows * columns))
        }),
    ) {
        let costs = Array2::from_shape_vec((rows, columns), values).unwrap();
        let meant = costs.mapv(|cost| if cost.is_nan() { f64::INFINITY } else { cost });
        let wide = if rows > columns { meant.t().to_owned() } else { meant };
        let optimum = least_of_all(&wide, 0, 0);
        match assign_with(costs.view(), &FORBID) {
            Ok(found) => {
                prop_assert_eq!(found.pairs.len(), rows.min(columns));
                prop_assert!((found.cost - optimum).abs() < 1e-9);
                prop_assert!(found.certify(costs.view(), &FORBID).is_ok());
            }
            Err(Error::Infeasible { found, needed }) => {
                prop_assert_eq!(optimum, f64::INFINITY);
                prop_assert_eq!(needed, rows.min(columns));
                prop_assert_eq!(found, most_pairs(&wide, 0, 0));
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn a_slow_twin_finds_the_same_cost(
        kind in 0..KINDS, rows in 1..90_usize, columns in 1..90_usize, seed in 0..1000_u64,
    ) {
        let costs = matrix(kind, rows, columns, seed);
        let found = assign(costs.view()).unwrap();
        let largest = costs.iter().fold(0.0_f64, |most, cost| most.max(cost.abs()));
        prop_assert!((found.cost - least_by_paths(&costs)).abs() <= 1e-12 * 90.0 * largest);
        if kind == 1 {
            prop_assert_eq!(found.cost, least_by_paths(&costs));
        }
        prop_assert!(found.pairs.is_sorted());
        prop_assert!(found.certify(costs.view(), &AssignmentConfig::default()).is_ok());
    }

    #[test]
    fn a_maximum_is_the_minimum_of_losses(
        kind in 0..KINDS, rows in 1..30_usize, columns in 1..60_usize, seed in 0..1000_u64,
    ) {
        let gains = matrix(kind, rows, columns, seed);
        let config =
            AssignmentConfig { objective: Objective::Maximum, ..AssignmentConfig::default() };
        let most = assign_with(gains.view(), &config).unwrap();
        let least = assign((-&gains).view()).unwrap();
        prop_assert_eq!(&most.pairs, &least.pairs);
        prop_assert_eq!(most.cost, 0.0 - least.cost);
        prop_assert!(most.certify(gains.view(), &config).is_ok());
    }

    #[test]
    fn rows_may_be_columns(
        kind in 0..KINDS, rows in 1..40_usize, columns in 1..40_usize, seed in 0..1000_u64,
    ) {
        let costs = matrix(kind, rows, columns, seed);
        let found = assign(costs.view()).unwrap();
        let turned = assign(costs.t()).unwrap();
        let largest = costs.iter().fold(0.0_f64, |most, cost| most.max(cost.abs()));
        prop_assert!((found.cost - turned.cost).abs() <= 1e-12 * 40.0 * largest);
    }
}

#[test]
fn the_layout_in_memory_does_not_matter() {
    for (rows, columns) in [(70, 41), (41, 70), (48, 48), (300, 40)] {
        let costs = matrix(0, rows, columns, 5);
        let expected = assign(costs.view()).unwrap();
        let mut by_columns = Array2::zeros((rows, columns).f());
        by_columns.assign(&costs);
        let mut within = Array2::from_elem((rows + 3, 2 * columns), f64::NAN);
        within.slice_mut(s![2..rows + 2, ..;2]).assign(&costs);
        assert_eq!(assign(by_columns.view()).unwrap(), expected);
        assert_eq!(assign(within.slice(s![2..rows + 2, ..;2])).unwrap(), expected);
    }
}

#[test]
fn values_that_are_no_costs_are_refused() {
    let refused = assign(array![[0.0, 1.0], [f64::NAN, 2.0]].view()).unwrap_err();
    assert!(refused.to_string().contains("row 1 and column 0 is NaN"), "{refused}");
    for wrong in [f64::NEG_INFINITY, f64::INFINITY, f64::MAX, -1e291] {
        let costs = array![[1.0, wrong], [0.0, 1.0]];
        let found = assign(costs.view());
        assert_eq!(found, Err(Error::Cost { row: 0, column: 1, value: wrong }));
    }
    // Only the infinity of the unwanted side can mean something.
    let forbidden = assign_with(array![[1.0], [f64::NEG_INFINITY]].view(), &FORBID);
    assert!(matches!(forbidden, Err(Error::Cost { row: 1, column: 0, .. })));
}

#[test]
fn settings_say_what_nan_and_infinity_mean() {
    let costs = array![[f64::NAN, 1.0], [0.5, f64::INFINITY]];
    assert_eq!(assign_with(costs.view(), &FORBID).unwrap().cost, 1.5);
    let capped = |cap, objective| {
        let config = AssignmentConfig { objective, non_finite: NonFinite::Cap(cap) };
        assign_with(costs.view(), &config)
    };
    assert_eq!(capped(2.0, Objective::Minimum).unwrap().cost, 1.5);
    let cheap = capped(0.25, Objective::Minimum).unwrap();
    assert_eq!((cheap.cost, &cheap.pairs[..]), (0.5, &[(0, 0), (1, 1)][..]));
    assert!(matches!(capped(f64::NAN, Objective::Minimum), Err(Error::Config { .. })));
    // Plus infinity is the wanted side of a maximum.
    assert!(matches!(capped(2.0, Objective::Maximum), Err(Error::Cost { row: 1, column: 1, .. })));
    let gains = array![[f64::NAN, 1.0], [0.5, f64::NEG_INFINITY]];
    let config =
        AssignmentConfig { objective: Objective::Maximum, non_finite: NonFinite::Cap(2.0) };
    assert_eq!(assign_with(gains.view(), &config).unwrap().cost, 4.0);
}

#[test]
fn settings_are_written_and_read() {
    let config =
        AssignmentConfig { objective: Objective::Maximum, non_finite: NonFinite::Cap(2.0) };
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(text, r#"{"objective":"maximum","non_finite":{"cap":2.0}}"#);
    assert_eq!(serde_json::from_str::<AssignmentConfig>(&text).unwrap(), config);
    assert_eq!(
        serde_json::from_str::<AssignmentConfig>("{}").unwrap(),
        AssignmentConfig::default()
    );
    assert!(serde_json::from_str::<AssignmentConfig>(r#"{"maximize":true}"#).is_err());
}
