//! Gated inference against the exact sum over the pixels that take part.

use mapvec_postprocess::crf::{
    DenseCrf, DenseCrfConfig, FeatureTerm, Features, FilterMethod, GateConfig, InferenceConfig,
    KernelShape, PairwiseTerm, infer_where_uncertain,
};
use ndarray::{Array2, Array3};
use proptest::prelude::*;

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
        let config = GateConfig {
            crf: DenseCrfConfig { terms: vec![PairwiseTerm::potts(kernel, 2.0)] },
            inference: InferenceConfig { iterations: 3, ..InferenceConfig::default() },
            confidence: 0.9,
            margin: 0,
        };
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
    let config = GateConfig {
        crf: DenseCrfConfig { terms: vec![PairwiseTerm::potts(kernel, 3.0)] },
        inference: InferenceConfig { iterations: 3, ..InferenceConfig::default() },
        confidence: 0.9,
        margin: 0,
    };
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
