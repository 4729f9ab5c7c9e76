//! Mean shift against scikit-learn's results.

use mapvec_postprocess::{MeanShiftConfig, mean_shift};
use mapvec_testkit::integers;
use ndarray::{Array2, array};
use proptest::prelude::*;

use crate::cluster_inputs::{Blobs, any_points, blobs, golden, labels, rows, same_partition};

#[test]
fn labels_and_centers_are_scikit_learns() {
    let golden = &golden()["mean_shift"];
    let shape = Blobs { points: 2000, dimensions: 4, clusters: 6, seed: 61, noise: 0.0 };
    let points = blobs(&shape);
    let found = mean_shift(points.view(), &MeanShiftConfig::default()).unwrap();
    let expected = labels(&golden["labels"]);
    assert!(same_partition(&found.labels, &expected));
    let centers = rows(&golden["centers"]);
    assert_eq!(found.centers.nrows(), centers.len());
    for (mine, theirs) in found.labels.iter().zip(&expected) {
        let mine = found.centers.row(mine.unwrap() as usize);
        let theirs = &centers[theirs.unwrap() as usize];
        // A ball rests within a thousandth of its radius.
        assert!(mine.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-3));
    }
    let bins = MeanShiftConfig { bin_seeding: true, ..MeanShiftConfig::default() };
    assert!(same_partition(&mean_shift(points.view(), &bins).unwrap().labels, &expected));
    let truth: Vec<_> =
        integers(2000, 62, 0, 6).into_iter().map(|k| u32::try_from(k).ok()).collect();
    assert!(same_partition(&expected, &truth));
}

#[test]
fn odd_inputs_have_defined_results_or_errors() {
    let config = MeanShiftConfig::default();
    let none = mean_shift(Array2::zeros((0, 3)).view(), &config).unwrap();
    assert_eq!((none.labels.len(), none.centers.dim()), (0, (0, 3)));
    let one = mean_shift(array![[2.0_f32, 1.0]].view(), &config).unwrap();
    assert_eq!((one.labels, one.centers), (vec![Some(0)], array![[2.0, 1.0]]));
    let equal = mean_shift(Array2::ones((300, 2)).view(), &config).unwrap();
    assert_eq!((equal.labels, equal.centers), (vec![Some(0); 300], array![[1.0, 1.0]]));
    assert!(mean_shift(array![[f32::NAN]].view(), &config).is_err());
    let wrong = MeanShiftConfig { bandwidth: 0.0, ..config.clone() };
    assert!(mean_shift(array![[0.0_f32]].view(), &wrong).is_err());
    // The corner of the grid nearest to these points is farther away than the bandwidth.
    let points = Array2::from_elem((4, 8), 0.45_f32);
    let bins = MeanShiftConfig { bin_seeding: true, ..config.clone() };
    assert!(mean_shift(points.view(), &bins).is_err());
    let lonely = array![[0.0_f32], [0.1], [0.2], [7.0]];
    let settings =
        MeanShiftConfig { bin_seeding: true, min_bin_freq: 2, cluster_all: false, ..config };
    let found = mean_shift(lonely.view(), &settings).unwrap();
    assert_eq!(found.labels, [Some(0), Some(0), Some(0), None]);
}

proptest! {
    #[test]
    fn centers_lie_apart_and_points_take_the_nearest(points in any_points(150), bins: bool) {
        let config = MeanShiftConfig { bin_seeding: bins, bandwidth: 1.7, ..Default::default() };
        // In many dimensions corners of the grid may have no points near.
        let Ok(found) = mean_shift(points.view(), &config) else { return Ok(()) };
        let square = |a: &[f64], b: &[f64]| -> f64 {
            a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
        };
        let centers: Vec<Vec<f64>> = found.centers.rows().into_iter().map(|r| r.to_vec()).collect();
        for (i, a) in centers.iter().enumerate() {
            prop_assert!(centers[..i].iter().all(|b| square(a, b) > 1.7 * 1.7));
        }
        for (point, label) in points.rows().into_iter().zip(&found.labels) {
            let point: Vec<f64> = point.iter().copied().map(f64::from).collect();
            let own = square(&point, &centers[label.unwrap() as usize]);
            prop_assert!(centers.iter().all(|center| own <= square(&point, center)));
        }
    }
}
