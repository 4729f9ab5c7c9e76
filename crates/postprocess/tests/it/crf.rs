//! The dense CRF against its exact twin, against recorded values of pydensecrf 1.0rc3
//! (`crf_golden.json`), and invariants.

use mapvec_postprocess::Error;
use mapvec_postprocess::crf::{
    Compatibility, DenseCrf, DenseCrfConfig, FeatureTerm, Features, FilterMethod, InferenceConfig,
    KernelShape, Normalization, PairwiseTerm, PermutohedralLattice, unary_from_labels,
    unary_from_probabilities, unary_from_scribbles,
};
use mapvec_testkit::{normal, uniform};
use ndarray::{Array2, Array3, Axis, array};
use proptest::prelude::*;

use crate::crf_scene::{apart, flat, iterations, noisy_unary, published, scene, twin};

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("crf_golden.json")).unwrap()
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn the_exact_twin_and_the_matrix_give_the_exact_golden_values() {
    let golden = golden();
    let (image, labels) = scene(24, 32, 101);
    let unary = noisy_unary(&labels, 4, 103);
    for variant in ["full", "gauss", "bilat"] {
        let config = published(variant, FilterMethod::Exact);
        let (crf, exact) = (DenseCrf::new(image.view(), &config).unwrap(), twin(&image, &config));
        for t in 1..=5 {
            // Every 24th pixel of each class.
            let expected = numbers(&golden["exact"][variant][t - 1]);
            let q = exact.infer(flat(&unary).view(), t).unwrap();
            let chosen = q.iter().copied().step_by(24);
            assert!(apart(chosen, expected.iter().copied()).1 < 1e-6, "{variant} {t}");
            let fast = crf.infer(unary.view(), &iterations(t)).unwrap().probabilities;
            let chosen = fast.iter().map(|&q| f64::from(q));
            let (mean, largest) = apart(chosen, q.iter().copied());
            // Features in single precision; some pixels lie on the edge between two labels.
            assert!(mean < 1e-6 && largest < 2e-4, "{variant} {t}: {mean} {largest}");
        }
    }
}

#[test]
fn the_lattice_agrees_with_the_golden_values_and_convolution_is_nearer_to_the_exact_ones() {
    let golden = golden();
    let (image, labels) = scene(24, 32, 101);
    let unary = noisy_unary(&labels, 4, 103);
    for variant in ["full", "gauss", "bilat"] {
        let peer = numbers(&golden["lattice"][variant]);
        let infer = |config: &DenseCrfConfig| {
            let crf = DenseCrf::new(image.view(), config).unwrap();
            let q = crf.infer(unary.view(), &iterations(5)).unwrap().probabilities;
            q.iter().map(|&q| f64::from(q)).collect::<Vec<_>>()
        };
        let lattice = infer(&published(variant, FilterMethod::Lattice));
        // Values are recorded with three decimals, of the first three classes.
        let (mean, largest) = apart(lattice.iter().copied(), peer.iter().map(|q| q / 1e3));
        assert!(mean < 4e-4 && largest < 2e-3, "{variant}: {mean} {largest}");

        let exact = twin(&image, &published(variant, FilterMethod::Exact));
        let exact = exact.infer(flat(&unary).view(), 5).unwrap();
        let automatic = infer(&published(variant, FilterMethod::Auto));
        let error = |q: &[f64]| apart(q.iter().copied(), exact.iter().copied()).0;
        assert!(error(&automatic) < 1e-5, "{variant}: {}", error(&automatic));
        assert!(error(&lattice) < 4e-3, "{variant}: {}", error(&lattice));
        let mut mixed = published("full", FilterMethod::Lattice);
        mixed.terms[0].method = FilterMethod::Auto;
        if variant == "full" {
            assert!(error(&infer(&mixed)) <= error(&lattice), "exact in one of two kernels");
        }
    }
}

#[test]
fn all_normalisations_and_compatibilities_match_the_twin() {
    let (image, labels) = scene(9, 13, 5);
    let unary = noisy_unary(&labels, 3, 7);
    let matrix = vec![vec![-2.0, 0.5, 1.0], vec![0.5, -1.0, 0.0], vec![0.0, 0.25, -3.0]];
    for normalization in
        [Normalization::None, Normalization::Before, Normalization::After, Normalization::Symmetric]
    {
        for compatibility in [
            Compatibility::Potts(0.7),
            Compatibility::PerClass(vec![0.5, 1.0, 0.25]),
            Compatibility::Matrix(matrix.clone()),
        ] {
            for method in [FilterMethod::Auto, FilterMethod::Exact] {
                let term = |kernel| PairwiseTerm {
                    kernel,
                    compatibility: compatibility.clone(),
                    normalization,
                    method,
                };
                let config = DenseCrfConfig {
                    terms: vec![
                        term(KernelShape::Gaussian { sigma: [1.5, 2.0] }),
                        term(KernelShape::Bilateral {
                            sigma: [4.0, 5.0],
                            color_sigma: vec![30.0, 20.0, 25.0],
                        }),
                    ],
                };
                let q = DenseCrf::new(image.view(), &config)
                    .and_then(|crf| crf.infer(unary.view(), &iterations(2)))
                    .unwrap();
                let exact = twin(&image, &config).infer(flat(&unary).view(), 2).unwrap();
                let q = q.probabilities.iter().map(|&q| f64::from(q));
                let (_, largest) = apart(q, exact.iter().copied());
                assert!(largest < 1e-4, "{normalization:?} {compatibility:?} {largest}");
            }
        }
    }
}

#[test]
fn the_lattice_mixes_labels_by_a_matrix_as_by_weights() {
    let (image, labels) = scene(40, 50, 8);
    let unary = noisy_unary(&labels, 3, 9);
    let with = |compatibility: Compatibility| {
        let mut config = DenseCrfConfig::default();
        config.terms.iter_mut().for_each(|term| term.compatibility = compatibility.clone());
        let crf = DenseCrf::new(image.view(), &config).unwrap();
        crf.infer(unary.view(), &iterations(3)).unwrap().probabilities
    };
    let potts = with(Compatibility::Potts(2.0));
    let mut matrix = vec![vec![0.0; 3]; 3];
    (0..3).for_each(|k| matrix[k][k] = -2.0);
    for other in [Compatibility::PerClass(vec![2.0; 3]), Compatibility::Matrix(matrix)] {
        let other = with(other);
        assert!(potts.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-4));
    }
}

#[test]
fn reverse_is_the_transpose_and_many_dimensions_work() {
    for dimension in [1, 2, 3, 5, 7, 11] {
        let n = 300;
        let values = normal(dimension * n, 40 + dimension as u64);
        let values = values.iter().map(|&v| v as f32).collect();
        let features =
            Features::new(Array2::from_shape_vec((dimension, n), values).unwrap()).unwrap();
        let lattice = PermutohedralLattice::new(&features).unwrap();
        let of = |seed| {
            let values = uniform(n, seed, 0.0, 1.0).iter().map(|&v| v as f32).collect();
            Array2::from_shape_vec((1, n), values).unwrap()
        };
        let (a, b) = (of(1), of(2));
        let forward = lattice.filter(a.view(), false).unwrap();
        let backward = lattice.filter(b.view(), true).unwrap();
        let left: f64 = forward.iter().zip(&b).map(|(x, y)| f64::from(x * y)).sum();
        let right: f64 = backward.iter().zip(&a).map(|(x, y)| f64::from(x * y)).sum();
        assert!((left - right).abs() < 1e-4 * left.abs(), "{dimension}: {left} {right}");
        assert!(lattice.vertices() > dimension);
    }
}

#[test]
fn the_lattice_is_near_the_naive_sum() {
    // Normalised, as kernels are used: the mean of the neighbours.
    let n = 400;
    let values: Vec<f32> = uniform(2 * n, 3, 0.0, 3.0).iter().map(|&v| v as f32).collect();
    let features = Features::new(Array2::from_shape_vec((2, n), values).unwrap()).unwrap();
    let signal =
        Array2::from_shape_fn(
            (2, n),
            |(c, i)| {
                if c == 0 { 1.0 } else { features.values()[(0, i)].sin() }
            },
        );
    let lattice = PermutohedralLattice::new(&features).unwrap();
    let filtered = lattice.filter(signal.view(), false).unwrap();
    let f = features.values();
    for i in 0..n {
        let (mut mass, mut sum) = (0.0, 0.0);
        for j in 0..n {
            let square = (f[(0, i)] - f[(0, j)]).powi(2) + (f[(1, i)] - f[(1, j)]).powi(2);
            let weight = (-0.5 * square).exp();
            mass += weight;
            sum += weight * signal[(1, j)];
        }
        let mean = filtered[(1, i)] / filtered[(0, i)];
        assert!((mean - sum / mass).abs() < 0.05, "{i}: {mean} {}", sum / mass);
    }
}

#[test]
fn a_volume_and_a_full_precision_are_points_like_others() {
    let grid = Features::grid(&[3, 4, 5], &[1.0, 2.0, 3.0]).unwrap();
    assert_eq!((grid.dimension(), grid.points()), (3, 60));
    // Point (2, 1, 3); the last axis comes first.
    let at = grid.values().column(2 * 20 + 5 + 3).to_vec();
    assert_eq!(at, [1.0, 0.5, 2.0]);
    let precision = array![[2.0, 0.5], [0.5, 1.0]];
    let points = array![[0.0_f32, 1.0, -2.0], [0.5, 3.0, 1.0]];
    let white = Features::with_precision(points.view(), precision.view()).unwrap();
    for i in 0..3 {
        for j in 0..3 {
            let away = (&points.column(i) - &points.column(j)).mapv(f64::from);
            let expected = away.dot(&precision.dot(&away));
            let away = (&white.values().column(i) - &white.values().column(j)).mapv(f64::from);
            assert!((away.dot(&away) - expected).abs() < 1e-5);
        }
    }
    let wrong = array![[1.0, 2.0], [2.0, 1.0]];
    assert!(matches!(
        Features::with_precision(points.view(), wrong.view()),
        Err(Error::InvalidSetting { field: "precision", .. })
    ));
}

#[test]
fn what_the_unary_says() {
    let unary = unary_from_scribbles(array![[0_u32, 1, 2]].view(), 2, 0.7).unwrap();
    let expected: Vec<f64> = [0.5, 0.7, 0.3, 0.5, 0.3, 0.7].iter().map(|p: &f64| -p.ln()).collect();
    assert!(apart(unary.iter().map(|&u| f64::from(u)), expected.into_iter()).1 < 1e-6);
    let refused = unary_from_labels(array![[Some(2)]].view(), 2, 0.7);
    assert_eq!(refused, Err(Error::InvalidLabel { point: 0, label: 2, classes: 2 }));
    assert!(unary_from_labels(array![[Some(0)]].view(), 2, 1.0).is_err());
    let probabilities = Array3::from_shape_vec((2, 1, 1), vec![0.0, 1.0]).unwrap();
    let unary = unary_from_probabilities(probabilities.view()).unwrap();
    assert!(unary.iter().all(|u| u.is_finite()));
    assert!(unary_from_probabilities(array![[[f32::NAN]]].view()).is_err());
}

#[test]
fn bad_inputs_are_errors_and_small_ones_are_defined() {
    let image = Array3::zeros((3, 2, 3));
    let config = DenseCrfConfig::default();
    let crf = DenseCrf::new(image.view(), &config).unwrap();
    let infer = |unary: Array3<f32>| crf.infer(unary.view(), &InferenceConfig::default());
    for value in [f32::NAN, f32::NEG_INFINITY] {
        let mut unary = Array3::zeros((2, 2, 3));
        unary[(1, 1, 0)] = value;
        let error = infer(unary);
        assert!(matches!(error, Err(Error::InvalidUnary { class: 1, point: 3, .. })), "{error:?}");
    }
    let mut unary = Array3::zeros((2, 2, 3));
    unary[(0, 1, 2)] = f32::INFINITY;
    let q = infer(unary.clone()).unwrap();
    assert!(q.probabilities[(0, 1, 2)] == 0.0);
    assert_eq!(q.labels[(1, 2)], 1);
    unary[(1, 1, 2)] = f32::INFINITY;
    assert!(matches!(infer(unary), Err(Error::InvalidUnary { point: 5, .. })));

    let one = infer(Array3::from_elem((1, 2, 3), 4.0)).unwrap();
    assert!(one.probabilities.iter().all(|&q| (q - 1.0).abs() < 1e-6));
    assert!(matches!(infer(Array3::zeros((0, 2, 3))), Err(Error::InvalidSetting { .. })));
    assert!(matches!(infer(Array3::zeros((2, 3, 2))), Err(Error::LengthMismatch { .. })));
    for (rows, columns) in [(0, 0), (0, 4), (4, 0)] {
        let crf = DenseCrf::new(Array3::zeros((3, rows, columns)).view(), &config).unwrap();
        let q = crf.infer(Array3::zeros((2, rows, columns)).view(), &InferenceConfig::default());
        assert_eq!(q.unwrap().probabilities.dim(), (2, rows, columns));
    }
    let mut image = image;
    image[(0, 0, 1)] = f32::INFINITY;
    assert!(matches!(DenseCrf::new(image.view(), &config), Err(Error::InvalidFeature { .. })));
    image[(0, 0, 1)] = 3e38;
    let lattice = published("bilat", FilterMethod::Lattice);
    assert!(matches!(DenseCrf::new(image.view(), &lattice), Err(Error::FeatureRange { .. })));
    let mut config = config;
    config.terms[0].compatibility = Compatibility::Potts(f32::NAN);
    assert!(matches!(config.validate(), Err(Error::InvalidSetting { .. })));
    config.terms[0].compatibility = Compatibility::PerClass(vec![1.0; 3]);
    config.terms[0].kernel = KernelShape::Gaussian { sigma: [0.0, 1.0] };
    assert!(matches!(config.validate(), Err(Error::InvalidSetting { field: "sigma", .. })));
}

#[test]
fn the_same_bytes_on_any_number_of_threads() {
    let (image, labels) = scene(230, 300, 3);
    let unary = noisy_unary(&labels, 6, 4);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let crf = DenseCrf::new(image.view(), &DenseCrfConfig::default()).unwrap();
            crf.infer(unary.view(), &iterations(3)).unwrap()
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
    // Noise goes: far more pixels are right than the three quarters of the unary.
    let right = one.labels.iter().zip(&labels).filter(|(a, b)| **a == **b % 6).count();
    assert!(right * 100 > labels.len() * 93, "{right} of {}", labels.len());
}

#[test]
fn convolutions_of_different_reach_are_near_the_exact_ones() {
    // Widths around whole blocks of 64 and 16, and rows that are no multiple of four.
    for (height, width) in [(7, 64), (10, 65), (5, 81), (21, 19), (1, 30), (30, 1)] {
        let (image, labels) = scene(height, width, 61);
        let unary = noisy_unary(&labels, 3, 62);
        let term =
            |sigma: [f64; 2], weight| PairwiseTerm::potts(KernelShape::Gaussian { sigma }, weight);
        let terms = vec![term([1.0, 2.0], 1.0), term([4.0, 3.0], 2.0), term([0.7, 1.0], 1.0)];
        let config = DenseCrfConfig { terms };
        let exact = twin(&image, &config).infer(flat(&unary).view(), 5).unwrap();
        let crf = DenseCrf::new(image.view(), &config).unwrap();
        let q = crf.infer(unary.view(), &iterations(5)).unwrap().probabilities;
        let (mean, largest) = apart(q.iter().map(|&q| f64::from(q)), exact.iter().copied());
        assert!(mean < 2e-5 && largest < 1e-3, "{height} x {width}: {mean} {largest}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn permuting_labels_permutes_probabilities(
        height in 1_usize..40, width in 1_usize..40, classes in 1_usize..11, seed in 0_u64..1000,
    ) {
        let (image, labels) = scene(height, width, seed);
        let unary = noisy_unary(&labels, classes.max(2), seed + 1);
        let turned: Vec<usize> = (0..unary.dim().0).rev().collect();
        let crf = DenseCrf::new(image.view(), &published("full", FilterMethod::Lattice)).unwrap();
        let q = crf.infer(unary.view(), &iterations(2)).unwrap().probabilities;
        let other = unary.select(Axis(0), &turned);
        let other = crf.infer(other.view(), &iterations(2)).unwrap().probabilities;
        for (a, b) in q.select(Axis(0), &turned).iter().zip(&other) {
            prop_assert!((a - b).abs() < 1e-4);
        }
        for sum in q.sum_axis(Axis(0)) {
            prop_assert!((sum - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn permuting_points_permutes_results(n in 1_usize..200, d in 1_usize..7, seed in 0_u64..1000) {
        let values = normal(d * n, seed).iter().map(|&v| v as f32).collect();
        let values = Array2::from_shape_vec((d, n), values).unwrap();
        let unary = uniform(3 * n, seed + 1, 0.0, 2.0).iter().map(|&v| v as f32).collect();
        let unary = Array2::from_shape_vec((3, n), unary).unwrap();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|i| i.wrapping_mul(0x9E37_79B9) & 0xFFFF);
        for method in [FilterMethod::Lattice, FilterMethod::Exact] {
            let run = |values: Array2<f32>, unary: Array2<f32>| {
                let features = Features::new(values).unwrap();
                let term = FeatureTerm { method, ..FeatureTerm::potts(features, 1.5) };
                let crf = DenseCrf::of_points(n, &[term]).unwrap();
                crf.infer_points(unary.view(), &iterations(3)).unwrap().probabilities
            };
            let q = run(values.clone(), unary.clone());
            let other = run(values.select(Axis(1), &order), unary.select(Axis(1), &order));
            for (a, b) in q.select(Axis(1), &order).iter().zip(&other) {
                prop_assert!((a - b).abs() < 1e-4, "{a} {b}");
            }
        }
    }
}
