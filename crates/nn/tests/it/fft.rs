//! Fourier transforms against the definition.

use std::f64::consts::TAU;

use candle_core::{DType, Device, Tensor};
use mapvec_nn::{FftNorm, GradcheckConfig, compare_precisions, fft2, gradcheck, ifft2, to_complex};
use proptest::prelude::*;

use crate::{random, random32, worse};

fn values(xs: &Tensor) -> Vec<f64> {
    xs.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn gap(a: &Tensor, b: &[f64]) -> f64 {
    values(a).iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, worse)
}

/// The definition, without a factor.
fn naive(xs: &[f64], (h, w): (usize, usize), sign: f64) -> Vec<f64> {
    let mut out = Vec::new();
    for plane in xs.chunks(2 * h * w) {
        for (u, v) in (0..h).flat_map(|u| (0..w).map(move |v| (u, v))) {
            let (mut re, mut im) = (0.0, 0.0);
            for (y, x) in (0..h).flat_map(|y| (0..w).map(move |x| (y, x))) {
                let turns = (u * y) as f64 / h as f64 + (v * x) as f64 / w as f64;
                let (s, c) = (sign * TAU * turns).sin_cos();
                let (a, b) = (plane[2 * (y * w + x)], plane[2 * (y * w + x) + 1]);
                re += a * c - b * s;
                im += a * s + b * c;
            }
            out.extend([re, im]);
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn transforms_follow_their_definition(
        h in 1_usize..12, w in 1_usize..12, planes in 1_usize..4, seed in 0_u64..100,
    ) {
        let xs = random(&[planes, h, w, 2], seed);
        let count = (h * w) as f64;
        for (norm, forward, inverse) in [
            (FftNorm::Backward, 1.0, 1.0 / count),
            (FftNorm::Ortho, count.sqrt().recip(), count.sqrt().recip()),
            (FftNorm::Forward, 1.0 / count, 1.0),
        ] {
            let scaled = |sign, factor: f64| {
                naive(&values(&xs), (h, w), sign).iter().map(|v| v * factor).collect::<Vec<_>>()
            };
            let spectrum = fft2(&xs, norm).unwrap();
            prop_assert!(gap(&spectrum, &scaled(-1.0, forward)) < 1e-11);
            prop_assert!(gap(&ifft2(&xs, norm).unwrap(), &scaled(1.0, inverse)) < 1e-11);
            prop_assert!(gap(&ifft2(&spectrum, norm).unwrap(), &values(&xs)) < 1e-12);
        }
    }

    #[test]
    fn gradients_are_the_adjoint(
        h in 1_usize..7, w in 1_usize..7, inverse in any::<bool>(), seed in 0_u64..100,
    ) {
        let f = |x: &[Tensor]| {
            let run = if inverse { ifft2 } else { fft2 };
            run(&x[0], FftNorm::Ortho)?.sqr()?.affine(0.5, 0.0)?.sum_keepdim(3)
        };
        let xs = random(&[2, h, w, 2], seed);
        let worst = gradcheck(std::slice::from_ref(&xs), f, &GradcheckConfig::default()).unwrap();
        prop_assert!(worst < 1e-5, "{worst}");
        let worst = compare_precisions(&[xs], f, seed).unwrap();
        prop_assert!(worst < 3e-6, "{worst}");
    }
}

#[test]
fn a_plane_wave_is_one_frequency() {
    let wave: Vec<f64> = (0..8 * 6)
        .map(|i| (TAU * (f64::from(i / 6) * 2.0 / 8.0 + f64::from(i % 6) / 6.0)).cos())
        .collect();
    let xs = Tensor::from_vec(wave, (8, 6), &Device::Cpu).unwrap();
    let spectrum = fft2(&to_complex(&xs).unwrap(), FftNorm::Forward).unwrap();
    let mut expected = vec![0.0; 96];
    // Half at (2, 1) and half at (-2, -1).
    expected[2 * (2 * 6 + 1)] = 0.5;
    expected[2 * (6 * 6 + 5)] = 0.5;
    assert!(gap(&spectrum, &expected) < 1e-15);
}

#[test]
fn transposed_and_half_precision_inputs_are_taken() {
    let xs = random(&[3, 5, 4, 2], 1);
    let turned = xs.transpose(1, 2).unwrap();
    let plain = fft2(&turned.contiguous().unwrap(), FftNorm::Backward).unwrap();
    assert!(gap(&fft2(&turned, FftNorm::Backward).unwrap(), &values(&plain)) < 1e-15);
    let half = fft2(&xs.to_dtype(DType::BF16).unwrap(), FftNorm::Ortho).unwrap();
    assert_eq!(half.dtype(), DType::BF16);
    assert!(gap(&half, &values(&fft2(&xs, FftNorm::Ortho).unwrap())) < 0.05);
}

#[test]
fn threads_do_not_change_bits() {
    let xs = random32(&[2, 33, 20, 2], 1);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let out = pool.install(|| fft2(&xs, FftNorm::Ortho)).unwrap();
        let bits: Vec<f32> = out.flatten_all().unwrap().to_vec1().unwrap();
        bits.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    assert!(run(1) == run(2) && run(1) == run(3));
}

#[test]
fn bad_shapes_and_types_are_refused() {
    let zeros = |shape: &[usize], dtype| Tensor::zeros(shape, dtype, &Device::Cpu).unwrap();
    for (xs, part) in [
        (zeros(&[4, 2], DType::F32), "[.., H, W, 2]"),
        (zeros(&[4, 4, 3], DType::F32), "[4, 4, 3]"),
        (zeros(&[4, 0, 2], DType::F32), "at least 1"),
        (zeros(&[4, 4, 2], DType::U32), "floats"),
    ] {
        let error = fft2(&xs, FftNorm::Backward).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
