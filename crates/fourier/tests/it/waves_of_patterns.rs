//! Searching, comparing and suppressing waves.

use std::f64::consts::PI;

use mapvec_fourier::{
    PlaneWave, SearchConfig, SimilarityConfig, SuppressConfig, search_shift, suppress_waves,
    wave_similarity,
};
use ndarray::Array2;
use proptest::prelude::*;

/// The lines of a wave, a third of the spacing wide, inside a disc.
fn mask(wave: &PlaneWave, side: usize) -> Array2<f64> {
    let middle = side as f64 / 2.0;
    let field = wave.field((side, side));
    Array2::from_shape_fn((side, side), |(y, x)| {
        let inside = (x as f64 - middle).hypot(y as f64 - middle) < 0.45 * side as f64;
        f64::from(u8::from(inside && field[(y, x)] > 0.5))
    })
}

/// Distance of frequencies, bins of a side.
fn bins_apart(a: &PlaneWave, b: &PlaneWave, side: usize) -> f64 {
    let ([u, v], [s, t]) = (a.canonical().frequency, b.canonical().frequency);
    (u - s).hypot(v - t).min((u + s).hypot(v + t)) * side as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn searches_find_frequencies_between_bins(
        angle in 0.0..PI, spacing in 4.0..9.0_f64, phase in -PI..PI, du in -0.6..0.6_f64, dv in -0.6..0.6_f64,
    ) {
        let side = 48;
        let truth = PlaneWave::from_crests(angle, spacing, phase);
        let mask = mask(&truth, side);
        let [u, v] = truth.frequency;
        let start = PlaneWave { frequency: [u + du / side as f64, v + dv / side as f64], phase: 0.0 };
        // Of lines near an axis or a diagonal, a mask of whole pixels shows a step or none.
        let turned = (angle + 0.125 * PI).rem_euclid(0.25 * PI) - 0.125 * PI;
        let (coarse, fine) = if turned.abs() < 0.04 { (0.4, 0.3) } else { (0.25, 0.12) };
        let grid = search_shift(mask.view(), &start, &SearchConfig { iterations: 0, ..SearchConfig::default() }).unwrap();
        prop_assert!(bins_apart(&grid.wave, &truth, side) < coarse, "{}", bins_apart(&grid.wave, &truth, side));
        let found = search_shift(mask.view(), &start, &SearchConfig::default()).unwrap();
        prop_assert!(found.score >= found.grid_score && found.grid_score == grid.score);
        prop_assert!(bins_apart(&found.wave, &truth, side) < fine, "{}", bins_apart(&found.wave, &truth, side));
        let middle = [side as f64 / 2.0; 2];
        prop_assert!((found.wave.phase_at(middle).cos() - truth.phase_at(middle).cos()).abs() < 0.3);
    }

    #[test]
    fn similarity_is_symmetric_and_the_same_for_both_forms(
        a in prop::array::uniform3(-1.0..1.0_f64), b in prop::array::uniform3(-1.0..1.0_f64), x in -9.0..9.0_f64,
    ) {
        let wave = |[u, v, phase]: [f64; 3]| PlaneWave { frequency: [u, v], phase: 3.0 * phase };
        let (a, b) = (wave(a), wave(b));
        let config = SimilarityConfig { at: [x, -x], ..SimilarityConfig::default() };
        let score = wave_similarity(&a, &b, &config).unwrap();
        prop_assert!((0.0..=1.0).contains(&score));
        prop_assert!((wave_similarity(&b, &a, &config).unwrap() - score).abs() < 1e-12);
        prop_assert!((wave_similarity(&a.canonical(), &b, &config).unwrap() - score).abs() < 1e-9);
        prop_assert!(wave_similarity(&a, &a.canonical(), &config).unwrap() > 1.0 - 1e-9);
    }

    #[test]
    fn suppression_is_idempotent_and_keeps_the_best(count in 0_usize..30, seed in 0_u64..200) {
        let draw = |seed, low, high| mapvec_testkit::uniform(count, seed, low, high);
        let (u, v, scores) = (draw(seed, -0.4, 0.4), draw(seed + 1, -0.4, 0.4), draw(seed + 2, 0.0, 1.0));
        let waves: Vec<_> = (0..count).map(|i| PlaneWave { frequency: [u[i], v[i]], phase: 0.0 }).collect();
        let config = SuppressConfig::default();
        let kept = suppress_waves(&waves, &scores, &config).unwrap();
        let pick = |all: &[f64]| kept.iter().map(|&i| all[i]).collect::<Vec<_>>();
        prop_assert!(pick(&scores).windows(2).all(|pair| pair[0] >= pair[1]));
        if let Some(best) = (0..count).max_by(|&a, &b| scores[a].total_cmp(&scores[b])) {
            prop_assert_eq!(kept[0], best);
        }
        let again: Vec<_> = kept.iter().map(|&i| waves[i]).collect();
        let rest = suppress_waves(&again, &pick(&scores), &config).unwrap();
        prop_assert_eq!(rest, (0..kept.len()).collect::<Vec<_>>());
    }
}

#[test]
fn similarity_of_known_waves() {
    let config = SimilarityConfig::default();
    let wave = |u, v, phase| PlaneWave { frequency: [u, v], phase };
    let score = |a, b| wave_similarity(&a, &b, &config).unwrap();
    // Half the size; a right angle; the opposite phase: each costs its share.
    assert!((score(wave(0.2, 0.0, 0.0), wave(0.1, 0.0, 0.0)) - (1.0 - 0.5 / 3.0)).abs() < 1e-12);
    assert!((score(wave(0.2, 0.0, 0.0), wave(0.0, 0.2, 0.0)) - 2.0 / 3.0).abs() < 1e-12);
    assert!((score(wave(0.2, 0.0, 0.0), wave(0.2, 0.0, PI)) - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(score(wave(0.0, 0.0, 0.0), wave(0.0, 0.0, 0.0)), 1.0);
    let only = SimilarityConfig { magnitude_weight: 0.0, phase_weight: 0.0, ..config };
    let turned = wave_similarity(&wave(0.2, 0.0, 0.0), &wave(0.0, 0.2, 0.0), &only).unwrap();
    assert!(turned.abs() < 1e-12);
}

#[test]
fn harmonics_go_with_their_pattern() {
    let wave = |u, v| PlaneWave { frequency: [u, v], phase: 0.0 };
    let waves =
        [wave(0.1, 0.05), wave(-0.2, -0.1), wave(0.3, 0.15), wave(0.05, -0.1), wave(0.11, 0.06)];
    let scores = [1.0, 0.5, 0.4, 0.3, 0.9];
    let config = SuppressConfig { radius: 0.02, harmonics: 4 };
    assert_eq!(suppress_waves(&waves, &scores, &config).unwrap(), [0, 3]);
    let alone = SuppressConfig { harmonics: 1, ..config };
    assert_eq!(suppress_waves(&waves, &scores, &alone).unwrap(), [0, 1, 2, 3]);
}

#[test]
fn a_mask_without_pixels_leaves_the_wave() {
    let wave = PlaneWave::from_crests(1.0, 5.0, 0.2);
    let found =
        search_shift(Array2::zeros((20, 20)).view(), &wave, &SearchConfig::default()).unwrap();
    assert_eq!(found.score, 0.0);
    assert_eq!(found.wave, wave.canonical());
}
