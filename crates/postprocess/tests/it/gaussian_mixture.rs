//! Mixtures against scikit-learn's results and invariants.

use mapvec_postprocess::{
    CovarianceKind, Error, GaussianMixture, GaussianMixtureConfig, choose_components,
    gaussian_mixture, gaussian_mixture_from,
};
use mapvec_testkit::integers;
use ndarray::{Array2, Array3, array};
use serde_json::Value;

use crate::cluster_inputs::{Blobs, blobs, golden, picture, rows, same_partition};

const KINDS: [CovarianceKind; 4] = [
    CovarianceKind::Full,
    CovarianceKind::Tied,
    CovarianceKind::Diagonal,
    CovarianceKind::Spherical,
];

fn config(components: usize) -> GaussianMixtureConfig {
    GaussianMixtureConfig { components, ..GaussianMixtureConfig::default() }
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance
}

#[test]
fn fifty_steps_are_scikit_learns() {
    let golden = &golden()["gmm"];
    let points = picture(256, 501);
    let mut covariances = Array3::zeros((8, 3, 3));
    for mut matrix in covariances.outer_iter_mut() {
        matrix.diag_mut().fill(0.01);
    }
    let start = GaussianMixture {
        weights: vec![0.125; 8],
        means: Array2::from_shape_fn((8, 3), |(k, d)| {
            f64::from(points[((k * 8191 + 17) % 65536, d)])
        }),
        covariances,
        covariance: CovarianceKind::Full,
        lower_bound: 0.0,
        iterations: 0,
        converged: false,
    };
    let settings = GaussianMixtureConfig { max_iterations: 50, tolerance: 0.0, ..config(8) };
    let found = gaussian_mixture_from(points.view(), &start, &settings).unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    assert_eq!((found.iterations, found.converged), (50, false));
    assert!(close(found.lower_bound, number(&golden["lower_bound"]), 1e-7));
    let likelihood = found.log_likelihood(points.view()).unwrap();
    assert!(close(likelihood, number(&golden["avg_loglik"]), 1e-7), "{likelihood}");
    let weights: Vec<f64> = serde_json::from_value(golden["weights"].clone()).unwrap();
    assert!(found.weights.iter().zip(&weights).all(|(a, b)| close(*a, *b, 1e-6)));
    let means = rows(&golden["means"]).concat();
    assert!(found.means.iter().zip(&means).all(|(a, b)| close(*a, *b, 1e-6)));
    let matrices: Vec<Vec<Vec<f64>>> =
        serde_json::from_value(golden["covariances"].clone()).unwrap();
    let matrices = matrices.concat().concat();
    assert!(found.covariances.iter().zip(&matrices).all(|(a, b)| close(*a, *b, 1e-6)));
}

#[test]
fn every_kind_finds_the_clusters_and_the_criterion_their_number() {
    let shape = Blobs { points: 2000, dimensions: 3, clusters: 4, seed: 31, noise: 0.0 };
    let points = blobs(&shape);
    let truth: Vec<_> =
        integers(2000, 32, 0, 4).into_iter().map(|k| u32::try_from(k).ok()).collect();
    for covariance in KINDS {
        let settings = GaussianMixtureConfig { covariance, runs: 5, ..config(1) };
        let choice = choose_components(points.view(), 1..=6, &settings).unwrap();
        assert_eq!(choice.criteria.len(), 6);
        assert_eq!(choice.mixture.weights.len(), 4, "{covariance:?} {:?}", choice.criteria);
        let labels = choice.mixture.predict(points.view()).unwrap();
        let labels: Vec<_> = labels.into_iter().map(Some).collect();
        assert!(same_partition(&labels, &truth), "{covariance:?}");
        for matrix in choice.mixture.covariances.outer_iter() {
            for d in 0..3 {
                assert!(close(matrix[(d, d)].sqrt(), 0.12, 0.012), "{covariance:?}");
            }
        }
        let shares = choice.mixture.responsibilities(points.view()).unwrap();
        assert!(shares.rows().into_iter().all(|row| close(row.sum(), 1.0, 1e-12)));
        let again = gaussian_mixture(
            points.view(),
            &GaussianMixtureConfig { covariance, runs: 5, ..config(4) },
        );
        assert_eq!(again.unwrap(), choice.mixture);
    }
}

#[test]
fn the_likelihood_never_falls() {
    let points = blobs(&Blobs { points: 700, dimensions: 2, clusters: 9, seed: 8, noise: 0.3 });
    for covariance in KINDS {
        let mut last = f64::NEG_INFINITY;
        for max_iterations in 1..15 {
            let settings = GaussianMixtureConfig {
                covariance,
                max_iterations,
                tolerance: 0.0,
                regularization: 0.0,
                ..config(5)
            };
            let found = gaussian_mixture(points.view(), &settings).unwrap();
            let likelihood = found.log_likelihood(points.view()).unwrap();
            assert!(likelihood >= last - 1e-9, "{covariance:?}: {likelihood} after {last}");
            assert!(likelihood >= found.lower_bound - 1e-9);
            last = likelihood;
        }
    }
}

#[test]
fn one_component_is_the_normal_distribution_of_the_points() {
    let points = array![[0.0_f32, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]];
    let settings = GaussianMixtureConfig { regularization: 0.0, ..config(1) };
    let found = gaussian_mixture(points.view(), &settings).unwrap();
    assert!(found.means.iter().zip([1.0, 2.0]).all(|(a, b)| close(*a, b, 1e-12)));
    let matrix = [1.0, 0.0, 0.0, 4.0];
    assert!(found.covariances.iter().zip(matrix).all(|(a, b)| close(*a, b, 1e-12)));
    // Each point is one deviation away along both axes.
    let expected = -1.0 - std::f64::consts::TAU.ln() - 2.0_f64.ln();
    assert!(close(found.log_likelihood(points.view()).unwrap(), expected, 1e-12));
    let bic = found.bic(points.view()).unwrap();
    assert!(close(bic, 5.0 * 4.0_f64.ln() - 8.0 * expected, 1e-9), "{bic}");
}

#[test]
fn odd_inputs_have_defined_results_or_errors() {
    let equal = Array2::ones((20, 2));
    let found = gaussian_mixture(equal.view(), &config(2)).unwrap();
    assert!(found.means.iter().all(|mean| close(*mean, 1.0, 1e-9)));
    let without = GaussianMixtureConfig { regularization: 0.0, ..config(2) };
    let error = gaussian_mixture(equal.view(), &without).unwrap_err();
    assert!(matches!(error, Error::DegenerateCovariance { .. }));
    let few = gaussian_mixture(Array2::ones((3, 2)).view(), &config(4)).unwrap_err();
    assert_eq!(few, Error::TooFewPoints { found: 3, needed: 4 });
    assert!(gaussian_mixture(array![[f32::NAN], [0.0]].view(), &config(1)).is_err());
    assert!(gaussian_mixture(Array2::zeros((0, 2)).view(), &config(1)).is_err());
    for wrong in [
        config(0),
        GaussianMixtureConfig { tolerance: -1.0, ..config(1) },
        GaussianMixtureConfig { regularization: f64::NAN, ..config(1) },
    ] {
        assert!(gaussian_mixture(equal.view(), &wrong).is_err());
    }
    assert!(gaussian_mixture_from(equal.view(), &found, &config(3)).is_err());
    assert!(found.predict(Array2::ones((4, 3)).view()).is_err());
    assert_eq!(found.predict(Array2::ones((0, 2)).view()).unwrap(), Vec::<u32>::new());
    #[expect(clippy::reversed_empty_ranges, reason = "the empty range is what is tested")]
    let none = choose_components(equal.view(), 3..=2, &config(1));
    assert!(none.is_err());
}
