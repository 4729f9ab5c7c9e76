//! Many assignments at once.

use mapvec_assignment::{AssignmentConfig, Error, assign, assign_batch};
use ndarray::{Array2, ArrayView2};

use crate::matrices::{KINDS, matrix};

fn matrices() -> Vec<Array2<f64>> {
    (0..24).map(|k| matrix(k % KINDS, 30 + k as usize, 50, k)).collect()
}

#[test]
fn a_batch_is_what_its_matrices_are_alone() {
    let costs = matrices();
    let views: Vec<ArrayView2<'_, f64>> = costs.iter().map(Array2::view).collect();
    let alone: Vec<_> = views.iter().map(|costs| assign(*costs).unwrap()).collect();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| assign_batch(&views, &AssignmentConfig::default()));
        assert_eq!(found.unwrap(), alone);
    }
    assert_eq!(assign_batch(&[], &AssignmentConfig::default()), Ok(Vec::new()));
}

#[test]
fn the_first_wrong_matrix_is_named() {
    let mut costs = matrices();
    costs[5][(1, 2)] = f64::NAN;
    costs[20][(0, 0)] = f64::NAN;
    let views: Vec<ArrayView2<'_, f64>> = costs.iter().map(Array2::view).collect();
    let refused = assign_batch(&views, &AssignmentConfig::default()).unwrap_err();
    assert!(matches!(refused, Error::Batch { index: 5, .. }));
    assert!(refused.to_string().starts_with("matrix 5 of the batch: the cost of row 1"));
}
