//! Gated inference against the exact sum over the pixels that take part; with a stride, against
//! the sum over the sample, and what must hold for any picture.

use mapvec_postprocess::Error;
use mapvec_postprocess::crf::{
    Compatibility, DenseCrf, DenseCrfConfig, FeatureTerm, Features, FilterMethod, GateConfig,
    KernelShape, Normalization, PairwiseTerm, infer_where_uncertain,
};
use ndarray::{Array2, Array3, s};
use proptest::prelude::*;

use crate::crf_scene::{iterations, noisy_unary, scene};

/// Three updates of what is less sure than 0.9, without a margin.
fn three_updates(term: PairwiseTerm) -> GateConfig {
    GateConfig {
        crf: DenseCrfConfig { terms: vec![term] },
        inference: iterations(3),
        confidence: 0.9,
        margin: 0,
        ..GateConfig::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn uncertain_pixels_anywhere_see_each_other_as_by_all_pairs(
        height in 1_usize..50, width in 1_usize..50, classes in 2_usize..11,
        corner in (0_usize..50, 0_usize..50), size in (1_usize..20, 1_usize..20), holes in 1_usize..6,
        sigma in (0.5..12.0, 0.5..12.0), seed in 0_u64..1000,
    ) {
        let noise = mapvec_testkit::uniform(classes * height * width, seed, 0.0, 0.5);
        let noise = noise.iter().map(|&v| v as f32).collect();
        let mut unary = Array3::from_shape_vec((classes, height, width), noise).unwrap();
        let (top, left) = (corner.0 % height, corner.1 % width);
        let mut chosen = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let inside = (top..top + size.0).contains(&y) && (left..left + size.1).contains(&x);
                if inside && (y * 7 + x * 3) % holes == 0 {
                    chosen.push((y, x));
                } else {
                    unary[((y + x) % classes, y, x)] -= 20.0;
                }
            }
        }
        let kernel = KernelShape::Gaussian { sigma: [sigma.0, sigma.1] };
        let config = three_updates(PairwiseTerm::potts(kernel, 2.0));
        let image = Array3::zeros((3, height, width));
        let gated = infer_where_uncertain(image.view(), unary.view(), &config).unwrap();

        let places = Array2::from_shape_fn((2, chosen.len()), |(axis, i)| {
            let (y, x) = chosen[i];
            if axis == 0 { (x as f64 / sigma.1) as f32 } else { (y as f64 / sigma.0) as f32 }
        });
        if chosen.is_empty() {
            return Ok(());
        }
        let term = FeatureTerm {
            method: FilterMethod::Exact,
            ..FeatureTerm::potts(Features::new(places).unwrap(), 2.0)
        };
        let own = Array2::from_shape_fn((classes, chosen.len()), |(class, i)| {
            unary[(class, chosen[i].0, chosen[i].1)]
        });
        let exact = DenseCrf::of_points(chosen.len(), &[term])
            .and_then(|crf| crf.infer_points(own.view(), &config.inference))
            .unwrap();
        for (i, &(y, x)) in chosen.iter().enumerate() {
            for class in 0..classes {
                let (gated, exact) =
                    (gated.probabilities[(class, y, x)], exact.probabilities[(class, i)]);
                prop_assert!((gated - exact).abs() < 1e-3, "{y} {x} {class}: {gated} {exact}");
            }
        }
    }
}

/// Energies between two bounds.
fn energies(classes: usize, (height, width): (usize, usize), seed: u64, range: f64) -> Array3<f32> {
    let values = mapvec_testkit::uniform(classes * height * width, seed, 0.0, range);
    let values = values.iter().map(|&v| v as f32).collect();
    Array3::from_shape_vec((classes, height, width), values).unwrap()
}

/// The pixels of a sample along one axis.
fn sample(size: usize, stride: usize) -> Vec<usize> {
    ((stride / 2).min(size - 1)..size).step_by(stride).collect()
}

/// Classes of all pixels: the mean field of a sample by all pairs, and one update of every pixel
/// by the sums over the sample.
fn naive(
    unary: &Array3<f32>,
    (sigma, weight): ([f64; 2], f32),
    normalization: Normalization,
    stride: usize,
) -> Array3<f32> {
    let (classes, height, width) = unary.dim();
    let (rows, columns) = (sample(height, stride), sample(width, stride));
    let points: Vec<(usize, usize)> =
        rows.iter().flat_map(|&y| columns.iter().map(move |&x| (y, x))).collect();
    let kernel = |a: (usize, usize), b: (usize, usize)| {
        let y = a.0.abs_diff(b.0) as f64 / sigma[0];
        let x = a.1.abs_diff(b.1) as f64 / sigma[1];
        (-0.5 * (x * x + y * y)).exp()
    };
    let sum = |at| points.iter().map(|&b| kernel(at, b)).sum::<f64>();
    let places = Array2::from_shape_fn((2, points.len()), |(axis, i)| {
        let (y, x) = points[i];
        if axis == 0 { (x as f64 / sigma[1]) as f32 } else { (y as f64 / sigma[0]) as f32 }
    });
    // Without a normalisation a point stands for the pixels of its cell.
    let cell = if normalization == Normalization::None { (stride * stride) as f32 } else { 1.0 };
    let term = FeatureTerm {
        normalization,
        method: FilterMethod::Exact,
        ..FeatureTerm::potts(Features::new(places).unwrap(), weight * cell)
    };
    let own = Array2::from_shape_fn((classes, points.len()), |(class, i)| {
        unary[(class, points[i].0, points[i].1)]
    });
    let crf = DenseCrf::of_points(points.len(), &[term]).unwrap();
    let given = crf.infer_points(own.view(), &iterations(3)).unwrap().probabilities;
    let before: Vec<f64> = points
        .iter()
        .map(|&point| match normalization {
            Normalization::None | Normalization::After => 1.0,
            Normalization::Before => 1.0 / sum(point),
            Normalization::Symmetric => 1.0 / sum(point).sqrt(),
        })
        .collect();
    let mut out = Array3::zeros(unary.dim());
    for y in 0..height {
        for x in 0..width {
            let after = match normalization {
                Normalization::None | Normalization::Before => 1.0,
                Normalization::After => 1.0 / sum((y, x)),
                Normalization::Symmetric => 1.0 / sum((y, x)).sqrt(),
            };
            let logits: Vec<f64> = (0..classes)
                .map(|class| {
                    let gets = points.iter().enumerate().map(|(i, &point)| {
                        kernel((y, x), point) * before[i] * f64::from(given[(class, i)])
                    });
                    f64::from(weight * cell) * after * gets.sum::<f64>()
                        - f64::from(unary[(class, y, x)])
                })
                .collect();
            let all: f64 = logits.iter().map(|logit| logit.exp()).sum();
            for (class, logit) in logits.iter().enumerate() {
                out[(class, y, x)] = (logit.exp() / all) as f32;
            }
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn with_a_stride_pixels_get_the_sums_over_the_sample(
        height in 8_usize..40, width in 8_usize..40, classes in 2_usize..11, stride in 2_usize..5,
        sigma in (2.5..5.0, 2.5..5.0), rule in 0_usize..4, lattice in any::<bool>(), seed in 0_u64..1000,
    ) {
        let normalization = [
            Normalization::None, Normalization::Before, Normalization::After, Normalization::Symmetric,
        ][rule];
        let sigma = [sigma.0 * stride as f64, sigma.1 * stride as f64];
        // Sums that are not normalised are as large as the kernel.
        let weight = if normalization == Normalization::None {
            (2.0 / (std::f64::consts::TAU * sigma[0] * sigma[1])) as f32
        } else {
            2.0
        };
        let unary = energies(classes, (height, width), seed, 3.0);
        let term = PairwiseTerm {
            normalization,
            method: if lattice { FilterMethod::Lattice } else { FilterMethod::Auto },
            ..PairwiseTerm::potts(KernelShape::Gaussian { sigma }, weight)
        };
        let config = GateConfig {
            crf: DenseCrfConfig { terms: vec![term] },
            inference: iterations(3),
            confidence: 1.0,
            agreement: 1.0,
            stride,
            ..GateConfig::default()
        };
        let image = Array3::zeros((1, height, width));
        let found = infer_where_uncertain(image.view(), unary.view(), &config).unwrap();
        let naive = naive(&unary, (sigma, weight), normalization, stride);
        // The lattice is no exact Gaussian, and a convolution is read between its points.
        let differences = (&found.probabilities - &naive).mapv(f32::abs);
        let (mean, largest) = (differences.mean().unwrap(), differences.fold(0.0_f32, |m, &v| m.max(v)));
        prop_assert!(mean < 0.01 && largest < 0.1, "{mean} {largest}");
    }

    #[test]
    fn pictures_of_any_size_have_probabilities_and_certain_pixels_stay(
        height in 1_usize..24, width in 1_usize..24, classes in 1_usize..11, stride in 1_usize..30,
        confidence in 0.0_f32..=1.0, margin in 0_usize..4, agreement in 0.0_f32..=1.0,
        kind in 0_usize..3, seed in 0_u64..1000,
    ) {
        let (image, _) = scene(height, width, seed);
        let unary = energies(classes, (height, width), seed, 5.0);
        let compatibility = [
            Compatibility::Potts(3.0),
            Compatibility::PerClass((0..classes).map(|class| class as f32).collect()),
            Compatibility::Matrix(vec![vec![0.5; classes]; classes]),
        ][kind].clone();
        let mut crf = DenseCrfConfig::default();
        for term in &mut crf.terms {
            term.compatibility = compatibility.clone();
        }
        let config = GateConfig {
            crf, inference: iterations(2), confidence, margin, stride, widening: 1.4, agreement,
        };
        let found = infer_where_uncertain(image.view(), unary.view(), &config).unwrap();
        let plain = DenseCrf::new(image.view(), &DenseCrfConfig { terms: Vec::new() }).unwrap();
        let plain = plain.infer(unary.view(), &iterations(0)).unwrap();
        for y in 0..height {
            for x in 0..width {
                let all = found.probabilities.slice(s![.., y, x]);
                let label = found.labels[(y, x)];
                prop_assert!((all.sum() - 1.0).abs() < 1e-5, "{all}");
                prop_assert!(all.iter().all(|&p| p <= all[label]), "{all} {label}");
                let own = plain.labels[(y, x)];
                if plain.probabilities[(own, y, x)] >= confidence {
                    prop_assert_eq!(&all, &plain.probabilities.slice(s![.., y, x]));
                    prop_assert_eq!(label, own);
                }
            }
        }
    }
}

#[test]
fn a_sample_keeps_most_of_what_the_whole_field_gains() {
    let (image, labels) = scene(151, 142, 5);
    let unary = noisy_unary(&labels, 3, 6);
    let crf = DenseCrfConfig::default();
    let right = |found: &Array2<usize>| {
        found.iter().zip(&labels).filter(|(found, label)| **found == **label % 3).count()
    };
    let field = DenseCrf::new(image.view(), &crf).unwrap();
    let before = right(&field.infer(unary.view(), &iterations(0)).unwrap().labels);
    let whole = right(&field.infer(unary.view(), &iterations(5)).unwrap().labels);
    assert!(whole > before + 1000, "{before} {whole}");
    for stride in 2..5 {
        let gate = GateConfig { confidence: 1.0, margin: 0, stride, ..GateConfig::default() };
        let config = GateConfig { crf: crf.clone(), widening: 1.4, ..gate };
        let found =
            right(&infer_where_uncertain(image.view(), unary.view(), &config).unwrap().labels);
        assert!(
            (found - before) * 100 >= (whole - before) * 90,
            "{stride}: {before} {found} {whole}"
        );
    }
}

#[test]
fn a_sample_in_many_bands_has_the_same_bytes_at_any_number_of_threads() {
    let (image, labels) = scene(380, 371, 7);
    let unary = noisy_unary(&labels, 5, 8);
    let config = GateConfig { confidence: 1.0, margin: 0, stride: 2, ..GateConfig::default() };
    let infer = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| infer_where_uncertain(image.view(), unary.view(), &config).unwrap())
    };
    let one = infer(1);
    for threads in 2..4 {
        let other = infer(threads);
        assert_eq!(other.probabilities, one.probabilities, "{threads} threads");
        assert_eq!(other.labels, one.labels, "{threads} threads");
    }
}

#[test]
fn a_colour_that_the_sample_has_not_seen_hears_itself_only() {
    // Only the corner is coloured, and no row or column of the sample goes through it.
    let mut image = Array3::zeros((3, 9, 9));
    image.slice_mut(s![.., 0, 0]).fill(1e4);
    let unary = energies(2, (9, 9), 3, 1.0);
    let kernel = KernelShape::Bilateral { sigma: [8.0; 2], color_sigma: vec![1.0] };
    let config = GateConfig {
        crf: DenseCrfConfig { terms: vec![PairwiseTerm::potts(kernel, 3.0)] },
        confidence: 1.0,
        stride: 3,
        agreement: 1.0,
        ..GateConfig::default()
    };
    let found = infer_where_uncertain(image.view(), unary.view(), &config).unwrap();
    let softmax = |logits: ndarray::Array1<f32>| {
        let all = logits.mapv(f32::exp);
        &all / all.sum()
    };
    let own = -unary.slice(s![.., 0, 0]).to_owned();
    let expected = softmax(&own + &(3.0 * &softmax(own.clone())));
    for class in 0..2 {
        assert!((found.probabilities[(class, 0, 0)] - expected[class]).abs() < 1e-5);
    }
    let moved = |y, x| {
        let own = -unary.slice(s![.., y, x]).to_owned();
        let alone = softmax(&own + &(3.0 * &softmax(own.clone())));
        (found.probabilities[(0, y, x)] - alone[0]).abs()
    };
    assert!(moved(5, 5) > 0.01);
}

#[test]
fn settings_and_pictures_that_do_not_fit_are_refused() {
    let unary = energies(2, (6, 6), 3, 1.0);
    let refused = |image: &Array3<f32>, config: &GateConfig| {
        infer_where_uncertain(image.view(), unary.view(), config).unwrap_err()
    };
    let image = Array3::zeros((3, 6, 6));
    let gate = GateConfig { confidence: 1.0, stride: 2, ..GateConfig::default() };
    let mut exact = gate.clone();
    exact.crf.terms[0].method = FilterMethod::Exact;
    for (config, wrong) in [
        (GateConfig { stride: 0, ..gate.clone() }, "stride"),
        (GateConfig { stride: 65, ..gate.clone() }, "stride"),
        (exact, "stride"),
        (GateConfig { widening: 0.5, ..gate.clone() }, "widening"),
        (GateConfig { widening: f64::NAN, ..gate.clone() }, "widening"),
        (GateConfig { agreement: 1.5, ..gate.clone() }, "agreement"),
        (GateConfig { confidence: f32::NAN, ..gate.clone() }, "confidence"),
    ] {
        let error = refused(&image, &config);
        assert!(
            matches!(error, Error::InvalidSetting { field, .. } if field == wrong),
            "{wrong}: {error}"
        );
    }
    // Between the rows and columns of the sample.
    let mut broken = image;
    broken[(1, 2, 4)] = f32::NAN;
    let error = refused(&broken, &gate);
    assert!(matches!(error, Error::InvalidFeature { dimension: 3, point: 16, .. }), "{error}");

    let nothing = infer_where_uncertain(
        Array3::zeros((3, 0, 5)).view(),
        Array3::zeros((2, 0, 5)).view(),
        &gate,
    );
    assert_eq!(nothing.unwrap().labels.dim(), (0, 5));
}

#[test]
fn gates_of_many_bands_are_those_of_their_parts_at_any_number_of_threads() {
    // Two regions that do not see each other, with certain rows and columns in them.
    let (height, width, classes) = (300, 310, 3);
    let mut unary = Array3::from_shape_vec(
        (classes, height, width),
        mapvec_testkit::uniform(classes * height * width, 5, 0.0, 0.5)
            .iter()
            .map(|&v| v as f32)
            .collect(),
    )
    .unwrap();
    let apart = |y: usize| (120..180).contains(&y);
    for y in 0..height {
        for x in 0..width {
            if apart(y) || y % 17 == 3 || x < 2 || (x + y) % 29 == 0 {
                unary[((y + x) % classes, y, x)] -= 20.0;
            }
        }
    }
    let kernel = KernelShape::Gaussian { sigma: [3.0, 4.0] };
    let config = three_updates(PairwiseTerm::potts(kernel, 3.0));
    let infer = |rows: std::ops::Range<usize>| {
        let image = Array3::zeros((3, rows.len(), width));
        let part = unary.slice(ndarray::s![.., rows, ..]);
        infer_where_uncertain(image.view(), part, &config).unwrap()
    };
    let whole = infer(0..height);
    for threads in 1..4 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let again = pool.install(|| infer(0..height));
        assert_eq!(again.probabilities, whole.probabilities, "{threads} threads");
        assert_eq!(again.labels, whole.labels, "{threads} threads");
    }
    for rows in [0..150, 150..height] {
        let part = infer(rows.clone());
        let same = whole.probabilities.slice(ndarray::s![.., rows, ..]);
        let largest = (&same - &part.probabilities).fold(0.0_f32, |m, v| m.max(v.abs()));
        assert!(largest < 1e-3, "{largest}");
    }
}
