//! Softmax, norms and products over rows: kernels against the composition in `f64`, and that against
//! finite differences.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{
    GradcheckConfig, compare_precisions, gradcheck, group_norm, layer_norm, linear, log_softmax,
    log_sum_exp, rms_norm, softmax,
};
use proptest::prelude::*;

use crate::{random, random32};

type Operation<'a> = dyn Fn(&[Tensor]) -> candle_core::Result<Tensor> + 'a;

fn right(inputs: &[Tensor], f: &Operation<'_>, seed: u64) -> Result<(), TestCaseError> {
    let error = compare_precisions(inputs, f, seed).unwrap();
    prop_assert!(error < 1e-5, "f32: {error}");
    let config = GradcheckConfig { max_entries: 8, ..GradcheckConfig::default() };
    let error = gradcheck(inputs, f, &config).unwrap();
    prop_assert!(error < 1e-5, "differences: {error}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn softmax_over_any_dimension(
        (a, b, c) in (1_usize..5, 2_usize..40, 1_usize..40), dim in 0_usize..3, seed in 0_u64..1000,
    ) {
        let x = (random(&[b, a, c], seed) * 4.0).unwrap().transpose(0, 1).unwrap();
        prop_assume!(x.dim(dim).unwrap() > 1);
        right(std::slice::from_ref(&x), &|x| softmax(&x[0], dim), seed)?;
        right(std::slice::from_ref(&x), &|x| log_softmax(&x[0], dim), seed)?;
        right(std::slice::from_ref(&x), &|x| log_sum_exp(&x[0], dim), seed)?;
        let sums = softmax(&x, dim).unwrap().sum(dim).unwrap().flatten_all().unwrap();
        prop_assert!(sums.to_vec1::<f64>().unwrap().iter().all(|v| (v - 1.0).abs() < 1e-12));
    }

    #[test]
    fn norms_of_any_size(
        (b, groups, per, d) in (1_usize..40, 1_usize..4, 1_usize..4, 4_usize..50),
        seed in 0_u64..1000,
    ) {
        let x = (random(&[d, b], seed) * 3.0).unwrap().t().unwrap();
        let (gamma, beta) = (random(&[d], seed + 1), random(&[d], seed + 2));
        let all = [x.clone(), gamma.clone(), beta];
        right(&all, &|v| layer_norm(&v[0], &v[1], &v[2], 1e-5), seed)?;
        right(&[x, gamma], &|v| rms_norm(&v[0], &v[1], 1e-5), seed)?;
        let c = groups * per;
        let x = random(&[2, c, 3, d], seed);
        let all = [x, random(&[c], seed + 1), random(&[c], seed + 2)];
        right(&all, &|v| group_norm(&v[0], groups, &v[1], &v[2], 1e-5), seed)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn products_of_any_size(
        (a, b, inputs, outputs) in (1_usize..4, 1_usize..60, 1_usize..70, 1_usize..70),
        seed in 0_u64..1000,
    ) {
        // Neither the input nor the weight is contiguous.
        let x = random(&[inputs, b, a], seed).transpose(0, 2).unwrap();
        let weight = random(&[inputs, outputs], seed + 1).t().unwrap();
        let bias = random(&[outputs], seed + 2);
        let y = linear(&x, &weight, None).unwrap();
        prop_assert_eq!(y.dims(), [a, b, outputs]);
        let all = [x, weight, bias];
        right(&all, &|v| linear(&v[0], &v[1], Some(&v[2])), seed)?;
        right(&all[..2], &|v| linear(&v[0], &v[1], None), seed)?;
    }
}

#[test]
fn products_refuse_what_does_not_fit() {
    let x = random32(&[2, 3, 4], 1);
    for (weight, bias) in [(&[5, 3][..], 5), (&[5, 4], 4), (&[4], 4), (&[0, 4], 4)] {
        let (weight, bias) = (random32(weight, 2), random32(&[bias], 3));
        assert!(linear(&x, &weight, Some(&bias)).is_err(), "{:?}", weight.shape());
    }
}

#[test]
fn large_offsets_do_no_harm() {
    // Multiples of a power of two: the offset itself rounds nothing.
    let x = ((random32(&[3, 64], 1) * 64.0).unwrap().round().unwrap() + 65_536.0).unwrap();
    let ones = Tensor::ones(64, DType::F32, &Device::Cpu).unwrap();
    let zeros = ones.zeros_like().unwrap();
    let y = layer_norm(&x, &ones, &zeros, 1e-5).unwrap();
    let of = |t: &Tensor| t.to_dtype(DType::F64).unwrap();
    let exact = layer_norm(&of(&x), &of(&ones), &of(&zeros), 1e-5).unwrap();
    let error = (of(&y) - exact).unwrap().abs().unwrap().max_all().unwrap();
    let error = error.to_scalar::<f64>().unwrap();
    assert!(error < 1e-5, "{error}");
}

#[test]
fn infinities_and_extremes() {
    let values = |t: &Tensor| {
        t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()
    };
    let low = f32::NEG_INFINITY;
    let rows = [[0.0, low, 2000.0, -1e4], [low, low, low, low], [1e4, 1e4, -1e4, low]];
    for dtype in [DType::F32, DType::F64] {
        for dim in [0, 1] {
            let x = Tensor::new(&rows, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let x = if dim == 0 { x.t().unwrap().contiguous().unwrap() } else { x };
            let x = Var::from_tensor(&x).unwrap();
            let y = softmax(&x, dim).unwrap();
            let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let of_row = |row: usize| values(&y.narrow(1 - dim, row, 1).unwrap());
            assert_eq!(of_row(0), [0.0, 0.0, 1.0, 0.0], "{dtype:?} {dim}");
            assert_eq!(of_row(1), [0.0; 4], "{dtype:?} {dim}");
            assert_eq!(of_row(2), [0.5, 0.5, 0.0, 0.0], "{dtype:?} {dim}");
            assert!(values(grads.get(&x).unwrap()).iter().all(|v| v.is_finite()), "{dtype:?}");
            let log = values(&log_softmax(&x, dim).unwrap());
            assert!(log.iter().all(|v| !v.is_nan() && *v <= 0.0), "{dtype:?} {log:?}");
            let total = log_sum_exp(&x, dim).unwrap();
            let sums = values(&total);
            assert!((sums[0] - 2000.0).abs() < 1e-3 && sums[1] == f64::NEG_INFINITY, "{sums:?}");
            let grads = total.sum_all().unwrap().backward().unwrap();
            assert!(values(grads.get(&x).unwrap()).iter().all(|v| v.is_finite()), "{dtype:?}");
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let x = Var::from_tensor(&random32(&[900, 40], 1)).unwrap();
            let gamma = Var::from_tensor(&random32(&[40], 2)).unwrap();
            let y = softmax(&layer_norm(&x, &gamma, &gamma, 1e-5).unwrap(), 1).unwrap();
            let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            [&y, grads.get(&x).unwrap(), grads.get(&gamma).unwrap()].map(|t| {
                let values = t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                values.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
            })
        })
    };
    let one = run(1);
    assert!(run(2) == one && run(3) == one, "threads");
}

#[test]
fn bad_arguments_are_errors() {
    let (x, g) = (random(&[2, 6], 1), random(&[6], 2));
    assert!(softmax(&x, 2).is_err() && log_softmax(&x, 2).is_err() && log_sum_exp(&x, 2).is_err());
    let empty = Tensor::zeros((0, 6), DType::F32, &Device::Cpu).unwrap();
    assert!(softmax(&empty, 1).is_err() && layer_norm(&empty, &g, &g, 1e-5).is_err());
    let short = random(&[5], 1);
    assert!(layer_norm(&x, &g, &short, 1e-5).is_err() && rms_norm(&x, &short, 1e-5).is_err());
    for eps in [0.0, -1.0, f64::NAN] {
        assert!(layer_norm(&x, &g, &g, eps).is_err() && rms_norm(&x, &g, eps).is_err());
        assert!(group_norm(&x, 2, &g, &g, eps).is_err());
    }
    assert!(group_norm(&x, 0, &g, &g, 1e-5).is_err() && group_norm(&x, 4, &g, &g, 1e-5).is_err());
    assert!(group_norm(&g, 1, &g, &g, 1e-5).is_err());
}
