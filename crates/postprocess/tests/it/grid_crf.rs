//! The grid CRF: energies do not rise, and two labels are cut at the least energy.

use mapvec_postprocess::crf::{BeliefPropagationConfig, GridCrf, GridCrfConfig, GridLabels};
use mapvec_postprocess::{Connectivity, Error};
use mapvec_testkit::uniform;
use ndarray::{Array2, Array3};
use proptest::prelude::*;

fn random(shape: (usize, usize, usize), seed: u64, high: f64) -> Array3<f32> {
    let count = shape.0 * shape.1 * shape.2;
    let values = uniform(count, seed, 0.0, high).into_iter().map(|v| v as f32).collect();
    Array3::from_shape_vec(shape, values).unwrap()
}

fn config(connectivity: Connectivity, alpha: f64) -> GridCrfConfig {
    GridCrfConfig { connectivity, alpha, sigma: 40.0 }
}

/// The energy as the definition says, without the crate.
fn energy(
    image: &Array3<f32>,
    unary: &Array3<f32>,
    labels: &Array2<usize>,
    config: &GridCrfConfig,
) -> f64 {
    let (h, w) = labels.dim();
    let pixels: Vec<(usize, usize)> = (0..h).flat_map(|y| (0..w).map(move |x| (y, x))).collect();
    let mut sum = 0.0;
    for &(y, x) in &pixels {
        sum += f64::from(unary[(labels[(y, x)], y, x)]);
        for &(v, u) in &pixels {
            let (down, right) = (y.abs_diff(v), x.abs_diff(u));
            let near = match config.connectivity {
                Connectivity::Four => down + right == 1,
                Connectivity::Eight => down.max(right) == 1,
            };
            if near && labels[(y, x)] != labels[(v, u)] {
                let square: f64 = (0..image.dim().0)
                    .map(|c| f64::from(image[(c, y, x)] - image[(c, v, u)]).powi(2))
                    .sum();
                // Each pair comes twice.
                sum += 0.5 * config.alpha * (-square / (2.0 * config.sigma.powi(2))).exp();
            }
        }
    }
    sum
}

fn falls(result: &GridLabels) -> bool {
    result.energies.windows(2).all(|pair| pair[1] <= pair[0] + 1e-9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn energies_are_as_defined_and_do_not_rise(
        h in 1_usize..9, w in 1_usize..9, classes in 1_usize..5, eight: bool,
        alpha in 0.0_f64..4.0, seed in 0_u64..1000,
    ) {
        let connectivity = if eight { Connectivity::Eight } else { Connectivity::Four };
        let config = config(connectivity, alpha);
        let (image, unary) = (random((3, h, w), seed, 255.0), random((classes, h, w), seed + 1, 3.0));
        let crf = GridCrf::new(image.view(), &config).unwrap();
        let modes = crf.iterated_modes(unary.view(), 50).unwrap();
        let cut = crf.expansion(unary.view(), 50).unwrap();
        let bp = crf
            .belief_propagation(unary.view(), &BeliefPropagationConfig::default())
            .unwrap();
        prop_assert!(falls(&modes) && falls(&cut));
        for result in [&modes, &cut, &bp] {
            let expected = energy(&image, &unary, &result.labels, &config);
            let reported = crf.energy(unary.view(), result.labels.view()).unwrap();
            prop_assert!((reported - expected).abs() < 1e-4);
            prop_assert!(reported <= result.energies[0] + 1e-9);
        }
        let last = cut.energies.last().unwrap();
        prop_assert!((crf.energy(unary.view(), cut.labels.view()).unwrap() - last).abs() < 1e-9);
        // A local minimum of single changes is no better than one of sets of changes can be
        // by chance only; the bound of expansions always holds.
        prop_assert!(*last <= 2.0 * modes.energies.last().unwrap() + 1e-9);
    }

    #[test]
    fn two_labels_are_cut_at_the_least_energy(
        h in 1_usize..4, w in 1_usize..4, eight: bool, alpha in 0.0_f64..3.0, seed in 0_u64..1000,
    ) {
        let connectivity = if eight { Connectivity::Eight } else { Connectivity::Four };
        let config = config(connectivity, alpha);
        let (image, unary) = (random((1, h, w), seed, 100.0), random((2, h, w), seed + 1, 2.0));
        let crf = GridCrf::new(image.view(), &config).unwrap();
        let cut = crf.expansion(unary.view(), 50).unwrap();
        let least = (0..1_usize << (h * w))
            .map(|bits| {
                let labels = Array2::from_shape_fn((h, w), |(y, x)| (bits >> (y * w + x)) & 1);
                energy(&image, &unary, &labels, &config)
            })
            .fold(f64::INFINITY, f64::min);
        let found = energy(&image, &unary, &cut.labels, &config);
        prop_assert!((found - least).abs() < 1e-6, "{found} {least}");
    }
}

#[test]
fn belief_propagation_is_exact_on_a_chain() {
    let config = config(Connectivity::Four, 1.0);
    let (image, unary) = (random((1, 1, 9), 3, 60.0), random((2, 1, 9), 4, 2.0));
    let crf = GridCrf::new(image.view(), &config).unwrap();
    let bp = BeliefPropagationConfig { damping: 0.0, ..BeliefPropagationConfig::default() };
    let bp = crf.belief_propagation(unary.view(), &bp).unwrap();
    let cut = crf.expansion(unary.view(), 50).unwrap();
    assert_eq!(bp.labels, cut.labels);
}

#[test]
fn bad_inputs_are_errors_and_empty_ones_are_empty() {
    let image = random((1, 2, 3), 1, 9.0);
    let crf = GridCrf::new(image.view(), &GridCrfConfig::default()).unwrap();
    let mut unary = random((2, 2, 3), 2, 1.0);
    unary[(1, 1, 0)] = f32::NAN;
    let refused = crf.expansion(unary.view(), 5);
    assert!(matches!(refused, Err(Error::InvalidUnary { class: 1, point: 3, .. })));
    let refused = crf.iterated_modes(random((2, 3, 2), 2, 1.0).view(), 5);
    assert!(matches!(refused, Err(Error::LengthMismatch { .. })));
    assert!(GridCrfConfig { alpha: f64::NAN, ..GridCrfConfig::default() }.validate().is_err());
    let damped = BeliefPropagationConfig { damping: 1.0, ..BeliefPropagationConfig::default() };
    assert!(damped.validate().is_err());
    let empty = Array3::zeros((1, 0, 4));
    let crf = GridCrf::new(empty.view(), &GridCrfConfig::default()).unwrap();
    let labels = crf.expansion(Array3::zeros((2, 0, 4)).view(), 5).unwrap().labels;
    assert_eq!(labels.dim(), (0, 4));
}
