//! The dense CRF against its exact twin, against recorded values of pydensecrf 1.0rc3
//! (`crf_golden.json`), and invariants.

use mapvec_postprocess::Error;
use mapvec_postprocess::crf::{
    Compatibility, DenseCrf, DenseCrfConfig, ExactCrf, ExactTerm, FeatureTerm, Features,
    FilterMethod, GateConfig, InferenceConfig, KernelShape, Normalization, PairwiseTerm,
    PermutohedralLattice, SearchConfig, TileConfig, ValidationPicture, infer_coarse_to_fine,
    infer_tiles, infer_where_uncertain, mean_iou, search_on_pictures, search_parameters,
    unary_from_labels, unary_from_probabilities, unary_from_scribbles,
};
use mapvec_testkit::{integers, normal, uniform};
use ndarray::{Array2, Array3, Axis, array, s};
use proptest::prelude::*;

/// A picture of discs with noise, and the disc of each pixel.
fn scene(height: usize, width: usize, seed: u64) -> (Array3<f32>, Array2<usize>) {
    let mut image = Array3::<f64>::zeros((3, height, width));
    let mut labels = Array2::zeros((height, width));
    let p = uniform(24 * 6, seed, 0.0, 1.0);
    for (k, p) in p.chunks_exact(6).enumerate() {
        let (cx, cy) = (p[0] * width as f64, p[1] * height as f64);
        let radius = (0.05 + 0.18 * p[2]) * height.min(width) as f64;
        for y in 0..height {
            for x in 0..width {
                if (x as f64 - cx).powi(2) + (y as f64 - cy).powi(2) < radius * radius {
                    labels[(y, x)] = k + 1;
                    (0..3).for_each(|c| image[(c, y, x)] = 255.0 * p[3 + c]);
                }
            }
        }
    }
    let noise = normal(height * width * 3, seed + 1);
    let image = Array3::from_shape_fn((3, height, width), |(c, y, x)| {
        let value = image[(c, y, x)] + 12.0 * noise[(y * width + x) * 3 + c];
        (value + 0.5).floor().clamp(0.0, 255.0) as f32
    });
    (image, labels)
}

/// Labels of which a quarter is noise, as energies.
fn noisy_unary(labels: &Array2<usize>, classes: usize, seed: u64) -> Array3<f32> {
    let (height, width) = labels.dim();
    let noise = uniform(height * width, seed, 0.0, 1.0);
    let random = integers(height * width, seed + 1, 0, i64::try_from(classes).unwrap());
    Array3::from_shape_fn((classes, height, width), |(class, y, x)| {
        let i = y * width + x;
        let label = if noise[i] < 0.25 {
            usize::try_from(random[i]).unwrap()
        } else {
            labels[(y, x)] % classes
        };
        let p: f64 = if class == label { 0.6 } else { 0.4 / (classes - 1) as f64 };
        -p.ln() as f32
    })
}

/// The published setting with one of its kernels or both, summed in a given way.
fn published(variant: &str, method: FilterMethod) -> DenseCrfConfig {
    let mut config = DenseCrfConfig::default();
    match variant {
        "gauss" => config.terms.truncate(1),
        "bilat" => drop(config.terms.remove(0)),
        _ => {}
    }
    config.terms.iter_mut().for_each(|term| term.method = method);
    config
}

/// The same for the exact twin.
fn twin(image: &Array3<f32>, config: &DenseCrfConfig) -> ExactCrf {
    let (_, height, width) = image.dim();
    let terms: Vec<_> = config
        .terms
        .iter()
        .map(|term| {
            let (sigma, color_sigma) = match &term.kernel {
                KernelShape::Gaussian { sigma } => (sigma, &Vec::new()),
                KernelShape::Bilateral { sigma, color_sigma } => (sigma, color_sigma),
            };
            let colors = if color_sigma.is_empty() { 0 } else { 3 };
            let features = Array2::from_shape_fn((2 + colors, height * width), |(d, i)| {
                let (y, x) = (i / width, i % width);
                match d {
                    0 => x as f64 / sigma[1],
                    1 => y as f64 / sigma[0],
                    d => f64::from(image[(d - 2, y, x)]) / color_sigma[(d - 2) % color_sigma.len()],
                }
            });
            ExactTerm {
                features,
                compatibility: term.compatibility.clone(),
                normalization: term.normalization,
            }
        })
        .collect();
    ExactCrf::new(height * width, &terms).unwrap()
}

fn iterations(iterations: usize) -> InferenceConfig {
    InferenceConfig { iterations, ..InferenceConfig::default() }
}

fn flat(unary: &Array3<f32>) -> Array2<f64> {
    let (k, h, w) = unary.dim();
    unary.mapv(f64::from).into_shape_with_order((k, h * w)).unwrap()
}

/// Mean and largest difference.
fn apart(a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut sum, mut count, mut largest) = (0.0, 0.0, 0.0_f64);
    for (a, b) in a.zip(b) {
        sum += (a - b).abs();
        count += 1.0;
        largest = largest.max((a - b).abs());
    }
    (sum / count, largest)
}

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
fn the_report_tells_changes_and_the_free_energy_falls() {
    let (image, labels) = scene(24, 32, 101);
    let unary = noisy_unary(&labels, 4, 103);
    let config = published("full", FilterMethod::Exact);
    let crf = DenseCrf::new(image.view(), &config).unwrap();
    let inference = InferenceConfig { iterations: 400, tolerance: 1e-5, free_energy: true };
    let q = crf.infer(unary.view(), &inference).unwrap();
    assert!(q.report.converged && q.report.iterations.len() < 400);
    let energies: Vec<f64> =
        q.report.iterations.iter().map(|step| step.free_energy.unwrap()).collect();
    assert!(energies[0] > *energies.last().unwrap());
    let exact = twin(&image, &config);
    let start = exact.infer(flat(&unary).view(), 0).unwrap();
    let expected = exact.free_energy(flat(&unary).view(), start.view()).unwrap();
    assert!((energies[0] - expected).abs() < 1e-4 * expected.abs(), "{} {expected}", energies[0]);
    let last = q.report.iterations.last().unwrap();
    assert!(last.largest_change <= 1e-5 && last.mean_change <= f64::from(last.largest_change));
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
fn coarse_to_fine_removes_noise_and_one_level_changes_nothing() {
    let (image, labels) = scene(61, 75, 41);
    let unary = noisy_unary(&labels, 3, 42);
    let (config, inference) = (DenseCrfConfig::default(), InferenceConfig::default());
    let run = |levels| {
        let scales = (levels, 0.5);
        infer_coarse_to_fine(image.view(), unary.view(), &config, &inference, scales).unwrap()
    };
    let plain = DenseCrf::new(image.view(), &config).unwrap();
    let plain = plain.infer(unary.view(), &inference).unwrap();
    assert_eq!(run(1), plain);
    let right = |q: &Array2<usize>| q.iter().zip(&labels).filter(|(a, b)| **a == **b % 3).count();
    let three = run(3);
    assert!(right(&three.labels) * 100 > labels.len() * 90, "{}", right(&three.labels));
    let wrong = (0, 0.5);
    assert!(infer_coarse_to_fine(image.view(), unary.view(), &config, &inference, wrong).is_err());
}

#[test]
fn a_search_finds_the_parameters_that_score_best() {
    let start = DenseCrfConfig::default();
    let weight = |config: &DenseCrfConfig, term: usize| match config.terms[term].compatibility {
        Compatibility::Potts(weight) => f64::from(weight),
        _ => f64::NAN,
    };
    // The best weights are 6 and 5.
    let score = |config: &DenseCrfConfig| {
        Ok(-(weight(config, 0) - 6.0).powi(2) - (weight(config, 1) - 5.0).powi(2))
    };
    let found = search_parameters(&start, &SearchConfig::default(), score).unwrap();
    assert!((found.score - 0.0).abs() < 1e-9 && (found.start + 34.0).abs() < 1e-4);
    assert_eq!(found.config.terms[0].kernel, start.terms[0].kernel);
    assert!(found.trials > 10);
    let wrong = SearchConfig { factors: vec![0.0], rounds: 1 };
    assert!(search_parameters(&start, &wrong, |_| Ok(0.0)).is_err());
}

#[test]
fn a_search_on_pictures_raises_their_mean_iou() {
    let inference = iterations(3);
    let pictures: Vec<ValidationPicture> = (0..2)
        .map(|k| {
            let (image, labels) = scene(28, 36, 51 + k);
            let unary = noisy_unary(&labels, 3, 53 + k);
            let mut truth = labels.mapv(|label| label % 3);
            truth.row_mut(0).fill(255);
            ValidationPicture::new(image, unary, truth.view(), Some(255))
        })
        .collect();
    let plain = DenseCrfConfig { terms: Vec::new() };
    let before = mean_iou(&pictures, &plain, &inference).unwrap();
    // The naive count of the same.
    let mut naive = 0.0;
    for class in 0..3 {
        let (mut both, mut any) = (0, 0);
        for ValidationPicture { unary, labels, .. } in &pictures {
            for ((y, x), label) in labels.indexed_iter() {
                let Some(label) = *label else { continue };
                let lowest = (0..3).min_by(|&a, &b| unary[(a, y, x)].total_cmp(&unary[(b, y, x)]));
                both += i32::from(label == class && lowest == Some(class));
                any += i32::from(label == class || lowest == Some(class));
            }
        }
        naive += f64::from(both) / f64::from(any) / 3.0;
    }
    assert!((before - naive).abs() < 1e-12, "{before} {naive}");
    let weak = KernelShape::Gaussian { sigma: [1.0; 2] };
    let start = DenseCrfConfig { terms: vec![PairwiseTerm::potts(weak, 0.5)] };
    let config = SearchConfig { factors: vec![0.5, 6.0], rounds: 2 };
    let found = search_on_pictures(&pictures, &start, &inference, &config).unwrap();
    assert!(found.start >= before && found.score > found.start + 0.02, "{before} {found:?}");
    let again = mean_iou(&pictures, &found.config, &inference).unwrap();
    assert!((again - found.score).abs() < f64::EPSILON);
    assert!(mean_iou(&[], &start, &inference).unwrap().abs() < f64::EPSILON);
    let mut wrong = pictures;
    wrong[0].labels[(3, 3)] = Some(3);
    let error = mean_iou(&wrong, &start, &inference);
    assert!(matches!(error, Err(Error::InvalidLabel { label: 3, classes: 3, .. })), "{error:?}");
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

#[test]
fn tiles_leave_no_seams() {
    let (image, labels) = scene(150, 170, 21);
    let unary = noisy_unary(&labels, 4, 22);
    let crf = DenseCrfConfig {
        terms: vec![
            PairwiseTerm::potts(KernelShape::Gaussian { sigma: [3.0; 2] }, 3.0),
            PairwiseTerm::potts(
                KernelShape::Bilateral { sigma: [15.0; 2], color_sigma: vec![13.0] },
                10.0,
            ),
        ],
    };
    let whole = DenseCrf::new(image.view(), &crf).unwrap();
    let whole = whole.infer(unary.view(), &InferenceConfig::default()).unwrap();
    let config = TileConfig { crf, size: 50, overlap: 40, ..TileConfig::default() };
    let mut tiled = Array3::<f32>::zeros(unary.dim());
    let mut tiles = 0;
    infer_tiles(
        (150, 170),
        &config,
        |tile| {
            let (y, x) = (tile.padded_rows.clone(), tile.padded_columns.clone());
            let of = |values: &Array3<f32>| values.slice(s![.., y.clone(), x.clone()]).to_owned();
            Ok((of(&image), of(&unary)))
        },
        |tile, part| {
            let (y, x) = (tile.rows.clone(), tile.columns.clone());
            tiled.slice_mut(s![.., y, x]).assign(&part.probabilities);
            tiles += 1;
        },
    )
    .unwrap();
    assert_eq!(tiles, 12);
    let difference = (&tiled - &whole.probabilities).mapv(f32::abs);
    let (mut seams, mut all) = ((0.0, 0.0), (0.0, 0.0));
    for ((_, y, x), &d) in difference.indexed_iter() {
        let at = |v: usize, end: usize| [0, 49].contains(&(v % 50)) && v > 0 && v + 1 < end;
        if at(y, 150) || at(x, 170) {
            seams = (seams.0 + f64::from(d), seams.1 + 1.0);
        }
        all = (all.0 + f64::from(d), all.1 + 1.0);
    }
    let (seams, all) = (seams.0 / seams.1, all.0 / all.1);
    assert!(all < 2e-3, "mean difference {all}");
    assert!(seams < 4e-3, "mean difference at seams {seams}, elsewhere {all}");
}

#[test]
fn certain_pixels_stay_and_uncertain_ones_gain() {
    let (image, labels) = scene(120, 140, 31);
    let mut unary = noisy_unary(&labels, 3, 32);
    // Certain far from a band in the middle.
    for ((class, _, x), u) in unary.indexed_iter_mut() {
        if x.abs_diff(70) > 15 {
            *u += if *u < 0.6 { 0.0 } else { 6.0 + class as f32 };
        }
    }
    let before = DenseCrf::new(image.view(), &DenseCrfConfig { terms: Vec::new() }).unwrap();
    let before = before.infer(unary.view(), &iterations(0)).unwrap();
    let config = GateConfig::default();
    let gated = infer_where_uncertain(image.view(), unary.view(), &config).unwrap();
    let right = |q: &Array2<usize>| {
        let band = |x: usize| x.abs_diff(70) <= 15;
        q.indexed_iter().filter(|((y, x), l)| band(*x) && **l == labels[(*y, *x)] % 3).count()
    };
    for ((class, y, x), &q) in gated.probabilities.indexed_iter() {
        if x.abs_diff(70) > 15 {
            assert!((q - before.probabilities[(class, y, x)]).abs() < 1e-6);
        }
    }
    let all = DenseCrf::new(image.view(), &DenseCrfConfig::default()).unwrap();
    let all = all.infer(unary.view(), &InferenceConfig::default()).unwrap();
    let (old, new, full) = (right(&before.labels), right(&gated.labels), right(&all.labels));
    assert!(new > old && (new - old) * 10 >= (full - old) * 9, "{old} {new} {full}");
    let certain = GateConfig { confidence: 0.0, ..config };
    let same = infer_where_uncertain(image.view(), unary.view(), &certain).unwrap();
    assert_eq!(same.probabilities, before.probabilities);
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

    /// Each update minimises a bound of the free energy that touches it.
    #[test]
    fn the_free_energy_never_rises(
        n in 2_usize..40,
        classes in 2_usize..5,
        kind in 0_usize..3,
        strength in 0.0_f64..8.0,
        whole in any::<bool>(),
        seed in 0_u64..10_000,
    ) {
        let draw = |count: usize, salt: u64| uniform(count, seed * 8 + salt, -1.0, 1.0);
        let compatibility = match kind {
            0 => Compatibility::Potts(strength as f32),
            1 => {
                let weights = draw(classes, 1);
                Compatibility::PerClass(weights.iter().map(|w| (w.abs() * strength) as f32).collect())
            }
            // Minus a matrix times its transpose.
            _ => {
                let a = Array2::from_shape_vec((classes, classes), draw(classes * classes, 2)).unwrap();
                let product = a.dot(&a.t()) * -strength;
                let rows = product.rows().into_iter().map(|row| row.mapv(|v| v as f32).to_vec());
                Compatibility::Matrix(rows.collect())
            }
        };
        let normalization = if whole { Normalization::None } else { Normalization::Symmetric };
        let features = Array2::from_shape_vec((3, n), draw(3 * n, 3)).unwrap() * 2.0;
        let unary = Array2::from_shape_vec((classes, n), draw(classes * n, 4)).unwrap() * 3.0;
        let term = ExactTerm { features: features.clone(), compatibility, normalization };
        let exact = ExactCrf::new(n, std::slice::from_ref(&term)).unwrap();
        let mut last = f64::INFINITY;
        for iterations in 0..8 {
            let q = exact.infer(unary.view(), iterations).unwrap();
            let energy = exact.free_energy(unary.view(), q.view()).unwrap();
            prop_assert!(energy <= last + 1e-5 * (1.0 + energy.abs()), "{} after {}", energy, last);
            last = energy;
        }
        let term = FeatureTerm {
            features: Features::new(features.mapv(|v| v as f32)).unwrap(),
            compatibility: term.compatibility,
            normalization,
            method: FilterMethod::Exact,
        };
        let config = InferenceConfig { iterations: 8, tolerance: 0.0, free_energy: true };
        let crf = DenseCrf::of_points(n, &[term]).unwrap();
        let report = crf.infer_points(unary.mapv(|u| u as f32).view(), &config).unwrap().report;
        for pair in report.iterations.windows(2) {
            let (old, new) = (pair[0].free_energy.unwrap(), pair[1].free_energy.unwrap());
            prop_assert!(new <= old + 1e-4 * (1.0 + old.abs()), "{} after {}", new, old);
        }
    }
}
