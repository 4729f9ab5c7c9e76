//! Transforms, spectra, waves and straightening of `mapvec-fourier`, from outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test is to panic")]
#![allow(clippy::missing_assert_message, reason = "the test's name says what it asserts")]
#![allow(clippy::float_cmp, reason = "values that are exact are compared exactly")]

mod correlation;
mod denoise;
mod fft2;
mod fit;
mod patterns;
mod proposals;
mod refused;
mod spectrum;
mod straighten;
mod waves;
mod waves_of_patterns;

use ndarray::{Array2, Array3, Axis};

/// `[H, W]` standard normal numbers.
fn noise(size: (usize, usize), seed: u64) -> Array2<f64> {
    let values = mapvec_testkit::normal(size.0 * size.1, seed);
    Array2::from_shape_vec(size, values).unwrap()
}

/// A picture of one channel.
fn channel(plane: &Array2<f64>) -> Array3<f64> {
    plane.clone().insert_axis(Axis(0))
}

/// The largest magnitude of a difference.
fn gap(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    assert_eq!(a.dim(), b.dim());
    (a - b).iter().fold(0.0, |worst, value| worst.max(value.abs()))
}
