use std::f64::consts::{PI, TAU};

use mapvec_fourier::{PlaneWave, ProposalConfig, dominant_wave, fit_wave};
use ndarray::Array2;
use proptest::prelude::*;

use crate::noise;

/// Distance of two frequencies, cycles per side of `n` px, and of two phases at its centre.
fn errors(found: &PlaneWave, truth: &PlaneWave, n: usize) -> [f64; 2] {
    let (found, truth) = (found.canonical(), truth.canonical());
    let [u, v] = [0, 1].map(|i| (found.frequency[i] - truth.frequency[i]) * n as f64);
    let middle = [n as f64 / 2.0; 2];
    let apart = (found.phase_at(middle) - truth.phase_at(middle) + PI).rem_euclid(TAU) - PI;
    [u.hypot(v), apart.abs()]
}

proptest! {
    #[test]
    fn waves_without_noise_are_found_exactly(
        h in 24_usize..64, w in 24_usize..64, angle in 0.0..PI, spacing in 2.6..7.0_f64, phase in -PI..PI, mean in -5.0..5.0_f64,
    ) {
        let wave = PlaneWave::from_crests(angle, spacing, phase);
        let patch = wave.field((h, w)).mapv(|value| mean + 0.3 * value);
        let found = dominant_wave(patch.view(), None, &ProposalConfig::default()).unwrap().unwrap();
        let [frequency, phase] = errors(&found.wave, &wave, 32);
        prop_assert!(frequency < 1e-5 && phase < 1e-5, "{found:?} is not {wave:?}");
        prop_assert!((found.amplitude - 0.3).abs() < 1e-6 && (found.mean - mean).abs() < 1e-6);
        prop_assert!(found.signal_to_noise() > 1e6);
    }

    /// A fit never leaves the wave that it started at worse.
    #[test]
    fn fits_explain_at_least_what_the_start_does(seed in 0_u64..300, u in -8.0..8.0_f64, v in 1.0..8.0_f64) {
        let patch = noise((20, 24), seed);
        let start = PlaneWave::from_bin((20, 24), [u, v], 0.0);
        let fit = fit_wave(patch.view(), None, &start).unwrap();
        let rest = |wave: &PlaneWave, amplitude: f64| {
            let field = wave.field((20, 24));
            let rest = &patch - &(field * amplitude);
            let mean = rest.mean().unwrap();
            rest.mapv(|value| (value - mean).powi(2)).mean().unwrap()
        };
        prop_assert!((rest(&fit.wave, fit.amplitude) - fit.residual).abs() < 1e-3);
        prop_assert!(fit.residual <= rest(&start, 0.1) + 1e-12);
    }
}

/// Single patterns of a power as large as that of the noise, 64 x 64 px.
#[test]
fn noise_of_equal_power_moves_frequencies_by_hundredths_of_bins() {
    let n = 64;
    let mut all = [Vec::new(), Vec::new()];
    for trial in 0..200_u64 {
        let draw = mapvec_testkit::uniform(3, 90 + trial, 0.0, 1.0);
        let wave = PlaneWave::from_crests(PI * draw[0], 3.0 + 9.0 * draw[1], TAU * draw[2]);
        let patch = wave.field((n, n)) + noise((n, n), 5000 + trial) * 0.5_f64.sqrt();
        let found = dominant_wave(patch.view(), None, &ProposalConfig::default()).unwrap().unwrap();
        let errors = errors(&found.wave, &wave, n);
        all.iter_mut().zip(errors).for_each(|(all, error)| all.push(error));
    }
    for (errors, most) in all.iter_mut().zip([0.02, 0.05]) {
        errors.sort_by(f64::total_cmp);
        let share = errors.iter().filter(|error| **error < most).count();
        assert!(errors[100] < most / 1.5 && share >= 180, "median {}, {share} of 200", errors[100]);
    }
}

#[test]
fn masks_and_constants() {
    let wave = PlaneWave::from_crests(1.0, 5.0, 0.3);
    let mut patch = wave.field((40, 40));
    let mask = Array2::from_shape_fn((40, 40), |(y, x)| f64::from(u8::from(x + y < 40)));
    patch.zip_mut_with(&mask, |value, weight| {
        if *weight == 0.0 {
            *value = 9.0;
        }
    });
    let found = dominant_wave(patch.view(), Some(mask.view()), &ProposalConfig::default()).unwrap();
    let [frequency, phase] = errors(&found.unwrap().wave, &wave, 40);
    assert!(frequency < 1e-5 && phase < 1e-5);
    let flat = Array2::from_elem((40, 40), 2.0);
    assert_eq!(dominant_wave(flat.view(), None, &ProposalConfig::default()).unwrap(), None);
    let fit = fit_wave(flat.view(), None, &wave).unwrap();
    assert!(fit.amplitude < 1e-9 && (fit.mean - 2.0).abs() < 1e-9);
}
