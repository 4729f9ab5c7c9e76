//! Input at the edges: nothing panics, nothing runs for ever.

use mapvec_assignment::{AssignmentConfig, Error, assign, assign_with, auction, greedy};
use ndarray::{Array2, array};

use crate::assign::FORBID;
use crate::matrices::matrix;

const CONFIG: AssignmentConfig =
    AssignmentConfig { objective: mapvec_assignment::Objective::Minimum, ..FORBID };

#[test]
fn sides_of_no_length_have_no_pairs() {
    for shape in [(0, 0), (0, 7), (7, 0)] {
        let costs = Array2::<f64>::zeros(shape);
        for found in [
            assign(costs.view()).unwrap(),
            greedy(costs.view(), &CONFIG).unwrap(),
            auction(costs.view(), 0.5, &CONFIG).unwrap(),
        ] {
            assert_eq!(found.pairs, []);
            assert_eq!(found.cost.to_bits(), 0);
        }
        assert_eq!(assign(costs.view()).unwrap().certify(costs.view(), &CONFIG), Ok(0.0));
    }
}

#[test]
fn one_row_takes_its_cheapest_column() {
    for columns in [1, 2, 31, 32, 33, 64, 65, 500] {
        let costs = matrix(0, 1, columns, 9);
        let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
        assert_eq!(assign(costs.view()).unwrap().cost, least);
        assert_eq!(assign(costs.t()).unwrap().cost, least);
    }
}

#[test]
fn ties_of_all_costs_end() {
    for value in [0.0, -0.0, 1.0, -7.5, 1e290, -1e290, f64::MIN_POSITIVE / 4.0] {
        for shape in [(200, 200), (150, 400), (400, 150)] {
            let costs = Array2::from_elem(shape, value);
            let found = assign(costs.view()).unwrap();
            assert_eq!(found.pairs.len(), 150.max(shape.0.min(shape.1)));
            found.certify(costs.view(), &CONFIG).unwrap();
        }
    }
}

#[test]
fn numbers_at_the_ends_of_the_range_end() {
    // Differences that are lost in rounding, and costs that are no normal numbers.
    for (scale, shift) in [(1e290, 0.0), (5e-324, 0.0), (1e-310, 0.0), (1e-16, 1.0), (1.0, 1e16)] {
        for kind in 0..crate::matrices::KINDS {
            for (rows, columns) in [(120, 120), (80, 150)] {
                let costs = matrix(kind, rows, columns, 3);
                let largest = costs.iter().fold(0.0_f64, |most, cost| most.max(cost.abs()));
                let costs = costs.mapv(|cost| cost / largest * scale + shift);
                let found = assign(costs.view()).unwrap();
                found.certify(costs.view(), &CONFIG).unwrap();
            }
        }
    }
    let mixed = array![[1e290, -1e290, 1e-300], [5e-324, 0.0, -1e290], [1.0, 1e290, 1e290]];
    assign(mixed.view()).unwrap().certify(mixed.view(), &CONFIG).unwrap();
}

#[test]
fn products_of_indices_end() {
    // Known to take row reduction and shortest paths the most steps.
    let costs = Array2::from_shape_fn((150, 150), |(i, j)| ((i + 1) * (j + 1)) as f64);
    let expected: usize = (1..=150).map(|i| i * (151 - i)).sum();
    assert_eq!(assign(costs.view()).unwrap().cost, expected as f64);
}

#[test]
fn forbidden_pairs_of_large_matrices() {
    // Only the diagonal, and a band that has one assignment too.
    let n = 300;
    let diagonal = Array2::from_shape_fn((n, n), |(i, j)| if i == j { 1.0 } else { f64::INFINITY });
    assert_eq!(assign_with(diagonal.view(), &FORBID).unwrap().cost, 300.0);
    let below = Array2::from_shape_fn((n, n), |(i, j)| if j <= i { -1.0 } else { f64::NAN });
    let found = assign_with(below.view(), &FORBID).unwrap();
    assert!(found.pairs.iter().all(|&(row, column)| row == column));
    let mut none = diagonal;
    none.column_mut(7).fill(f64::INFINITY);
    let refused = assign_with(none.view(), &FORBID);
    assert_eq!(refused, Err(Error::Infeasible { found: 299, needed: 300 }));
    let refused = assign_with(Array2::from_elem((2, 5), f64::NAN).view(), &FORBID);
    assert_eq!(refused, Err(Error::Infeasible { found: 0, needed: 2 }));
    assert_eq!(greedy(none.view(), &FORBID).unwrap().pairs.len(), 299);
    assert!(matches!(auction(none.view(), 1.0, &FORBID), Err(Error::Infeasible { .. })));
}
