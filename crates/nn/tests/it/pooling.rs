//! Pooling, unpooling and resizing.

use candle_core::{DType, Device, Tensor};
use mapvec_nn::{
    GradcheckConfig, Interpolation, Pool2dConfig, adaptive_avg_pool2d, avg_pool2d,
    compare_precisions, gradcheck, max_pool2d, max_pool2d_with_indices, max_unpool2d, resize,
};
use proptest::prelude::*;

use crate::random;

const BILINEAR: Interpolation = Interpolation::Bilinear { align_corners: false };
const ALIGNED: Interpolation = Interpolation::Bilinear { align_corners: true };

/// The picture of the reference values: 5 x 7 pixels, `(37 i mod 101) / 101`.
fn picture() -> Tensor {
    let values: Vec<f64> = (0..35).map(|i| f64::from(i * 37 % 101) / 101.0).collect();
    Tensor::from_vec(values, (1, 1, 5, 7), &Device::Cpu).unwrap()
}

fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Both the kernels and the composition give what `PyTorch` gives.
fn check(name: &str, f: impl Fn(&Tensor) -> candle_core::Result<Tensor>, want: &[f64]) {
    for dtype in [DType::F64, DType::F32] {
        let got = values(&f(&picture().to_dtype(dtype).unwrap()).unwrap());
        assert_eq!(got.len(), want.len(), "{name}");
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 1e-6, "{name} {dtype:?}: {got} {want}");
        }
    }
}

// Made with PyTorch 2.15: torch.nn.functional.{avg_pool2d, adaptive_avg_pool2d, max_pool2d,
// interpolate} of the picture with the settings below, in float64.
const AVG: &[f64] = &[
    0.094059406,
    0.298679868,
    0.364686469,
    0.231023102,
    0.544554455,
    0.643564356,
    0.158415842,
    0.427392739,
    0.326732673,
];
const AVG_EX: &[f64] = &[
    0.282178218,
    0.448019802,
    0.547029703,
    0.462046205,
    0.544554455,
    0.643564356,
    0.475247525,
    0.641089109,
    0.49009901,
];
const ADA: &[f64] = &[
    0.465346535,
    0.514851485,
    0.414191419,
    0.547029703,
    0.478547855,
    0.528052805,
    0.482948295,
    0.643564356,
    0.408415842,
    0.541254125,
    0.440594059,
    0.49009901,
];
const MAX: &[f64] = &[0.930693069, 0.930693069, 0.792079208, 0.930693069, 0.930693069, 0.792079208];
const MAX2: &[f64] = &[
    0.366336634,
    0.732673267,
    0.831683168,
    0.831683168,
    0.930693069,
    0.930693069,
    0.96039604,
    0.96039604,
    0.693069307,
    0.99009901,
    0.792079208,
    0.891089109,
];
const BIL: &[f64] = &[
    0.188118812,
    0.432343234,
    0.569123579,
    0.520718739,
    0.287128713,
    0.312797946,
    0.523652365,
    0.586358636,
    0.386138614,
    0.128712871,
    0.372937294,
    0.657865787,
    0.720572057,
    0.227722772,
    0.512651265,
    0.797579758,
    0.749174917,
    0.326732673,
    0.402640264,
    0.424642464,
    0.598459846,
    0.735240191,
    0.501650165,
    0.527319399,
    0.367803447,
    0.356435644,
    0.600660066,
];
const BILA: &[f64] = &[
    0.0,
    0.274752475,
    0.54950495,
    0.574257426,
    0.099009901,
    0.373762376,
    0.648514851,
    0.673267327,
    0.198019802,
    0.128712871,
    0.403465347,
    0.678217822,
    0.702970297,
    0.227722772,
    0.502475248,
    0.777227723,
    0.801980198,
    0.326732673,
    0.257425743,
    0.532178218,
    0.806930693,
    0.831683168,
    0.356435644,
    0.631188119,
    0.405940594,
    0.180693069,
    0.455445545,
];
const NEAR: &[f64] = &[
    0.0,
    0.0,
    0.366336634,
    0.732673267,
    0.099009901,
    0.099009901,
    0.465346535,
    0.831683168,
    0.198019802,
    0.564356436,
    0.564356436,
    0.930693069,
    0.297029703,
    0.663366337,
    0.663366337,
    0.02970297,
    0.396039604,
    0.762376238,
    0.693069307,
    0.693069307,
    0.059405941,
    0.425742574,
    0.792079208,
    0.792079208,
    0.158415842,
    0.524752475,
    0.891089109,
];
const PLACES: &[u32] = &[1, 2, 5, 5, 8, 8, 19, 19, 21, 30, 24, 27];

#[test]
fn values_are_those_of_pytorch() {
    let uneven = Pool2dConfig {
        kernel: (3, 2),
        stride: (2, 3),
        padding: (1, 1),
        ceil_mode: true,
        ..Pool2dConfig::default()
    };
    check("avg", |x| avg_pool2d(x, uneven, true), AVG);
    check("avg of pixels", |x| avg_pool2d(x, uneven, false), AVG_EX);
    check("adaptive", |x| adaptive_avg_pool2d(x, (3, 4)), ADA);
    let wide = Pool2dConfig { dilation: (2, 2), ceil_mode: true, ..Pool2dConfig::square(3, 2, 1) };
    check("max", |x| max_pool2d(x, wide), MAX);
    let flat = Pool2dConfig { kernel: (2, 3), ..Pool2dConfig::square(2, 2, 1) };
    check("max with indices", |x| Ok(max_pool2d_with_indices(x, flat)?.0), MAX2);
    for dtype in [DType::F64, DType::F32] {
        let x = picture().to_dtype(dtype).unwrap();
        let places = max_pool2d_with_indices(&x, flat).unwrap().1;
        let places: Vec<u32> = places.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(places, PLACES, "{dtype:?}");
    }
    check("bilinear", |x| resize(x, (3, 9), BILINEAR), BIL);
    check("bilinear with corners", |x| resize(x, (3, 9), ALIGNED), BILA);
    check("nearest", |x| resize(x, (3, 9), Interpolation::Nearest), NEAR);
}

type Operation<'a> = dyn Fn(&[Tensor]) -> candle_core::Result<Tensor> + 'a;

fn gradients(name: &str, inputs: &[Tensor], f: &Operation<'_>, seed: u64) {
    let few = GradcheckConfig { max_entries: 12, ..GradcheckConfig::default() };
    let error = gradcheck(inputs, f, &few).unwrap();
    assert!(error < 1e-5, "{name} differences: {error}");
    let error = compare_precisions(inputs, f, seed).unwrap();
    assert!(error < 1e-5, "{name} kernels: {error}");
}

#[test]
fn a_last_window_may_be_the_only_one() {
    // PyTorch's results for a picture of 2 x 2, kernel 3, stride 2, `ceil_mode`.
    let x = Tensor::new(&[[[[0.0_f32, 1.0], [2.0, 3.0]]]], &Device::Cpu).unwrap();
    let config = Pool2dConfig { ceil_mode: true, ..Pool2dConfig::square(3, 2, 0) };
    let value = |y: Tensor| y.reshape(()).unwrap().to_scalar::<f32>().unwrap();
    assert!((value(max_pool2d(&x, config).unwrap()) - 3.0).abs() < 1e-6);
    assert!((value(avg_pool2d(&x, config, true).unwrap()) - 1.5).abs() < 1e-6);
    let double = x.to_dtype(DType::F64).unwrap();
    let composed = max_pool2d(&double, config).unwrap().to_dtype(DType::F32).unwrap();
    assert!((value(composed) - 3.0).abs() < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pooling_has_right_gradients(
        (b, c, h, w) in (1_usize..3, 1_usize..3, 1_usize..9, 1_usize..20),
        kernel in (1_usize..4, 1_usize..4),
        stride in (1_usize..4, 1_usize..4),
        (pad, dilation, ceil_mode, count) in (any::<(bool, bool)>(), 1_usize..3, any::<bool>(), any::<bool>()),
        seed in 0_u64..1000,
    ) {
        let padding = |wanted: bool, kernel: usize| if wanted { kernel / 2 } else { 0 };
        let config = Pool2dConfig {
            kernel,
            stride,
            padding: (padding(pad.0, kernel.0), padding(pad.1, kernel.1)),
            dilation: (dilation, 1),
            ceil_mode,
        };
        let inputs = [random(&[b, c, h, w], seed)];
        // With `ceil_mode` a window may begin inside and reach beyond.
        let fits = |size: usize, kernel: usize, stride: usize, padding: usize, dilation: usize| {
            let beyond = if ceil_mode { stride - 1 } else { 0 };
            size + 2 * padding + beyond > dilation * (kernel - 1)
                && (dilation <= size || padding == 0 || kernel == 1)
        };
        let both = |(down, across): (usize, usize)| {
            fits(h, kernel.0, stride.0, config.padding.0, down)
                && fits(w, kernel.1, stride.1, config.padding.1, across)
        };
        prop_assert_eq!(max_pool2d(&inputs[0], config).is_ok(), both((dilation, 1)));
        prop_assert_eq!(
            avg_pool2d(&inputs[0], Pool2dConfig { dilation: (1, 1), ..config }, count).is_ok(),
            both((1, 1))
        );
        if both((dilation, 1)) {
            gradients("max", &inputs, &|v| max_pool2d(&v[0], config), seed);
            let (y, places) = max_pool2d_with_indices(&inputs[0], config).unwrap();
            gradients("unpool", &[y], &|v| max_unpool2d(&v[0], &places, (h, w)), seed);
        }
        let config = Pool2dConfig { dilation: (1, 1), ..config };
        if both((1, 1)) {
            gradients("avg", &inputs, &|v| avg_pool2d(&v[0], config, count), seed);
        }
    }

    #[test]
    fn resizing_has_right_gradients(
        (b, c, h, w) in (1_usize..3, 1_usize..3, 1_usize..9, 1_usize..12),
        size in (1_usize..12, 1_usize..24),
        seed in 0_u64..1000,
    ) {
        let inputs = [random(&[b, c, h, w], seed)];
        for mode in [Interpolation::Nearest, BILINEAR, ALIGNED] {
            gradients("resize", &inputs, &|v| resize(&v[0], size, mode), seed);
        }
        gradients("adaptive", &inputs, &|v| adaptive_avg_pool2d(&v[0], size), seed);
    }
}

#[test]
fn special_values_and_ties() {
    let x =
        |values: [f32; 4]| Tensor::from_vec(values.to_vec(), (1, 1, 2, 2), &Device::Cpu).unwrap();
    for config in
        [Pool2dConfig::from(2), Pool2dConfig { kernel: (2, 2), ..Pool2dConfig::square(2, 1, 0) }]
    {
        for dtype in [DType::F32, DType::F64] {
            let one = |v: [f32; 4]| {
                values(&max_pool2d(&x(v).to_dtype(dtype).unwrap(), config).unwrap())[0]
            };
            assert!(one([1.0, f32::NAN, 2.0, 3.0]).is_nan(), "NaN wins");
            assert!(one([f32::NEG_INFINITY; 4]).is_infinite());
            assert!((one([-1e4, -2e4, -3e4, -4e4]) + 1e4).abs() < 1e-9);
            let tie =
                candle_core::Var::from_tensor(&x([1.0, 5.0, 5.0, 5.0]).to_dtype(dtype).unwrap())
                    .unwrap();
            let grads = max_pool2d(&tie, config).unwrap().backward().unwrap();
            assert_eq!(
                values(grads.get(&tie).unwrap()),
                [0.0, 1.0, 0.0, 0.0],
                "the first of a tie"
            );
        }
    }
}

#[test]
fn windows_that_do_not_fit_are_refused() {
    let x = picture();
    let wrong = [
        Pool2dConfig::from(0),
        Pool2dConfig::from(6),
        Pool2dConfig { stride: (0, 1), ..Pool2dConfig::from(2) },
        Pool2dConfig::square(2, 2, 2),
        Pool2dConfig { dilation: (0, 1), ..Pool2dConfig::from(2) },
        Pool2dConfig { dilation: (usize::MAX, 1), ..Pool2dConfig::from(2) },
    ];
    for config in wrong {
        assert!(max_pool2d(&x, config).is_err(), "{config:?}");
    }
    assert!(resize(&x, (0, 3), BILINEAR).is_err() && adaptive_avg_pool2d(&x, (1, 0)).is_err());
    assert!(resize(&x, (usize::MAX, 3), BILINEAR).is_err());
    let (y, places) = max_pool2d_with_indices(&x, 2).unwrap();
    assert!(max_unpool2d(&y, &places, (2, 2)).is_err(), "indices beyond the size");
    assert!(max_unpool2d(&y, &y, (5, 7)).is_err(), "indices of another type");
}
