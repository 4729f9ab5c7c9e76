use mapvec_fourier::{Error, PlaneWave, denoise};
use ndarray::{Array2, Array3, Axis, stack};
use proptest::prelude::*;

use crate::noise;

/// Mean of the squares.
fn power(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), v| (sum + v * v, count + 1.0));
    sum / count
}

#[test]
fn the_level_of_white_noise_is_found_beside_a_wave() {
    let size = (96, 80);
    let wave = PlaneWave::from_bin(size, [9.0, 7.0], 0.4).field(size);
    let noisy = |level: f64, seed| &wave + &(noise(size, seed) * level);
    let unit = power(noise(size, 1).into_iter());
    for level in [0.05, 0.5, 2.0] {
        let picture = stack(Axis(0), &[noisy(level, 1).view(), noisy(level, 2).view()]).unwrap();
        let found = denoise(picture.view(), 1.0).unwrap();
        for channel in &found.noise {
            let want = level * level * unit;
            assert!((channel / want - 1.0).abs() < 0.15, "{channel} {want}");
        }
        let share = level * level * unit / (level * level * unit + 0.5);
        assert!((found.noise_share - share).abs() < 0.1, "{} {share}", found.noise_share);
    }
}

#[test]
fn a_wave_comes_out_of_noise() {
    let size = (64, 64);
    let wave = PlaneWave::from_bin(size, [7.0, 3.0], 0.9).field(size);
    let noise = noise(size, 7);
    // 0 dB.
    let scale = (power(wave.iter().copied()) / power(noise.iter().copied())).sqrt();
    let picture = (&wave + &(noise * scale)).insert_axis(Axis(0));
    let error = |strength| {
        let found = denoise(picture.view(), strength).unwrap().picture;
        power((&found.index_axis(Axis(0), 0) - &wave).into_iter()) / power(wave.iter().copied())
    };
    assert!((error(0.0) - 1.0).abs() < 1e-9);
    let errors = [1.0, 2.0, 4.0].map(error);
    assert!(errors[0] < 0.3 && errors[1] < 0.12 && errors[2] < 0.04, "{errors:?}");
}

#[test]
fn the_scale_of_the_values_does_not_matter() {
    let picture = noise((12, 10), 3).insert_axis(Axis(0));
    let usual = denoise(picture.view(), 1.0).unwrap();
    for scale in [1e-200, 1e200] {
        let found = denoise((&picture * scale).view(), 1.0).unwrap();
        let apart = &found.picture / scale - &usual.picture;
        assert!(apart.iter().all(|d| d.abs() < 1e-9), "{scale}");
        assert!((found.noise_share - usual.noise_share).abs() < 1e-9, "{scale}");
    }
}

#[test]
fn what_does_not_vary_stays_and_bad_input_is_refused() {
    for size in [(1, 1), (1, 7), (5, 4)] {
        let flat = Array3::from_elem((2, size.0, size.1), 3.5);
        let found = denoise(flat.view(), 2.0).unwrap();
        assert!((&found.picture - &flat).iter().all(|d| d.abs() < 1e-12));
        assert!(found.noise.iter().all(|n| *n < 1e-20) && (0.0..=1.0).contains(&found.noise_share));
    }
    let picture = Array3::zeros((1, 4, 4));
    for strength in [-1.0, f64::NAN, f64::INFINITY] {
        let refused = denoise(picture.view(), strength);
        assert!(matches!(refused, Err(Error::Setting { field: "strength", .. })), "{refused:?}");
    }
    let mut bad = picture.clone();
    bad[(0, 1, 2)] = f64::NAN;
    assert!(matches!(denoise(bad.view(), 1.0), Err(Error::NotFinite { .. })));
    assert!(denoise(Array3::zeros((1, 0, 4)).view(), 1.0).is_err());
}

proptest! {
    /// Strength 0 changes nothing, more strength leaves less, and the mean stays.
    #[test]
    fn strength_takes_away_what_varies(h in 2_usize..20, w in 2_usize..20, seed in 0_u64..500, offset in -5.0..5.0_f64) {
        let plane: Array2<f64> = noise((h, w), seed) + offset;
        let picture = plane.clone().insert_axis(Axis(0));
        let whole = denoise(picture.view(), 0.0).unwrap();
        prop_assert!((&whole.picture - &picture).iter().all(|d| d.abs() < 1e-9));
        let mut last = f64::INFINITY;
        for strength in [0.0, 0.5, 1.0, 2.0, 5.0] {
            let found = denoise(picture.view(), strength).unwrap();
            let mean = found.picture.mean().unwrap();
            prop_assert!((mean - plane.mean().unwrap()).abs() < 1e-9);
            let left = power(found.picture.iter().map(|v| v - mean));
            prop_assert!(left <= last + 1e-12);
            last = left;
        }
    }
}
