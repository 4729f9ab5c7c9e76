//! Attention: the blocks against the composition in `f64`, and that against finite differences
//! and its definition.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{
    AttentionConfig, GradcheckConfig, compare_precisions, gradcheck, scaled_dot_product_attention,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{random, random32};

/// A mask of zeros and ones, seven in ten shown.
fn boolean(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = shape.iter().product();
    let values: Vec<u8> = (0..count).map(|_| u8::from(rng.random_bool(0.7))).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Queries, keys and values.
fn inputs([b, h, n, m, d, e]: [usize; 6], seed: u64) -> [Tensor; 3] {
    [
        (random(&[b, h, n, d], seed) * 2.0).unwrap(),
        (random(&[b, h, m, d], seed + 1) * 2.0).unwrap(),
        random(&[b, h, m, e], seed + 2),
    ]
}

/// The mask of a case: none, or one that is repeated over some of its sizes.
fn mask(kind: usize, (b, h, n, m): (usize, usize, usize, usize), seed: u64) -> Option<Tensor> {
    match kind {
        0 => None,
        1 => Some(random(&[b, h, n, m], seed)),
        2 => Some(random(&[n, m], seed)),
        3 => Some(boolean(&[b, 1, 1, m], seed)),
        4 => Some(boolean(&[1, h, n, m], seed)),
        _ => Some(random(&[b, 1, n, 1], seed)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn blocks_agree_with_the_composition(
        (b, h) in (1_usize..3, 1_usize..3),
        (n, m) in (1_usize..150, 1_usize..150),
        (d, e) in (1_usize..40, 1_usize..40),
        (kind, causal) in (0_usize..6, any::<bool>()),
        seed in 0_u64..1000,
    ) {
        let mask = mask(kind, (b, h, n, m), seed);
        let config = AttentionConfig { scale: None, causal };
        let f = |x: &[Tensor]| {
            scaled_dot_product_attention(&x[0], &x[1], &x[2], mask.as_ref(), &config)
        };
        let error = compare_precisions(&inputs([b, h, n, m, d, e], seed), f, seed).unwrap();
        // A gradient that cancels to nothing is measured against a thousandth of the others.
        prop_assert!(error < 1e-4, "{error}");
    }
}

#[test]
fn the_composition_has_right_values_and_gradients() {
    for (kind, causal) in [(0, false), (1, true), (3, false), (4, true), (5, false)] {
        let mask = mask(kind, (2, 2, 4, 5), 7);
        let config = AttentionConfig { scale: Some(0.7), causal };
        let f = |x: &[Tensor]| {
            scaled_dot_product_attention(&x[0], &x[1], &x[2], mask.as_ref(), &config)
        };
        let x = inputs([2, 2, 4, 5, 3, 2], 5);
        assert!(gradcheck(&x, f, &GradcheckConfig::default()).unwrap() < 1e-5, "mask {kind}");
    }
    // One query, two keys: by hand.
    let at = |values: &[f64], d: usize| {
        Tensor::from_slice(values, (1, 1, values.len() / d, d), &Device::Cpu).unwrap()
    };
    let (q, k, v) = (at(&[1.0, 2.0], 2), at(&[0.5, 0.0, 0.0, 1.0], 2), at(&[3.0, 5.0], 1));
    let config = AttentionConfig { scale: Some(1.0), causal: false };
    let y = scaled_dot_product_attention(&q, &k, &v, None, &config).unwrap();
    let (first, second) = (0.5_f64.exp(), 2.0_f64.exp());
    let want = (3.0 * first + 5.0 * second) / (first + second);
    let y = y.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    assert!((y[0] - want).abs() < 1e-12, "{y:?}");
}

#[test]
fn a_learned_mask_has_a_gradient() {
    let [q, k, v] = inputs([2, 2, 4, 5, 3, 2], 5);
    let all = [q, k, v, random(&[1, 2, 4, 5], 9)];
    let config = AttentionConfig::default();
    let f = |x: &[Tensor]| scaled_dot_product_attention(&x[0], &x[1], &x[2], Some(&x[3]), &config);
    assert!(gradcheck(&all, f, &GradcheckConfig::default()).unwrap() < 1e-5);
    assert!(compare_precisions(&all, f, 3).unwrap() < 1e-5);
}

#[test]
fn hidden_queries_give_zeros_and_extremes_stay_finite() {
    for dtype in [DType::F32, DType::F64] {
        let var = |x: &Tensor| Var::from_tensor(&x.to_dtype(dtype).unwrap()).unwrap();
        let [q, k, v] = inputs([1, 2, 70, 70, 8, 8], 1);
        let (q, k, v) = (var(&(q * 1e3).unwrap()), var(&k), var(&v));
        let hidden = Tensor::full(f32::NEG_INFINITY, (70, 70), &Device::Cpu).unwrap();
        let mut masks =
            vec![hidden.clone(), hidden.zeros_like().unwrap().to_dtype(DType::U8).unwrap()];
        masks.push(
            Tensor::cat(&[&hidden.narrow(0, 0, 9).unwrap(), &random32(&[61, 70], 3)], 0).unwrap(),
        );
        masks.push((random32(&[70, 70], 3) * 1e4).unwrap());
        for (index, mask) in masks.iter().enumerate() {
            let y =
                scaled_dot_product_attention(&q, &k, &v, Some(mask), &AttentionConfig::default())
                    .unwrap();
            let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let values = |t: &Tensor| {
                t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()
            };
            for t in [&y, grads.get(&q).unwrap(), grads.get(&k).unwrap(), grads.get(&v).unwrap()] {
                assert!(values(t).iter().all(|v| v.is_finite()), "mask {index} {dtype:?}");
                if index < 2 {
                    assert!(values(t).iter().all(|v| v.abs() <= 0.0), "mask {index} {dtype:?}");
                }
            }
            if index == 2 {
                assert!(
                    values(&y.narrow(2, 0, 9).unwrap()).iter().all(|v| v.abs() <= 0.0),
                    "zeros"
                );
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits_and_views_are_understood() {
    let x = random32(&[1, 130, 3, 40], 1);
    let head = |i: usize| x.narrow(2, i, 1).unwrap().transpose(1, 2).unwrap();
    let bits = |threads: usize, contiguous: bool| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let of = |i: usize| if contiguous { head(i).contiguous().unwrap() } else { head(i) };
            let q = Var::from_tensor(&of(0)).unwrap();
            let y =
                scaled_dot_product_attention(&q, &of(1), &of(2), None, &AttentionConfig::default())
                    .unwrap();
            let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            [&y, grads.get(&q).unwrap()].map(|t| {
                let values = t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                values.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
            })
        })
    };
    let one = bits(1, true);
    for threads in [2, 3] {
        assert_eq!(bits(threads, false), one, "{threads} threads");
    }
}

#[test]
fn bad_arguments_are_errors() {
    let [q, k, v] = inputs([1, 2, 4, 5, 3, 2], 5);
    let config = AttentionConfig::default();
    let run = |q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>| {
        scaled_dot_product_attention(q, k, v, mask, &config)
    };
    assert!(run(&q, &v, &k, None).is_err(), "features");
    assert!(run(&q, &k.narrow(2, 0, 4).unwrap(), &v, None).is_err(), "keys");
    assert!(run(&q.get(0).unwrap(), &k, &v, None).is_err(), "rank");
    assert!(run(&q, &k, &v.to_dtype(DType::F32).unwrap(), None).is_err(), "types");
    assert!(run(&q.narrow(2, 0, 0).unwrap(), &k, &v, None).is_err(), "empty");
    assert!(run(&q, &k, &v, Some(&random(&[3, 5], 1))).is_err(), "mask");
    let integers = Tensor::zeros((4, 5), DType::U32, &Device::Cpu).unwrap();
    assert!(run(&q, &k, &v, Some(&integers)).is_err(), "type of the mask");
    let nan = AttentionConfig { scale: Some(f64::NAN), causal: false };
    assert!(scaled_dot_product_attention(&q, &k, &v, None, &nan).is_err(), "scale");
}
