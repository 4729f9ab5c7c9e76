//! Similarity of pixels: golden values, rows against whole matrices, properties.
//!
//! The expected numbers are `torch` 2.15 in double precision on the same inputs.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{
    Error, MaskMapConfig, PixelWeights, Reduction, SimilarityConfig, SimilarityForm, mask_map_loss,
    similarity_cross_entropy,
};
use proptest::prelude::*;

use crate::support::{
    DTYPES, assert_finite, assert_golden, assert_gradient, assert_near, assert_nothing, bell, even,
    gradient, scalar, tensor, values, var, whole,
};

/// Masks of `p` patterns that do not overlap; the last is empty.
fn masks(b: usize, p: usize, n: usize, seed: u64) -> Tensor {
    let ids = whole(b * n, seed, 0, i64::try_from(p).unwrap() - 1);
    let mut values = vec![0.0; b * p * n];
    for (i, id) in ids.into_iter().enumerate() {
        values[(i / n * p + id) * n + i % n] = 1.0;
    }
    tensor(values, (b, p, n))
}

fn config(form: SimilarityForm) -> SimilarityConfig {
    SimilarityConfig { form, ..SimilarityConfig::default() }
}

fn by_area(form: SimilarityForm) -> SimilarityConfig {
    let pixel_weights = PixelWeights::PatternArea;
    SimilarityConfig { pixel_weights, label_smoothing: 0.1, ..config(form) }
}

#[test]
fn losses_equal_the_golden_values() {
    let (b, p, n) = (2, 4, 36);
    let y = masks(b, p, n, 62000);
    let q = var(&even((b, n, n), 62001, 0.01, 0.99));
    let z = var(&(bell((b, n, n), 62002) * 2.0).unwrap());
    let v = even((b, n), 62003, 0.0, 1.0);
    let (plain, logits) = (SimilarityForm::Probabilities, SimilarityForm::Logits);
    let golden = [
        (
            &q,
            config(plain),
            None,
            [9.451437817358763e-1, 1.916897418402278e-1, -4.920671985496889e-2],
        ),
        (&z, config(logits), None, [1.07046661602024, 1.165478390508585e-2, 8.498839221503008e-4]),
        (
            &q,
            by_area(plain),
            None,
            [9.466969823422884e-1, 1.824537370858999e-1, -2.269424561614677e-2],
        ),
        (
            &z,
            by_area(logits),
            None,
            [1.076317899041118, 1.111840568325678e-2, 9.544143169146467e-4],
        ),
        (
            &z,
            by_area(logits),
            Some(&v),
            [1.064073370454799, 1.25576640773297e-2, -2.006852218754794e-3],
        ),
    ];
    for (x, config, weights, [value, norm, product]) in golden {
        let loss = similarity_cross_entropy(x, &y, weights, &config).unwrap();
        assert_golden(&loss, x, value, norm, product);
        let fast = var(&x.to_dtype(DType::F32).unwrap());
        let loss = similarity_cross_entropy(&fast, &y, weights, &config).unwrap();
        assert_near(scalar(&loss), value, 1e-6);
    }
    let golden = [
        (1.0, [4.728480186777688e-1, 1.964185503295977e-2, 6.293181827756466e-3]),
        (2.0, [3.014870102520608e-1, 2.15698338396582e-2, -4.542139833362789e-3]),
        (1.5, [3.697628800853064e-1, 2.025977170519635e-2, 2.03111504740391e-4]),
    ];
    for (gamma, [value, norm, product]) in golden {
        let config = MaskMapConfig { gamma, ..MaskMapConfig::default() };
        let loss = mask_map_loss(&q, &y, None, &config).unwrap();
        assert_golden(&loss, &q, value, norm, product);
    }
}

#[test]
fn finite_differences() {
    let y = masks(2, 3, 7, 1);
    let v = even((2, 7), 2, 0.0, 1.0);
    for form in [SimilarityForm::Probabilities, SimilarityForm::Logits] {
        let x = even((2, 7, 7), 3, 0.05, 0.95);
        assert_gradient(&[x], |x| similarity_cross_entropy(&x[0], &y, Some(&v), &by_area(form)));
    }
    let config = MaskMapConfig { gamma: 1.5, reduction: Reduction::Sum };
    assert_gradient(&[bell((2, 7, 7), 4)], |x| mask_map_loss(&x[0], &y, Some(&v), &config));
}

#[test]
fn extremes_stay_finite_and_nan_shows() {
    let y = masks(1, 3, 9, 5);
    let wild = (bell((1, 9, 9), 6).sign().unwrap() * 200.0).unwrap();
    let edges = bell((1, 9, 9), 7).ge(0.0).unwrap().to_dtype(DType::F64).unwrap();
    for dtype in DTYPES {
        for (x, form) in [(&wild, SimilarityForm::Logits), (&edges, SimilarityForm::Probabilities)]
        {
            let x = var(&x.to_dtype(dtype).unwrap());
            let loss = similarity_cross_entropy(&x, &y, None, &config(form)).unwrap();
            assert_finite(&loss, &x);
            assert!(scalar(&loss) > 1.0, "{loss}");
            let mut broken = values(&x);
            broken[40] = f64::NAN;
            let broken = tensor(broken, (1, 9, 9)).to_dtype(dtype).unwrap();
            let loss = similarity_cross_entropy(&broken, &y, None, &config(form)).unwrap();
            assert!(scalar(&loss).is_nan());
            let loss = mask_map_loss(&broken, &y, None, &MaskMapConfig::default()).unwrap();
            assert!(scalar(&loss).is_nan());
        }
        // A perfect prediction costs nothing.
        let same = y.transpose(1, 2).unwrap().contiguous().unwrap().matmul(&y).unwrap();
        let x = var(&(same * 400.0).unwrap().affine(1.0, -200.0).unwrap().to_dtype(dtype).unwrap());
        let loss = similarity_cross_entropy(&x, &y, None, &config(SimilarityForm::Logits)).unwrap();
        assert!(scalar(&loss) < 1e-6, "{loss}");
    }
}

#[test]
fn nothing_to_compare_is_no_loss() {
    for dtype in DTYPES {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, dtype, &Device::Cpu).unwrap();
        for form in [SimilarityForm::Probabilities, SimilarityForm::Logits] {
            let x = var(&even((2, 4, 4), 8, 0.1, 0.9).to_dtype(dtype).unwrap());
            // No pattern: weights by area are all 0.
            for masks in [zeros(&[2, 3, 4]), zeros(&[2, 0, 4])] {
                let loss = similarity_cross_entropy(&x, &masks, None, &by_area(form)).unwrap();
                assert_nothing(&loss, &x);
                let loss = similarity_cross_entropy(&x, &masks, None, &config(form)).unwrap();
                assert_finite(&loss, &x);
                let loss = mask_map_loss(&x, &masks, None, &MaskMapConfig::default()).unwrap();
                assert_finite(&loss, &x);
            }
            let x = var(&zeros(&[2, 0, 0]));
            let loss =
                similarity_cross_entropy(&x, &zeros(&[2, 3, 0]), None, &config(form)).unwrap();
            assert_nothing(&loss, &x);
        }
    }
}

#[test]
fn the_same_bits_at_any_thread_count() {
    let y = masks(2, 5, 61, 9);
    let x = bell((2, 61, 61), 10).to_dtype(DType::F32).unwrap();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let x = var(&x);
            let config = by_area(SimilarityForm::Logits);
            let loss = similarity_cross_entropy(&x, &y, None, &config).unwrap();
            let gradient = gradient(&loss, &x);
            (scalar(&loss).to_bits(), gradient.into_iter().map(f64::to_bits).collect())
        })
    };
    let one: (u64, Vec<u64>) = run(1);
    assert!(one == run(2) && one == run(5), "bits differ between thread counts");
}

#[test]
fn what_does_not_fit_is_refused() {
    let (x, y) = (bell((1, 4, 4), 1), masks(1, 3, 4, 2));
    let config = config(SimilarityForm::Logits);
    let wrong = similarity_cross_entropy(&bell((1, 4, 3), 1), &y, None, &config);
    assert!(matches!(wrong, Err(Error::Shape { field: "prediction", .. })), "{wrong:?}");
    let wrong = similarity_cross_entropy(&x, &masks(1, 3, 5, 2), None, &config);
    assert!(matches!(wrong, Err(Error::Shape { field: "masks", .. })), "{wrong:?}");
    let wrong = similarity_cross_entropy(&x, &y, Some(&bell((1, 3), 1)), &config);
    assert!(matches!(wrong, Err(Error::Shape { field: "weights", .. })), "{wrong:?}");
    let config = SimilarityConfig { label_smoothing: 1.5, ..config };
    assert!(similarity_cross_entropy(&x, &y, None, &config).is_err());
    let config = MaskMapConfig { gamma: 0.0, ..MaskMapConfig::default() };
    assert!(mask_map_loss(&x, &y, None, &config).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_equal_whole_matrices(
        seed: u32, b in 1_usize..3, p in 2_usize..5, n in 1_usize..20, gamma in 0.5_f64..3.0,
        smoothing in 0.0_f64..1.0, area: bool, sum: bool,
    ) {
        let seed = u64::from(seed);
        let y = masks(b, p, n, seed);
        let v = even((b, n), seed + 1, 0.0, 1.0);
        let reduction = if sum { Reduction::Sum } else { Reduction::Mean };
        let pixel_weights =
            if area { PixelWeights::PatternArea } else { PixelWeights::Uniform };
        for form in [SimilarityForm::Probabilities, SimilarityForm::Logits] {
            let config =
                SimilarityConfig { form, pixel_weights, label_smoothing: smoothing, reduction };
            let map = MaskMapConfig { gamma, reduction };
            let x = match form {
                SimilarityForm::Logits => bell((b, n, n), seed + 2),
                SimilarityForm::Probabilities => even((b, n, n), seed + 2, 0.02, 0.98),
            };
            let x = x.to_dtype(DType::F32).unwrap();
            let run = |dtype| {
                let x = var(&x.to_dtype(dtype).unwrap());
                let first = similarity_cross_entropy(&x, &y, Some(&v), &config).unwrap();
                let second = mask_map_loss(&x, &y, Some(&v), &map).unwrap();
                [first, second].map(|loss| (scalar(&loss), gradient(&loss, &x)))
            };
            for ((fast, quick), (exact, slow)) in run(DType::F32).into_iter().zip(run(DType::F64)) {
                prop_assert!((fast - exact).abs() <= 2e-5 * exact.max(0.1), "{fast} and {exact}");
                let scale = slow.iter().fold(1e-9_f64, |most, g| most.max(g.abs()));
                for (a, b) in quick.iter().zip(&slow) {
                    // Below exponent 1 a gradient near the target has no bound.
                    let tolerance = if gamma < 1.0 { 1e-2 } else { 1e-4 };
                    prop_assert!((a - b).abs() <= tolerance * scale, "{a} and {b}, of {scale}");
                }
            }
            // The pictures one by one make the sum.
            let each = SimilarityConfig { reduction: Reduction::None, ..config.clone() };
            let each = values(&similarity_cross_entropy(&x, &y, Some(&v), &each).unwrap());
            let all = SimilarityConfig { reduction: Reduction::Sum, ..config };
            let all = scalar(&similarity_cross_entropy(&x, &y, Some(&v), &all).unwrap());
            prop_assert!((each.iter().sum::<f64>() - all).abs() <= 1e-5 * all.max(1.0));
        }
    }

    #[test]
    fn order_of_patterns_and_pixels_means_nothing(seed: u32) {
        let seed = u64::from(seed);
        let (y, x) = (masks(1, 3, 6, seed), bell((1, 6, 6), seed + 1));
        let reversed = |x: &Tensor, dim: usize| {
            let n = u32::try_from(x.dim(dim).unwrap()).unwrap();
            let order: Vec<u32> = (0..n).rev().collect();
            x.index_select(&Tensor::new(order, &Device::Cpu).unwrap(), dim).unwrap()
        };
        let config = by_area(SimilarityForm::Logits);
        let loss = |x: &Tensor, y: &Tensor| {
            scalar(&similarity_cross_entropy(x, y, None, &config).unwrap())
        };
        let value = loss(&x, &y);
        prop_assert!((loss(&x, &reversed(&y, 1)) - value).abs() < 1e-12);
        let turned = reversed(&reversed(&x, 1), 2);
        prop_assert!((loss(&turned, &reversed(&y, 2)) - value).abs() < 1e-12);
        prop_assert!(value > 0.0);
    }
}

#[test]
fn small_exponents_have_finite_slopes_at_denormal_differences() {
    for dtype in [DType::F32, DType::F64] {
        for gap in [1e-44, 1e-30, 1e-12] {
            let x = var(&tensor(vec![gap; 4], (1, 2, 2)).to_dtype(dtype).unwrap());
            let masks = tensor(vec![0.0; 2], (1, 1, 2));
            let config = MaskMapConfig { gamma: 0.05, ..MaskMapConfig::default() };
            let loss = mask_map_loss(&x, &masks, None, &config).unwrap();
            let slopes = gradient(&loss, &x);
            let fine = slopes.iter().all(|slope| slope.is_finite() && *slope > 0.0);
            assert!(fine, "{gap} in {dtype:?}: {slopes:?}");
        }
    }
}
