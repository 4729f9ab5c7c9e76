//! Activations: the kernels against the composition in `f64`, and that against finite
//! differences.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{
    GradcheckConfig, bce_with_logits, compare_precisions, gelu, gelu_tanh, gradcheck, leaky_relu,
    log_sigmoid, relu, sigmoid, silu, softplus,
};
use proptest::prelude::*;

use crate::random;

type Function = fn(&Tensor) -> candle_core::Result<Tensor>;

const ALL: [(&str, Function); 7] = [
    ("sigmoid", sigmoid),
    ("silu", silu),
    ("gelu", gelu),
    ("gelu_tanh", gelu_tanh),
    ("softplus", softplus),
    ("log_sigmoid", log_sigmoid),
    ("leaky_relu", |x| leaky_relu(x, 0.1)),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn activations_have_right_values_and_gradients(
        (n, m) in (1_usize..9, 1_usize..40), scale in 0.1_f64..8.0, seed in 0_u64..1000,
    ) {
        let x = (random(&[n, m], seed) * scale).unwrap();
        for (name, f) in ALL {
            let error = compare_precisions(&[x.t().unwrap()], |x| f(&x[0]), seed).unwrap();
            prop_assert!(error < 2e-6, "{name}: {error}");
            let config = GradcheckConfig { max_entries: 8, ..GradcheckConfig::default() };
            let error = gradcheck(std::slice::from_ref(&x), |x| f(&x[0]), &config).unwrap();
            prop_assert!(error < 1e-5, "{name}: {error}");
        }
        let y = (random(&[n, m], seed + 1).affine(0.5, 0.5)).unwrap();
        let f = |x: &[Tensor]| bce_with_logits(&x[0], &x[1]);
        prop_assert!(compare_precisions(&[x, y], f, seed).unwrap() < 2e-6);
    }
}

#[test]
fn known_values() {
    // Python's math module.
    let of = |f: Function, x: f32| {
        f(&Tensor::new(&[x], &Device::Cpu).unwrap()).unwrap().to_vec1::<f32>().unwrap()[0]
    };
    for (f, x, want) in [
        (sigmoid as Function, 1.5, 0.817_574_5),
        (silu, -2.0, -0.238_405_84),
        (gelu, 1.0, 0.841_344_7),
        (gelu, -3.0, -0.004_049_694),
        (gelu_tanh, 1.0, 0.841_192),
        (softplus, -20.0, 2.061_153_6e-9),
        (log_sigmoid, 2.0, -0.126_928_01),
    ] {
        let error = (of(f, x) - want).abs() / want.abs();
        assert!(error < 1e-6, "{x}: {} is not {want}", of(f, x));
    }
}

#[test]
fn extremes_are_finite() {
    let x = [-1e4, -200.0, -90.0, -0.0, 0.0, 90.0, 200.0, 1e4, 3e38, -3e38];
    for dtype in [DType::F32, DType::F64] {
        let x = Tensor::new(&x, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
        for (name, f) in ALL {
            let x = Var::from_tensor(&x).unwrap();
            let y = f(&x).unwrap();
            let grads = y.sum_all().unwrap().backward().unwrap();
            for t in [&y, grads.get(&x).unwrap()] {
                let values = t.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
                assert!(values.iter().all(|v| v.is_finite()), "{name} {dtype:?}: {values:?}");
            }
        }
        let zeros = x.zeros_like().unwrap();
        let y = bce_with_logits(&x, &zeros).unwrap().to_dtype(DType::F64).unwrap();
        assert!(y.to_vec1::<f64>().unwrap().iter().all(|v| v.is_finite()), "{dtype:?}");
    }
}

#[test]
fn infinities_have_their_limits() {
    let inf = f64::INFINITY;
    let infinite = Tensor::new(&[-inf, inf], &Device::Cpu).unwrap();
    for dtype in [DType::F32, DType::F64] {
        let x = infinite.to_dtype(dtype).unwrap();
        let check = |y: Tensor, want: [f64; 2], name: &str| {
            assert_eq!(
                y.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap(),
                want,
                "{name} {dtype:?}"
            );
        };
        check(relu(&x).unwrap(), [0.0, inf], "relu");
        check(softplus(&x).unwrap(), [0.0, inf], "softplus");
        check(leaky_relu(&x, 0.5).unwrap(), [-inf, inf], "leaky_relu");
        check(sigmoid(&x).unwrap(), [0.0, 1.0], "sigmoid");
        let nan = (&x * 0.0).unwrap();
        for f in [relu, softplus, |x: &Tensor| leaky_relu(x, 0.5)] {
            let y = f(&nan).unwrap().to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
            assert!(y.iter().all(|v| v.is_nan()), "NaN passes through, {dtype:?}");
        }
    }
}

#[test]
fn half_precision_does_not_overflow_in_between() {
    let x = Tensor::new(&[-300.0_f32, 300.0], &Device::Cpu).unwrap();
    for dtype in [DType::F16, DType::BF16] {
        let x = Var::from_tensor(&x.to_dtype(dtype).unwrap()).unwrap();
        let y = gelu_tanh(&x).unwrap();
        let grads = y.sum_all().unwrap().backward().unwrap();
        let of = |t: &Tensor| t.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
        assert_eq!(of(&y), [0.0, 300.0], "{dtype:?}");
        assert_eq!(of(grads.get(&x).unwrap()), [0.0, 1.0], "{dtype:?}");
    }
}

#[test]
fn bad_arguments_are_errors() {
    let x = random(&[3], 1);
    assert!(leaky_relu(&x, f64::NAN).is_err() && leaky_relu(&x, f64::INFINITY).is_err());
    assert!(bce_with_logits(&x, &random(&[4], 1)).is_err());
    assert!(sigmoid(&Tensor::zeros(3, DType::U32, &Device::Cpu).unwrap()).is_err());
}
