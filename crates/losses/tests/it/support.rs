//! Inputs by number and comparisons with values computed elsewhere.
//!
//! A gradient is recorded by its Euclidean norm and its product with `cos(0, 1, 2, ...)`.

use candle_core::{DType, Device, Shape, Tensor, Var};
use mapvec_losses::Result;
use mapvec_nn::{GradcheckConfig, gradcheck};
use mapvec_testkit::{integers, normal, uniform};

pub(crate) const DTYPES: [DType; 2] = [DType::F32, DType::F64];

pub(crate) fn tensor(values: Vec<f64>, shape: impl Into<Shape>) -> Tensor {
    Tensor::from_vec(values, shape.into(), &Device::Cpu).unwrap()
}

/// Uniform numbers as a tensor.
pub(crate) fn even(shape: impl Into<Shape>, seed: u64, low: f64, high: f64) -> Tensor {
    let shape = shape.into();
    tensor(uniform(shape.elem_count(), seed, low, high), shape)
}

/// Standard normal numbers as a tensor.
pub(crate) fn bell(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let shape = shape.into();
    tensor(normal(shape.elem_count(), seed), shape)
}

/// Boxes with corners in order.
pub(crate) fn boxes(n: usize, seed: u64, high: f64) -> Tensor {
    let corner = even((n, 2), seed, 0.0, high);
    let other = (&corner + even((n, 2), seed + 1, 4.0, 30.0)).unwrap();
    Tensor::cat(&[corner, other], 1).unwrap()
}

/// Whole numbers.
pub(crate) fn whole(n: usize, seed: u64, low: i64, high: i64) -> Vec<usize> {
    integers(n, seed, low, high).into_iter().map(|i| usize::try_from(i).unwrap()).collect()
}

pub(crate) fn var(values: &Tensor) -> Var {
    Var::from_tensor(values).unwrap()
}

pub(crate) fn scalar(loss: &Tensor) -> f64 {
    loss.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap()
}

pub(crate) fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The gradient of `loss` by `x`; zeros where none arrives.
pub(crate) fn gradient(loss: &Tensor, x: &Tensor) -> Vec<f64> {
    let grads = loss.backward().unwrap();
    grads.get(x).map_or_else(|| vec![0.0; x.elem_count()], values)
}

#[track_caller]
pub(crate) fn assert_near(found: f64, expected: f64, tolerance: f64) {
    let size = expected.abs().max(1e-3);
    assert!((found - expected).abs() <= tolerance * size, "{found} instead of {expected}");
}

/// Compares a value and, by norm and product, a gradient.
#[track_caller]
pub(crate) fn assert_golden(loss: &Tensor, x: &Var, value: f64, norm: f64, product: f64) {
    assert_golden_within(loss, x, [value, norm, product], 1e-10);
}

/// The same with a tolerance, relative to the value and to the norm.
#[track_caller]
pub(crate) fn assert_golden_within(loss: &Tensor, x: &Var, golden: [f64; 3], tolerance: f64) {
    let [value, norm, product] = golden;
    assert_near(scalar(loss), value, tolerance);
    let gradient = gradient(loss, x);
    let found = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    assert_near(found, norm, tolerance * 1e2);
    let found: f64 = gradient.iter().enumerate().map(|(i, g)| g * (i as f64).cos()).sum();
    let tolerance = tolerance * 1e2 * norm;
    assert!((found - product).abs() <= tolerance, "product {found} instead of {product}");
}

/// Central differences agree with the gradient.
#[track_caller]
pub(crate) fn assert_gradient(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let f = |x: &[Tensor]| f(x).map_err(|error| candle_core::Error::msg(error.to_string()));
    let worst = gradcheck(inputs, f, &GradcheckConfig::default()).unwrap();
    assert!(worst < 1e-5, "gradient differs by {worst}");
}

/// The same for the first of the inputs; the others are data.
#[track_caller]
pub(crate) fn assert_first_gradient(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let (first, data) = inputs.split_at(1);
    assert_gradient(first, |x| f(&[x, data].concat()));
}

/// The loss is 0, or at least finite, and so is its gradient.
#[track_caller]
pub(crate) fn assert_finite(loss: &Tensor, x: &Tensor) {
    assert!(scalar(loss).is_finite(), "loss {loss}");
    assert!(gradient(loss, x).iter().all(|g| g.is_finite()), "gradient");
}

/// The loss and its whole gradient are 0.
#[track_caller]
pub(crate) fn assert_nothing(loss: &Tensor, x: &Tensor) {
    assert!(scalar(loss).abs() < 1e-30, "loss {loss}");
    assert!(gradient(loss, x).iter().all(|g| g.abs() < 1e-30), "gradient");
}
