use std::collections::BTreeMap;
use std::f64::consts::TAU;

use mapvec_fourier::{Complex, Fft2, Norm, whole_spectrum};
use ndarray::{Array2, Array3, Array4, Axis, s};
use proptest::prelude::*;
use serde::Deserialize;

use crate::{gap, noise};

fn complex(size: (usize, usize), seed: u64) -> Array2<Complex<f64>> {
    let (re, im) = (noise(size, seed), noise(size, seed + 1));
    Array2::from_shape_fn(size, |at| Complex::new(re[at], im[at]))
}

/// The sum that defines the transform.
fn naive(plane: &Array2<Complex<f64>>) -> Array2<Complex<f64>> {
    let (h, w) = plane.dim();
    Array2::from_shape_fn((h, w), |(v, u)| {
        let term = |((y, x), value): ((usize, usize), &Complex<f64>)| {
            let turns = (u * x) as f64 / w as f64 + (v * y) as f64 / h as f64;
            value * Complex::from_polar(1.0, -TAU * turns)
        };
        plane.indexed_iter().map(term).sum()
    })
}

fn far(a: &Array2<Complex<f64>>, b: &Array2<Complex<f64>>) -> f64 {
    assert_eq!(a.dim(), b.dim());
    a.iter().zip(b).fold(0.0, |worst, (a, b)| worst.max((a - b).norm()))
}

proptest! {
    #[test]
    fn transforms_are_the_sums_that_define_them(h in 1_usize..14, w in 1_usize..40, seed in 0_u64..1000) {
        let plane = complex((h, w), seed);
        let want = naive(&plane);
        let fft = Fft2::new((h, w), Norm::Backward).unwrap();
        let found = fft.forward(plane.view()).unwrap();
        prop_assert!(far(&found, &want) < 1e-9);
        prop_assert!(far(&fft.inverse(found.view()).unwrap(), &plane) < 1e-12);

        let real = plane.mapv(|value| value.re);
        let half = fft.forward_real(real.view()).unwrap();
        let want = naive(&real.mapv(|value| Complex::new(value, 0.0)));
        prop_assert!(far(&half, &want.slice(s![.., ..w / 2 + 1]).to_owned()) < 1e-9);
        prop_assert!(far(&whole_spectrum(half.view(), w).unwrap(), &want) < 1e-9);
        prop_assert!(gap(&fft.inverse_real(half.view()).unwrap(), &real) < 1e-12);
    }

    #[test]
    fn energies_are_kept_by_the_root_in_both(h in 1_usize..20, w in 1_usize..20, seed in 0_u64..1000) {
        let plane = complex((h, w), seed);
        let fft = Fft2::new((h, w), Norm::Ortho).unwrap();
        let found = fft.forward(plane.view()).unwrap();
        let energy = |values: &Array2<Complex<f64>>| values.iter().map(|v| v.norm_sqr()).sum::<f64>();
        prop_assert!((energy(&found) / energy(&plane) - 1.0).abs() < 1e-12);
        prop_assert!(far(&fft.inverse(found.view()).unwrap(), &plane) < 1e-12);
        let forward = Fft2::new((h, w), Norm::Forward).unwrap();
        let mean = plane.sum() / (h * w) as f64;
        prop_assert!((forward.forward(plane.view()).unwrap()[(0, 0)] - mean).norm() < 1e-12);
    }
}

#[derive(Deserialize)]
struct Golden {
    seed: u64,
    /// Row, column, real and imaginary part.
    bins: Vec<(usize, usize, f64, f64)>,
    sum_of_magnitudes: f64,
    half_sum_of_magnitudes: f64,
}

/// Values of `scipy.fft` in double precision.
#[test]
fn spectra_are_those_of_scipy() {
    let golden: BTreeMap<String, Golden> =
        serde_json::from_str(include_str!("scipy.json")).unwrap();
    assert_eq!(golden.len(), 3);
    for (size, golden) in golden {
        let (h, w) = size.split_once('x').unwrap();
        let size: (usize, usize) = (h.parse().unwrap(), w.parse().unwrap());
        #[expect(clippy::cast_possible_truncation, reason = "the input was in single precision")]
        let plane = noise(size, golden.seed).mapv(|value| f64::from(value as f32));
        let fft = Fft2::new(size, Norm::Backward).unwrap();
        let whole = fft.forward(plane.mapv(|v| Complex::new(v, 0.0)).view()).unwrap();
        let half = fft.forward_real(plane.view()).unwrap();
        for &(v, u, re, im) in &golden.bins {
            assert!((whole[(v, u)] - Complex::new(re, im)).norm() < 1e-11, "{size:?} {v} {u}");
            if u < half.ncols() {
                assert!((half[(v, u)] - Complex::new(re, im)).norm() < 1e-11, "{size:?} {v} {u}");
            }
        }
        let sum = |values: &Array2<Complex<f64>>| values.iter().map(|v| v.norm()).sum::<f64>();
        assert!((sum(&whole) - golden.sum_of_magnitudes).abs() < 1e-8);
        assert!((sum(&half) - golden.half_sum_of_magnitudes).abs() < 1e-8);
    }
}

#[test]
#[expect(clippy::cast_possible_truncation, reason = "single precision is looked at")]
fn batches_large_planes_and_single_precision_give_the_same() {
    // Large enough for several threads, with a last block that is not full.
    let size = (130, 147);
    let batch = Array4::from_shape_fn((2, 3, size.0, size.1), |(a, b, y, x)| {
        ((a * 7 + b * 5 + y * 13 + x * 17) % 31) as f64 / 31.0
    });
    let fft = Fft2::new(size, Norm::Backward).unwrap();
    let spectra = fft.forward_real(batch.view()).unwrap();
    assert_eq!(spectra.shape(), [2, 3, 130, 74]);
    let one = fft.forward_real(batch.slice(s![1, 2, .., ..])).unwrap();
    assert_eq!(spectra.slice(s![1, 2, .., ..]), one);
    let single = Fft2::<f32>::new(size, Norm::Backward).unwrap();
    let plane = batch.slice(s![1, 2, .., ..]).mapv(|value| value as f32);
    let near = single.forward_real(plane.view()).unwrap();
    let largest = one.iter().fold(0.0_f64, |a, b| a.max(b.norm()));
    for (a, b) in near.iter().zip(&one) {
        assert!((f64::from(a.re) - b.re).hypot(f64::from(a.im) - b.im) < 1e-6 * largest);
    }
    // Views that do not lie in rows.
    let turned = batch.slice(s![0, 0, .., ..]).reversed_axes();
    let fft = Fft2::new((147, 130), Norm::Backward).unwrap();
    let found = fft.forward_real(turned).unwrap();
    assert_eq!(found, fft.forward_real(turned.as_standard_layout().view()).unwrap());
}

#[test]
fn threads_do_not_change_results() {
    // Also a last column without a partner, behind a block of others.
    for size in [(200, 180), (200, 181), (256, 161), (250, 133)] {
        let plane = noise(size, 3);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let fft = Fft2::new(size, Norm::Backward).unwrap();
                let half = fft.forward_real(plane.view()).unwrap();
                (fft.inverse_real(half.view()).unwrap(), half)
            })
        };
        let one = run(1);
        for threads in [1, 2, 3, 7] {
            assert_eq!(run(threads), one, "{size:?}, {threads} threads");
        }
    }
}

/// Small planes are shared by threads plane by plane.
#[test]
fn planes_of_a_batch_are_those_of_single_ones() {
    let size = (24, 25);
    let planes = Array3::from_shape_fn((90, 24, 25), |(n, y, x)| noise(size, n as u64)[(y, x)]);
    let fft = Fft2::new(size, Norm::Backward).unwrap();
    let spectra = fft.forward_real(planes.view()).unwrap();
    let back = fft.inverse_real(spectra.view()).unwrap();
    let whole = fft.forward(planes.mapv(|v| Complex::new(v, 0.0)).view()).unwrap();
    for n in 0..90 {
        let one = fft.forward_real(planes.index_axis(Axis(0), n)).unwrap();
        assert_eq!(spectra.index_axis(Axis(0), n), one);
        assert_eq!(back.index_axis(Axis(0), n), fft.inverse_real(one.view()).unwrap());
        assert!(far(&whole.slice(s![n, .., ..13]).to_owned(), &one) < 1e-12);
    }
}

/// Single precision is double precision, rounded.
#[test]
#[expect(clippy::cast_possible_truncation, reason = "single precision is looked at")]
fn single_precision_is_near_double() {
    for (h, w) in [(512, 17), (1000, 33), (64, 64), (375, 20), (1031, 6)] {
        let plane = complex((h, w), 5);
        let narrow = plane.mapv(|v| Complex::new(v.re as f32, v.im as f32));
        let wide = |v: &Array2<Complex<f32>>| v.mapv(|v| Complex::new(v.re.into(), v.im.into()));
        let double = Fft2::<f64>::new((h, w), Norm::Ortho).unwrap();
        let single = Fft2::<f32>::new((h, w), Norm::Ortho).unwrap();
        let want = double.forward(plane.view()).unwrap();
        let found = single.forward(narrow.view()).unwrap();
        assert!(far(&wide(&found), &want) < 2e-6, "{h} x {w}");
        assert!(far(&wide(&single.inverse(found.view()).unwrap()), &plane) < 2e-6, "{h} x {w}");
        let real = narrow.mapv(|v| v.re);
        let half = single.forward_real(real.view()).unwrap();
        let want = double.forward_real(plane.mapv(|v| v.re).view()).unwrap();
        assert!(far(&wide(&half), &want) < 2e-6, "{h} x {w}");
        let back = single.inverse_real(half.view()).unwrap();
        assert!(back.iter().zip(&real).all(|(a, b)| (a - b).abs() < 2e-6), "{h} x {w}");
    }
}

/// Columns are transformed several at once and rows one by one: a plane and its turned copy have
/// the same spectrum.
#[test]
fn columns_are_transformed_as_rows() {
    for (h, w) in [(512, 17), (1000, 16), (600, 35), (1536, 3), (1031, 18), (75, 20), (2048, 2)] {
        let plane = complex((h, w), h as u64);
        let found = Fft2::new((h, w), Norm::Ortho).unwrap().forward(plane.view()).unwrap();
        let turned = Fft2::new((w, h), Norm::Ortho).unwrap();
        let want = turned.forward(plane.t()).unwrap().reversed_axes();
        assert!(far(&found, &want.as_standard_layout().to_owned()) < 1e-12, "{h} x {w}");
        let real = plane.mapv(|value| value.re);
        let found = Fft2::new((h, w), Norm::Ortho).unwrap().forward_real(real.view()).unwrap();
        let real = real.mapv(|value| Complex::new(value, 0.0));
        let want = turned.forward(real.t()).unwrap().reversed_axes();
        let want = want.slice(s![.., ..w / 2 + 1]).to_owned();
        assert!(far(&found, &want.as_standard_layout().to_owned()) < 1e-12, "{h} x {w}");
    }
}

/// As in NumPy: columns first, then rows without the imaginary parts at their own opposites.
#[test]
fn half_spectra_of_no_real_plane_are_transformed_as_columns_and_rows() {
    for (h, w) in [(4, 6), (5, 6), (6, 5), (7, 9)] {
        let half = complex((h, w / 2 + 1), 11);
        let found = Fft2::new((h, w), Norm::Backward).unwrap().inverse_real(half.view()).unwrap();
        let columns = Fft2::new((h, 1), Norm::Backward).unwrap();
        let rows = Fft2::new((1, w), Norm::Backward).unwrap();
        let mut between = half.clone();
        for mut column in between.axis_chunks_iter_mut(Axis(1), 1) {
            let done = columns.inverse(column.view()).unwrap();
            column.assign(&done);
        }
        for (row, want) in between.axis_chunks_iter(Axis(0), 1).zip(found.outer_iter()) {
            let row = rows.inverse_real(row).unwrap();
            assert!(row.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12), "{h} x {w}");
        }
    }
}

/// A real plane has real values at its own opposites, so imaginary parts there say nothing.
#[test]
fn imaginary_parts_that_no_real_plane_has_are_left_out() {
    let fft = Fft2::new((4, 6), Norm::Backward).unwrap();
    let plane = noise((4, 6), 5);
    let mut half = fft.forward_real(plane.view()).unwrap();
    half[(0, 0)].im = 3.0;
    half[(2, 3)].im = -2.0;
    assert!(gap(&fft.inverse_real(half.view()).unwrap(), &plane) < 1e-12);
}
