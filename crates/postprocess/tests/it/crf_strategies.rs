//! Coarse to fine, search of parameters, tiles, only where needed.

use mapvec_postprocess::Error;
use mapvec_postprocess::crf::{
    Compatibility, DenseCrf, DenseCrfConfig, GateConfig, InferenceConfig, KernelShape,
    PairwiseTerm, SearchConfig, TileConfig, ValidationPicture, infer_coarse_to_fine, infer_tiles,
    infer_where_uncertain, mean_iou, search_on_pictures, search_parameters,
};
use ndarray::{Array2, Array3, s};

use crate::crf_scene::{iterations, noisy_unary, scene};

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
