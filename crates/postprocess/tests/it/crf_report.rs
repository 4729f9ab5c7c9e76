//! What an inference reports of its iterations, and the free energy.

use mapvec_postprocess::crf::{
    Compatibility, DenseCrf, DenseCrfConfig, ExactCrf, ExactTerm, FeatureTerm, Features,
    FilterMethod, GateConfig, InferenceConfig, Normalization, infer_where_uncertain,
};
use mapvec_testkit::uniform;
use ndarray::Array2;
use proptest::prelude::*;

use crate::crf_scene::{flat, noisy_unary, published, scene, twin};

#[test]
fn the_report_tells_changes_and_the_free_energy_falls() {
    let (image, labels) = scene(24, 32, 101);
    let unary = noisy_unary(&labels, 4, 103);
    let config = published("full", FilterMethod::Exact);
    let crf = DenseCrf::new(image.view(), &config).unwrap();
    let inference = InferenceConfig {
        iterations: 400,
        tolerance: 1e-5,
        free_energy: true,
        ..InferenceConfig::default()
    };
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
    let largest = last.largest_change.unwrap();
    assert!(largest <= 1e-5 && last.mean_change.unwrap() <= f64::from(largest));
}

/// Where changes are measured, the probabilities of the update before are kept.
#[test]
fn measured_changes_are_those_between_iterates_and_change_nothing() {
    for (size, classes) in [((230, 300), 6), ((17, 23), 2), ((40, 64), 21)] {
        let (image, labels) = scene(size.0, size.1, 31);
        let unary = noisy_unary(&labels, classes, 32);
        let crf = DenseCrf::new(image.view(), &DenseCrfConfig::default()).unwrap();
        let run = |iterations, changes| {
            let inference = InferenceConfig { iterations, changes, ..InferenceConfig::default() };
            crf.infer(unary.view(), &inference).unwrap()
        };
        let (plain, measured) = (run(3, false), run(3, true));
        assert_eq!(plain.probabilities, measured.probabilities);
        assert_eq!(plain.labels, measured.labels);
        let steps = &plain.report.iterations;
        assert!(steps.len() == 3 && steps.iter().all(|step| step.largest_change.is_none()));
        let mut before = run(0, true).probabilities;
        for (iterations, step) in (1..).zip(&measured.report.iterations) {
            let after = run(iterations, false).probabilities;
            let moved = (&after - &before).mapv(f32::abs);
            let largest = moved.iter().fold(0.0_f32, |m, &v| m.max(v));
            let mean = moved.iter().map(|&v| f64::from(v)).sum::<f64>() / moved.len() as f64;
            assert_eq!(step.largest_change, Some(largest));
            assert!((step.mean_change.unwrap() - mean).abs() < 1e-5 * mean, "{step:?} {mean}");
            before = after;
        }
    }
}

#[test]
fn gates_measure_changes_without_changing_anything() {
    let (image, labels) = scene(70, 90, 33);
    let unary = noisy_unary(&labels, 3, 34);
    let run = |changes| {
        let inference = InferenceConfig { changes, ..InferenceConfig::default() };
        let config = GateConfig { inference, confidence: 0.7, ..GateConfig::default() };
        infer_where_uncertain(image.view(), unary.view(), &config).unwrap()
    };
    let (plain, measured) = (run(false), run(true));
    assert_eq!(plain.probabilities, measured.probabilities);
    assert!(measured.report.iterations.iter().all(|step| step.mean_change.is_some()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

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
        let config = InferenceConfig { iterations: 8, free_energy: true, ..InferenceConfig::default() };
        let crf = DenseCrf::of_points(n, &[term]).unwrap();
        let report = crf.infer_points(unary.mapv(|u| u as f32).view(), &config).unwrap().report;
        for pair in report.iterations.windows(2) {
            let (old, new) = (pair[0].free_energy.unwrap(), pair[1].free_energy.unwrap());
            prop_assert!(new <= old + 1e-4 * (1.0 + old.abs()), "{} after {}", new, old);
        }
    }
}
